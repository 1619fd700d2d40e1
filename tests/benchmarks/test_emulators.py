"""The client of the emulators: it reads responses whole, and knows a wrong one."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import emulators, loads, measure, table
from benchmarks.server import CandidateError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ends() -> Iterator[tuple[emulators.Client, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = emulators.Client(listener.getsockname()[1], "it")
        server = listener.accept()[0]
    with server:
        yield client, server
    client.close()


def test_a_response_may_come_in_pieces(ends: tuple[emulators.Client, socket.socket]) -> None:
    client, server = ends
    response = b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 4\r\n\r\nbody"

    def trickle() -> None:
        for byte in response:
            server.send(bytes([byte]))

    thread = threading.Thread(target=trickle)
    thread.start()
    assert client.invoke(b"{}") == b"body"
    thread.join()
    assert server.recv(1000).endswith(b"\r\nContent-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", "it answered .* 429"),
        (b"", "it closed its connection"),
    ],
)
def test_no_answer(
    ends: tuple[emulators.Client, socket.socket], response: bytes, expected: str
) -> None:
    client, server = ends
    server.sendall(response)
    server.shutdown(socket.SHUT_WR)
    with pytest.raises(CandidateError, match=expected):
        client.invoke(b"{}")


def test_the_event_is_what_is_said() -> None:
    assert len(loads.one_string(emulators.EVENT)) == emulators.EVENT


def test_binding_ends() -> None:
    before = os.sched_getaffinity(0)
    bound = emulators._Bound()
    assert len(os.sched_getaffinity(0)) == 1
    bound.release()
    assert os.sched_getaffinity(0) == before


def test_the_target_is_a_part() -> None:
    row = {emulators.LOCAL: 90.0, emulators.RIE: 100.0}
    rows = {"warm invoke, p50, µs": row}
    group = measure.Group("it", "", emulators.RIE, rows, (emulators.LOCAL,), emulators.RIE)
    assert table.render(group).endswith("0.90  ≤ 0.85 * aws-lambda-rie MISSED")
    row[emulators.LOCAL] = 80.0
    assert table.render(group).endswith("0.80  ≤ 0.85 * aws-lambda-rie ok")
    del row[emulators.RIE]
    assert table.render(group).endswith("-  ≤ 0.85 * aws-lambda-rie -")


def test_alone(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "local"]
    run = subprocess.run([*command, "--json", str(file)], cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    rows = json.loads(file.read_text())["local"]["rows"]
    assert len(rows) == 4
    assert all(row[emulators.LOCAL] > 0 for row in rows.values())
