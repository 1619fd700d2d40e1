"""Who takes part, and the execution environment that each of them runs in."""

import ctypes
import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from .server import HERE, PATIENCE, CandidateError, Connection, build, next_answer

OURS = "ours"
PEER = "awslambdaric"
BARE = "bare"
PASS = "pass"
# How this runtime can serve many invocations at a time; awslambdaric has processes only.
PROCESSES = "processes"
THREADS = "threads"
TASKS = "tasks"

LOG_SOCKET = "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"


class Candidate(NamedTuple):
    name: str
    command: tuple[str, ...]
    # Environment variables of its own.
    settings: tuple[tuple[str, str], ...] = ()

    def at(self, count: int) -> Self:
        """Return the same, serving that many invocations at a time."""
        setting = ("AWS_LAMBDA_MAX_CONCURRENCY", str(count))
        return self._replace(settings=(*self.settings, setting))


INTERPRETER = Candidate(PASS, (sys.executable, "-c", "pass"))


def find() -> list[Candidate]:
    """Return those who can take part on this machine; say in one line why another cannot."""
    program = build("bare.c", "bare")
    if program is None:
        print("bare: no C compiler; bare.py takes its place")
    bare = (str(program),) if program else (sys.executable, str(HERE / "bare.py"))
    found = [Candidate(BARE, bare)]
    bootstrap = Path(sys.executable).with_name("bootstrap")
    if bootstrap.exists():
        found.append(Candidate(OURS, (str(bootstrap), "echo.handler")))
    else:
        print(f"ours: there is no {bootstrap}; install the project first")
    if importlib.util.find_spec("awslambdaric"):
        found.append(Candidate(PEER, (sys.executable, "-m", "awslambdaric", "echo.handler")))
    else:
        print(f"awslambdaric: not installed for {sys.executable}")
    return [candidate for candidate in found if echoes(candidate)]


def streaming(found: list[Candidate]) -> list[Candidate]:
    """Return those of them that can stream, with the handler in pieces.py."""
    made = []
    for name, command, _ in found:
        if name == BARE:
            made.append(Candidate(name, (*command, "stream")))
        elif name == OURS:
            handler = "pieces.handler"
            made.append(Candidate(name, (command[0], handler), (("_HANDLER", handler),)))
    return [candidate for candidate in made if streams(candidate)]


def concurrent(found: list[Candidate]) -> list[Candidate]:
    """Return the ways of serving many invocations at a time."""
    made = []
    for name, command, _ in found:
        if name == OURS:
            mode = "AWS_LAMBDA_CONCURRENCY_MODE"
            made.append(Candidate(PROCESSES, command, ((mode, "process"),)))
            made.append(Candidate(THREADS, command, ((mode, "thread"),)))
            handler = "echo.handler_async"
            settings = ((mode, "task"), ("_HANDLER", handler))
            made.append(Candidate(TASKS, (command[0], handler), settings))
        elif name == PEER:
            # It logs to the socket by the line, which Lambda asks for with this format.
            made.append(Candidate(name, command, (("AWS_LAMBDA_LOG_FORMAT", "JSON"),)))
    return [candidate for candidate in made if echoes(candidate.at(2))]


def streams(candidate: Candidate) -> bool:
    """Say whether it sends as many pieces as it is told to."""
    with Environment(candidate) as environment:
        try:
            environment.connect().wait_for_next()
            size = environment.connection.stream(next_answer(b'{"pieces": 3}')).size
            if size != 3 * 64 * 1024:
                raise CandidateError(f"{candidate.name} streamed {size:,} bytes, not 3 * 64 KiB")
        except CandidateError as failure:
            print(f"{failure}{environment.last_words()}; {candidate.name} takes no part")
            return False
    return True


def echoes(candidate: Candidate) -> bool:
    """Say whether it gives back what it got. It also leaves its .pyc files warm by that."""
    event = {"name": "René", "numbers": [1, 2.5, None]}
    with Environment(candidate) as environment:
        try:
            environment.connect().wait_for_next()
            answer = next_answer(json.dumps(event).encode())
            body = bytes(environment.connection.respond(answer).body)
            if json.loads(body) != event:
                raise CandidateError(f"{candidate.name} answered {body!r}, not its event")
        except (CandidateError, ValueError) as failure:
            print(f"{failure}{environment.last_words()}; {candidate.name} takes no part")
            return False
    return True


def variables(port: int) -> dict[str, str]:
    """Return the environment as Lambda sets it; of the caller's, only what finds programs."""
    inherited = ("PATH", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in inherited if name in os.environ} | {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": "echo.handler",
        "LAMBDA_TASK_ROOT": str(HERE),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": "echo",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/echo",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    }


class Environment:
    """One process of a candidate with a Runtime API port of its own; killed at the end.

    It is killed with all its children. If it is to serve many invocations at a time it also gets
    a socket for its logs.
    """

    connection: Connection

    def __init__(self, candidate: Candidate, loop: ctypes.CDLL | None = None) -> None:
        self.name = candidate.name
        self.loop = loop
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connections: list[Connection] = []
        surroundings = variables(self.listener.getsockname()[1]) | dict(candidate.settings)
        self.logs = LogSocket() if "AWS_LAMBDA_MAX_CONCURRENCY" in surroundings else None
        if self.logs:
            surroundings[LOG_SOCKET] = self.logs.path
        self.spawned = time.perf_counter_ns()
        self.process = subprocess.Popen(
            candidate.command,
            cwd=HERE,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def connect(self) -> Connection:
        """Accept the runtime's connection, or the next of its connections."""
        for _ in range(PATIENCE * 10):
            if select.select([self.listener], [], [], 0.1)[0]:
                self.connection = Connection(self.listener.accept()[0], self.name, self.loop)
                self.connections.append(self.connection)
                return self.connection
            if self.process.poll() is not None:
                raise CandidateError(f"{self.name} exited with status {self.process.returncode}")
        raise CandidateError(f"{self.name} did not connect within {PATIENCE} s")

    def wait_for_exit(self) -> int:
        """Return when the process was gone."""
        self.process.wait()
        return time.perf_counter_ns()

    def memory(self) -> dict[str, int]:
        """Return what the kernel says of the process's memory, in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        lines = (line.partition(":") for line in status.splitlines())
        return {name: int(value.split()[0]) for name, _, value in lines if value.endswith(" kB")}

    def share(self) -> float:
        """Return the memory of the process and its children in KiB.

        What several processes share counts with each of them in part (PSS).
        """
        rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in tree(self.process.pid))
        return sum(float(rollup.partition("\nPss:")[2].split()[0]) for rollup in rollups)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """End the process; return the last line that it wrote, to stand behind an error message."""
        self.kill()
        written = self.process.communicate()[0] + (self.logs.read() if self.logs else b"")
        lines = written.decode(errors="replace").split("\n")
        return next((f" ({line.strip()})" for line in reversed(lines) if line.strip()), "")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self.process:
            self.kill()
        self.listener.close()
        for connection in self.connections:
            connection.socket.close()
        if self.logs:
            self.logs.close()


class LogSocket:
    """Where each worker connects its stdout and stderr to.

    Nobody accepts the connections: they hold what little is written until it is wanted.
    """

    def __init__(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="benchmarks-")
        self.path = f"{self.directory.name}/logs"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen(128)
        self.socket.setblocking(False)

    def read(self) -> bytes:
        """Return what processes wrote that have ended since."""
        written = b""
        with suppress(BlockingIOError):
            while True:
                connection = self.socket.accept()[0]
                with connection, connection.makefile("rb") as file:
                    written += file.read()
        return written

    def close(self) -> None:
        self.socket.close()
        self.directory.cleanup()


def tree(pid: int) -> Iterator[int]:
    """Yield the process and those that descend from it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from tree(int(child))
