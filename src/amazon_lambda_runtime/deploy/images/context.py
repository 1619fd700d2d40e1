"""What an engine with a Dockerfile is given: the project's files, the runtime, the Dockerfile."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from .files import select
from .model import ImageError, ImageSpec


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
    dockerfile = _dockerfile(spec)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory, "context")
        for name, path in selection.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, folder / name, follow_symlinks=False)
            if not path.is_symlink():
                # As the native engine has it: Lambda runs as a user that owns none of the files.
                (folder / name).chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        if spec.requirements is not None:
            shutil.copyfile(spec.requirements, folder / "requirements.txt")
        if spec.wheel is not None:
            shutil.copyfile(spec.wheel, folder / spec.wheel.name)
        # Ours copies it, for there is nothing else that every folder has.
        (folder / "Dockerfile").write_text(dockerfile)
        whole = Path(directory, "Dockerfile")
        whole.write_text(f'{dockerfile.rstrip()}\nCMD ["{spec.handler}"]\n')
        runtime = f"./{spec.wheel.name}" if spec.wheel is not None else spec.runtime
        yield Context(folder, whole, runtime, selection.notes)


def _dockerfile(spec: ImageSpec) -> str:
    """Return the text of the Dockerfile: the one named, the folder's, or ours."""
    try:
        if spec.dockerfile is not None:
            return spec.dockerfile.read_text()
        own = spec.folder / "Dockerfile"
        if own.is_file():
            return own.read_text()
    except OSError as error:
        raise ImageError(f"cannot read {error.filename}: {error.strerror}") from None
    return (files("amazon_lambda_runtime") / "cli" / "templates" / "Dockerfile").read_text()
