"""Everything that goes wrong at once: processes are killed, readers leave, the code is saved, while
clients invoke and wait, invoke and do not wait, and ask the function URL.

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
from collections.abc import Callable
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
import json, os, subprocess, sys, time

# One in a session of its own, which has to end with its environment.
child = subprocess.Popen(["setsid", "sleep", "600"])
print("pids", os.getpid(), child.pid, flush=True)

def handler(event, context):
    event = json.loads(event["body"]) if "body" in event else event
    time.sleep(event["takes"])
    if event.get("is_told"):
        print("done", context.aws_request_id, flush=True)
    return event["number"]
"""


class Client:
    """Calls again and again; `answers` counts what it got by kind.

    `events` are the request ids of the invocations that it was told will be done later.
    """

    def __init__(self, api: str, url: str, number: int, over: threading.Event) -> None:
        self._api = api
        self._url = url
        self._over = over
        self._random = chance(f"client {number}")
        self._first = number * 1_000_000
        self.answers: Counter[str] = Counter()
        self.events: list[str] = []

    def run(self) -> "Client":
        api, url = (
            http.client.HTTPConnection(address, timeout=PATIENCE)
            for address in (self._api, self._url)
        )
        ways: list[tuple[int, Callable[[dict[str, object], int], str]]] = [
            (75, lambda body, number: self._invoke(api, body, number)),
            (10, lambda body, number: self._ask(url, body, number)),
            (10, lambda body, number: self._tell(api, body, number)),
            (5, lambda body, _: self._leave(body)),
        ]
        number = self._first
        while not self._over.is_set():
            number += 1
            (_, call), *_ = self._random.choices(ways, [weight for weight, _ in ways])
            kind = call({"number": number, "takes": self._random.random() / 20}, number)
            self.answers[kind] += 1
            if kind == "refused":
                self._over.wait(self._random.random() / 5)
        api.close()
        url.close()
        return self

    def _invoke(self, api: http.client.HTTPConnection, body: object, number: int) -> str:
        api.request("POST", PATH, json.dumps(body))
        response = api.getresponse()
        answer = response.read()
        if response.status == 429:
            return "refused"
        assert response.status == 200, (response.status, answer)
        if response.headers["X-Amz-Function-Error"]:
            return str(json.loads(answer)["errorType"])
        # An answer that was sent twice, or to another, would be seen here.
        assert json.loads(answer) == number, (number, answer)
        return "answered"

    def _ask(self, url: http.client.HTTPConnection, body: object, number: int) -> str:
        url.request("POST", "/", json.dumps(body))
        response = url.getresponse()
        answer = response.read()
        if response.status == 502:
            assert answer == b"Internal Server Error"
            return "failed by URL"
        if response.status == 429:
            return "refused"
        assert response.status == 200, (response.status, answer)
        assert json.loads(answer) == number, (number, answer)
        return "answered by URL"

    def _tell(self, api: http.client.HTTPConnection, body: dict[str, object], number: int) -> str:
        event = json.dumps(body | {"is_told": True})
        api.request("POST", PATH, event, {"X-Amz-Invocation-Type": "Event"})
        response = api.getresponse()
        response.read()
        if response.status == 429:
            return "refused"
        assert response.status == 202, response.status
        self.events.append(response.headers["x-amzn-RequestId"])
        return "accepted"

    def _leave(self, event: object) -> str:
        """Send a request, and go without its answer."""
        body = json.dumps(event).encode()
        host, _, port = self._api.partition(":")
        head = f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
        with suppress(ConnectionError), socket.create_connection((host, int(port))) as leaving:
            leaving.sendall(head.encode() + body)
        return "left"


@pytest.mark.slow
def test_chaos(tmp_path: Path) -> None:
    """
    Every invocation that was accepted is answered once, every event that was accepted is done or
    reported, START and REPORT are told once for each try, and nothing survives the server.
    """
    kills = examples(25)
    source = tmp_path / "hello.py"
    source.write_text(HANDLER)
    options = ["--concurrency", "6", "--url-port", "0", "--memory", "512"]
    server = Server(tmp_path, *options, "hello.handler")
    try:
        api = urlsplit(server.base).netloc
        url = urlsplit(server.wait_for(r"the function's URL: (\S+)\n")[1]).netloc
        over = threading.Event()
        random = chance("chaos")
        with ThreadPoolExecutor(CLIENTS) as threads:
            clients = [
                threads.submit(Client(api, url, number, over).run) for number in range(CLIENTS)
            ]
            try:
                for number in range(kills):
                    server.wait_until(lambda: len(pids(server)) > 0)
                    time.sleep(random.random() / 5)  # when it comes is what is tested
                    kill(random.choice(pids(server)[-12:]), tmp_path)
                    if number == kills // 2:
                        # At once, as editors do: an environment that starts must not find half.
                        saved = tmp_path / "hello.py~"
                        saved.write_text(f"{HANDLER}\n# saved\n")
                        saved.replace(source)
                        server.wait_for("hello.py changed: reloading hello")
            finally:
                over.set()
            done = [each.result(PATIENCE) for each in clients]
            answers = sum((each.answers for each in done), Counter())
            events = {event for each in done for event in each.events}
        # All of it is over, and one that comes now is served.
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError):
                if server.invoke({"number": 7, "takes": 0}) == 7:
                    break
            assert time.monotonic() < deadline
            time.sleep(0.1)
        server.wait_until(lambda: events <= settled(server.log))
        assert server.end() == 0
        for pid in pids(server):
            assert has_ended(pid)
    finally:
        server.kill()
    assert min(answers[kind] for kind in ("answered", "answered by URL", "accepted")) > 0
    assert set(answers) <= {
        "answered", "answered by URL", "accepted", "refused", "left", "Runtime.ExitError",
        "failed by URL",
    }  # fmt: skip
    assert len(events) == answers["accepted"]
    started = Counter(re.findall(r"^START RequestId: (\S+)", server.log, re.M))
    reported = Counter(re.findall(r"^REPORT RequestId: (\S+)", server.log, re.M))
    for name, count in started.items():
        assert count == 1 or (name in events and count <= 3), name
        # One that ran when the server ended, for a client that had left, is not reported.
        assert reported[name] in (count, count - 1), id
    assert reported.keys() <= started.keys()
    assert "Traceback" not in server.log


def kill(pid: int, folder: Path) -> None:
    """Kill a process if it still is one of the function in this folder."""
    with suppress(OSError):
        if os.readlink(f"/proc/{pid}/cwd") == str(folder):
            os.kill(pid, signal.SIGKILL)


def settled(log: str) -> set[str]:
    """Return the request ids of the events that were done, or given up and reported."""
    return set(re.findall(r"^(?:done|Event RequestId:) (\S+)(?:$| failed after)", log, re.M))


def pids(server: Server) -> list[int]:
    """Return the processes that functions have told of, the newest last."""
    found = re.findall(r"^pids (\d+) (\d+)$", server.log, re.M)
    return [int(pid) for pair in found for pid in pair]
