"""The same applications in a server of their own, uvicorn or gunicorn, over loopback.

A server has its client on the other end, and no runtime: the figure is what a process behind the
Web Adapter would take besides the adapter.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from types import TracebackType
from typing import Self

from .environment import scheduled, tree
from .server import HERE, PATIENCE, CandidateError


class WebServer:
    """A server with one application, on a port of its own; killed at the end."""

    def __init__(self, module: str, app: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        where = {
            "uvicorn": ("--port", str(self._port), "--no-access-log", "--log-level", "error"),
            "gunicorn": ("-b", f"127.0.0.1:{self._port}", "--log-level", "error"),
        }[module]
        self._name = f"{module} {app}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, f"web_apps:{app}", *where],
            cwd=HERE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._connection = HTTPConnection("127.0.0.1", self._port, PATIENCE)

    def request(self) -> None:
        """Send a request and take its response; over one connection, if the server keeps it."""
        self._connection.request("GET", "/hello")
        with self._connection.getresponse() as response:
            if response.status != 200 or not response.read():
                raise CandidateError(f"{self._name} answered {response.status}")

    def cpu(self) -> float:
        """Return the milliseconds for which the server's processes had a CPU."""
        time.sleep(0.002)  # until they wait: the kernel adds up when a thread stops running
        return sum(map(scheduled, tree(self._process.pid)))

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._connection.connect()
            except ConnectionRefusedError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise CandidateError(f"{self._name} does not listen") from None
                time.sleep(0.02)

    def __enter__(self) -> Self:
        self._wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
