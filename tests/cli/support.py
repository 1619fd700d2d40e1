"""The command in a process of its own, as at a terminal."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from amazon_lambda_runtime.cli.group import run as run_command
from tests.harness import PATIENCE as PATIENCE
from tests.harness import SOURCE, environment, passed

COMMAND = (sys.executable, "-m", "amazon_lambda_runtime.cli")


class Process:
    """A process, and what it has written so far, as `stdout` and `log` (its stderr)."""

    def __init__(
        self, command: Sequence[str], folder: Path, env: dict[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(PYTHONPATH=str(SOURCE)) if env is None else env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.stdout = self.log = ""
        self._grown = threading.Condition()
        self._reading = [
            threading.Thread(target=self._read, args=[name]) for name in ("stdout", "log")
        ]
        for thread in self._reading:
            thread.start()

    def _read(self, name: str) -> None:
        stream = self.process.stdout if name == "stdout" else self.process.stderr
        assert stream is not None
        with stream:
            for line in stream:
                with self._grown:
                    setattr(self, name, getattr(self, name) + line.decode())
                    self._grown.notify_all()

    def wait_until(self, condition: Callable[[], Any]) -> Any:
        """Wait until a condition about the output holds; return what it returned."""
        with self._grown:
            found = self._grown.wait_for(condition, PATIENCE)
            assert found, f"it has written:\n{self.stdout}\n{self.log}"
            return found

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the first match in the log, when it is there."""
        match: re.Match[str] = self.wait_until(lambda: re.search(pattern, self.log))
        return match

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal; return the exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end of the process and of its output; return the exit status."""
        status = self.process.wait(PATIENCE)
        for thread in self._reading:
            thread.join(PATIENCE)
        return status

    def kill(self) -> None:
        self.process.kill()
        self.wait()


class Server(Process):
    """`lambda-runtime local` on a free port."""

    def __init__(
        self, folder: Path, *arguments: str, command: Sequence[str] = (*COMMAND, "local")
    ) -> None:
        super().__init__([*command, "--port", "0", *passed(), *arguments], folder)

    @property
    def base(self) -> str:
        return self.wait_for(r"listens? on (\S+)\n")[1]

    def invoke(self, event: object) -> Any:
        url = f"{self.base}/2015-03-31/functions/function/invocations"
        with urllib.request.urlopen(url, json.dumps(event).encode(), PATIENCE) as response:
            return json.loads(response.read())


def run_here(folder: Path, *arguments: str, **variables: str) -> "CompletedProcess[str]":
    """Run the command in this process: a process of its own takes a second to load boto3.

    One that hangs fails.
    """

    def give_up(number: int, frame: object) -> None:
        raise TimeoutError(f"lambda-runtime {' '.join(arguments)} does not end")

    out, err = (TextIOWrapper(BytesIO(), write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lambda-runtime", *arguments])
        for name, value in variables.items():
            patch.setenv(name, value)
        previous = signal.signal(signal.SIGALRM, give_up)
        signal.alarm(PATIENCE)
        try:
            status = run_command(arguments)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)
    told = [file.buffer.getvalue().decode() for file in (out, err)]
    return CompletedProcess(arguments, status, *told)


def read_terminal(terminal: int, until: bytes | None = None) -> bytes:
    """Return what comes from a terminal, up to these bytes, or until its other end is closed."""
    deadline = time.monotonic() + PATIENCE
    read = b""
    while until is None or until not in read:
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"after {PATIENCE} s there is only {read!r}"
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            piece = b""
        if not piece:
            break
        read += piece
    return read


def is_alive(pid: int) -> bool:
    """Say whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def has_ended(pid: int) -> bool:
    """Wait until a process has ended that is not our child: only polling can tell."""
    deadline = time.monotonic() + PATIENCE
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)
