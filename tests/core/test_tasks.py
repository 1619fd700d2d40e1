"""Async handlers, many at a time: a task of one loop each. Numbers are those of docs/behaviour.md.

What all ways of serving many at a time have in common is in test_workers.py.
"""

import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness import (
    ACCEPTED,
    SOURCE,
    HangUp,
    Request,
    ScriptedApi,
    Step,
    event,
    ours,
    reply,
    started,
    until,
)
from tests.lanes import PYTHONS

HEAD = "import asyncio, os, sys, time\nfrom amazon_lambda_runtime import HttpResponse, Runtime\n"

each_python = pytest.mark.parametrize("python", PYTHONS)


class Served:
    """A process that serves tasks, and the API that it talks to."""

    def __init__(self, api: ScriptedApi, process: Any, out: Path, err: Path) -> None:
        self.api, self.process, self._out, self._err = api, process, out, err

    @property
    def posts(self) -> list[Request]:
        return [request for request in self.api.requests if request.method == "POST"]

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def answered(self, count: int) -> list[Request]:
        until(lambda: len(self.posts) >= count, self.process)
        return self.posts


@contextmanager
def serving(
    source: str,
    script: list[Step],
    directory: Path,
    python: str = sys.executable,
    *,
    accepting: bool = True,
    **env: str,
) -> Iterator[Served]:
    directory.joinpath("h.py").write_text(HEAD + source)
    env = {
        "PYTHONPATH": str(SOURCE),
        "AWS_LAMBDA_MAX_CONCURRENCY": "2",
        "AWS_LAMBDA_CONCURRENCY_MODE": "task",
        **env,
    }
    with ScriptedApi(script) as api:
        api.accepting = accepting
        with started(ours("h.handler", python), api, directory, env) as (process, out, err):
            yield Served(api, process, out, err)


# A slow reader


def read_head(connection: socket.socket) -> bytes:
    """Return the head of a request, and nothing of its body, which is left where it is."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, data
        data += byte
    return data


def read_post(connection: socket.socket) -> bytes:
    """Return the body of a request that has a Content-Length."""
    head = read_head(connection).lower()
    missing = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = b""
    while len(body) < missing:
        body += connection.recv(missing - len(body))
    return body


STREAMS = """
PIECE = "x" * 65536
def counted(number):
    with open("pieces", "w") as file:
        file.write(str(number))
class H(Runtime):
    async def handler(self, event, context):
        if event != "stream":
            return event
        return self.KIND()
    async def agen(self):
        for number in range(200):
            counted(number)
            yield PIECE
    def gen(self):
        for number in range(200):
            counted(number)
            yield PIECE
"""
ASYNC_GENERATOR = STREAMS.replace("return self.KIND()", "yield 1").replace(
    """        if event != "stream":
            return event
        yield 1
""",
    """        if event != "stream":
            yield str(event)
            return
        async for piece in self.agen():
            yield piece
""",
)


@each_python
@pytest.mark.parametrize("mode", ["task", "thread"])
@pytest.mark.parametrize("kind", ["agen", "gen", "handler"])
def test_a_slow_reader_holds_up_itself(kind: str, mode: str, python: str, tmp_path: Path) -> None:
    """87, 127: one whose stream is not read waits, its memory flat; the others are answered."""
    source = ASYNC_GENERATOR if kind == "handler" else STREAMS.replace("KIND", kind)
    tmp_path.joinpath("h.py").write_text(HEAD + source)
    env = {
        "PYTHONPATH": str(SOURCE),
        "AWS_LAMBDA_MAX_CONCURRENCY": "2",
        "AWS_LAMBDA_CONCURRENCY_MODE": mode,
    }
    pieces = tmp_path / "pieces"
    with ScriptedApi([]) as unused, socket.create_server(("127.0.0.1", 0)) as listener:
        unused.address = f"127.0.0.1:{listener.getsockname()[1]}"
        with started(ours("h.handler", python), unused, tmp_path, env):
            listener.settimeout(15)
            (slow, _), (fast, _) = listener.accept(), listener.accept()
            with slow, fast:
                for connection in (slow, fast):
                    connection.settimeout(15)
                    read_head(connection)
                slow.sendall(event(b'"stream"', "id-slow"))
                assert read_head(slow).startswith(b"POST")
                until(lambda: pieces.exists() and pieces.read_text().isdigit())
                for number in range(20):
                    begun = time.monotonic()
                    fast.sendall(event(b"%d" % number, f"id-{number}"))
                    if kind == "handler":
                        head = read_head(fast)
                        assert b"chunked" in head
                        body = b""
                        while not body.endswith(b"0\r\n\r\n"):
                            body += fast.recv(1000)
                    else:
                        assert read_post(fast) == b"%d" % number
                    fast.sendall(ACCEPTED)
                    assert b"/next" in read_head(fast)
                    assert time.monotonic() - begun < 3
                # What the network and the client hold is far from the 13 MB of all of it.
                assert int(pieces.read_text() or 0) < 150
                received, tail = 0, b""
                while not tail.endswith(b"\r\n0\r\n\r\n"):
                    data = slow.recv(1 << 20)
                    assert data
                    received += len(data)
                    tail = (tail + data)[-16:]
                assert received > 200 * 65536
                slow.sendall(ACCEPTED)
                assert b"/next" in read_head(slow)


@each_python
def test_a_fast_stream_leaves_turns_to_others(python: str, tmp_path: Path) -> None:
    """127: a stream that is never held up does not hold up the others."""
    source = """
async def handler(event, context):
    if event == "stream":
        while not os.path.exists("met"):
            yield "x" * 1000
    else:
        open("met", "w").close()
        yield "met"
"""
    script: list[Step] = [event(b'"stream"'), event(b"1", "id-2")]
    with serving(source, script, tmp_path, python) as served:
        posts = {post.path.split("/")[-2]: post for post in served.answered(2)}
        assert posts["id-2"].body == b"met"
        assert (served.out, served.err) == ("", "")


# Streams of each kind

KINDS = {
    "an async generator": ("agen(event)", b"ab"),
    "a generator": ("gen(event)", b"ab"),
    "a callable": ("body", b"ab"),
    "a head and an async generator": ("HttpResponse(201, body=agen(event))", b"ab"),
    "a head and a generator": ("HttpResponse(201, body=gen(event))", b"ab"),
    "a head and a text": ("HttpResponse(201, body='ab')", None),
}
BODIES = """
async def agen(event):
    yield "a"
    if event: 1 / 0
    await asyncio.sleep(0.001)
    yield "b"
def gen(event):
    yield "a"
    if event: 1 / 0
    yield "b"
async def handler(event, context):
    await asyncio.sleep(0)
    def body(stream):
        stream.write("a")
        if event: 1 / 0
        stream.write("b")
    return RESULT
"""


@pytest.mark.parametrize("kind", KINDS)
def test_streams(kind: str, tmp_path: Path) -> None:
    """79, 80, 82, 127: all that a handler may stream, it may stream from a task."""
    result, body = KINDS[kind]
    script: list[Step] = [event(b"0", "id-0"), event(b"1", "id-1"), event(b"0", "id-2")]
    with serving(BODIES.replace("RESULT", result), script, tmp_path) as served:
        posts = {post.path.split("/")[-2]: post for post in served.answered(3)}
        assert served.err == ""
    for request_id in ("id-0", "id-2"):
        post = posts[request_id]
        if body is None:
            assert json.loads(post.body)["body"] == "ab"
        else:
            assert post.body.rpartition(b"\0")[2] == body
            assert post.trailers == {}
    if body is not None:
        broken = posts["id-1"]
        assert broken.body.rpartition(b"\0")[2] == b"a"
        assert broken.trailers["lambda-runtime-function-error-type"] == "Function.ZeroDivisionError"


@each_python
def test_sync_handlers(python: str, tmp_path: Path) -> None:
    """91: a handler that is not async is served in threads, and may stream, await and block."""
    source = """
async def result(event):
    await asyncio.sleep(0)
    return event
async def agen(event):
    yield str(event)
def handler(event, context):
    if event == 1: return result(event)
    if event == 2: return agen(event)
    if event == 3: return iter("3")
    time.sleep(0.01)
    return event
"""
    script: list[Step] = [event(b"%d" % n, f"id-{n}") for n in range(5)]
    with serving(source, script, tmp_path, python) as served:
        bodies = sorted(post.body for post in served.answered(5))
        assert served.out == ""
    assert bodies == [b"0", b"1", b"2", b"3", b"4"]


@each_python
@pytest.mark.parametrize("mode", ["task", "thread"])
def test_the_reader_hangs_up(mode: str, python: str, tmp_path: Path) -> None:
    """86, 127: the platform hangs up in a stream: its generator is closed, one line, and on."""
    source = """
async def handler(event, context):
    try:
        while event:
            yield "x" * 65536
            await asyncio.sleep(0)
    finally:
        print("closed")
"""
    tmp_path.joinpath("h.py").write_text(HEAD + source)
    env = {
        "PYTHONPATH": str(SOURCE),
        "AWS_LAMBDA_MAX_CONCURRENCY": "2",
        "AWS_LAMBDA_CONCURRENCY_MODE": mode,
    }
    with ScriptedApi([]) as unused, socket.create_server(("127.0.0.1", 0)) as listener:
        unused.address = f"127.0.0.1:{listener.getsockname()[1]}"
        with started(ours("h.handler", python), unused, tmp_path, env) as (process, out, err):
            listener.settimeout(15)
            (first, _), (other, _) = listener.accept(), listener.accept()
            read_head(first)
            first.sendall(event(b"1"))
            assert b"chunked" in read_head(first)
            first.recv(1000)
            first.close()
            again, _ = listener.accept()
            with other, again:
                assert b"/next" in read_head(again)
                cut = "[ERROR] LAMBDA_RUNTIME A response stream was cut off. POST "
                until(lambda: cut in out.read_text(), process)
                assert out.read_text().count("\n") == 2
                assert out.read_text().startswith("closed\n")
                assert err.read_text() == ""


# Answers


@each_python
def test_early_answer(python: str, tmp_path: Path) -> None:
    """130: send_invocation_response in a coroutine sends at once; the coroutine goes on."""
    source = """
class H(Runtime):
    async def handler(self, event, context):
        self.send_invocation_response({"early": event})
        while not os.path.exists("go"):
            await asyncio.sleep(0.001)
        print("went on")
        return "not sent"
"""
    with serving(source, [event(b"1")], tmp_path, python) as served:
        (post,) = served.answered(1)
        assert json.loads(post.body) == {"early": 1}
        until(lambda: len([r for r in served.api.requests if r.kind == "next"]) == 2)
        tmp_path.joinpath("go").touch()
        until(lambda: len([r for r in served.api.requests if r.kind == "next"]) == 3)
        assert (served.out, served.err) == ("went on\n", "")
        assert len(served.posts) == 1


@each_python
def test_early_answer_from_a_thread(python: str, tmp_path: Path) -> None:
    """130: in a thread it returns when the answer has been accepted."""
    source = """
class H(Runtime):
    async def handler(self, event, context):
        await asyncio.to_thread(self.send_invocation_response, event)
        await asyncio.to_thread(self.work)
    def work(self):
        print("went on")
"""
    with serving(source, [event(b"1"), event(b"2")], tmp_path, python) as served:
        assert sorted(post.body for post in served.answered(2)) == [b"1", b"2"]
        until(lambda: len(served.api.requests) == 6)
        assert (served.out, served.err) == ("went on\n" * 2, "")


def test_last_piece(tmp_path: Path) -> None:
    """130: while an answer streams, send_invocation_response sends its last piece."""
    source = """
class H(Runtime):
    async def handler(self, event, context):
        yield "a"
        self.send_invocation_response("b")
"""
    with serving(source, [event(b"1")], tmp_path) as served:
        (post,) = served.answered(1)
        assert post.chunks == [b"a", b"b"]
        until(lambda: len(served.api.requests) == 4)
        assert (served.out, served.err) == ("", "")


@each_python
def test_long_answer(python: str, tmp_path: Path) -> None:
    """87, 127: 6 MB and more are sent as fast as they are read."""
    source = """
async def handler(event, context):
    return "x" * event
"""
    script: list[Step] = [event(b"6000000"), event(b"7000000", "id-2")]
    with serving(source, script, tmp_path, python) as served:
        posts = served.answered(2)
        assert sorted(len(post.body) for post in posts) == [6000002, 7000002]
        assert (served.out, served.err) == ("", "")


def test_the_event_is_long(tmp_path: Path) -> None:
    """25: an event of 6 MB, with its length or in chunks."""
    source = "async def handler(event, context): return len(event)\n"
    body = b'"%b"' % (b"x" * 6_000_000)
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
        b"Lambda-Runtime-Aws-Request-Id: id-2\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    )
    with serving(source, [event(body), chunked], tmp_path) as served:
        assert [post.body for post in served.answered(2)] == [b"6000000"] * 2


def test_results_of_other_types(tmp_path: Path) -> None:
    """40, 91: a result that is no plain value is encoded, or is a MarshalError."""
    source = """
import uuid
async def handler(event, context):
    return uuid.UUID(int=event) if event else object
"""
    with serving(source, [event(b"0"), event(b"1")], tmp_path) as served:
        posts = {post.kind: post for post in served.answered(2)}
    assert posts["response"].body == b'"00000000-0000-0000-0000-000000000001"'
    assert json.loads(posts["error"].body)["errorType"] == "Runtime.MarshalError"


@pytest.mark.parametrize("kind", ["agen", "gen"])
def test_a_generator_after_an_early_answer(kind: str, tmp_path: Path) -> None:
    """89, 130: it is closed without being asked."""
    source = """
class H(Runtime):
    async def handler(self, event, context):
        self.send_invocation_response("early")
        return self.KIND()
    async def agen(self):
        print("never")
        yield 1
    def gen(self):
        print("never")
        yield 1
""".replace("KIND", kind)
    with serving(source, [event(), event(request_id="id-2")], tmp_path) as served:
        assert [post.body for post in served.answered(2)] == [b'"early"'] * 2
        until(lambda: len(served.api.requests) == 6)
        assert (served.out, served.err) == ("", "")


def test_the_api_is_lost_to_the_handler(tmp_path: Path) -> None:
    """46, 128: a RuntimeApiError that comes out of the handler ends the environment."""
    source = """
from amazon_lambda_runtime import RuntimeApiError
async def handler(event, context):
    raise RuntimeApiError("gone")
"""
    with serving(source, [event()], tmp_path) as served:
        assert served.process.wait(10) == 1
        assert (served.out, served.err) == ("[ERROR] LAMBDA_RUNTIME gone\n", "")
        assert served.posts == []


@pytest.mark.parametrize("mode", ["task", "thread"])
def test_an_async_generator_is_cancelled(mode: str, tmp_path: Path) -> None:
    """82, 91: a stream whose generator is cancelled ends in an error."""
    source = """
async def handler(event, context):
    yield "a"
    raise asyncio.CancelledError
"""
    with serving(source, [event()], tmp_path, AWS_LAMBDA_CONCURRENCY_MODE=mode) as served:
        (post,) = served.answered(1)
        assert post.body == b"a"
        assert post.trailers["lambda-runtime-function-error-type"] == "Function.CancelledError"
        assert served.err == ""


# Isolation


@each_python
def test_contexts(python: str, tmp_path: Path) -> None:
    """131: what an invocation sets in a context variable is gone in the next."""
    source = """
from contextvars import ContextVar
variable = ContextVar("variable", default=None)
async def handler(event, context):
    before = variable.get()
    variable.set(event)
    await asyncio.sleep(0)
    return [before, variable.get()]
"""
    script: list[Step] = [event(b"%d" % n, f"id-{n}") for n in range(6)]
    with serving(source, script, tmp_path, python) as served:
        bodies = sorted(json.loads(post.body)[1] for post in served.answered(6))
        assert {json.loads(post.body)[0] for post in served.posts} == {None}
    assert bodies == list(range(6))


CANCELLATIONS = {
    "itself, and waits": "asyncio.current_task().cancel(); await asyncio.sleep(5)",
    "itself, and returns": "asyncio.current_task().cancel(); return event",
    "all but itself": "[t.cancel() for t in asyncio.all_tasks() - {asyncio.current_task()}]",
}


@pytest.mark.parametrize("kind", CANCELLATIONS)
def test_cancellations(kind: str, tmp_path: Path) -> None:
    """131: whatever a handler cancels, each event is answered and the lanes go on."""
    source = f"""
async def handler(event, context):
    await asyncio.sleep(0)
    {CANCELLATIONS[kind]}
"""
    script: list[Step] = [event(b"%d" % n, f"id-{n}") for n in range(8)]
    with serving(source, script, tmp_path) as served:
        posts = served.answered(8)
        assert sorted(post.path.split("/")[-2] for post in posts) == [f"id-{n}" for n in range(8)]
        assert served.err == ""
        assert served.process.poll() is None


def test_cancelled_before_its_first_step(tmp_path: Path) -> None:
    """131: an invocation whose task does not even begin is answered all the same."""
    source = """
def factory(loop, coroutine, **options):
    task = asyncio.Task(coroutine, loop=loop, **options)
    task.cancel()
    loop.set_task_factory(None)
    return task
async def handler(event, context):
    if event == 1:
        asyncio.get_running_loop().set_task_factory(factory)
    return event
"""
    script: list[Step] = [event(b"%d" % n, f"id-{n}") for n in (1, 2, 3)]
    with serving(source, script, tmp_path) as served:
        kinds = sorted(post.kind for post in served.answered(3))
        assert served.err == ""
    assert kinds == ["error", "response", "response"]


@each_python
def test_fork(python: str, tmp_path: Path) -> None:
    """58, 131: a child that a coroutine forks answers nothing and asks for nothing."""
    source = """
async def handler(event, context):
    if os.fork() == 0:
        if event: raise ValueError("in the child")
        return "of the child"
    os.wait()
    await asyncio.sleep(0.05)
    return "of the parent"
"""
    script: list[Step] = [event(b"%d" % (n % 2), f"id-{n}") for n in range(4)]
    with serving(source, script, tmp_path, python) as served:
        assert [post.body for post in served.answered(4)] == [b'"of the parent"'] * 4
        until(lambda: len(served.api.requests) == 10)
        assert served.api.connections == 2


# The end

BLOCKED = """
async def handler(event, context):
    open(f"here-{event}", "w").close()
    try:
        WAIT
    finally:
        os.write(1, b"unwound\\n")
"""


@each_python
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("wait", ["await asyncio.sleep(60)", "time.sleep(60)"])
def test_those_that_take_too_long(
    wait: str, number: signal.Signals, python: str, tmp_path: Path
) -> None:
    """92, 129: after half a second an invocation is interrupted, and its caller told why."""
    source = BLOCKED.replace("WAIT", wait)
    with serving(source, [event(b"1")], tmp_path, python) as served:
        until(lambda: tmp_path.joinpath("here-1").exists(), served.process)
        begun = time.monotonic()
        served.process.send_signal(number)
        assert served.process.wait(10) == (130 if number == signal.SIGINT else 0)
        assert 0.4 < time.monotonic() - begun < 3
        (post,) = served.posts
        assert json.loads(post.body)["errorType"] == "Shutdown"
        assert served.out.startswith("unwound\n")
        assert served.err == ""


@each_python
def test_a_callback_that_blocks(python: str, tmp_path: Path) -> None:
    """92, 129: what blocks the loop besides the handlers does not keep it from ending."""
    source = """
async def handler(event, context):
    open("here-1", "w").close()
    while not os.path.exists("go"):
        await asyncio.sleep(0.001)
    asyncio.get_running_loop().call_soon(time.sleep, 60)
    await asyncio.sleep(60)
"""
    with serving(source, [event(b"1")], tmp_path, python) as served:
        until(lambda: tmp_path.joinpath("here-1").exists(), served.process)
        served.process.terminate()
        time.sleep(0.1)  # it has heard the signal, and lets the handler go on
        tmp_path.joinpath("go").touch()
        assert served.process.wait(10) == 0
        assert [json.loads(post.body)["errorType"] for post in served.posts] == ["Shutdown"]
        assert served.err == ""


def test_an_interrupt_that_is_ignored(tmp_path: Path) -> None:
    """121, 129: Ctrl-C does nothing where it is ignored, as under nohup."""
    source = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
async def handler(event, context):
    os.kill(os.getpid(), signal.SIGINT)
    return event
"""
    with serving(source, [event(b"1"), event(b"2", "id-2")], tmp_path) as served:
        assert sorted(post.body for post in served.answered(2)) == [b"1", b"2"]
        until(lambda: len(served.api.requests) == 6)
        assert served.process.poll() is None


@each_python
@pytest.mark.parametrize("work", ["await asyncio.sleep(60)", "return event"])
def test_on_shutdown_of_tasks(work: str, python: str, tmp_path: Path) -> None:
    """71, 129: on_shutdown is called once, when the invocations are over."""
    source = f"""
class H(Runtime):
    async def on_shutdown(self):
        await asyncio.sleep(0)
        os.write(1, b"down\\n")
    async def handler(self, event, context):
        open(f"here-{{event}}", "w").close()
        try:
            {work}
        finally:
            os.write(1, b"unwound\\n")
"""
    registered = reply("200 OK", b"{}", "Lambda-Extension-Identifier: ext-1\r\n")
    with serving(source, [registered, event(b"1")], tmp_path, python, accepting=False) as served:
        until(lambda: tmp_path.joinpath("here-1").exists(), served.process)
        served.api.accepting = True
        until(lambda: work.startswith("await") or "unwound" in served.out)
        served.process.terminate()
        assert served.process.wait(10) == 0
        lines = [line for line in served.out.splitlines() if line in ("down", "unwound")]
        assert lines == ["unwound", "down"]
        assert served.err == ""


@each_python
@pytest.mark.parametrize(
    ("statement", "status"), [("sys.exit(7)", 7), ("raise KeyboardInterrupt", 130)]
)
def test_exit_of_a_task_of_the_functions(
    statement: str, status: int, python: str, tmp_path: Path
) -> None:
    """57, 129: what ends the process ends it in a task that the handler has started as well."""
    source = f"""
async def leave():
    await asyncio.sleep(0.01)
    {statement}
async def handler(event, context):
    handler.task = asyncio.create_task(leave())
    await asyncio.sleep(0.1)
    return "answered"
"""
    with serving(source, [event()], tmp_path, python) as served:
        assert served.process.wait(10) == status
        assert [post.body for post in served.posts] == [b'"answered"']


@pytest.mark.parametrize(
    ("statement", "status"),
    [("raise KeyboardInterrupt", 130), ("class E(BaseException): pass\n    raise E", 1)],
)
def test_other_exceptions(statement: str, status: int, tmp_path: Path) -> None:
    """57: an exception that is no Exception is reported, and ends the environment."""
    with serving(
        f"async def handler(event, context):\n    {statement}\n", [event()], tmp_path
    ) as s:
        assert s.process.wait(10) == status
        assert [post.kind for post in s.posts] == ["error"]
        assert s.err == ""


@each_python
def test_a_connection_that_is_lost(python: str, tmp_path: Path) -> None:
    """63-65, 128: /next is asked again when its connection is lost or its reply cut off."""
    source = "async def handler(event, context): return event\n"
    script: list[Step] = [HangUp, [event()[:-1], HangUp], event(b"1"), event(b"2", "id-2")]
    with serving(source, script, tmp_path, python) as served:
        assert sorted(post.body for post in served.answered(2)) == [b"1", b"2"]
        until(lambda: served.api.connections == 4, served.process)
        assert (served.out, served.err) == ("", "")


def test_the_api_is_lost(tmp_path: Path) -> None:
    """64, 128: but not for ever; that is one line, and exit status 1."""
    source = "async def handler(event, context): return event\n"
    with serving(source, [HangUp] * 20, tmp_path) as served:
        assert served.process.wait(15) == 1
        assert served.out.count("\n") == 1
        assert "[ERROR] LAMBDA_RUNTIME GET /2018-06-01/runtime/invocation/next: " in served.out


def test_there_is_no_api(tmp_path: Path) -> None:
    """64, 128: a refused connection is tried a few times, and is one line."""
    source = "async def handler(event, context): return event\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with ScriptedApi([]) as unused:
        unused.address = address
        tmp_path.joinpath("h.py").write_text(source)
        env = {"AWS_LAMBDA_MAX_CONCURRENCY": "2"}
        with started(ours("h.handler"), unused, tmp_path, env) as (process, out, _):
            assert process.wait(15) == 1
            told = f"[ERROR] LAMBDA_RUNTIME Unable to connect to the Runtime API at {address}: "
            assert out.read_text().startswith(told)
            assert out.read_text().count("\n") == 1


@each_python
def test_streams_of_other_kinds(python: str, tmp_path: Path) -> None:
    """99, 100, 130: a callable that is a coroutine, and a stream that is sent before the end."""
    source = """
async def pieces():
    for piece in "abc":
        await asyncio.sleep(0)
        yield piece
async def body(stream):
    await asyncio.sleep(0)
    stream.write("body")
class H(Runtime):
    async def handler(self, event, context):
        if event == "body":
            return body
        self.send_invocation_response(pieces())
        return "not sent"
"""
    script: list[Step] = [event(b'"body"', "id-body"), event(b'"pieces"', "id-pieces")]
    with serving(source, script, tmp_path, python) as served:
        posts = {post.path.split("/")[-2]: post.body for post in served.answered(2)}
        assert served.err == ""
    assert posts == {"id-body": b"body", "id-pieces": b"abc"}
