"""Where log records go: to the file descriptor that Lambda hands over for them, else to stdout.

On the descriptor each record is a frame, so that Lambda knows where one ends and how grave it is,
all numbers big-endian:

    type, 4 bytes | length of the text, 4 bytes | microseconds since 1970, 8 bytes | text in UTF-8

What `print()` writes, and whatever else goes to stdout and stderr, is no record and is not framed.
"""

import sys
from _thread import RLock
from os import environ, register_at_fork, set_blocking, set_inheritable, write
from time import gmtime, strftime, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

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
    """The file descriptor `fd`, on which frames are written whole: by one thread at a time."""

    #: There is one to a process, or none: then records go to stdout.
    current: "ClassVar[Telemetry | None]" = None

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._unlock()
        # A thread that is writing while another one forks never lets go of the lock in the child.
        register_at_fork(after_in_child=self._unlock)

    def send(self, text: str, frame_type: int = PLAIN) -> bool:
        """Write one frame and return True; False if it can't be, and never again then."""
        data = text.encode("utf-8", "backslashreplace")
        head = (frame_type << 32 | len(data)) << 64 | time_ns() // 1000
        # One write, so that those of another process come before or after it; a pipe that is full
        # may still take it piece by piece.
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


def claim() -> None:
    """Take the descriptor that VARIABLE names, out of the environment and from child processes.

    To be called before the user's code is loaded, if the variable is set. Where it names no open
    descriptor, that is one line on stderr.
    """
    value = environ.pop(VARIABLE)
    try:
        fd = int(value)
        set_inheritable(fd, False)
        set_blocking(fd, True)
    except (OSError, OverflowError, ValueError):
        sys.stderr.write(
            f"bootstrap: {VARIABLE} is {value!r}, no open file descriptor: logging to stdout\n"
        )
        return
    Telemetry.current = Telemetry(fd)


def log(text: str, frame_type: int = PLAIN) -> None:
    """Write a record: a frame, or to stdout, whatever `sys.stdout` is by then, and flushed."""
    if Telemetry.current is None or not Telemetry.current.send(text, frame_type):
        sys.stdout.write(text)
        sys.stdout.flush()


def log_error(text: str) -> None:
    """Write `text` to the log at once, as an error.

    Without a descriptor for records it goes to stdout, or else to stderr. If both are closed, it
    is lost.
    """
    telemetry = Telemetry.current
    if telemetry is not None:
        form = JSON if text.startswith("{") else TEXT
        if telemetry.send(text, frame_type(ERROR, form)):
            return
    line = text if text.endswith("\n") else text + "\n"
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.write(line.encode("utf-8", "backslashreplace").decode())
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue
        return


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
