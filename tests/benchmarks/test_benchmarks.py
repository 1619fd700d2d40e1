"""The measuring instrument: it reads requests whole, notices impostors and judges ratios."""

import ctypes
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks import candidates, measure, table
from benchmarks.server import CandidateError, Connection, load_loop, next_answer, throughput

ROOT = Path(__file__).parents[2]
BARE = candidates.Candidate("bare", (sys.executable, str(ROOT / "benchmarks" / "bare.py")))

either_loop = pytest.mark.parametrize("language", ["C", "Python"])


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


def loop_in(language: str) -> ctypes.CDLL | None:
    loop = load_loop() if language == "C" else None
    if language == "C" and loop is None:
        pytest.skip("no C compiler")
    return loop


@either_loop
def test_either_loop_counts_every_cycle(language: str) -> None:
    loop = loop_in(language)
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


@either_loop
def test_either_loop_reads_a_stream_to_its_end(language: str) -> None:
    loop = loop_in(language)
    [streamer] = candidates.streaming([BARE])
    with candidates.Environment(streamer, loop) as environment:
        connection = environment.connect()
        connection.wait_for_next()
        for count in (1, 0, 50):
            stream = connection.stream(next_answer(b'{"pieces": %d}' % count))
            assert stream.size == count * 65536
            assert stream.sent < stream.first <= stream.last
    with candidates.Environment(BARE, loop) as environment:
        connection = environment.connect()
        connection.wait_for_next()
        with pytest.raises(CandidateError, match="bare did not stream its response"):
            connection.stream(next_answer(b'{"pieces": 1}'))


@either_loop
def test_a_stream_must_be_ended(ends: tuple[Connection, socket.socket], language: str) -> None:
    connection, runtime = ends
    connection.loop = loop_in(language)
    runtime.sendall(
        b"POST /x/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    )
    runtime.shutdown(socket.SHUT_WR)
    with pytest.raises(CandidateError):
        connection.stream(next_answer(b"{}"))


@either_loop
def test_either_loop_keeps_all_workers_busy(language: str) -> None:
    loop = loop_in(language)
    answer = next_answer(measure.echo_event(50))
    with ExitStack() as stack:
        environments = [stack.enter_context(candidates.Environment(BARE, loop)) for _ in range(3)]
        connections = [environment.connect() for environment in environments]
        for connection in connections:
            connection.wait_for_next()
        assert throughput(connections, answer, 0.05) > 0
        # All wait again.
        for connection in connections:
            assert len(connection.cycles(answer, 2)) == 2
        environments[1].process.kill()
        environments[1].process.wait()
        with pytest.raises(CandidateError):
            throughput(connections, answer, 0.05)


FAMILY = """
import os, signal, socket
log = socket.socket(socket.AF_UNIX)
log.connect(os.environ["_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"])
read, write = os.pipe()
if not os.fork():
    log.send(f"I am {os.getpid()}".encode())
    os.write(write, bytes(1))
    signal.pause()
os.read(read, 1)
host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
api = socket.create_connection((host, int(port)))
signal.pause()
"""


def test_a_process_counts_with_its_children() -> None:
    family = candidates.Candidate("family", (sys.executable, "-c", FAMILY)).at(2)
    with candidates.Environment(family) as environment:
        environment.connect()
        pids = list(candidates.tree(environment.process.pid))
        assert len(pids) == 2
        alone = Path(f"/proc/{pids[0]}/smaps_rollup").read_text().split("\nPss:")[1].split()[0]
        assert environment.share() > float(alone) * 1.05
        assert environment.last_words() == f" (I am {pids[1]})"
    # The log socket was at its end, so the child is gone as well.


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


def test_each_way_of_concurrency_has_its_ratio() -> None:
    row = {"processes": 3.0, "threads": 0.5, "awslambdaric": 2.0}
    group = measure.Group("it", "", "awslambdaric", {"N=4": row}, ("processes", "threads", "tasks"))
    _, head, line = table.render(group).split("\n")
    ways = ["processes", "threads", "tasks"]
    ratios = [f"{way}/awslambdaric" for way in ways]
    assert head.split() == [*ways, "awslambdaric", *ratios, "target"]
    assert line.split() == ["N=4", "3.0", "0.50", "-", "2.0", "1.50", "0.25", "-"]


@pytest.mark.parametrize(
    ("group", "rows"), [("stream", 2), ("concurrency", 8), ("events", 9)], ids=lambda value: value
)
def test_one_group_alone(group: str, rows: int, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", group, "--json", str(file)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert f"\n{group}: " in run.stdout
    document = json.loads(file.read_text())
    assert set(document) == {"python", "machine", "awslambdaric", group}
    assert len(document[group]["rows"]) == rows
