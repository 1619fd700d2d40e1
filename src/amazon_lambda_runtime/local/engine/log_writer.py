"""The log's way to a terminal, a pipe or a file, which may be paused, closed or full.

Writing to such a descriptor can take for ever, and O_NONBLOCK would be set for the shell, too: it
belongs to the open file and not to the process. So a thread writes, and the event loop only leaves
text for it. What waits is bounded: when there is no room, the newest lines are dropped, and a line
that says how many takes their place.
"""

import os
import select
import threading
from collections import deque
from contextlib import suppress
from typing import Self, TextIO

#: In bytes: how much may wait to be written.
LIMIT = 1024 * 1024
# In bytes: how much is written at a time.
_PIECE = 16 * 1024
# In seconds: how long a reader that takes nothing is waited for at the end.
_LAST_WAIT = 2.0
# In seconds: the pause after a piece. A thread that wakes for every line takes its turn from the
# event loop each time, in the middle of an invocation.
_REST = 0.01


class LogWriter:
    """Writes lines to a stream's descriptor from a thread. A context manager, and a `Log`.

    At the end, what waits is written for as long as the reader takes some of it. A stream that is
    None, as sys.stderr is if it was closed from the start, takes nothing.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._failure: Exception | None = None
        self._has_failed = False
        self._is_closing = threading.Event()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        # Whether the thread waits for text.
        self._is_waiting = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def __call__(self, line: str, request_id: str = "") -> None:
        """Write the line. The lines of one record, which a runtime joins by CR, are lines again."""
        self.write(line.replace("\r", "\n") + "\n")

    def write(self, text: str) -> None:
        """Have whole lines written as soon as that is possible, or dropped if too much waits.

        Raises, once, the first error that writing met; this text is not lost by it.
        """
        if self._stream is None:
            return
        data = text.encode(self._encoding, "backslashreplace")
        with self._lock:
            if self._size + len(data) > LIMIT:
                self._dropped += data.count(b"\n")
            else:
                if self._dropped:
                    self._add_note()
                self._add(data)
            if self._is_waiting:
                self._is_waiting = False
                self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Write what waits, as far as the reader takes it, and write no more."""
        self._is_closing.set()
        with self._lock:
            self._changed.notify_all()
            while self._thread is not None and (self._size or self._dropped):
                if not self._changed.wait(_LAST_WAIT):
                    return

    def _add(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)

    def _add_note(self) -> None:
        self._add(f"[{self._dropped} lines not shown]\n".encode())
        self._dropped = 0

    def _run(self) -> None:
        while piece := self._next():
            try:
                self._put(piece)
            except (OSError, ValueError) as error:
                with self._lock:
                    if not self._has_failed:
                        self._has_failed = True
                        self._failure = error
            with self._lock:
                self._size -= len(piece)
                self._changed.notify_all()
            if len(piece) < _PIECE:
                self._is_closing.wait(_REST)

    def _next(self) -> bytes:
        """Wait for something to write and return it; b"" at the end."""
        with self._lock:
            while not (self._pieces or self._dropped or self._is_closing.is_set()):
                self._is_waiting = True
                self._changed.wait()
            if self._dropped and not self._pieces:
                self._add_note()
            piece = bytearray()
            while self._pieces and len(piece) < _PIECE:
                piece += self._pieces.popleft()
            if len(piece) > _PIECE:
                self._pieces.appendleft(bytes(piece[_PIECE:]))
            return bytes(piece[:_PIECE])

    def _put(self, data: bytes) -> None:
        stream = self._stream
        assert stream is not None
        try:
            descriptor = stream.fileno()
        except OSError:
            # A stream of this process, as a test has it.
            stream.write(data.decode(self._encoding, "replace"))
        else:
            write_all(descriptor, data)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, however long that takes; another may have set O_NONBLOCK. Raises OSError."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:
            ready = select.poll()
            ready.register(descriptor, select.POLLOUT)
            with suppress(InterruptedError):
                ready.poll()
