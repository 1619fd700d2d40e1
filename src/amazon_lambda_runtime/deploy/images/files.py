"""Which files of a project are in its image."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import gitignore, secrets
from .dockerfile import written
from .model import ImageError, ImageSpec

# Whether it takes names back in, and the pattern of those names.
Rule = tuple[bool, re.Pattern[str]]

# What no function needs; in the syntax of .dockerignore.
EXCLUDED = (
    "**/.git",
    "**/.venv",
    "**/venv",
    "**/.cache",
    "**/.*_cache",
    "**/__pycache__",
    "**/*.pyc",
    "**/*.egg-info",
    "**/node_modules",
    "**/.aws",
    "**/.DS_Store",
    "tests",
    "dist",
    "build",
    ".coverage*",
    ".dockerignore",
    ".gitignore",
    "Dockerfile",
)
_LINE = re.compile(r"^\s*(!?)\s*(.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of an image by their relative names, and those left out that looked secret."""

    files: dict[str, Path]
    left_out: tuple[str, ...]
    #: How many were left out because git ignores them.
    ignored: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user is told: a line for each reason to leave files out."""
        notes = []
        if self.left_out:
            notes.append(
                f"left out of the image, as they may hold secrets: {', '.join(self.left_out)} "
                "(`include` in pyproject.toml allows one)"
            )
        if self.ignored:
            files = "1 file" if self.ignored == 1 else f"{self.ignored} files"
            notes.append(
                f"left out of the image, as git ignores them: {files} (a .dockerignore, even"
                " an empty one, replaces .gitignore)"
            )
        return tuple(notes)


def select(spec: ImageSpec) -> Selection:
    """Return the files for an image. Raises ImageError, also for one with a secret in it."""
    files = chosen(spec.folder, spec.exclude)
    ignored = gitignore.ignored(spec.folder, files) if _heeds_git(spec) else set()
    files = {name: path for name, path in files.items() if name not in ignored}
    # A name in `include` is taken whatever the patterns say.
    for name in spec.include:
        path = spec.folder / name
        if name not in files and path.is_file():
            files[name] = path
    left_out = secrets.named(files, spec.secret, spec.include)
    files = {name: files[name] for name in sorted(files) if name not in left_out}
    secrets.check(files, spec.include)
    return Selection(files, tuple(left_out), len(ignored.difference(files, left_out)))


def _heeds_git(spec: ImageSpec) -> bool:
    """Say whether nothing of the user's tells what goes into an image."""
    has_own = (spec.folder / ".dockerignore").exists()
    return not has_own and written(spec.folder, spec.dockerfile) is None


def chosen(folder: Path, exclude: Iterable[str] = ()) -> dict[str, Path]:
    """Return the files and links below `folder` by their relative names, sorted.

    Patterns apply in order and the last that matches decides; one with ! takes a name back in.
    Raises ImageError if there is no such folder, if nothing is left, or if a link leads out.
    """
    if not folder.is_dir():
        raise ImageError(f"there is no folder {folder} to make an image of")
    ignore = folder / ".dockerignore"
    lines = ignore.read_text().splitlines() if ignore.is_file() else []
    rules = [_rule(line) for line in (*EXCLUDED, *lines, *exclude) if not _is_comment(line)]
    found = {name: folder / name for name in _names(folder, rules) if _is_taken(folder, name)}
    if not found:
        raise ImageError(f"{folder} has no files for the image: it is empty, or all are excluded")
    return dict(sorted(found.items()))


def _names(folder: Path, rules: list[Rule]) -> Iterator[str]:
    """Yield the relative names that the rules leave, but for folders."""
    # If a rule can take a name back in, every folder has to be searched.
    all_folders = any(again for again, _ in rules)
    for place, folders, names in os.walk(folder):
        base = Path(place).relative_to(folder)
        links = [name for name in folders if Path(place, name).is_symlink()]
        for name in (*names, *links):
            relative = (base / name).as_posix()
            if not _excluded(relative, rules):
                yield relative
        if not all_folders:
            folders[:] = [f for f in folders if not _excluded((base / f).as_posix(), rules)]


def _is_taken(folder: Path, name: str) -> bool:
    """Say whether it is a file or a link; sockets and pipes are not part of an image."""
    path = folder / name
    if path.is_symlink():
        _check_link(path, folder)
        return True
    return path.is_file()


def _check_link(path: Path, folder: Path) -> None:
    target = path.readlink()
    if target.is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise ImageError(
            f"{path} is a link to {target}: in the image, there is nothing at that place"
        )


def _is_comment(line: str) -> bool:
    return not line.strip() or line.startswith("#")


def _rule(line: str) -> Rule:
    """Return whether a line takes names back in, and the pattern of those names."""
    match = _LINE.match(line)
    assert match is not None
    again, text = bool(match[1]), match[2].strip("/")
    # ** is any number of folders, also none; * and ? stay within a name.
    expression = ""
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|\[\^?[^]]*\]|\\.|.", text):
        expression += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(piece) or (
            piece if piece[0] == "[" and len(piece) > 1 else re.escape(piece.removeprefix("\\"))
        )
    # What is said of a folder holds for all that is in it.
    return again, re.compile(f"(?:{expression})(?:/.*)?", re.S)


def _excluded(name: str, rules: list[Rule]) -> bool:
    for again, pattern in reversed(rules):
        if pattern.fullmatch(name):
            return not again
    return False
