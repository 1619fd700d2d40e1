"""What an engine with a Dockerfile is given: the project's files, the runtime, the Dockerfile."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from . import dependencies, requirements
from .files import select
from .model import ImageSpec


@dataclass(frozen=True, slots=True)
class Context:
    """A folder to build in, a Dockerfile, and what to tell it as its argument RUNTIME."""

    folder: Path
    dockerfile: Path
    runtime: str
    #: What the user is told.
    notes: tuple[str, ...] = ()


@contextmanager
def prepared(spec: ImageSpec) -> Iterator[Context]:
    """Give the context of `spec`; its folders are gone afterwards.

    It has the same files that the native engine takes. The handler becomes the last CMD.
    """
    selection = select(spec)
    own, dockerfile = users(spec) is None, _dockerfile(spec)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory, "context")
        for name, path in selection.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, folder / name, follow_symlinks=False)
            if not path.is_symlink():
                # As the native engine has it: Lambda runs as a user that owns none of the files.
                (folder / name).chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        if own or spec.requirements is not None:
            _write_requirements(spec, folder)
        if spec.wheel is not None:
            shutil.copyfile(spec.wheel, folder / spec.wheel.name)
        # Ours copies it, for there is nothing else that every folder has.
        (folder / "Dockerfile").write_text(dockerfile)
        whole = Path(directory, "Dockerfile")
        whole.write_text(f'{dockerfile.rstrip()}\nCMD ["{spec.handler}"]\n')
        runtime = f"./{spec.wheel.name}" if spec.wheel is not None else spec.runtime
        yield Context(folder, whole, runtime, selection.notes)


def written(folder: Path, named: Path | None) -> Path | None:
    """Return the Dockerfile that somebody wrote: neither ours nor `init`'s but for its CMD."""
    file = named or folder / "Dockerfile"
    if named is None and not file.is_file():
        return None
    return None if _essence(dependencies.read(file)) == _essence(_template()) else file


def users(spec: ImageSpec) -> Path | None:
    """Return the user's Dockerfile: the one named, or the folder's; None if ours is used."""
    if spec.dockerfile is not None:
        return spec.dockerfile
    file = spec.folder / "Dockerfile"
    return file if file.is_file() else None


def _write_requirements(spec: ImageSpec, folder: Path) -> None:
    """Write what the project declares as requirements.txt, with wheels of what is at a path."""
    wanted = dependencies.declared(spec)
    if wanted is None:
        return
    text = ""
    for line in requirements.entries(wanted, spec.folder):
        if isinstance(line, requirements.Local):
            wheel = line.wheel(folder)
            if not (folder / wheel.name).exists():
                shutil.copyfile(wheel, folder / wheel.name)
            text += f"./{wheel.name}{line.extras}{f' ; {line.marker}' if line.marker else ''}\n"
        else:
            text += f"{line}\n"
    (folder / "requirements.txt").write_text(text)


def _dockerfile(spec: ImageSpec) -> str:
    """Return the text of the Dockerfile: the user's, or ours."""
    file = users(spec)
    if file is not None:
        return dependencies.read(file)
    return _template()


def _template() -> str:
    return (files("amazon_lambda_runtime") / "cli" / "templates" / "Dockerfile").read_text()


def _essence(dockerfile: str) -> list[str]:
    """Return the instructions, without CMD, which `init` writes for the project."""
    lines = (line.strip() for line in dockerfile.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "CMD "))]
