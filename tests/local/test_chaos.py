"""Everything that goes wrong at once: processes are killed, readers leave, the code is saved.

How long it goes on is set by EXAMPLES: the number of processes that are killed.
"""

import http.client
import json
import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.support import PATIENCE, Server, has_ended
from tests.harness import chance, examples

CLIENTS = 200
PATH = "/2015-03-31/functions/hello/invocations"
HANDLER = """
import os, subprocess, sys, time

# One in a session of its own, which has to end with its environment.
child = subprocess.Popen(["setsid", "sleep", "600"])
print("pids", os.getpid(), child.pid, flush=True)

def handler(event, context):
    time.sleep(event["takes"])
    return event["number"]
"""


class Client:
    """Invokes again and again on one connection; `answers` counts what it got by kind."""

    def __init__(self, address: str, number: int, over: threading.Event) -> None:
        self._address = address
        self._over = over
        self._random = chance(f"client {number}")
        self._first = number * 1_000_000
        self.answers: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE)
        number = self._first
        while not self._over.is_set():
            number += 1
            body = json.dumps({"number": number, "takes": self._random.random() / 20})
            if self._random.random() < 0.05:
                self._leave(body.encode())
                continue
            connection.request("POST", PATH, body)
            response = connection.getresponse()
            answer = response.read()
            failed = response.headers["X-Amz-Function-Error"]
            if response.status == 429:
                self.answers["refused"] += 1
                self._over.wait(self._random.random() / 5)
            else:
                assert response.status == 200, (response.status, answer)
                # An answer that was sent twice, or to another, would be seen here.
                assert failed or json.loads(answer) == number, (number, answer)
                kind = json.loads(answer)["errorType"] if failed else "answered"
                self.answers[kind] += 1
        connection.close()
        return self.answers

    def _leave(self, body: bytes) -> None:
        """Send a request, and go without its answer."""
        host, _, port = self._address.partition(":")
        head = f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
        with suppress(ConnectionError), socket.create_connection((host, int(port))) as leaving:
            leaving.sendall(head.encode() + body)
        self.answers["left"] += 1


@pytest.mark.slow
def test_chaos(tmp_path: Path) -> None:
    """
    Every invocation that was accepted is answered once, START and REPORT are told once for each,
    and nothing survives the server.
    """
    kills = examples(25)
    source = tmp_path / "hello.py"
    source.write_text(HANDLER)
    server = Server(tmp_path, "--concurrency", "6", "--no-url", "--memory", "512", "hello.handler")
    try:
        address = urlsplit(server.base).netloc
        over = threading.Event()
        random = chance("chaos")
        with ThreadPoolExecutor(CLIENTS) as threads:
            clients = [
                threads.submit(Client(address, number, over).run) for number in range(CLIENTS)
            ]
            try:
                for number in range(kills):
                    server.wait_until(lambda: len(pids(server)) > 0)
                    time.sleep(random.random() / 5)  # when it comes is what is tested
                    kill(random.choice(pids(server)[-12:]), tmp_path)
                    if number == kills // 2:
                        source.write_text(f"{HANDLER}\n# saved\n")
                        server.wait_for("hello.py changed: reloading hello")
            finally:
                over.set()
            answers = sum((each.result(PATIENCE) for each in clients), Counter())
        # All of it is over, and one that comes now is served.
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError):
                if server.invoke({"number": 7, "takes": 0}) == 7:
                    break
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert server.end() == 0
        for pid in pids(server):
            assert has_ended(pid)
    finally:
        server.kill()
    assert answers["answered"] > 0
    assert set(answers) <= {"answered", "refused", "left", "Runtime.ExitError"}
    started = Counter(re.findall(r"^START RequestId: (\S+)", server.log, re.M))
    reported = Counter(re.findall(r"^REPORT RequestId: (\S+)", server.log, re.M))
    assert set(started.values()) == {1}
    assert set(reported.values()) == {1}
    # One that ran when the server ended, for a client that had left, is not reported.
    assert reported.keys() <= started.keys()
    assert "Traceback" not in server.log


def kill(pid: int, folder: Path) -> None:
    """Kill a process if it still is one of the function in this folder."""
    with suppress(OSError):
        if os.readlink(f"/proc/{pid}/cwd") == str(folder):
            os.kill(pid, signal.SIGKILL)


def pids(server: Server) -> list[int]:
    """Return the processes that functions have told of, the newest last."""
    found = re.findall(r"^pids (\d+) (\d+)$", server.log, re.M)
    return [int(pid) for pair in found for pid in pair]
