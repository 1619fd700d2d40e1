"""The argument of `lambda-runtime local`: a file or a handler, and the folder that it is in."""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

import click

from amazon_lambda_runtime.project.handler_names import handler_name, suggestion

# What no `import` statement could name, as my-func, is a module all the same: of a handler string.
_MODULE = r"\w[\w-]*"
_MODULE_AND_NAME = re.compile(rf"({_MODULE})((?:\.{_MODULE})*\.[^\W\d]\w*(?:\(\))?)")
# What Lambda accepts as a function's name.
FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ALIAS = re.compile(r"(?![0-9]+$)[A-Za-z0-9_-]{1,128}")


class HandlerArgumentError(Exception):
    """Raised when there is nothing to run; the message says what was looked for."""


@dataclass(frozen=True, slots=True)
class HandlerArgument:
    """A handler string as in _HANDLER, its task root, and a name for the function."""

    handler: str
    task_root: Path
    name: str


def parse_alias(text: str) -> str:
    """Parse the name of an alias. Raises click.BadParameter."""
    if not _ALIAS.fullmatch(text):
        raise click.BadParameter(
            f"{text!r} is not an alias: give up to 128 letters, digits, - and _, not only digits"
        )
    return text


def parse_handler_argument(text: str, name: str | None = None) -> HandlerArgument:
    """Parse `hello.py`, `hello.handler`, `folder/hello.handler` or `main.create_app()`.

    Raises HandlerArgumentError if there is no such file or module, or `name` is not valid.
    """
    found = _file(Path(text)) if text.endswith(".py") else _handler(text)
    chosen = found.name if name is None else name
    if not FUNCTION_NAME.fullmatch(chosen):
        raise HandlerArgumentError(
            f"{chosen!r} is not a function name: --name takes up to 64 letters, digits, - and _"
        )
    return HandlerArgument(found.handler, found.task_root, chosen)


def _file(path: Path) -> HandlerArgument:
    if not path.is_file():
        raise HandlerArgumentError(
            f"there is no file {path}: give the path of the handler's module"
        )
    if not re.fullmatch(_MODULE, path.stem):
        raise HandlerArgumentError(
            f"{path} cannot be imported: {path.stem!r} is not a module name. Rename the file: it "
            "takes letters, digits, _ and -"
        )
    name = handler_name(path)
    if (advice := suggestion(path, name)) is not None:
        raise HandlerArgumentError(advice)
    return HandlerArgument(f"{path.stem}.{name}", path.parent.resolve(), path.stem)


def _handler(text: str) -> HandlerArgument:
    folder, slash, dotted = text.rpartition("/")
    match = _MODULE_AND_NAME.fullmatch(dotted)
    if match is None:
        if ":" in dotted:  # as servers of web applications have it
            raise HandlerArgumentError(
                f"{text!r} is not a handler. Did you mean {text.replace(':', '.')}?"
            )
        if Path(f"{text}.py").is_file():
            raise HandlerArgumentError(f"{text!r} is not a handler. Did you mean {text}.py?")
        raise HandlerArgumentError(
            f"{text!r} is not a handler: give a file (hello.py) or module.name (hello.handler)"
        )
    module = match[1]
    # Whether what follows is a function, a class or a submodule is for the runtime to find out:
    # only an import can tell.
    place = Path(folder or ("/" if slash else "."))
    if not ((place / f"{module}.py").is_file() or (place / module).is_dir()):
        if slash or not _is_installed(module):
            raise HandlerArgumentError(
                f"there is no module {module!r} in {place.resolve()}: give the path of its file"
            )
        return HandlerArgument(text, Path.cwd(), module)
    advice = suggestion(place / f"{module}.py", match[2][1:]) if match[2].count(".") == 1 else None
    if advice is not None:
        raise HandlerArgumentError(advice)
    if slash and not (place / "__init__.py").is_file():
        return HandlerArgument(dotted, place.resolve(), module)
    return HandlerArgument(text, Path.cwd(), module)


def _is_installed(module: str) -> bool:
    # `__main__` is this command here, and another program there.
    return module != "__main__" and importlib.util.find_spec(module) is not None
