"""The measuring instrument: it reads requests whole, notices impostors and judges ratios."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import candidates, measure, table
from benchmarks.server import CandidateError, Connection, load_loop, next_answer

ROOT = Path(__file__).parents[2]
BARE = candidates.Candidate("bare", (sys.executable, str(ROOT / "benchmarks" / "bare.py")))


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        runtime = socket.create_connection(listener.getsockname())
        server = listener.accept()[0]
    with runtime, server:
        yield Connection(server, "it", None), runtime


def test_a_request_may_come_in_pieces(ends: tuple[Connection, socket.socket]) -> None:
    connection, runtime = ends
    request = b"POST /x/response HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 4\r\n\r\nbody"

    def trickle() -> None:
        for byte in request:
            runtime.send(bytes([byte]))
            time.sleep(0.001)

    thread = threading.Thread(target=trickle)
    thread.start()
    assert bytes(connection.receive(b"POST", b"/response").body) == b"body"
    thread.join()


def test_an_error_is_no_response(ends: tuple[Connection, socket.socket]) -> None:
    connection, runtime = ends
    runtime.sendall(b"POST /x/error HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(CandidateError, match=r"it sent .*/error"):
        connection.receive(b"POST", b"/response")


def test_a_closed_connection_is_told(ends: tuple[Connection, socket.socket]) -> None:
    connection, runtime = ends
    runtime.close()
    with pytest.raises(CandidateError, match="it closed its connection"):
        connection.wait_for_next()


@pytest.mark.parametrize("language", ["C", "Python"])
def test_either_loop_counts_every_cycle(language: str) -> None:
    loop = load_loop() if language == "C" else None
    if language == "C" and loop is None:
        pytest.skip("no C compiler")
    with candidates.Environment(BARE, loop) as environment:
        connection = environment.connect()
        connection.wait_for_next()
        for size, _ in measure.LOADS.values():
            cycles = connection.cycles(next_answer(measure.echo_event(size)), 3)
            assert len(cycles) == 3
            assert min(cycles) > 0
        environment.process.kill()
        with pytest.raises(CandidateError):
            connection.cycles(next_answer(b"{}"), 1)


def test_who_exits_early_takes_no_part(capsys: pytest.CaptureFixture[str]) -> None:
    broken = candidates.Candidate("broken", (sys.executable, "-c", "raise SystemExit('no luck')"))
    assert candidates.echoes(BARE)
    assert not candidates.echoes(broken)
    expected = "broken exited with status 1 (no luck); broken takes no part\n"
    assert capsys.readouterr().out == expected


def test_targets_are_judged_by_the_ratio() -> None:
    row = {"pass": 10.0, "bare": 1.0, "ours": 15.0, "awslambdaric": 30.0}
    group = measure.Group("start", "ms", "pass", {"exec to first response": row})
    assert table.render(group).endswith(
        "0.50       1.50  ≤ 0.45 * awslambdaric MISSED, ≤ 1.60 * pass ok"
    )
    del row["ours"]
    assert table.render(group).endswith("≤ 0.45 * awslambdaric -, ≤ 1.60 * pass -")


@pytest.mark.parametrize(
    "arguments", [["--only", "speed"], ["--json", "/nonexistent/figures.json"], ["more"]]
)
def test_bad_input_is_one_line(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("python -m benchmarks: ")
    assert run.stderr.count("\n") == 1
