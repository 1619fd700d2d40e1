"""From a handler string to a handler.

The string is `module.name`, `module.Class` or `module.Class.method`. The module may be in a
package: `pkg.mod.name` or `pkg/mod.name`. A name with brackets, `module.name()`, is a factory: it
is called once, and what it returns is served.
"""

import sys
from os.path import exists

from .errors import (
    BuiltInModuleConflict,
    HandlerNotFound,
    ImportModuleError,
    MalformedHandlerName,
    UserCodeSyntaxError,
)
from .runtime import Runtime
from .serving import wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .typing import Handler

    Serve = Callable[[Any], Runtime]

_HOOKS = (
    "on_init",
    "on_shutdown",
    "before_snapshot",
    "after_restore",
    "decode_event",
    "encode_response",
)
_PREFIXES = ("on_", "before_", "after_", "decode_", "encode_")
_RENAME = "Rename it: {} has the name of a module of the standard library"


def load(name: str, serve: "Serve | None" = None) -> "tuple[Runtime, Handler]":
    """Return the Runtime that serves the handler string `name`, and the handler itself.

    `serve` returns the Runtime for a web application; without it there is none. Raises one of the
    Faults of `errors.py`, or what the user's module or class raises.
    """
    whole, brackets, rest = name.partition("(")
    if brackets and rest != ")":
        raise MalformedHandlerName(
            f"Bad handler '{name}': a factory is called without arguments: {whole}()"
        )
    runtime, found = _load(whole, bool(brackets))
    if runtime is None and serve is not None and not _is_plain(found):
        from .applications import kind_of

        if kind_of(found, name):
            runtime = serve(found)
            found = runtime.handler
    if runtime is None:
        runtime = Runtime()
    _check_hooks(runtime)
    return runtime, found


def _load(name: str, is_factory: bool) -> "tuple[Runtime | None, Handler]":
    """Return what a name stands for, and the Runtime that it belongs to, if there is one."""
    path, dot, last = name.rpartition(".")
    parts = path.replace("/", ".").split(".")
    if ":" in name:  # as servers of web applications have it
        raise MalformedHandlerName(f"Bad handler '{name}': write {name.replace(':', '.')}")
    if not dot:
        # awslambdaric's words: people search the web for them.
        problem = "not enough values to unpack (expected 2, got 1)" if name else "there is none"
        raise MalformedHandlerName(f"Bad handler '{name}': {problem}")
    if not (all(parts) and last):
        raise MalformedHandlerName(f"Bad handler '{name}': expected module.name")
    if parts[0] in sys.builtin_module_names:
        raise BuiltInModuleConflict(f"Cannot use built-in module {path} as a handler module")
    try:
        module, names = _import(parts)
    except (ImportError, AttributeError) as exc:
        problem = f"Unable to import module '{path}': {exc}"
        advice = _advice(exc)
        if advice:
            raise ImportModuleError(f"{problem}. {advice}") from exc
        if isinstance(exc, AttributeError):
            raise
        raise ImportModuleError(problem) from exc
    except SyntaxError as exc:
        stack = [f'  File "{exc.filename}" Line {exc.lineno}\n    {exc.text}']
        raise UserCodeSyntaxError(f"Syntax error in module '{path}': {exc}", stack) from None
    if parts[0] in sys.stdlib_module_names:
        _refuse_library(parts[0])
    return _found(module, [*names, last], path, is_factory)


def _import(parts: list[str]) -> "tuple[Any, list[str]]":
    """Import the longest prefix of the path that is a module; return it and the names left."""
    name = ".".join(parts)
    try:
        __import__(name)
    except ModuleNotFoundError as exc:
        # Look in the parent only if the path continues inside a module: not if the module, or a
        # dependency of it, is missing.
        module = sys.modules.get(".".join(parts[:-1]))
        if exc.name != name or module is None or not hasattr(module, parts[-1]):
            raise
        return module, parts[-1:]
    return sys.modules[name], []


def _advice(exc: ImportError | AttributeError) -> str:
    """Return what to do about a mistake that an exception does not tell, "" if it is none of these.

    The folder of the code is not there; or a module has the name of one of the library's, so that
    the library finds the user's, or the user the library's.
    """
    if not exists(sys.path[0]):
        return f"{sys.path[0]} is not there: set LAMBDA_TASK_ROOT to the folder of the code"
    if isinstance(exc, ImportError):
        name = exc.name or ""
    else:
        name = exc.obj.__name__ if type(exc.obj) is type(sys) else ""
    root = name.partition(".")[0]
    if root not in sys.stdlib_module_names:
        return ""
    from .stdlib import namesake

    found = namesake(root)
    return _RENAME.format(found[1]) if found else ""


def _refuse_library(name: str) -> None:
    """Raise BuiltInModuleConflict if the user's module of this name is hidden by the library's."""
    from .stdlib import namesake

    found = namesake(name)
    spec = sys.modules[name].__spec__
    places = [*(spec.submodule_search_locations or ()), spec.origin or ""] if spec else []
    if found and not any(place.startswith(found[0]) for place in places):
        raise BuiltInModuleConflict(
            f"Cannot use module {name} as a handler module. {_RENAME.format(found[1])}"
        )


def _found(
    module: "Any", names: list[str], path: str, is_factory: bool
) -> "tuple[Runtime | None, Handler]":
    """Return the handler that names behind a module stand for, and its Runtime, if it has one."""
    owner, last = module, names[-1]
    if len(names) > 1:  # module.Class.method
        owner = getattr(module, names[0])
        # A static or class method needs no instance, and the class may not allow one.
        if isinstance(owner, type) and (issubclass(owner, Runtime) or not _of_class(owner, last)):
            owner = owner()
    elif not hasattr(module, last):
        owner = _only_class(module, last, path)()
    try:
        found = getattr(owner, last)
    except AttributeError:
        raise HandlerNotFound(f"Handler '{last}' missing on module '{path}'") from None
    if is_factory:
        owner, found, last = module, _made(found, f"{path}.{last}"), f"{last}()"
    if isinstance(found, type) and issubclass(found, Runtime):
        found = found()
    if isinstance(found, Runtime) and not callable(found):
        owner, found = found, found.handler
    if not callable(found):
        kind = type(found).__name__
        raise HandlerNotFound(f"Handler '{last}' on module '{path}' can't be called: it is {kind}")
    if not isinstance(owner, Runtime):
        owner = Runtime() if isinstance(found, Runtime) else None  # one that can be called
    return owner, found


def _check_hooks(runtime: Runtime) -> None:
    """Raise TypeError if the class overrides a hook in a way that can't work."""
    kind, own = type(runtime), vars(runtime)
    names = [n for n in _HOOKS if n in own or getattr(kind, n) is not getattr(Runtime, n)]
    others = [n for n in vars(kind) if n.startswith(_PREFIXES) and not hasattr(Runtime, n)]
    if names or others:
        from .stdlib import load_part

        load_part("hooks").check(runtime, names, others)


def _made(factory: "Any", name: str) -> "Any":
    """Call a factory, and await what it returns if it is async."""
    if not callable(factory):
        kind = type(factory).__name__
        raise HandlerNotFound(f"{name}() can't be called: {name} is {kind}")
    found = factory()
    return wait_for(found) if hasattr(type(found), "__await__") else found


def _is_plain(found: "Any") -> bool:
    """Say whether `found` is a function of two parameters that are not those of WSGI.

    A decorator's function may have other names for them than the application under it.
    """
    code = getattr(found, "__code__", None)
    if getattr(code, "co_argcount", 0) != 2 or hasattr(found, "__wrapped__"):
        return False
    second: str = code.co_varnames[1]  # type: ignore[union-attr]
    return not second.lower().lstrip("_").startswith("start_resp")


def _of_class(kind: type, method: str) -> bool:
    """Return whether this method of a class is a static or a class method."""
    found = (vars(base)[method] for base in kind.__mro__ if method in vars(base))
    return isinstance(next(found, None), staticmethod | classmethod)


def _only_class(module: "Any", method: str, path: str) -> type[Runtime]:
    """Return the module's own Runtime subclass that has this method."""
    # A method of the base class, such as `run`, is not a handler.
    named = method == "handler" or not hasattr(Runtime, method)
    classes = {
        kind.__name__: kind
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, Runtime)
        and kind.__module__ == module.__name__
        and named
        and hasattr(kind, method)
    }
    if not classes:
        raise HandlerNotFound(f"Handler '{method}' missing on module '{path}'")
    if len(classes) > 1:
        choice = " or ".join(f"{path}.{name}.{method}" for name in classes)
        raise HandlerNotFound(f"Handler '{method}' on module '{path}' is ambiguous: say {choice}")
    (kind,) = classes.values()
    return kind
