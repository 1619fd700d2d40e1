"""What a server takes of the machine: no time while nobody uses it, no more memory as time passes.

EXAMPLES is the seconds of idleness, and the invocations: 60 and 20000 are the long proofs.
"""

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import examples

from .support import PATIENCE, source_path

pytestmark = pytest.mark.slow

SOURCE = """
import time

def handler(event, context):
    time.sleep(event.get("sleep", 0))
    return event
"""
# In MiB. The journal has its 500 invocations by then, and the allocator what it wants.
GROWTH = 3
WARM_UP = 1500


class Server:
    """`lambda-runtime local` in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        (folder / "mod.py").write_text(SOURCE)
        self.connections: list[http.client.HTTPConnection] = []
        command = [sys.executable, "-m", "amazon_lambda_runtime.cli", "local", "mod.handler"]
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--no-url", "--timeout", str(PATIENCE), *options],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": source_path()},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if listens := re.search(r"listens on http://127\.0\.0\.1:(\d+)", line):
                self.port = int(listens[1])
                return
        raise AssertionError("the server does not start")

    def invoke(self, connection: http.client.HTTPConnection, event: str = "{}") -> None:
        connection.request("POST", "/2015-03-31/functions/mod/invocations", event)
        with connection.getresponse() as response:
            assert response.read() == event.encode()

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self.connections.append(connection)
        return connection

    def seconds(self) -> float:
        """Return for how long its threads have had a CPU."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def resident(self) -> float:
        """Return its memory, in MiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    server = Server(folder, *options)
    # What it logs is read, so that it never waits.
    reader = subprocess.Popen(["cat"], stdin=server.process.stderr, stdout=subprocess.DEVNULL)
    try:
        yield server
    finally:
        for connection in server.connections:
            connection.close()
        server.process.terminate()
        server.process.wait(PATIENCE)
        assert server.process.stderr is not None
        server.process.stderr.close()
        reader.wait(PATIENCE)


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_idle(tmp_path: Path) -> None:
    """A server whose environments are frozen takes next to no time."""
    seconds = examples(4)
    with serving(tmp_path) as server:
        server.invoke(server.connect())

        def rests() -> bool:
            before = server.seconds()
            time.sleep(0.5)
            return server.seconds() - before < 0.02

        until(rests)
        before = server.seconds()
        time.sleep(seconds)
        share = (server.seconds() - before) / seconds
    print(f"{share:.2%} of a CPU over {seconds} s")
    # A look at all environments every quarter of a second took 1.2 %.
    assert share < (0.003 if seconds >= 60 else 0.006)


@pytest.mark.parametrize("environments", [1, 64])
def test_memory(tmp_path: Path, environments: int) -> None:
    """Invocation after invocation, it needs no more memory."""
    count = examples(1500)
    with serving(tmp_path, "--concurrency", str(environments)) as server:
        connections = [server.connect() for _ in range(environments)]
        if environments > 1:
            # Simultaneous, so that each has an environment of its own.
            for connection in connections:
                connection.request("POST", "/2015-03-31/functions/mod/invocations", '{"sleep": 3}')
            for connection in connections:
                with connection.getresponse() as response:
                    assert response.status == 200
                    response.read()
        for number in range(WARM_UP):
            server.invoke(connections[number % environments])
        before = server.resident()
        for number in range(count):
            server.invoke(connections[number % environments])
        after = server.resident()
    print(f"{before:.1f} MiB, {after:.1f} MiB after {count} invocations more")
    assert after - before < GROWTH
