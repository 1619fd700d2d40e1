"""The writer of the log: what it does when the log is paused, closed or full."""

import errno
import io
import os
import pty
import re
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest

from amazon_lambda_runtime.local.engine import log_writer
from amazon_lambda_runtime.local.engine.log_writer import LIMIT, LogWriter
from tests.local.support import PATIENCE

LINE = "x" * 99
NOTE = re.compile(rb"\[(\d+) lines not shown\]\r?\n")


class Reader:
    """The reading end of a pipe or of a terminal, which reads nothing until it is told to."""

    def __init__(self, make: Callable[[], tuple[int, int]]) -> None:
        self.end, descriptor = make()
        self.stream: TextIO = os.fdopen(descriptor, "w")

    def read(self, until: Callable[[bytes], bool]) -> bytes:
        """Read until this is true of all that has come."""
        deadline = time.monotonic() + PATIENCE
        read = b""
        while not until(read):
            ready, _, _ = select.select([self.end], [], [], max(0, deadline - time.monotonic()))
            assert ready, read[-200:]
            read += os.read(self.end, 65536)
        return read

    def close(self) -> None:
        with suppress(OSError):
            os.close(self.end)
        with suppress(OSError):
            self.stream.close()


def first_failure(log: LogWriter) -> OSError:
    """Write until that fails."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            log(LINE)
        except OSError as error:
            return error
    raise AssertionError("no failure is told")


@pytest.fixture(params=["pipe", "terminal"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    reader = Reader(os.pipe if request.param == "pipe" else pty.openpty)
    yield reader
    reader.close()


def test_order(reader: Reader) -> None:
    """Lines come in their order; the lines of one record are lines again."""
    with LogWriter(reader.stream) as log:
        for number in range(100):
            log(f"{number}\rmore", "id")
        read = reader.read(lambda read: read.count(b"\n") == 200)
    expected = "".join(f"{number}\nmore\n" for number in range(100)).encode()
    assert read.replace(b"\r\n", b"\n") == expected


def test_paused(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the reader is paused, writing does not wait: of what exceeds 1 MiB nothing is kept.

    The newest lines are dropped. When the reader goes on it gets what was kept, the number of lines
    that were not, and what is written from then on. The descriptor stays as it is: the shell uses
    it, too.
    """
    monkeypatch.setattr(log_writer, "_LAST_WAIT", 0.1)
    count = 2 * LIMIT // (len(LINE) + 1)
    with LogWriter(reader.stream) as log:
        for number in range(count):
            log(f"{number:06} {LINE[7:]}")
        assert os.get_blocking(reader.stream.fileno())
        read = reader.read(lambda read: NOTE.search(read) is not None)
        log("after")
        read += reader.read(lambda read: read.endswith((b"after\n", b"after\r\n")))
    # The kernel may take the first lines late: what was dropped is then told in two places.
    dropped = sum(int(note) for note in NOTE.findall(read))
    shown = [int(line[:6]) for line in read.splitlines() if line[:6].isdigit()]
    assert shown == sorted(set(shown))
    assert len(shown) + dropped == count
    # 1 MiB, and what the kernel has taken.
    assert LIMIT - 1024 <= len(shown) * (len(LINE) + 1) < LIMIT + 256 * 1024
    assert read.splitlines()[-1] == b"after"


def test_paused_at_the_end(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end a reader that takes nothing is waited for, but not for ever."""
    monkeypatch.setattr(log_writer, "_LAST_WAIT", 0.1)
    log = LogWriter(reader.stream)
    for _ in range(LIMIT // len(LINE)):
        log(LINE)
    begin = time.monotonic()
    log.close()
    assert time.monotonic() - begin < PATIENCE / 2
    # Its thread goes on writing to this descriptor, whose number is another's once it is closed.
    os.close(reader.end)
    assert log._thread is not None
    log._thread.join(PATIENCE)


def test_slow_reader_at_the_end() -> None:
    """At the end what waits is written as long as the reader takes some of it."""
    reader = Reader(os.pipe)
    log = LogWriter(reader.stream)
    count = LIMIT // (len(LINE) + 1)
    for _ in range(count):
        log(LINE)
    closing = threading.Thread(target=log.close)
    closing.start()
    assert reader.read(lambda read: read.count(b"\n") == count)
    closing.join(PATIENCE)
    assert not closing.is_alive()
    reader.close()


def test_reader_that_has_gone(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first failure is told once, and a writer whose reader has gone goes on and ends."""
    monkeypatch.setattr(log_writer, "_LAST_WAIT", 0.1)
    os.close(reader.end)
    with LogWriter(reader.stream) as log:
        assert first_failure(log).errno in (errno.EPIPE, errno.EIO)
        for _ in range(3 * LIMIT // len(LINE)):
            log(LINE)


def test_full_disk() -> None:
    """A disk that is full loses lines and nothing else."""
    with Path("/dev/full").open("w") as stream, LogWriter(stream) as log:
        assert first_failure(log).errno == errno.ENOSPC
        log(LINE)


def test_another_has_set_o_nonblock() -> None:
    """On a descriptor that another program has made non-blocking no line is lost."""
    reader = Reader(os.pipe)
    os.set_blocking(reader.stream.fileno(), False)
    with LogWriter(reader.stream) as log:
        for _ in range(5000):
            log(LINE)
        assert reader.read(lambda read: read.count(b"\n") == 5000)
    reader.close()


def test_no_stream() -> None:
    """Where stderr was closed from the start, nothing is written anywhere."""
    with LogWriter(None) as log:
        log(LINE)
        assert not log.isatty()


def test_stream_without_a_descriptor() -> None:
    """A stream of this process is written to, as well."""
    stream = io.StringIO()
    with LogWriter(stream) as log:
        log("ü")
    assert stream.getvalue() == "ü\n"
