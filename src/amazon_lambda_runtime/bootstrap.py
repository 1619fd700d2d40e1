"""What starts in an execution environment: the handler is loaded and served, or an init error sent.

The handler string is the first argument, else the variable _HANDLER; `core/loading.py` reads it.
"""

import sys
from _io import TextIOWrapper
from os import _exit, environ, execv, getcwd

from .core import report
from .core.client import RuntimeClient, connect
from .core.errors import RuntimeApiError
from .core.loading import load
from .core.logs import sink
from .core.logs.hook import LoggingHook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

# How long (seconds) a process that has to end waits for threads that are no daemons.
_LAST_THREADS = 0.25

USAGE = """\
usage: bootstrap [HANDLER]

Serves an AWS Lambda function: HANDLER, else the variable _HANDLER, names it.
  hello.handler         a function, or the method of the module's Runtime subclass
  hello.Hello           a Runtime subclass
  hello.Hello.handler   a method of it
  pkg/hello.handler     in a package
The code is in LAMBDA_TASK_ROOT, else in the current directory. AWS_LAMBDA_RUNTIME_API is set by
Lambda; without it, a local Lambda is served on port 8080, as AWS's own emulator does. For more
options: lambda-runtime local HANDLER
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
        client = RuntimeClient.current = connect()
    except RuntimeApiError as exc:
        sys.stderr.write(f"bootstrap: {exc}\n")
        raise SystemExit(2) from None
    client.open()  # the user's code may use up the file descriptors while it is loaded
    if "_LAMBDA_TELEMETRY_LOG_FD" in environ:
        sink.claim()
    LoggingHook.install()
    _open_stdout()
    _put_code_first()
    try:
        try:
            instance, handler = load(arguments[0] if arguments else environ.get("_HANDLER", ""))
        except BaseException as exc:
            _report(client, exc)
        instance.run(handler)
    except SystemExit as exc:
        _end(exc)


def _stand_in() -> "NoReturn":
    """Replace this process by the local Lambda, which runs this command for each environment."""
    # -P: the local Lambda must not import a user's logging.py, unless both are in one folder.
    beside = __file__.startswith(f"{getcwd()}/{__package__}/")
    options = ["-m"] if beside else ["-P", "-m"]
    execv(sys.executable, [sys.executable, *options, f"{__package__}.local.in_image", *sys.argv])


class _Stdout(TextIOWrapper):
    """Standard output that keeps nothing back, not even a line that has no end yet.

    A process that crashes, or is killed when its time is over, has said what it printed.
    """

    def write(self, text: str) -> int:
        count = super().write(text)
        if not text.endswith("\n"):  # else it has been flushed
            self.flush()
        return count


def _open_stdout() -> None:
    """Write what is printed at once; escape half a surrogate pair, so that print() works."""
    # It may be closed, and then None, or an object of a sitecustomize.
    if type(sys.stdout) is TextIOWrapper:
        encoding = sys.stdout.encoding
        opened = _Stdout(sys.stdout.detach(), encoding, "backslashreplace", line_buffering=True)
        opened.mode = "w"  # type: ignore[misc]
        sys.stdout = sys.__stdout__ = opened  # type: ignore[misc]


def _put_code_first() -> None:
    """Import modules from the function's folder, not from that of this script."""
    root = environ.get("LAMBDA_TASK_ROOT") or getcwd()
    if sys.flags.safe_path:
        sys.path.insert(0, root)
    else:
        sys.path[0] = root


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
    code = 0 if exc.code is None else exc.code if isinstance(exc.code, int) else 1
    try:
        if "atexit" in sys.modules:
            sys.modules["atexit"]._run_exitfuncs()
        sink.flush()
    finally:
        _exit(code & 0xFF)


def _report(client: RuntimeClient, exc: BaseException) -> "NoReturn":
    """Report why the function can't be loaded, and exit with a status other than 0."""
    # A constructor that called send_init_error() has reported it in its own words.
    if not (client.init_failed and isinstance(exc, SystemExit)):
        failure = report.of_exception(exc)
        failure.log()
        try:
            plain = failure.error_type.isascii() and failure.error_type.isprintable()
            error_type = failure.error_type if plain else failure.header_type
            client.init_error(failure.body, error_type, failure.cause)
        except RuntimeApiError as problem:
            sink.log_error(f"[ERROR] LAMBDA_RUNTIME {problem}\n")
    code = (
        exc.code
        if isinstance(exc, SystemExit)
        else 130
        if isinstance(exc, KeyboardInterrupt)
        else 1
    )
    raise SystemExit(code if isinstance(code, int) and code else 1)
