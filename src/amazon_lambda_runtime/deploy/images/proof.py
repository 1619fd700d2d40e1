"""Whether what is about to be an image can start, as far as its files tell. Nothing is run.

Rule: where the files leave a doubt there is no opinion. A module may come with a package.
"""

import ast
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from amazon_lambda_runtime.project.handler_names import suggestion

from .model import ImageError


def bootstrap(script: Path, interpreter: str) -> None:
    """Raise ImageError unless the script's first line is the interpreter of the image."""
    with script.open("rb") as file:
        first = file.readline().decode(errors="replace").rstrip()
    if first != f"#!{interpreter}":
        raise ImageError(
            f"the image's bootstrap begins with {first!r} and could not start: its Python is "
            f"{interpreter}. Run lambda-runtime by the absolute path of its Python, without .."
        )


def handlers(
    files: Mapping[str, Path], names: Iterable[str], version: str, *, has_packages: bool
) -> None:
    """Raise ImageError for a handler whose module is missing, or does not compile, or lacks it.

    `version` is that of the image's Python; "" if it is not known.
    """
    for name in dict.fromkeys(names):
        path, _, last = name.rpartition(".")
        place = path.replace(".", "/")
        module = next((m for m in (f"{place}.py", f"{place}/__init__.py") if m in files), None)
        if module is not None:
            _compiles(name, module, files[module], version)
            if (advice := suggestion(files[module], last)) is not None:
                raise ImageError(f"the handler {name} can't be loaded: {advice}")
        elif not has_packages and not _may_be(place, files):
            raise ImageError(
                f"the handler {name} can't be loaded: its module {place}.py is not among the files "
                "of the image. Name it in pyproject.toml (`handler`, `module`), or check whether "
                ".dockerignore leaves it out"
            )


def _may_be(place: str, files: Mapping[str, Path]) -> bool:
    """Say whether the end of a module's path may be a class in it, or the module be compiled."""
    parent = place.rpartition("/")[0]
    names = {f"{parent}.py", f"{parent}/__init__.py"} if parent else set()
    stem = place.rpartition("/")[2]
    return any(
        name in names or (name.startswith(f"{place}.") or f"/{stem}." in name) for name in files
    )


def _compiles(handler: str, module: str, file: Path, version: str) -> None:
    minor = int(version.partition(".")[2] or 0)
    if minor > sys.version_info[1]:
        return  # its grammar is newer than ours
    try:
        ast.parse(file.read_bytes(), feature_version=(3, minor) if minor else None)
    except (SyntaxError, ValueError) as error:
        raise ImageError(
            f"the handler {handler} can't be loaded: {module} is not valid Python"
            f"{f' {version}' if version else ''}: {error}"
        ) from None
