"""The recording server: the Runtime API for one runtime, at the least cost to the measurement.

It runs in the caller's thread and only while it is called, so that nothing of it competes with
the runtime. A GET /next that arrived simply waits until the next call.
"""

import ctypes
import selectors
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
BUILD = HERE.parent / ".cache" / "benchmarks"

# A runtime that is silent for so many seconds is taken for dead.
PATIENCE = 30
# A response may be as long as an event, and has headers.
CAPACITY = 8 << 20
# How much of a streamed response is read at a time: it should stay in the CPU's cache.
SIP = 256 * 1024

ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    b'{"status":"OK"}\n'
)


class CandidateError(Exception):
    """A candidate did not do what a runtime must do: it can't be measured."""


class Request(NamedTuple):
    arrived: int
    body: memoryview


class Stream(NamedTuple):
    sent: int
    first: int
    last: int
    size: int


def build(source: str, output: str, *flags: str) -> Path | None:
    """Compile one of the C files beside this one; return None where that is not possible."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / output
    command = [compiler, "-O2", *flags, "-o", str(program), str(HERE / source)]
    return program if subprocess.run(command).returncode == 0 else None


def load_loop() -> ctypes.CDLL | None:
    """Return serve.c as a library, or None."""
    library = build("serve.c", "serve.so", "-shared", "-fPIC")
    if library is None:
        return None
    loop = ctypes.CDLL(str(library))
    loop.drain.restype = loop.serve_all.restype = ctypes.c_int64
    return loop


def next_answer(event: bytes) -> bytes:
    """Return the bytes that answer a GET /next: the headers that Lambda sends, and the event."""
    deadline = time.time_ns() // 1_000_000 + 3_600_000
    return (
        b"HTTP/1.1 200 OK\r\n"
        b"Content-Type: application/json\r\n"
        b"Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n"
        b"Lambda-Runtime-Deadline-Ms: %d\r\n"
        b"Lambda-Runtime-Invoked-Function-Arn: "
        b"arn:aws:lambda:eu-central-1:123456789012:function:echo\r\n"
        b"Lambda-Runtime-Trace-Id: "
        b"Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1\r\n"
        b"Content-Length: %d\r\n\r\n%b"
    ) % (deadline, len(event), event)


class Connection:
    """One runtime's keep-alive connection, seen from the server."""

    # Shared by all: one is served at a time, and clearing 8 MiB would delay a cold start.
    buffer = bytearray(CAPACITY)

    def __init__(self, accepted: socket.socket, name: str, loop: ctypes.CDLL | None) -> None:
        self.socket = accepted
        self.name = name
        self.loop = loop
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Not settimeout(), which would poll before every read.
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE, 0))

    def receive(self, method: bytes, path_end: bytes) -> Request:
        """Read one request, in as many pieces as it comes; the next one overwrites its body."""
        buffer, view = self.buffer, memoryview(self.buffer)
        have = need = start = 0
        while not need or have < need:
            try:
                size = self.socket.recv_into(view[have:])
            except BlockingIOError:
                raise CandidateError(f"{self.name} was silent for {PATIENCE} s") from None
            except ConnectionError:
                size = 0
            if not size:
                raise CandidateError(f"{self.name} closed its connection")
            have += size
            if not need and (end := buffer.find(b"\r\n\r\n", 0, have)) >= 0:
                start = end + 4
                _, name, length = bytes(view[:start]).lower().partition(b"\r\ncontent-length:")
                need = start + (int(length.partition(b"\r")[0]) if name else 0)
        arrived = time.perf_counter_ns()
        line = bytes(view[: buffer.find(b"\r\n")])
        if not (line.startswith(method) and line.endswith(path_end + b" HTTP/1.1")):
            expected = f"{method.decode()} …{path_end.decode()}"
            raise CandidateError(f"{self.name} sent {line!r} instead of {expected}")
        return Request(arrived, view[start:need])

    def send(self, answer: bytes) -> None:
        try:
            self.socket.sendall(answer)
        except ConnectionError:
            raise CandidateError(f"{self.name} closed its connection") from None

    def wait_for_next(self) -> int:
        """Read a GET /next and return when it was complete."""
        return self.receive(b"GET", b"/next").arrived

    def respond(self, answer: bytes) -> Request:
        """Answer the waiting GET /next; return the response that comes, not yet accepted."""
        self.send(answer)
        return self.receive(b"POST", b"/response")

    def cycles(self, answer: bytes, count: int) -> list[int]:
        """Run invocations; return the nanoseconds from each GET /next to the one that follows."""
        stamps = self.stamps_by_c(answer, count) if self.loop else self.stamps(answer, count)
        return [after - before for before, after in pairwise(stamps)]

    def stamps(self, answer: bytes, count: int) -> list[int]:
        stamps = [time.perf_counter_ns()]
        for _ in range(count):
            self.respond(answer)
            self.send(ACCEPTED)
            stamps.append(self.wait_for_next())
        return stamps

    def stamps_by_c(self, answer: bytes, count: int) -> list[int]:
        assert self.loop
        stamps = (ctypes.c_int64 * (count + 1))()
        size = ctypes.c_size_t
        failed = self.loop.serve(
            self.socket.fileno(),
            answer,
            size(len(answer)),
            ACCEPTED,
            size(len(ACCEPTED)),
            (ctypes.c_char * CAPACITY).from_buffer(self.buffer),
            size(CAPACITY),
            count,
            stamps,
        )
        if failed:
            raise CandidateError(f"{self.name} did not answer each event with a response")
        return list(stamps)

    def stream(self, answer: bytes) -> Stream:
        """Run an invocation whose response is streamed; discard the bytes."""
        result = self.drain_by_c(answer) if self.loop else self.drain(answer)
        self.send(ACCEPTED)
        self.wait_for_next()
        return result

    def drain(self, answer: bytes) -> Stream:
        sent = time.perf_counter_ns()
        self.send(answer)
        size = 0
        with self.socket.makefile("rb") as file:
            line = file.readline()
            head = b"".join(iter(file.readline, b"\r\n")) if line.startswith(b"POST ") else line
            file.peek()
            first = time.perf_counter_ns()
            if b"\r\ntransfer-encoding: chunked" not in b"\r\n" + head.lower():
                raise CandidateError(f"{self.name} did not stream its response")
            try:
                while length := int(file.readline(), 16):
                    size += length
                    file.read(length + 2)
            except (ValueError, ConnectionError):
                raise CandidateError(f"{self.name} did not end its response") from None
            while file.readline() not in (b"\r\n", b""):
                pass
        return Stream(sent, first, time.perf_counter_ns(), size)

    def drain_by_c(self, answer: bytes) -> Stream:
        assert self.loop
        stamps = (ctypes.c_int64 * 3)()
        size = self.loop.drain(
            self.socket.fileno(),
            answer,
            ctypes.c_size_t(len(answer)),
            (ctypes.c_char * SIP).from_buffer(self.buffer),
            ctypes.c_size_t(SIP),
            stamps,
        )
        if size < 0:
            raise CandidateError(f"{self.name} did not stream its response")
        sent, first, last = stamps
        return Stream(sent, first, last, size)


def throughput(connections: Sequence[Connection], answer: bytes, seconds: float) -> float:
    """Keep all workers that wait at these connections busy; return their invocations a second.

    Each gets its next event as soon as it asks. In the end all of them wait again.
    """
    loop = connections[0].loop
    serve = serve_all_by_c if loop else serve_all
    count, nanoseconds = serve(connections, answer, int(seconds * 1e9))
    return count / nanoseconds * 1e9


def serve_all(connections: Sequence[Connection], answer: bytes, duration: int) -> tuple[int, int]:
    count, busy = 0, len(connections)
    begin = time.perf_counter_ns()
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(answer)
        owing = set(connections)
        while busy:
            ready = selector.select(PATIENCE)
            if not ready:
                raise CandidateError(f"{connections[0].name} was silent for {PATIENCE} s")
            for key, _ in ready:
                connection = key.data
                if connection in owing:
                    connection.receive(b"POST", b"/response")
                    connection.send(ACCEPTED)
                    owing.remove(connection)
                    count += 1
                elif connection.wait_for_next() - begin < duration:
                    connection.send(answer)
                    owing.add(connection)
                else:
                    busy -= 1
    return count, time.perf_counter_ns() - begin


def serve_all_by_c(
    connections: Sequence[Connection], answer: bytes, duration: int
) -> tuple[int, int]:
    loop = connections[0].loop
    assert loop
    elapsed = ctypes.c_int64()
    count = loop.serve_all(
        (ctypes.c_int * len(connections))(*(each.socket.fileno() for each in connections)),
        len(connections),
        answer,
        ctypes.c_size_t(len(answer)),
        ACCEPTED,
        ctypes.c_size_t(len(ACCEPTED)),
        ctypes.c_int64(duration),
        ctypes.byref(elapsed),
    )
    if count < 0:
        raise CandidateError(f"{connections[0].name} did not answer each event with a response")
    return count, elapsed.value
