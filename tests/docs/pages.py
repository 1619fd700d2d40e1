"""What the pages tell their readers to do: type, save files, and read what is printed.

Commands are indented lines and blocks of ```sh. Anything else that is indented is a mistake of the
page: output, TOML and JSON have fences of their own. So no command of a page is overlooked.
"""

import re
import shlex
import textwrap
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
    "aws", "cd", "curl", "docker", "export", "lambda-runtime", "make", "mkdir", "npm", "npx", "pip",
    "python", "python3", "sam", "sed", "sort", "source", "tail", "terraform", "uv",
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


@dataclass(frozen=True)
class Saved:
    """A file that the reader is told to save, or whose end it becomes."""

    name: str
    text: str
    added: bool


@dataclass(frozen=True)
class Output:
    """What the last command writes to stdout; an ellipsis stands for anything."""

    text: str

    def matches(self, written: str) -> bool:
        pattern = ".*".join(re.escape(part) for part in self.text.strip().split("…"))
        return re.fullmatch(pattern, written.strip(), re.S) is not None


Step = Command | Saved | Output
SAVE = re.compile(r"(Save this as|Add this to) (?:the end of )?`([\w./-]+)`:$")


def _commands(page: Path, block: str) -> Iterator[Command]:
    for text in re.sub(r" *\\\n *", " ", block).splitlines():
        text = re.sub(r"(^|\s+)#\s.*", "", text).strip()
        if text:
            yield Command(page, text)


def steps(page: Path) -> Iterator[Step]:
    """Yield what a reader of the page does, in order."""
    # Blocks of lines: fences with their kind, what is indented, and prose.
    pattern = r"^```(.*)\n((?:.*\n)*?)```$|^((?:    .*(?:\n|\Z))+)|^(?!    |```)(.+)$"
    before = ""
    for kind, fence, indented, prose in re.findall(pattern, page.read_text(), re.M):
        if indented or kind == "sh":
            yield from _commands(page, textwrap.dedent(indented) or fence)
        elif kind == "output":
            yield Output(fence)
        elif fence and (save := SAVE.search(before)):
            yield Saved(save[2], fence, save[1] == "Add this to")
        before = prose


def commands(page: Path) -> list[Command]:
    """Return what a page tells its readers to type."""
    return [step for step in steps(page) if isinstance(step, Command)]


COMMANDS = [command for page in PAGES for command in commands(page)]
