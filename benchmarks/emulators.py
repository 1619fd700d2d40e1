"""The local Lambda beside aws-lambda-rie, AWS's own: the way of an invocation through all of it."""

import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from .loads import one_string
from .measure import Effort, Group, Row, medians
from .server import HERE, PATIENCE, CandidateError

LOCAL = "lambda-runtime local"
RIE = "aws-lambda-rie"

_BINARY = HERE.parent / ".cache" / RIE
_PATH = "/2015-03-31/functions/function/invocations"
# In bytes: {"name": "xx"}.
EVENT = 14
# How many invocations make a turn, and how many environments and clients a crowd.
INVOCATIONS = 200
CROWD = 8
SAVES = 5


def request(event: bytes) -> bytes:
    head = f"POST {_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(event)}\r\n\r\n"
    return head.encode() + event


class Client:
    """One connection that is kept, and invokes."""

    def __init__(self, port: int, name: str) -> None:
        self.name = name
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def send(self, event: bytes) -> None:
        self.socket.sendall(request(event))

    def invoke(self, event: bytes) -> bytes:
        self.send(event)
        while True:
            body = self.read()
            if body is not None:
                return body

    def read(self) -> bytes | None:
        """Read once; return the body when the response is complete."""
        data = self.socket.recv(65536)
        if not data:
            raise CandidateError(f"{self.name} closed its connection")
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return None
        if not head.startswith(b"HTTP/1.1 200 "):
            raise CandidateError(f"{self.name} answered {head.splitlines()[0].decode()}")
        fields = head.lower().partition(b"\r\ncontent-length:")[2]
        if len(body) < int(fields.split(b"\r\n")[0]):
            return None
        self.received = b""
        return body

    def close(self) -> None:
        self.socket.close()


class Emulator:
    """One of the two in a process, with this runtime and its function in it. Its log is dropped."""

    def __init__(
        self,
        name: str,
        folder: Path = HERE,
        handler: str = "echo.handler",
        concurrency: int = CROWD,
    ) -> None:
        self.name = name
        self.port = free_port()
        bootstrap = str(Path(sys.executable).with_name("bootstrap"))
        if name == RIE:
            addresses = ("--runtime-interface-emulator-address", f"127.0.0.1:{self.port}")
            inner = ("--runtime-api-address", f"127.0.0.1:{free_port()}")
            command = [str(_BINARY), *addresses, *inner, bootstrap, handler]
        else:
            program = str(Path(sys.executable).with_name("lambda-runtime"))
            # The interpreter that is measured runs the function, too; a project's .venv might not
            # be that. What the shell has is not passed, and an interpreter may need this to run.
            options = ["--port", str(self.port), "--concurrency", str(concurrency)]
            options += ["--python", sys.executable]
            if "LD_LIBRARY_PATH" in os.environ:
                options += ["--env", "LD_LIBRARY_PATH"]
            command = [program, "local", handler, *options]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.clients: list[Client] = []

    def connect(self) -> Client:
        """Return a new connection as soon as the emulator listens."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                client = Client(self.port, self.name)
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise CandidateError(f"{self.name} does not serve") from None
                time.sleep(0.002)
            else:
                self.clients.append(client)
                return client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self.clients:
            client.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def find() -> list[str]:
    """Return the emulators that are installed; print a line about one that is not."""
    if os.access(_BINARY, os.X_OK):
        return [LOCAL, RIE]
    print(f"{RIE}: not there; python scripts/fetch_rie.py .cache/{RIE}")
    return [LOCAL]


def local(effort: Effort) -> Group:
    """Measure from an invocation's request to its response, and what else one waits for."""
    names = find()
    rows = {
        "warm invoke, one CPU, p50, µs": warm(names, effort.rounds, bind=True),
        "warm invoke, p50, µs": warm(names, effort.rounds, bind=False),
        f"{CROWD} environments, invocations/s": {LOCAL: crowd(effort)},
        "save to served, ms": {LOCAL: saved(effort)},
    }
    cpus = len(os.sched_getaffinity(0))
    title = (
        f"local: {effort.rounds} turns of {INVOCATIONS} invocations, {cpus} CPUs "
        f"(half of {RIE}'s time is out of reach of Python: that target is withdrawn)"
    )
    return Group(title, "", RIE, rows, (LOCAL,), RIE)


class _Bound:
    """Binds this process to one CPU, and what it starts meanwhile."""

    def __init__(self) -> None:
        self._cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(self._cpus)})

    def release(self) -> None:
        os.sched_setaffinity(0, self._cpus)


def warm(names: Sequence[str], rounds: int, bind: bool) -> Row:
    """Return the median time of a warm invocation of each, in microseconds, taking turns."""
    event = one_string(EVENT)
    times: dict[str, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        if bind:
            stack.callback(_Bound().release)
        clients = []
        for name in names:
            clients.append(stack.enter_context(Emulator(name)).connect())
            if clients[-1].invoke(event) != event:
                raise CandidateError(f"{name} did not answer with its event")
        for turn in range(rounds):
            for client in clients if turn % 2 == 0 else reversed(clients):
                for number in range(INVOCATIONS + 1):
                    begin = time.perf_counter_ns()
                    client.invoke(event)
                    # The first of a turn finds everything cold, and its process frozen.
                    if number:
                        times[client.name].append((time.perf_counter_ns() - begin) / 1000)
    return medians(times)


def crowd(effort: Effort) -> float:
    """Return the invocations a second of as many clients as there are environments."""
    with Emulator(LOCAL) as emulator:
        clients = [emulator.connect() for _ in range(CROWD)]
        busy(clients, effort.busy)
        return statistics.median([busy(clients, effort.busy * 4) for _ in range(effort.crowds)])


def busy(clients: Sequence[Client], seconds: float) -> float:
    """Let each client invoke again when it has its answer; return the invocations a second."""
    sent = request(one_string(EVENT))
    count = 0
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.socket.sendall(sent)
        begin = time.perf_counter()
        end = begin + seconds
        waiting = len(clients)
        while waiting:
            ready = selector.select(PATIENCE)
            if not ready:
                raise CandidateError(f"{clients[0].name} does not answer")
            now = time.perf_counter()
            for key, _ in ready:
                client = key.data
                if client.read() is None:
                    continue
                count += 1
                if now < end:
                    client.socket.sendall(sent)
                else:
                    waiting -= 1
    return count / (time.perf_counter() - begin)


def saved(effort: Effort) -> float:
    """Return how long after a save the new code answers, in milliseconds."""
    times = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as directory:
        module = Path(directory, "saved.py")
        save(module, 0)
        with Emulator(LOCAL, Path(directory), "saved.handler") as emulator:
            client = emulator.connect()
            client.invoke(b"{}")
            for number in range(1, min(SAVES, effort.starts) + 1):
                time.sleep(0.5)  # a save while the last one is loaded is not what people do
                begin = time.perf_counter()
                save(module, number)
                while client.invoke(b"{}") != b"%d" % number:
                    if time.perf_counter() - begin > PATIENCE:
                        raise CandidateError(f"{LOCAL} does not see what is saved")
                    time.sleep(0.002)
                times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def save(module: Path, answer: int) -> None:
    """Write the function that answers so, in one step, as editors do."""
    new = module.with_suffix(".new")
    new.write_text(f"def handler(event, context):\n    return {answer}\n")
    new.replace(module)
