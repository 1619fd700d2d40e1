"""From a handler string to a Runtime that runs: what starts in an execution environment.

The string is `module.name`, `module.Class`, `module.Class.method`, and the module may be in a
package, `pkg.mod.name` or `pkg/mod.name`. It is the first argument, else the variable _HANDLER.
"""

import sys
from os import environ, execv, getcwd

from .core import runtime
from .core.errors import (
    BuiltInModuleConflict,
    HandlerNotFound,
    ImportModuleError,
    MalformedHandlerName,
    RuntimeApiError,
    UserCodeSyntaxError,
)
from .core.logs.hook import LoggingHook
from .core.runtime import Runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from .core.client import RuntimeClient
    from .core.runtime import Handler

USAGE = """\
usage: bootstrap [HANDLER]

Serves an AWS Lambda function: HANDLER, else the variable _HANDLER, names it.
  hello.handler         a function, or the method of the module's Runtime subclass
  hello.Hello           a Runtime subclass
  hello.Hello.handler   a method of it
  pkg/hello.handler     in a package
The code is in LAMBDA_TASK_ROOT, else in the current directory. AWS_LAMBDA_RUNTIME_API is set by
Lambda; without it, a local Lambda is served on port 8080, as AWS's own emulator does. There is more
to be had from: lambda-runtime local HANDLER
"""


def main() -> "NoReturn":
    """Load the handler and serve it; report to Lambda if it can't be loaded, and exit."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        raise SystemExit(0)
    if not environ.get("AWS_LAMBDA_RUNTIME_API"):
        _stand_in()
    try:
        client = Runtime._client = runtime.connect()
    except RuntimeApiError as exc:
        sys.stderr.write(f"bootstrap: {exc}\n")
        raise SystemExit(2) from None
    if "_LAMBDA_TELEMETRY_LOG_FD" in environ:
        from .core.logs import sink as _sink

        _sink.claim()
    Runtime._hook = LoggingHook().install()
    _open_stdout()
    _put_code_first()
    try:
        instance, handler = load(arguments[0] if arguments else environ.get("_HANDLER", ""))
    except BaseException as exc:
        _report(client, exc)
    instance.run(handler)


def _stand_in() -> "NoReturn":
    """Have the local Lambda take this process, and run the same again for each environment."""
    # The user's logging.py is not to be the local Lambda's, unless both are in one folder.
    beside = __file__.startswith(f"{getcwd()}/{__package__}/")
    options = ["-m"] if beside else ["-P", "-m"]
    execv(sys.executable, [sys.executable, *options, f"{__package__}.local.in_image", *sys.argv])


def load(name: str) -> "tuple[Runtime, Handler]":
    """Return the Runtime that serves the handler string `name`, and the handler itself.

    Raises one of the Faults of `errors`, or whatever the user's module or class raised.
    """
    path, dot, last = name.rpartition(".")
    parts = path.replace("/", ".").split(".")
    if not dot:
        # In the words of awslambdaric, which people search the web for.
        problem = "not enough values to unpack (expected 2, got 1)" if name else "there is none"
        raise MalformedHandlerName(f"Bad handler '{name}': {problem}")
    if not (all(parts) and last):
        raise MalformedHandlerName(f"Bad handler '{name}': expected module.name")
    if parts[0] in sys.builtin_module_names:
        raise BuiltInModuleConflict(f"Cannot use built-in module {path} as a handler module")
    try:
        module, names = _import(parts)
    except ImportError as exc:
        raise ImportModuleError(f"Unable to import module '{path}': {exc}") from None
    except SyntaxError as exc:
        stack = [f'  File "{exc.filename}" Line {exc.lineno}\n    {exc.text}']
        raise UserCodeSyntaxError(f"Syntax error in module '{path}': {exc}", stack) from None
    return _found(module, [*names, last], path)


def _import(parts: list[str]) -> "tuple[Any, list[str]]":
    """Import the longest part of the dotted path that is a module; return it and the names left."""
    name = ".".join(parts)
    try:
        __import__(name)
    except ModuleNotFoundError as exc:
        # A missing dependency of the user's module is no reason to look further. Nor is a missing
        # module: only a path that goes on inside a module is.
        module = sys.modules.get(".".join(parts[:-1]))
        if exc.name != name or module is None or not hasattr(module, parts[-1]):
            raise
        return module, parts[-1:]
    return sys.modules[name], []


def _found(module: "Any", names: list[str], path: str) -> "tuple[Runtime, Handler]":
    """Return the Runtime and its handler for the names that follow a module in a handler string."""
    owner, last = module, names[-1]
    if len(names) > 1:  # module.Class.method
        owner = getattr(module, names[0])
        if isinstance(owner, type):
            owner = owner()
    elif not hasattr(module, last):
        owner = _only_class(module, last, path)()
    try:
        found = getattr(owner, last)
    except AttributeError:
        raise HandlerNotFound(f"Handler '{last}' missing on module '{path}'") from None
    if isinstance(found, type) and issubclass(found, Runtime):
        found = found()
    if isinstance(found, Runtime) and not callable(found):
        owner, found = found, found.handler
    if not callable(found):
        kind = type(found).__name__
        raise HandlerNotFound(f"Handler '{last}' on module '{path}' can't be called: it is {kind}")
    return (owner if isinstance(owner, Runtime) else Runtime()), found


def _only_class(module: "Any", method: str, path: str) -> type[Runtime]:
    """Return the module's own Runtime subclass that has this method."""
    # What the base class does itself, `run` for one, is no handler.
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


def _open_stdout() -> None:
    """Have lines leave as they are printed, and half a surrogate pair not fail a print()."""
    if sys.stdout is not None:
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]


def _put_code_first() -> None:
    """Look for modules where the function's code is, not where this script is."""
    root = environ.get("LAMBDA_TASK_ROOT") or getcwd()
    if sys.flags.safe_path:
        sys.path.insert(0, root)
    else:
        sys.path[0] = root


def _report(client: "RuntimeClient", exc: BaseException) -> "NoReturn":
    """Tell Lambda why the function can't be loaded. Exits with a status that is not 0."""
    from .core import error_document as failure

    # A constructor that called send_init_error() has told it in its own words.
    if not (client.init_failed and isinstance(exc, SystemExit)):
        told = failure.of_exception(exc)
        failure.say(told.record)
        try:
            client.init_error(told.body, told.error_type, told.cause)
        except RuntimeApiError as problem:
            failure.say(f"[ERROR] LAMBDA_RUNTIME {problem}\n")
    code = (
        exc.code
        if isinstance(exc, SystemExit)
        else 130
        if isinstance(exc, KeyboardInterrupt)
        else 1
    )
    raise SystemExit(code if isinstance(code, int) and code else 1)
