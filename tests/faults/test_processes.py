"""Real processes whose Runtime API misbehaves. Numbers are those of behaviour.md."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import (
    ACCEPTED,
    SERVING,
    HangUp,
    Reset,
    Run,
    Step,
    environment,
    event,
    ours,
    reply,
    run,
)

from .support import read_request

SOURCE = """
def handler(event, context):
    if event == "fail":
        raise ValueError("no")
    return len(event)
"""
EVENT = event(b'"four"')
FAILING = event(b'"fail"')
LINE = re.compile(r"\[ERROR\] LAMBDA_RUNTIME [^\n]+\n")
ENDS = [pytest.param(HangUp, id="closed"), pytest.param(Reset, id="reset")]


def serve(script: list[Step], directory: Path, source: str = SOURCE) -> Run:
    directory.joinpath("h.py").write_text(source)
    return run(ours("h.handler"), script, directory)


@pytest.mark.parametrize("end", ENDS)
def test_next_is_cut(end: type[HangUp] | type[Reset], tmp_path: Path) -> None:
    """64, 65: nobody notices a /next that had to be asked again."""
    cuts: list[Step] = [[EVENT[:size], end] for size in (0, 1, EVENT.index(b"\r\n\r\n") + 4, -1)]
    done = serve([*cuts, EVENT, ACCEPTED, *cuts, EVENT, ACCEPTED], tmp_path)
    assert [post.body for post in done.posts] == [b"4", b"4"]
    assert (done.status, done.stdout, done.stderr) == (SERVING, "", "")


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(HangUp, id="closed"),
        pytest.param([EVENT[:-1], HangUp], id="cut"),
        pytest.param([b"SSH-2.0-OpenSSH_9\r\n\r\n"], id="garbage"),
        pytest.param([b"HTTP/1.1 200 OK\r\nX: " + b"y" * 3_000_000], id="3 MB of headers"),
    ],
)
def test_next_never_comes(step: Step, tmp_path: Path) -> None:
    """64: after five attempts one line says why, and the exit status is 1."""
    done = serve([EVENT, ACCEPTED, *[step] * 5, EVENT], tmp_path)
    assert done.kinds == ["next", "response"] + ["next"] * 5
    assert LINE.fullmatch(done.stdout)
    assert (done.status, done.stderr) == (1, "")


@pytest.mark.parametrize("size", [1, ACCEPTED.index(b"\r\n\r\n") + 4, len(ACCEPTED) - 1])
@pytest.mark.parametrize(
    ("coming", "kind"), [pytest.param(EVENT, "response"), pytest.param(FAILING, "error")]
)
def test_post_is_cut(size: int, coming: bytes, kind: str, tmp_path: Path) -> None:
    """46, 68: an answer whose reply breaks off is sent once; one line, exit status 1."""
    done = serve([coming, [ACCEPTED[:size], HangUp], ACCEPTED], tmp_path)
    assert done.kinds == ["next", kind]
    assert len(LINE.findall(done.stdout)) == 1
    assert (done.status, done.stderr) == (1, "")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("coming", "kind"), [(EVENT, "response"), (FAILING, "error")])
def test_post_is_lost(
    coming: bytes, kind: str, end: type[HangUp] | type[Reset], tmp_path: Path
) -> None:
    """63: an answer of either kind is sent again where the connection ended before any reply."""
    done = serve([coming, end, ACCEPTED, EVENT, ACCEPTED], tmp_path)
    assert done.kinds == ["next", kind, kind, "next", "response", "next"]
    assert done.posts[0].body == done.posts[1].body
    assert (done.status, done.stderr) == (SERVING, "")
    assert not LINE.search(done.stdout)


@pytest.mark.parametrize(
    "step",
    [
        pytest.param([ACCEPTED[:20], HangUp], id="cut"),
        pytest.param([b"what?\r\n\r\n"], id="garbage"),
        pytest.param(reply("500 Internal Server Error"), id="500"),
    ],
)
def test_init_error_is_lost(step: Step, tmp_path: Path) -> None:
    """10: an init error that did not arrive is posted once all the same, and ends the process."""
    done = serve([step, ACCEPTED], tmp_path, "raise ValueError('no')")
    assert done.kinds == ["error"]
    assert json.loads(done.posts[0].body)["errorMessage"] == "no"
    assert len(LINE.findall(done.stdout)) == 1
    assert (done.status, done.stderr) == (1, "")


@pytest.mark.parametrize(("last", "lines"), [(ACCEPTED, 0), (HangUp, 1)], ids=["once", "twice"])
def test_init_error_after_a_hang_up(last: Step, lines: int, tmp_path: Path) -> None:
    """10, 63: the connection was opened before the load, so the error is posted again."""
    done = serve([HangUp, last, ACCEPTED], tmp_path, "raise ValueError('no')")
    assert done.kinds == ["error", "error"]
    assert len(LINE.findall(done.stdout)) == lines
    assert (done.status, done.stderr) == (1, "")


@contextmanager
def bootstrap(directory: Path, listener: socket.socket) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process that serves SOURCE with the Runtime API at `listener`."""
    directory.joinpath("h.py").write_text(SOURCE)
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    with directory.joinpath("log").open("wb") as log:
        process = subprocess.Popen(
            ours("h.handler"),
            cwd=directory,
            env=environment(AWS_LAMBDA_RUNTIME_API=address),
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def freeze(process: "subprocess.Popen[bytes]") -> None:
    """Stop a process as the platform does between invocations, and wait until it is stopped."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)


def test_frozen_in_the_middle_of_an_event(tmp_path: Path) -> None:
    """66: what comes while the process is frozen is there when it goes on."""
    large = event(b'"' + b"x" * 5_000_000 + b'"')
    half = 100_000  # the socket takes so much while nobody reads
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        bootstrap(tmp_path, listener) as process,
    ):
        api, _ = listener.accept()
        with api:
            for _ in range(3):
                assert read_request(api).startswith(b"GET ")
                api.sendall(large[:-half])
                freeze(process)
                api.sendall(large[-half:])
                process.send_signal(signal.SIGCONT)
                assert read_request(api).endswith(b"\r\n\r\n5000000")
                api.sendall(ACCEPTED)
        assert tmp_path.joinpath("log").read_bytes() == b""


def test_closed_while_frozen(tmp_path: Path) -> None:
    """62, 66: a process whose connection ended while it was frozen asks on another one."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        bootstrap(tmp_path, listener) as process,
    ):
        for _ in range(3):
            api, _ = listener.accept()
            with api:
                assert read_request(api).startswith(b"GET ")
                api.sendall(EVENT)
                assert read_request(api).endswith(b"\r\n\r\n4")
                api.sendall(ACCEPTED)
                assert read_request(api).startswith(b"GET ")
                freeze(process)
            process.send_signal(signal.SIGCONT)
        assert tmp_path.joinpath("log").read_bytes() == b""
