"""What looks like a secret among a project's own files, and so gets into no image.

Rule 1: a file whose name says so is left out, and named. Rule 2: a file whose content says so stops
the build: it may be needed, and only the user knows. `include` in the project's table allows one of
either by its path. Python modules are code: they are never left out, and never searched.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from .model import ImageError

NAMES = (
    ".env", ".env.*", ".netrc", ".npmrc", ".pypirc", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519",
    "credentials", "credentials.json", "terraform.tfstate*", "*.p12",
)  # fmt: skip
_PRIVATE_KEY = b"PRIVATE KEY-----"
_KEY_ID = re.compile(rb"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")
# AWS's own documentation has keys that end so.
_EXAMPLE = b"EXAMPLE"
_SECRET_KEY = re.compile(rb"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
# How far a key pair's halves may be apart, and how much of a file is read at a time.
_NEAR, _PIECE = 400, 1 << 20


def named(names: Iterable[str], also: Collection[str], include: Collection[str]) -> list[str]:
    """Return those of the names that are a secret's, or among `also`, and not in `include`."""
    return [
        name
        for name in names
        if name not in include
        and not name.endswith(".py")
        and (name in also or any(fnmatchcase(PurePosixPath(name).name, n) for n in NAMES))
    ]


def check(files: Mapping[str, Path], include: Collection[str]) -> None:
    """Raise ImageError for the first file with a private key or a pair of AWS keys in it."""
    for name, path in files.items():
        if name in include or name.endswith(".py") or path.is_symlink():
            continue
        if what := _found(path):
            raise ImageError(
                f"{name} contains {what}, and everyone who may pull the image could read it: move "
                "it out of the folder, name it in .dockerignore, or, if it is meant to be in the "
                f"image, allow it in pyproject.toml: include = [{name!r}]"
            )


def _found(path: Path) -> str | None:
    """Return what secret is in a file, None if there is none; a large file is read in pieces."""
    before = b""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                text = before + piece
                if _PRIVATE_KEY in text:
                    return "a private key"
                for match in _KEY_ID.finditer(text):
                    near = text[max(0, match.start() - _NEAR) : match.end() + _NEAR]
                    if not match[0].endswith(_EXAMPLE) and _SECRET_KEY.search(near):
                        return "a pair of AWS access keys"
                before = text[-2 * _NEAR :]
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror}") from None
    return None
