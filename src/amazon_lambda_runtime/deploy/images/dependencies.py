"""What a project says that it needs: requirements.txt, uv.lock, or `[project] dependencies`.

The first of these that is there decides. A lock file of a tool that we cannot ask is refused with
the command that exports it: nothing that is declared is ignored in silence.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .model import ImageError, ImageSpec

_EXPORTS = {
    "poetry.lock": "poetry export --without-hashes -o requirements.txt",
    "Pipfile.lock": "pipenv requirements --hash > requirements.txt",
    "pdm.lock": "pdm export --prod -o requirements.txt",
    "pylock.toml": "uv export --format requirements.txt -o requirements.txt",
    "Pipfile": "pipenv lock && pipenv requirements --hash > requirements.txt",
}
_EXPORT = ["export", "--frozen", "--no-dev", "--no-emit-project", "--no-editable"]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Requirements in pip's format: their text, where it is from, and the folder of its paths."""

    source: str
    text: str
    folder: Path


def declared(spec: ImageSpec) -> Dependencies | None:
    """Return what the project declares, None if that is nothing. Raises ImageError."""
    folder = spec.folder
    if (file := spec.requirements_file) is not None:
        return Dependencies(file.name, read(file), file.parent)
    if (lock := _lock(folder)) is not None:
        return Dependencies("uv.lock", _exported(folder), lock.parent)
    for name, command in _EXPORTS.items():
        if (folder / name).is_file():
            raise ImageError(f"cannot install from {folder / name}: run `{command}` there first")
    return _project(folder)


def read(file: Path) -> str:
    """Return the text of a file. Raises ImageError."""
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ImageError(f"cannot read {file}: {reason}") from None


def uv() -> str | None:
    """Return the command uv: that beside our Python, or that on PATH; None if there is none."""
    beside = str(Path(sys.executable).parent)
    return shutil.which("uv", path=os.pathsep.join([beside, os.environ.get("PATH", os.defpath)]))


def _lock(folder: Path) -> Path | None:
    """Return the uv.lock of the folder, or of the workspace that it is a member of."""
    for place in (folder, *folder.resolve().parents):
        file = place / "uv.lock"
        if file.is_file() and (place == folder or _table(place, "tool", "uv", "workspace")):
            return file
    return None


def _exported(folder: Path) -> str:
    command = uv()
    advice = "uv export --frozen --no-dev --no-emit-project -o requirements.txt"
    if command is None:
        raise ImageError(
            f"{folder} has a uv.lock, and there is no command uv to read it: install uv, or run "
            f"`{advice}` where it is"
        )
    quiet = ["--no-header", "--no-annotate", "--quiet", "--format=requirements.txt"]
    done = subprocess.run(
        [command, *_EXPORT, *quiet], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ImageError(f"uv export cannot read uv.lock: {' '.join(done.stderr.split())}")
    return done.stdout


def _project(folder: Path) -> Dependencies | None:
    """Return the `[project] dependencies` of pyproject.toml."""
    if _table(folder, "tool", "poetry", "dependencies"):
        raise ImageError(
            f"cannot install what {folder / 'pyproject.toml'} lists for poetry: run "
            f"`poetry lock && {_EXPORTS['poetry.lock']}` there first"
        )
    project = _table(folder, "project") or {}
    if "dependencies" in project.get("dynamic", ()):
        raise ImageError(
            f"{folder / 'pyproject.toml'} computes its dependencies when it is built (dynamic): "
            "list them in requirements.txt"
        )
    if not (wanted := project.get("dependencies")):
        return None
    if _table(folder, "tool", "uv", "sources"):
        raise ImageError(
            f"{folder / 'pyproject.toml'} has [tool.uv.sources], and no uv.lock is there: run "
            "`uv lock`"
        )
    return Dependencies("pyproject.toml", "".join(f"{line}\n" for line in wanted), folder)


def _table(folder: Path, *names: str) -> Any:
    """Return a table of the folder's pyproject.toml, None if there is none."""
    file = folder / "pyproject.toml"
    try:
        found: Any = tomllib.loads(read(file)) if file.is_file() else None
    except tomllib.TOMLDecodeError as error:
        raise ImageError(f"cannot read {file}: {error}") from None
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found
