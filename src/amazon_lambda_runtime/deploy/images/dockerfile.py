"""Which Dockerfile an image is built by: the user's, or ours."""

from importlib.resources import files
from pathlib import Path

from . import dependencies
from .model import ImageSpec


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


def text_for(spec: ImageSpec) -> str:
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
