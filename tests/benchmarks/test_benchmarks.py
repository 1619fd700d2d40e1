"""The measuring server reads whole requests and refuses wrong ones; each group can run alone."""

import ctypes
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks import candidates, clients, loads, measure, table
from benchmarks.environment import Candidate, Environment, tree
from benchmarks.server import CandidateError, Connection, load_loop, next_answer, throughput

ROOT = Path(__file__).parents[2]
BARE = Candidate("bare", (sys.executable, str(ROOT / "benchmarks" / "bare.py")))

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


def test_a_closed_connection_is_an_error(ends: tuple[Connection, socket.socket]) -> None:
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
    with Environment(BARE, loop) as environment:
        connection = environment.connect()
        connection.wait_for_next()
        for load in loads.LOADS.values():
            cycles = connection.cycles(next_answer(load.event()), 3)
            assert len(cycles) == 3
            assert min(cycles) > 0
        environment.process.kill()
        with pytest.raises(CandidateError):
            connection.cycles(next_answer(b"{}"), 1)


@either_loop
def test_either_loop_reads_a_stream_to_its_end(language: str) -> None:
    loop = loop_in(language)
    [streamer] = candidates.streaming([BARE])
    with Environment(streamer, loop) as environment:
        connection = environment.connect()
        connection.wait_for_next()
        for count in (1, 0, 50):
            stream = connection.stream(next_answer(b'{"pieces": %d}' % count))
            assert stream.size == count * 65536
            assert stream.sent < stream.first <= stream.last
    with Environment(BARE, loop) as environment:
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
    answer = next_answer(loads.one_string(50))
    with ExitStack() as stack:
        environments = [stack.enter_context(Environment(BARE, loop)) for _ in range(3)]
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
    family = Candidate("family", (sys.executable, "-c", FAMILY)).at(2)
    with Environment(family) as environment:
        environment.connect()
        pids = list(tree(environment.process.pid))
        assert len(pids) == 2
        alone = Path(f"/proc/{pids[0]}/smaps_rollup").read_text().split("\nPss:")[1].split()[0]
        assert environment.share() > float(alone) * 1.05
        assert environment.last_words() == f" (I am {pids[1]})"
    # The log socket was at its end, so the child is gone as well.


BUSY = """
import os, signal, socket, threading, time
def burn():
    while time.thread_time() < 0.05:
        pass
    ready.release()
    time.sleep(60)
time.sleep(0.5)
ready = threading.Semaphore(0)
threading.Thread(target=burn, daemon=True).start()
ready.acquire()
while time.thread_time() < 0.05:
    pass
host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
api = socket.create_connection((host, int(port)))
signal.pause()
"""


# The threads of a process that has ended are gone, but for the first one.
@pytest.mark.parametrize(("ends", "least"), [(False, 100), (True, 50)])
def test_cpu_time_is_without_the_time_that_was_waited(ends: bool, least: int) -> None:
    code = BUSY.replace("signal.pause()", "") if ends else BUSY
    with Environment(Candidate("busy", (sys.executable, "-c", code))) as environment:
        environment.connect()
        waited = environment.wait_for_exit() if ends else time.perf_counter_ns()
        took = (waited - environment.spawned) / 1e6
        assert least <= environment.cpu() <= took - 500


def test_a_candidate_that_exits_takes_no_part(capsys: pytest.CaptureFixture[str]) -> None:
    broken = Candidate("broken", (sys.executable, "-c", "raise SystemExit('no luck')"))
    assert candidates.echoes(BARE)
    assert not candidates.echoes(broken)
    expected = "broken exited with status 1 (no luck); broken takes no part\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("library", "make", "line", "count"),
    [
        ("boto3", candidates.with_boto3, "boto3: not installed; nothing is measured with it", 0),
        ("orjson", candidates.with_orjson, "orjson: not installed; it takes no part", 1),
    ],
)
def test_a_library_that_is_missing_is_one_line(
    library: str,
    make: Callable[[list[Candidate]], list[Candidate]],
    line: str,
    count: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    found = [BARE, Candidate(candidates.OURS, ("bootstrap", "echo.handler"))]
    assert make(found) == found[1:][:count]
    assert capsys.readouterr().out == f"{line}\n"


def test_without_boto3_its_columns_are_empty() -> None:
    group = clients.boto3([], measure.QUICK)
    start, *_, added = table.render(group).split("\n")[2:]
    assert start.split("ms")[1].split() == ["-", "-", "-", "≤", "0.88", "*", "awslambdaric", "-"]
    assert added.endswith("≤ 0.12 * awslambdaric -")


def test_a_runtime_forks_workers_if_it_is_told_to() -> None:
    ours = Candidate(candidates.OURS, ("bootstrap", "echo.handler"))
    peer = Candidate(candidates.PEER, ("python", "-m", "awslambdaric", "echo.handler"))
    settings = dict(candidates.forking(ours).at(8).settings)
    assert settings == {candidates.MODE: "process", "AWS_LAMBDA_MAX_CONCURRENCY": "8"}
    assert candidates.MODE not in dict(candidates.forking(peer).settings)


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


# How many rows each group has, and which of them have a target.
GROUPS = {
    "start": (3, {"exec to first response"}),
    "cycle": (20, {"50 B, p50", "50 B, CPU", "6 MB, p50"}),
    "instructions": (3, set()),
    "memory": (2, {"resident", "peak"}),
    "async": (9, {"async above plain, p10"}),
    "orjson": (4, set()),
    "stream": (2, set()),
    "concurrency": (8, {"N=16, invocations/s", "N=16, PSS, MiB"}),
    "boto3": (5, {"boto3, exec to first response, ms", "boto3, MiB per added"}),
    "events": (
        9,
        {
            "import, ms",
            "a message, µs",
            "a message of a FIFO queue, µs",
            "a message where one in ten fails, µs",
            "a batch of one, µs",
            "a message of an async hook, µs",
        },
    ),
    "web": (
        16,
        {
            "first streamed byte, raw ASGI, p10, µs",
            "raw ASGI above an async handler, p10, µs",
            "raw ASGI, CPU to first response, ms",
            "Starlette, CPU, µs",
            "Starlette, CPU to first response, ms",
            "FastAPI, CPU to first response, ms",
            "Flask, CPU, µs",
        },
    ),
    "local": (4, {"warm invoke, p50, µs", "warm invoke, one CPU, p50, µs"}),
    "standing": (
        6,
        {
            "listening, ms",
            "first answer, ms",
            "idle, % of a CPU",
            "growth, MiB",
            "64 environments, growth, MiB",
        },
    ),
    "durable": (
        3,
        {
            "execution of one step, ms",
            "40 executions with a wait of 2 s, ms",
            "modules of it in a function that is not durable",
        },
    ),
}
LONG = {"boto3", "durable", "cycle", "events", "instructions", "standing", "web"}


def test_each_target_is_for_a_row_that_is_measured() -> None:
    assert set(table.TARGETS) == set().union(*(rows for _, rows in GROUPS.values()))


@pytest.mark.parametrize(
    "group",
    # tests/benchmarks/test_emulators.py does it with `local`.
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name in LONG))
        for name in GROUPS
        if name != "local"
    ],
)
def test_one_group_alone(group: str, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", group, "--json", str(file)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert f"\n{group}: " in run.stdout
    document = json.loads(file.read_text())
    assert set(document) == {"run", group}
    count, targeted = GROUPS[group]
    rows = set(document[group]["rows"])
    assert len(rows) == count
    assert rows & set(table.TARGETS) == targeted
