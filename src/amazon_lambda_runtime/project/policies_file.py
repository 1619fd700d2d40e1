"""The policies file: the managed policies of the function's role, one ARN a line."""

import re
from pathlib import Path

from .errors import ConfigError

#: The ARN of a managed policy.
ARN = re.compile(r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\w+=,.@/-]+", re.ASCII)


def read(file: Path) -> list[str]:
    """Return the ARNs in the file, each once, in its order; `#` begins a comment.

    Raises ConfigError if there is no such file, or a line of it is not the ARN of a managed policy.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(
            f"cannot read the policies from {file}: {error.strerror}. `lambda-runtime init` writes "
            f"one; an empty file stands for none."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"cannot read the policies from {file}: it is not text") from None
    found: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if not ARN.fullmatch(text):
            raise ConfigError(
                f"{file}, line {number}: {text!r} is not the ARN of a managed policy "
                f"(arn:aws:iam::aws:policy/NAME)"
            )
        found[text] = None
    return list(found)
