"""What the pages tell their readers to type: indented lines, and blocks of ```sh.

Anything else that is indented is a mistake of the page: output, TOML and JSON have fences of their
own. So no command of a page is overlooked.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "examples/README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
]
# A program of more than one name that a page calls is one of these, or the test fails: a typing
# error is no program, and a new one has to be thought about.
PROGRAMS = {
    "aws", "bash", "cd", "cdk", "curl", "docker", "export", "git", "jq", "lambda-runtime", "make",
    "mkdir", "pip", "pytest", "python", "python3", "sam", "source", "terraform", "tofu", "uv",
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """One line, with those that it goes on in."""

    page: Path
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text}"

    @property
    def words(self) -> list[list[str]]:
        """The programs that it runs, each with its arguments, without variables before it."""
        found: list[list[str]] = [[]]
        lexer = shlex.shlex(self.text, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        for word in lexer:
            if word in ("|", "&&", ";", "&"):
                found.append([])
            elif found[-1] or not re.match(r"[A-Z_]+=", word):
                found[-1].append(word)
        return [words for words in found if words]

    @property
    def serves(self) -> bool:
        """Whether it is a `lambda-runtime local` that goes on until Ctrl-C."""
        last = self.words[-1]
        once = any(word in ("-e", "--event") for word in last)
        return last[:2] == ["lambda-runtime", "local"] and not once


def blocks(page: Path) -> Iterator[str]:
    """Yield the text of each block of shell, in order."""
    fence: list[str] | None = None
    kind = ""
    indented: list[str] = []
    for line in [*page.read_text().splitlines(), ""]:
        if line.startswith("```"):
            if fence is None:
                fence, kind = [], line[3:]
            else:
                if kind == "sh":
                    yield "\n".join(fence)
                fence = None
        elif fence is not None:
            fence.append(line)
        elif line.startswith("    "):
            indented.append(line[4:])
        elif indented:
            yield "\n".join(indented)
            indented = []


def commands(page: Path) -> list[Command]:
    """Return the commands of a page, in order."""
    found = []
    for block in blocks(page):
        for text in re.sub(r" *\\\n *", " ", block).splitlines():
            text = re.sub(r"(^|\s+)#\s.*", "", text).strip()
            if text:
                found.append(Command(page, text))
    return found


COMMANDS = [command for page in PAGES if page.exists() for command in commands(page)]
