"""What an engine with a Dockerfile is given: the project's files, the runtime, the Dockerfile."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import dependencies, proof, requirements
from .dockerfile import text_for, users, written
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

    It has the same files that the native engine takes. The handler becomes the last CMD. Raises
    ImageError.
    """
    selection = select(spec)
    own, dockerfile = users(spec) is None, text_for(spec)
    if written(spec.folder, spec.dockerfile) is None:  # else only the build tells what is in it
        proof.handlers(
            selection.files,
            (spec.handler, *spec.handlers),
            "",
            has_packages=dependencies.declared(spec) is not None,
        )
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
