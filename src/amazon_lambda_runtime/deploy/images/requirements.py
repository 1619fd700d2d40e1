"""Requirements as pip writes them, made whole: one file, whose every path leads somewhere.

What is installed from a folder is built as a wheel, from a copy: builds leave files behind.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from . import dependencies
from .dependencies import Dependencies
from .model import ImageError

# What builds, editors and tests leave in a folder of sources.
_LEFT = ("build", "*.egg-info", "__pycache__", ".venv", "venv", "node_modules", ".*_cache")
_NESTED = re.compile(r"(?:-r|--requirement)[ =]?\s*(\S+)")
_CONSTRAINT = re.compile(r"(?:-c|--constraint)[ =]?\s*(\S+)")
_LINKS = re.compile(r"(?:-f|--find-links)[ =]\s*(\S+)")
# "./libs/mylib[extra]", "-e ./libs/mylib", "mylib[extra] @ file:./libs/mylib", "some.whl".
_LOCAL = re.compile(
    r"(?P<edit>(?:-e|--editable)[ =]\s*)?(?:[\w.-]+(?P<before>\[[^]]*])?\s*@\s*)?"
    r"(?P<file>file:(?://)?)?(?P<path>[^[\]#@]+?)(?P<after>\[[^]]*])?(?:#.*)?"
)
_ARCHIVES = (".whl", ".tar.gz", ".zip")
HASH = "--hash="


@dataclass(frozen=True, slots=True)
class Local:
    """A requirement that is a path: a wheel, an archive of sources, or a folder of them."""

    path: Path
    #: "[extra]" or "", and "; marker" or "".
    extras: str
    marker: str

    def content(self) -> Iterator[tuple[str, bytes]]:
        """Give what decides about it, by names that are the same on every machine."""
        if self.path.is_file():
            yield self.path.name, _content(self.path)
            return
        for file in sorted(self.path.rglob("*")):
            name = file.relative_to(self.path)
            if file.is_file() and not _is_left(name):
                yield f"{self.path.name}/{name.as_posix()}", _content(file)

    def wheel(self, folder: Path) -> Path:
        """Return it as a wheel, which is built in `folder` if it is none. Raises ImageError."""
        if self.path.suffix == ".whl":
            return self.path
        with tempfile.TemporaryDirectory() as directory:
            source, made = Path(directory, self.path.name), Path(directory, "made")
            if self.path.is_dir():
                shutil.copytree(self.path, source, ignore=shutil.ignore_patterns(*_LEFT))
            else:
                shutil.copyfile(self.path, source)
            done = subprocess.run(
                _build(source, made), cwd=directory, capture_output=True, text=True, check=False
            )
            found = [*made.glob("*.whl")]
            if done.returncode or not found:
                lines = done.stderr.strip().splitlines() or ["there is no wheel"]
                raise ImageError(f"cannot build a wheel of {self.path}: {' '.join(lines[-3:])}")
            return Path(shutil.move(found[0], folder / found[0].name))


def entries(of: Dependencies, project: Path) -> Iterator[str | Local]:
    """Give the lines, with those of nested files in their place, and what is at a path.

    A path is one of the project's folder, or else of the folder of the file that names it,
    wherever the command runs from. Raises ImageError.
    """
    yield from _entries(of.text, of.folder, project, set())


def constraints(of: Dependencies, project: Path) -> Iterator[tuple[str, bytes]]:
    """Give the files of constraints, which decide as well."""
    for line in entries(of, project):
        if isinstance(line, str) and (match := _CONSTRAINT.fullmatch(line)):
            path = Path(match[1])
            if path.is_file():
                yield path.name, _content(path)


def whole(of: Dependencies, project: Path, folder: Path) -> tuple[str, bool]:
    """Return the text without relative paths, and whether it has hashes. Wheels go to `folder`."""
    lines = [*entries(of, project)]
    hashed = any(HASH in line for line in lines if isinstance(line, str))
    text = ""
    for line in lines:
        if isinstance(line, str):
            text += f"{line}\n"
            continue
        wheel = line.wheel(folder)
        name = wheel.name.partition("-")[0]
        text += f"{name}{line.extras} @ {wheel.resolve().as_uri()}"
        text += f" ; {line.marker}" if line.marker else ""
        # Where one has a hash all must have one, and who owns the folder trusts it.
        digest = hashlib.sha256(_content(wheel)).hexdigest()
        text += f" {HASH}sha256:{digest}\n" if hashed else "\n"
    return text, hashed


def _entries(text: str, folder: Path, project: Path, seen: set[Path]) -> Iterator[str | Local]:
    for raw in text.replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s+)#.*", "", raw).strip()
        if match := _NESTED.fullmatch(line):
            file = (folder / match[1]).resolve()
            if file not in seen:
                yield from _entries(dependencies.read(file), file.parent, project, {*seen, file})
        elif match := _CONSTRAINT.fullmatch(line):
            yield f"--constraint {_found(match[1], folder, project) or match[1]}"
        elif match := _LINKS.fullmatch(line):
            yield f"--find-links {_found(match[1], folder, project) or match[1]}"
        elif line:
            yield _local(line, folder, project) or line


def _local(line: str, folder: Path, project: Path) -> Local | None:
    """Return the requirement if it is a path that is there; the installer tells of others."""
    target, _, marker = line.partition(f" {HASH}")[0].partition(";")
    match = _LOCAL.fullmatch(target.strip())
    if match is None:
        return None
    path = unquote(match["path"]) if match["file"] else match["path"]
    if not (match["edit"] or match["file"] or "/" in path or path[0] == "." or _is_archive(path)):
        return None  # a name, though there may be a folder that has it, too
    found = _found(path.strip(), folder, project)
    if found is None or not (found.is_dir() or _is_archive(found.name)):
        return None
    return Local(found, match["before"] or match["after"] or "", marker.strip())


def _is_archive(name: str) -> bool:
    return name.endswith(_ARCHIVES)


def _is_left(name: Path) -> bool:
    return any(part == ".git" or Path(part).match(left) for part in name.parts for left in _LEFT)


def _found(name: str, folder: Path, project: Path) -> Path | None:
    places = (project / name, folder / name)
    return next((place.resolve() for place in places if place.exists()), None)


def _build(source: Path, target: Path) -> list[str]:
    if (uv := dependencies.uv()) is not None:
        quiet = ["--quiet", "--color=never", "--no-progress"]
        return [uv, "build", "--wheel", *quiet, f"--out-dir={target}", str(source)]
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    return [*pip, "--no-deps", "--no-input", f"--wheel-dir={target}", str(source)]


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read {file}: {error.strerror}") from None
