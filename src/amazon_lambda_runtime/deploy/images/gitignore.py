"""What git ignores: left out of an image where nothing else says what goes in.

Rule: the answer is git's. The .gitignore files of the folder, of those in it and of those above it
up to the repository's root all count; the last pattern that matches decides; what is in an ignored
folder stays ignored.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pathspec import GitIgnoreSpec

from .model import ImageError

_FILE = ".gitignore"


def ignored(folder: Path, names: Iterable[str]) -> set[str]:
    """Return those of the relative names below `folder` that git ignores. Raises ImageError."""
    root = _root(folder.resolve())
    above = folder.resolve().relative_to(root)
    rules_of = cache(_rules)

    @cache
    def is_ignored(path: Path, end: str) -> bool:
        """Say so of a path below the root; `end` is "/" if it is a folder."""
        if path == Path():
            return False
        if is_ignored(path.parent, "/"):
            return True
        for place in path.parents:  # the innermost first: its patterns are the last
            found = (
                rules_of(root / place)
                .check_file(f"{path.relative_to(place).as_posix()}{end}")
                .include
            )
            if found is not None:
                return found
        return False

    return {name for name in names if is_ignored(above / name, "")}


def _root(folder: Path) -> Path:
    """Return the root of the repository that the folder is in; the folder if it is in none."""
    places = (folder, *folder.parents)
    return next((place for place in places if (place / ".git").exists()), folder)


def _rules(folder: Path) -> GitIgnoreSpec:
    file = folder / _FILE
    try:
        lines = file.read_text().splitlines() if file.is_file() else []
        return GitIgnoreSpec.from_lines(lines)
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot read {file}: {error}") from None
