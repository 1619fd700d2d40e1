"""The execution environment that a candidate runs in: a process with a Runtime API of its own."""

import ctypes
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from .server import HERE, PATIENCE, CandidateError, Connection

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


def variables(port: int) -> dict[str, str]:
    """Return the variables that Lambda sets, and the caller's by which programs are found."""
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

    All its children are killed too. A candidate that serves many invocations at a time also gets a
    socket for its logs.
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
        """Return the time when the process ended; it is still there for `cpu()`."""
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        return time.perf_counter_ns()

    def cpu(self) -> float:
        """Return the milliseconds for which the process had a CPU, once it waits or has ended."""
        process = Path(f"/proc/{self.process.pid}")
        # The kernel adds up the time of a thread when the thread stops running.
        for _ in range(PATIENCE * 10_000):
            if (process / "stat").read_text().rpartition(") ")[2][0] in "SZ":
                break
            time.sleep(0.0001)
        return scheduled(self.process.pid)

    def memory(self) -> dict[str, int]:
        """Return what the kernel says of the process's memory, in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        lines = (line.partition(":") for line in status.splitlines())
        return {name: int(value.split()[0]) for name, _, value in lines if value.endswith(" kB")}

    def share(self) -> float:
        """Return the memory of the process and its children in KiB.

        A page that several processes share counts in part with each (PSS).
        """
        rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in tree(self.process.pid))
        return sum(float(rollup.partition("\nPss:")[2].split()[0]) for rollup in rollups)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """End the process; return the last line that it wrote, to append to an error message."""
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

    The connections are not accepted until the end: their buffers hold what little is written.
    """

    def __init__(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="benchmarks-")
        self.path = f"{self.directory.name}/logs"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen(128)
        self.socket.setblocking(False)

    def read(self) -> bytes:
        """Return what the processes wrote, which must have ended."""
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


def scheduled(pid: int) -> float:
    """Return the milliseconds for which a process's threads had a CPU."""
    found = (each.read_text().split()[0] for each in Path(f"/proc/{pid}").glob("task/*/schedstat"))
    return sum(map(int, found)) / 1e6


def tree(pid: int) -> Iterator[int]:
    """Yield the process and those that descend from it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from tree(int(child))
