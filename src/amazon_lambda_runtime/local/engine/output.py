"""What a process writes, as lines.

stdout and stderr share one pipe, so that lines stay in the order in which they were written. The
pipe is read here and not through an asyncio stream because of `flush`: when a runtime has asked
for its next event, everything that the handler wrote is in the pipe already, and one read that
does not wait takes it all. No pause is needed to be sure, and none would be enough.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Protocol


class Log(Protocol):
    """Takes a line of the log, and the id of the request that it belongs to, if it is one's."""

    def __call__(self, line: str, request_id: str = "", /) -> None: ...


_READ = 65536
# How much is taken at a time before other work has its turn. A full pipe is a sixteenth of it.
_READS = 16
# In bytes: a longer line is passed on in pieces.
_LINE_LIMIT = 256 * 1024


def to_stderr(line: str, request_id: str = "") -> None:
    """Print the line to this process's stderr.

    A runtime joins the lines of one record with carriage returns, so that CloudWatch keeps them
    together. A terminal would print them over each other.
    """
    print(line.replace("\r", "\n"), file=sys.stderr, flush=True)


class Output:
    """The reading end of a pipe. `write_end` is for the process; close it once that has it."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._partial = b""
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_end, self._read)

    def flush(self) -> None:
        """Pass on all that has been written until now, an unfinished line included."""
        self._read()
        if self._partial:
            self._pass_on(self._partial)
            self._partial = b""

    def close(self) -> None:
        """Flush, and read no more. What is still written goes nowhere."""
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
            *lines, self._partial = (self._partial + data).split(b"\n")
            for line in lines:
                self._pass_on(line)
            if len(self._partial) > _LINE_LIMIT:
                self._pass_on(self._partial)
                self._partial = b""

    def _pass_on(self, line: bytes) -> None:
        self._log(line.decode("utf-8", "replace").removesuffix("\r"))
