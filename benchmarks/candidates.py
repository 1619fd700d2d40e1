"""Who takes part, and the execution environment that each of them runs in."""

import ctypes
import importlib.util
import json
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from .server import HERE, PATIENCE, CandidateError, Connection, build, next_answer

OURS = "ours"
PEER = "awslambdaric"
BARE = "bare"
PASS = "pass"


class Candidate(NamedTuple):
    name: str
    command: tuple[str, ...]


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
    """One process of a candidate with a Runtime API port of its own; killed at the end."""

    connection: Connection

    def __init__(self, candidate: Candidate, loop: ctypes.CDLL | None = None) -> None:
        self.name = candidate.name
        self.loop = loop
        self.listener = socket.create_server(("127.0.0.1", 0))
        surroundings = variables(self.listener.getsockname()[1])
        self.spawned = time.perf_counter_ns()
        self.process = subprocess.Popen(
            candidate.command,
            cwd=HERE,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def connect(self) -> Connection:
        """Accept the runtime's connection."""
        for _ in range(PATIENCE * 10):
            if select.select([self.listener], [], [], 0.1)[0]:
                self.connection = Connection(self.listener.accept()[0], self.name, self.loop)
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

    def last_words(self) -> str:
        """End the process; return the last line that it wrote, to stand behind an error message."""
        self.process.kill()
        lines = self.process.communicate()[0].decode(errors="replace").split("\n")
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
            self.process.kill()
        self.listener.close()
        if hasattr(self, "connection"):
            self.connection.socket.close()
