"""What starts in an execution environment: the handler is loaded and served, or an init error sent.

The handler string is the first argument, else the variable _HANDLER; `core/loading.py` reads it.
"""

import gc
import sys
from os import _exit, environ, execv, getcwd, getpid, getppid

from .core import report
from .core.client import RuntimeClient, connect
from .core.errors import HandlerNotFound, RuntimeApiError
from .core.loading import load
from .core.logs import sink
from .core.logs.hook import LoggingHook, tell_in_records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

# How long (seconds) a process that has to end waits for threads that are no daemons.
_LAST_THREADS = 0.25

USAGE = """\
usage: bootstrap [HANDLER]

Serves an AWS Lambda function: HANDLER, else the variable _HANDLER, names it.
  hello.handler         a function, or the method of the module's Runtime subclass
  hello.Hello           a Runtime subclass
  hello.Hello.handler   a method of it
  pkg/hello.handler     in a package
  main.app              a web application, ASGI or WSGI
  main.create_app()     what a factory returns
The code is in LAMBDA_TASK_ROOT, else in the current directory. AWS_LAMBDA_RUNTIME_API is set by
Lambda; without it, a local Lambda is served on port 8080, as AWS's own emulator does. For more
options: lambda-runtime local HANDLER
"""

# The collector looks for garbage after so many new objects while the function is loaded, instead of
# 700: nearly all of them stay. Frozen then, they are not looked at again either, which would write
# to each of them; so workers go on sharing their memory.
_PATIENT = 200_000


def main() -> "NoReturn":
    """Load the handler and serve it; report to Lambda if it can't be loaded, and exit."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        raise SystemExit(0)
    if not environ.get("AWS_LAMBDA_RUNTIME_API"):
        _stand_in()
    may_report = None
    try:
        client = RuntimeClient.current = connect()
        _refuse_second(client.address)
        if "AWS_LAMBDA_MAX_CONCURRENCY" in environ:
            from .core.stdlib import load_part

            may_report = load_part("workers").begin()
            client.adopt()  # this may be a worker that was forked
        else:
            client.open()  # the user's code may use up the file descriptors while it is loaded
    except RuntimeApiError as exc:
        sys.stderr.write(f"bootstrap: {exc}\n")
        raise SystemExit(2) from None
    if "_LAMBDA_TELEMETRY_LOG_FD" in environ:
        sink.claim()
    sink.open_stdout()
    LoggingHook.install()
    tell_in_records()
    _put_code_first()
    thresholds = gc.get_threshold()
    gc.set_threshold(_PATIENT, *thresholds[1:])
    try:
        try:
            name = arguments[0] if arguments else environ.get("_HANDLER", "")
            instance, handler = load(name, _serve_application)
        except BaseException as exc:
            if may_report is not None and not may_report():
                raise SystemExit(1) from None  # pragma: no cover  in the child
            report.init_error(client, exc)
        if gc.get_threshold() == (_PATIENT, *thresholds[1:]):  # else the function has set its own
            gc.set_threshold(*thresholds)
        gc.freeze()
        process = getpid()
        try:
            instance.run(handler)
            kind = type(instance).__name__  # of a class that has a `run` of its own
            raise HandlerNotFound(f"{kind}.run replaces Runtime.run, which serves: rename it")
        except Exception as exc:
            if getpid() != process:
                raise  # pragma: no cover  in a child of the handler's
            report.init_error(client, exc)
    except SystemExit as exc:
        _end(exc)


def _serve_application(application: "Any") -> "Any":
    """Return the Runtime that serves a web application."""
    return __import__(f"{__package__}.web", fromlist=["Web"]).Web(application)


def look_inside(name: str) -> object:
    """Return what libraries replace parts of in AWS's own client, as `__main__.bootstrap`.

    It is the `__getattr__` of the main program, and loads it when it is asked for.
    """
    if name != "bootstrap":
        raise AttributeError(f"module '__main__' has no attribute {name!r}")
    from .core import awslambdaric

    return awslambdaric


def _stand_in() -> "NoReturn":
    """Replace this process by the local Lambda, which runs this command for each environment."""
    # -P: the local Lambda must not import a user's logging.py, unless both are in one folder.
    beside = __file__.startswith(f"{_here()}/{__package__}/")
    options = ["-m"] if beside else ["-P", "-m"]
    execv(sys.executable, [sys.executable, *options, f"{__package__}.local.in_image", *sys.argv])


def _refuse_second(address: str) -> None:
    """Raise RuntimeApiError if the parent of this process serves the Runtime API at `address`.

    A function may start the program that it finds in sys.argv[0]. That child would fetch events and
    answer them, while its parent waits for it.
    """
    parent = f"/proc/{getppid()}"
    try:
        with open(f"{parent}/cmdline", "rb", 0) as file:
            command = file.read().decode("utf-8", "surrogateescape").split("\0")
        if command[1:2] != sys.argv[:1] and command[1:3] != ["-m", __package__]:
            return
        with open(f"{parent}/environ", "rb", 0) as file:
            variables = file.read().split(b"\0")
    except OSError:  # not on Linux, or another user's
        return
    if f"AWS_LAMBDA_RUNTIME_API={address}".encode() in variables:
        raise RuntimeApiError(
            f"process {getppid()} serves the Runtime API at {address}, and has started this one."
            " A function can't start a second runtime in its environment."
        )


def _put_code_first() -> None:
    """Import modules from the function's folder, not from that of this script."""
    root = environ.get("LAMBDA_TASK_ROOT") or _here()
    if sys.flags.safe_path:
        sys.path.insert(0, root)
    else:
        sys.path[0] = root


def _here() -> str:
    try:
        return getcwd()
    except OSError:  # it has been removed
        return environ.get("PWD", "/")


def _end(exc: SystemExit) -> "NoReturn":
    """Exit as `exc` says, and don't wait for threads of the user's that may never end."""
    try:
        threading = sys.modules["threading"]
        waiting = threading.Thread(target=threading._shutdown, daemon=True)
        waiting.start()
        waiting.join(_LAST_THREADS)
        is_over = not waiting.is_alive()
    except Exception:  # there is no other thread
        is_over = True
    if is_over:
        raise exc
    try:
        if "atexit" in sys.modules:
            sys.modules["atexit"]._run_exitfuncs()
        sink.flush()
    finally:
        _exit(report.status_of(exc) & 0xFF)
