"""Where log records go: to the file descriptor that Lambda passes for them, else to stdout.

On the descriptor each record is a frame, which gives its length and its level. Numbers are
big-endian:

    type, 4 bytes | length of the text, 4 bytes | microseconds since 1970, 8 bytes | text in UTF-8

Output of `print()`, and everything else written to stdout and stderr, is not framed.
"""

import sys
from _io import TextIOWrapper
from _thread import RLock, _count
from os import environ, register_at_fork, set_blocking, set_inheritable, write
from time import gmtime, strftime, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD"

# The last two bits of a frame's type; the bits before them count the levels, from 0 for none.
JSON = 2
TEXT = 3
_FRAME = 0xA55A0000
#: The type of what has no level.
PLAIN = _FRAME | TEXT
#: A level of `logging`, which a process that only fails does not load.
ERROR = 40


class Telemetry:
    """The file descriptor `fd`, on which one thread at a time writes a whole frame."""

    #: The one of this process. Without one, records go to stdout.
    current: "ClassVar[Telemetry | None]" = None

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._unlock()
        # If a thread is writing while another one forks, nothing releases the lock in the child.
        register_at_fork(after_in_child=self._unlock)

    def send(self, text: str, frame_type: int = PLAIN) -> bool:
        """Write one frame and return True. If that fails, return False and stop using frames."""
        data = text.encode("utf-8", "backslashreplace")
        head = (frame_type << 32 | len(data)) << 64 | time_ns() // 1000
        # One write, so that frames of several processes are not interleaved. A full pipe may still
        # take it in parts.
        rest = memoryview(head.to_bytes(16, "big") + data)
        try:
            with self._lock:
                while rest:
                    rest = rest[write(self.fd, rest) :]
        except OSError:  # the reader is gone, or the user's code closed what it did not know
            Telemetry.current = None
            return False
        return True

    def _unlock(self) -> None:
        # A signal handler that logs may interrupt its own thread in here, hence the R.
        self._lock = RLock()


class Stdout(TextIOWrapper):
    """Standard output that keeps nothing back, not even a line that has no end yet.

    A process that crashes, or is killed when its time is over, has said what it printed. But where
    there are several threads or workers, half a line waits for its end: print() writes the end on
    its own, and a line of another one would come in between.
    """

    #: Whether other processes of this function write to it as well.
    is_shared = False

    def write(self, text: str) -> int:
        count = super().write(text)
        # A whole line has been flushed.
        if not (text.endswith("\n") or self.is_shared or _count()):
            self.flush()
        return count


def open_stdout() -> None:
    """Write what is printed at once; escape half a surrogate pair, so that print() works."""
    # It may be closed, and then None, or an object of a sitecustomize.
    if type(sys.stdout) is TextIOWrapper:
        encoding = sys.stdout.encoding
        opened = Stdout(sys.stdout.detach(), encoding, "backslashreplace", line_buffering=True)
        opened.mode = "w"  # type: ignore[misc]
        sys.stdout = sys.__stdout__ = opened  # type: ignore[misc]


def claim() -> None:
    """Use the descriptor that VARIABLE names, and hide it from child processes.

    Called before the user's code is loaded, if the variable is set. If it does not name an open
    descriptor, that is one line on stderr.
    """
    value = environ.pop(VARIABLE)
    try:
        fd = int(value)
        set_inheritable(fd, False)
        set_blocking(fd, True)
    except (OSError, OverflowError, ValueError):
        sys.stderr.write(
            f"bootstrap: {VARIABLE} is {value!r}, not an open file descriptor: logging to stdout\n"
        )
        return
    Telemetry.current = Telemetry(fd)


def log(text: str) -> None:
    """Write text as it is: a frame, or to stdout, whatever `sys.stdout` is by then, and flushed."""
    if Telemetry.current is None or not Telemetry.current.send(text):
        _write(text, sys.stdout, _real_stdout())


def log_record(text: str, frame_type: int) -> None:
    """Write a record: a frame, or to stdout, where it ends with exactly one line end."""
    if Telemetry.current is None or not Telemetry.current.send(text, frame_type):
        _write(text.rstrip("\n") + "\n", sys.stdout, _real_stdout())


def log_error(text: str) -> None:
    """Write `text` to the log at once, as an error.

    Without a descriptor for records it goes to the stdout of the process, also where the function
    has put another object in its place, from which nobody may read.
    """
    telemetry = Telemetry.current
    if telemetry is not None:
        form = JSON if text.startswith("{") else TEXT
        if telemetry.send(text, frame_type(ERROR, form)):
            return
    _write(text if text.endswith("\n") else text + "\n", _real_stdout())


def _write(text: str, *streams: "Any") -> None:
    """Write to the first of these streams that works, else to stderr, else to its descriptor. If
    all are closed, the text is lost.
    """
    text = text.encode("utf-8", "backslashreplace").decode()
    for stream in (*streams, sys.__stderr__):
        try:
            stream.write(text)
            stream.flush()
        except Exception:  # None, closed, or an object of the user's that raises anything
            continue
        return
    try:
        write(2, text.encode())
    except OSError:
        pass


def _real_stdout() -> "Any":
    """Return the stdout that was opened at the start, or else what takes its place."""
    real = sys.__stdout__
    return real if type(real) is Stdout else sys.stdout


def flush() -> None:
    """Flush stdout and stderr. Lambda may freeze the process right after an answer."""
    streams: Any = (sys.stdout, sys.stderr)
    if sys.stdout is not sys.__stdout__:
        streams = (*streams, sys.__stdout__)
    for stream in streams:
        try:
            stream.flush()
        except Exception:  # None, closed, or an object of the user's that raises anything
            pass


def timestamp(seconds: float) -> str:
    """Return a Unix time as JSON records have it: UTC, with milliseconds."""
    return f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(seconds))}.{int(seconds * 1000) % 1000:03d}Z"


def log_form() -> int:
    """Return the form that AWS_LAMBDA_LOG_FORMAT asks for, JSON or TEXT."""
    return JSON if environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON" else TEXT


def frame_type(level: int, form: int) -> int:
    """Return the type of a frame for a record of this level, in the numbers of `logging`."""
    # TRACE, 5 to 9 here, comes between no level and DEBUG.
    step = min(level, 50) // 10 + 1 if level >= 10 else int(level >= 5)
    return _FRAME | step << 2 | form
