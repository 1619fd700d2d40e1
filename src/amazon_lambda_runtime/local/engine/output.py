"""The output of an environment's processes, as lines of a log.

stdout and stderr share one pipe, so that lines stay in the order in which they were written. The
pipe is read here and not through an asyncio stream because of `flush`: when a runtime asks for its
next event, everything that the handler wrote is in the pipe, and one non-blocking read takes it
all. No pause is needed, and none would be enough.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol


class Log(Protocol):
    """Takes a line of the log, and the id of the request that it belongs to, "" for none."""

    def __call__(self, line: str, request_id: str = "", /) -> None: ...


_READ = 65536
# How many reads are done before other work gets its turn. One read may empty a full pipe.
_READS = 16
#: In bytes: a longer line is cut.
LINE_LIMIT = 256 * 1024
_CUT = f" [the line is cut here, at {LINE_LIMIT // 1024} KiB]"


def to_stderr(line: str, request_id: str = "") -> None:
    """Print the line to this process's stderr.

    A runtime joins the lines of one record with carriage returns, so that CloudWatch keeps them
    together. A terminal would print them over each other.
    """
    print(line.replace("\r", "\n"), file=sys.stderr, flush=True)


def unfailing(log: Log) -> Log:
    """Return a log that drops the lines that this one cannot write."""

    def write(line: str, request_id: str = "") -> None:
        with suppress(Exception):
            log(line, request_id)

    return write


class Lines:
    """Bytes to lines, which are passed on as soon as they are complete.

    A line that is longer than LINE_LIMIT is passed on when it has come so far, with a mark where it
    is cut; what follows up to its end is dropped.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._partial = b""
        self._is_cut = False

    def feed(self, data: bytes) -> None:
        """Take what has been read."""
        if self._is_cut:
            _, end, data = data.partition(b"\n")
            self._is_cut = not end
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._pass_on(line)
        if len(self._partial) > LINE_LIMIT:
            self._pass_on(self._partial)
            self._partial = b""
            self._is_cut = True

    def flush(self) -> None:
        """Pass on an unfinished line."""
        if self._partial:
            self._pass_on(self._partial)
        self._partial = b""
        self._is_cut = False

    def _pass_on(self, line: bytes) -> None:
        text = line[:LINE_LIMIT].decode("utf-8", "replace")
        self._log(text.removesuffix("\r") if len(line) <= LINE_LIMIT else text + _CUT)


class Output:
    """The reading end of a pipe. Close `write_end` when the process has it."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._lines = Lines(log)
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_end, self._read)

    def flush(self) -> None:
        """Pass on everything that has been written so far, an unfinished line included."""
        self._read()
        self._lines.flush()

    def close(self) -> None:
        """Flush, and stop reading."""
        self.flush()
        self._loop.remove_reader(self._read_end)
        os.close(self._read_end)

    def _read(self) -> None:
        for _ in range(_READS):
            try:
                data = os.read(self._read_end, _READ)
            except BlockingIOError:
                return
            if not data:
                self._loop.remove_reader(self._read_end)
                return
            self._lines.feed(data)
