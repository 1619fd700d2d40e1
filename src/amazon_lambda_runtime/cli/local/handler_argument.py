"""From what the user types to what a runtime is told: a handler and the folder that it is in."""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

_MODULE_AND_NAME = re.compile(r"([^\W\d]\w*)((?:\.[^\W\d]\w*)+)")
# What Lambda takes for a function's name.
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class TargetError(Exception):
    """Raised when there is nothing to run; the message says what was looked for."""


@dataclass(frozen=True, slots=True)
class Target:
    """A handler as Lambda is told it, its task root, and a name for the function."""

    handler: str
    task_root: Path
    name: str


def find(text: str, name: str | None = None) -> Target:
    """Return what `hello.py`, `hello.handler` or `folder/hello.handler` stands for.

    Raises TargetError if there is no such file or module, or the name is not one for a function.
    """
    target = _file(Path(text)) if text.endswith(".py") else _handler(text)
    chosen = target.name if name is None else name
    if not NAME.fullmatch(chosen):
        raise TargetError(
            f"{chosen!r} is no function name: --name takes up to 64 letters, digits, - and _"
        )
    return Target(target.handler, target.task_root, chosen)


def _file(path: Path) -> Target:
    if not path.is_file():
        raise TargetError(f"there is no file {path}: give the path of the handler's module")
    if not path.stem.isidentifier():
        raise TargetError(f"{path} cannot be imported: {path.stem!r} is not a module name")
    return Target(f"{path.stem}.handler", path.parent.resolve(), path.stem)


def _handler(text: str) -> Target:
    folder, slash, dotted = text.rpartition("/")
    match = _MODULE_AND_NAME.fullmatch(dotted)
    if match is None:
        raise TargetError(
            f"{text!r} is not a handler: give a file (hello.py) or module.name (hello.handler)"
        )
    module = match[1]
    # Whether what follows is a function, a class or a submodule is for the runtime to find out:
    # only an import can tell.
    place = Path(folder or ("/" if slash else "."))
    if not ((place / f"{module}.py").is_file() or (place / module).is_dir()):
        if slash or not _is_installed(module):
            raise TargetError(f"there is no module {module!r} in {place.resolve()}")
        return Target(text, Path.cwd(), module)
    if slash and not (place / "__init__.py").is_file():
        return Target(dotted, place.resolve(), module)
    return Target(text, Path.cwd(), module)


def _is_installed(module: str) -> bool:
    # `__main__` is this command here, and another program there.
    return module != "__main__" and importlib.util.find_spec(module) is not None
