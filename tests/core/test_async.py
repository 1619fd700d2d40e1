"""Async handlers. Numbers are those of behaviour.md."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from amazon_lambda_runtime.core.event_loop import resolve
from tests.harness import (
    ACCEPTED,
    SERVING,
    SOURCE,
    UNTRACED,
    ScriptedApi,
    Step,
    event,
    ours,
    served,
    started,
    until,
)
from tests.lanes import PYTHONS, Rie, served_by

each_python = pytest.mark.parametrize("python", PYTHONS)

HEAD = "import asyncio\nfrom amazon_lambda_runtime import Runtime, current_context\n"


def test_coroutine(tmp_path: Path) -> None:
    """A handler that is `async def` is awaited; so is an awaitable that is returned."""
    source = f"""{HEAD}
async def handler(event, context):
    await asyncio.sleep(0)
    return {{"got": event}}
def returned(event, context):
    return handler(event, context)
class H(Runtime):
    async def handler(self, event, context):
        return await handler(event, context)
class C:
    async def __call__(self, event, context):
        return await handler(event, context)
instance = C()
class Awaitable:
    def __init__(self, event): self.event = event
    def __await__(self): return handler(self.event, None).__await__()
def awaitable(event, context):
    return Awaitable(event)
"""
    for name in ("h.handler", "h.returned", "h.H", "h.instance", "h.awaitable"):
        done = served(source, [event(b"1"), event(b"2")], tmp_path, name)
        assert [post.body for post in done.posts] == [b'{"got": 1}', b'{"got": 2}']
        assert (done.stdout, done.stderr, done.status) == ("", "", SERVING)


def test_one_loop(tmp_path: Path) -> None:
    """What was made in the first invocation works in the second: the loop is the same."""
    source = f"""{HEAD}
loops, lock, queue = [], None, None
async def handler(event, context):
    global lock, queue
    loops.append(asyncio.get_running_loop())
    lock = lock or asyncio.Lock()
    queue = queue or asyncio.Queue()
    async with lock:
        queue.put_nowait(event)
        return [loops[0] is loops[-1], [queue.get_nowait() for _ in range(queue.qsize())]]
"""
    done = served(source, [event(b"1"), event(b"2")], tmp_path)
    assert [json.loads(post.body) for post in done.posts] == [[True, [1]], [True, [2]]]


def test_task_left_over(tmp_path: Path) -> None:
    """A task that is left over stands still between invocations, and goes on in the next."""
    source = f"""{HEAD}
seen = []
async def work(context):
    for step in range(3):
        seen.append([step, current_context() is context])
        await asyncio.sleep(0)
async def handler(event, context):
    if event == 1:
        handler.task = asyncio.create_task(work(context))
        return seen
    await handler.task
    return seen
"""
    done = served(source, [event(b"1"), event(b"2", "id-2")], tmp_path)
    steps = json.loads(done.posts[1].body)
    # It goes on with the context that it was started with.
    assert steps == [[0, True], [1, True], [2, True]]
    assert (done.stdout, done.stderr) == ("", "")


def test_context(tmp_path: Path) -> None:
    """current_context() is this invocation's in tasks and threads, and log records know it."""
    source = f"""{HEAD}
import logging
async def child():
    logging.warning("logged")
    return current_context().aws_request_id
async def handler(event, context):
    thread = await asyncio.to_thread(lambda: current_context().aws_request_id)
    return [await asyncio.create_task(child()), thread]
"""
    done = served(source, [event(), event(request_id="id-2")], tmp_path)
    assert [json.loads(post.body) for post in done.posts] == [["id-1"] * 2, ["id-2"] * 2]
    assert [line.split("\t")[2] for line in done.stdout.splitlines()] == ["id-1", "id-2"]


@pytest.mark.parametrize("pause", ["", "    await asyncio.sleep(0.01)"])
def test_stopped_loop(pause: str, tmp_path: Path) -> None:
    """49: a handler that stops the event loop has its result, and so has the next event."""
    source = f"""{HEAD}
async def handler(event, context):
    if event == 1:
        asyncio.get_running_loop().stop()
    {pause.strip() or "pass"}
    await asyncio.sleep(0.01 * (event != 1))
    return event
"""
    done = served(source, [event(b"1"), event(b"2"), event(b"3")], tmp_path)
    assert [post.body for post in done.posts] == [b"1", b"2", b"3"], done.stdout
    assert (done.status, done.stdout) == (SERVING, "")


def test_exception(tmp_path: Path) -> None:
    """49: the stack begins at the user's frame, and asyncio's are left out."""
    source = f"""{HEAD}
async def inner():
    raise ValueError("inner")
async def handler(event, context):
    await inner()
"""
    done = served(source, [event(), event()], tmp_path)
    document = json.loads(done.posts[0].body)
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "inner")
    assert [frame.split(", in ")[1].split("\n")[0] for frame in document["stackTrace"]] == [
        "handler",
        "inner",
    ]
    assert done.status == SERVING


def test_exception_group(tmp_path: Path) -> None:
    """51: what a TaskGroup raises is told with its members."""
    source = f"""{HEAD}
async def fail():
    raise ValueError("member")
async def handler(event, context):
    async with asyncio.TaskGroup() as group:
        group.create_task(fail())
"""
    stack = json.loads(served(source, [event()], tmp_path).posts[0].body)["stackTrace"]
    assert "Member 1 of 1: ValueError: member\n" in stack


@pytest.mark.parametrize(
    "statement",
    ["asyncio.current_task().cancel(); await asyncio.sleep(1)", "raise asyncio.CancelledError"],
)
def test_cancelled(statement: str, tmp_path: Path) -> None:
    """A handler that is cancelled is an error of its own, and the process lives on."""
    source = f"{HEAD}\nasync def handler(event, context):\n    {statement}\n"
    done = served(source, [event(), event()], tmp_path)
    assert done.kinds == ["next", "error", "next", "error", "next"]
    document = json.loads(done.posts[0].body)
    assert document["errorType"] == "CancelledError"
    assert document["errorMessage"] == "a task cancelled the handler"
    assert done.status == SERVING


@pytest.mark.parametrize(
    ("statement", "status"), [("raise SystemExit(7)", 7), ("raise KeyboardInterrupt", 130)]
)
def test_exit(statement: str, status: int, tmp_path: Path) -> None:
    """57: SystemExit in a coroutine is reported, then ends the process; leftovers are cancelled."""
    source = f"""{HEAD}
async def leftover():
    try:
        await asyncio.sleep(60)
    finally:
        print("cancelled")
async def handler(event, context):
    handler.task = asyncio.create_task(leftover())
    await asyncio.sleep(0)
    {statement}
"""
    done = served(source, [event(), event()], tmp_path)
    assert done.kinds == ["next", "error"]
    assert (done.stderr, done.status) == ("", status)
    assert done.stdout.endswith("cancelled\n")


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["default", "ignored"])
def interrupts(request: pytest.FixtureRequest) -> Iterator[None]:
    """What SIGINT does in the process that starts the runtime."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_ctrl_c(tmp_path: Path) -> None:
    """72: Ctrl-C interrupts a coroutine that waits, and is reported before the process ends.

    The test holds as well where SIGINT is ignored at its start, as it is by nohup.
    """
    source = f"""{HEAD}
async def handler(event, context):
    print("waiting")
    await asyncio.sleep(60)
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event(), ACCEPTED]) as api:
        with started(ours("h.handler"), api, tmp_path) as (process, out, err):
            until(lambda: "waiting\n" in out.read_text(), process)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130
            assert err.read_text() == ""
    assert [request.kind for request in api.requests] == ["next", "error"]
    assert json.loads(api.requests[1].body)["errorType"] == "KeyboardInterrupt"


INTERRUPTED = f"""{HEAD}
class H(Runtime):
    async def handler(self, event, context):
        print("waiting")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            CLEANUP
            raise
"""


@each_python
@pytest.mark.parametrize(
    ("cleanup", "interrupts", "printed"),
    [
        pytest.param("await asyncio.sleep(0.01); print('tidy')", 1, "tidy\n", id="it tidies up"),
        pytest.param("print('slow'); await asyncio.sleep(60)", 2, "slow\n", id="it would wait"),
    ],
)
@pytest.mark.usefixtures("interrupts")
def test_ctrl_c_cancels(
    cleanup: str, interrupts: int, printed: str, python: str, tmp_path: Path
) -> None:
    """120: the first Ctrl-C cancels the coroutine, which may tidy up; the second ends it."""
    tmp_path.joinpath("h.py").write_text(INTERRUPTED.replace("CLEANUP", cleanup))
    env = {"PYTHONPATH": str(SOURCE)}
    with ScriptedApi([event(), ACCEPTED]) as api:
        with started(ours("h.handler", python), api, tmp_path, env) as (process, out, err):
            until(lambda: "waiting\n" in out.read_text(), process)
            process.send_signal(signal.SIGINT)
            if interrupts == 2:
                until(lambda: printed in out.read_text(), process)
                process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130
            assert printed in out.read_text()
            assert err.read_text() == ""
    assert [request.kind for request in api.requests] == ["next", "error"]
    assert json.loads(api.requests[1].body)["errorType"] == "KeyboardInterrupt"


@each_python
@pytest.mark.usefixtures("interrupts")
def test_ctrl_c_between_invocations(python: str, tmp_path: Path) -> None:
    """72, 120: between invocations Ctrl-C ends the process at once, and cancels nothing."""
    source = f"{HEAD}\nasync def handler(event, context):\n    return event\n"
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event(), ACCEPTED]) as api:
        env = {"PYTHONPATH": str(SOURCE)}
        with started(ours("h.handler", python), api, tmp_path, env) as (process, out, err):
            until(lambda: len(api.requests) == 3, process)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130
            assert (out.read_text(), err.read_text()) == ("", "")


@each_python
def test_signal_handlers_stay(python: str, tmp_path: Path) -> None:
    """121: no handler of a signal is set in an invocation, and the function's own stays."""
    source = f"""{HEAD}
import signal
calls, set_handler = [], signal.signal
def counted(number, handler):
    calls.append(number)
    return set_handler(number, handler)
signal.signal = counted
def mine(number, frame): pass
async def handler(event, context):
    before = len(calls)
    if event == 2:
        set_handler(signal.SIGINT, mine)
    return [before, signal.getsignal(signal.SIGINT) is mine]
"""
    script: list[Step] = [event(b"1"), ACCEPTED, event(b"2"), ACCEPTED, event(b"3"), ACCEPTED]
    done = served_by(python, source, script, tmp_path)
    (at_init, _), second, third = (json.loads(post.body) for post in done.posts)
    assert (second, third) == ([at_init, True], [at_init, True])
    assert (done.stderr, done.status) == ("", SERVING)


@each_python
def test_sigterm_in_a_coroutine(python: str, tmp_path: Path) -> None:
    """71: without on_shutdown SIGTERM ends the process at once, in a coroutine too."""
    source = f"""{HEAD}
async def handler(event, context):
    print("waiting")
    await asyncio.sleep(60)
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event()]) as api:
        env = {"PYTHONPATH": str(SOURCE)}
        with started(ours("h.handler", python), api, tmp_path, env) as (process, out, err):
            until(lambda: "waiting\n" in out.read_text(), process)
            process.terminate()
            assert process.wait(10) == -signal.SIGTERM
            assert err.read_text() == ""
    assert [request.kind for request in api.requests] == ["next"]


def test_generator_keeps_its_task(tmp_path: Path) -> None:
    """An async generator runs in one task, as what spans its pieces needs: asyncio.timeout()."""
    source = f"""{HEAD}
async def handler(event, context):
    async with asyncio.timeout(5):
        yield str(id(asyncio.current_task()))
        await asyncio.sleep(0)
        yield str(id(asyncio.current_task()))
"""
    first, second = served(source, [event()], tmp_path).posts[0].chunks
    assert first == second


def test_asyncio_is_loaded_at_init_or_never(tmp_path: Path) -> None:
    """asyncio is slow to load: during init for an async handler, and not at all for another."""
    source = """
import sys
AT_INIT = "asyncio" in sys.modules
def handler(event, context):
    return [AT_INIT, "asyncio" in sys.modules]
async def coroutine(event, context):
    return [AT_INIT, "asyncio" in sys.modules]
"""
    assert served(source, [event()], tmp_path).posts[0].body == b"[false, false]"
    assert served(source, [event()], tmp_path, "h.coroutine").posts[0].body == b"[false, true]"


def test_what_is_cancelled_is_not_resolved() -> None:
    """131: a thread may be done with a piece for which no task waits any more."""
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    future.cancel()
    for failure in (None, ValueError()):
        resolve(future, failure)
    assert future.cancelled()
    loop.close()


def test_in_rie(tmp_path: Path) -> None:
    """AWS's own emulator sees no difference."""
    tmp_path.joinpath("h.py").write_text("async def handler(event, context): return event\n")
    with Rie(ours("h.handler"), tmp_path) as rie:
        assert rie.invoke(b'{"a": 1}') == b'{"a": 1}'


MINE = """
from amazon_lambda_runtime import Runtime, wait_for

class Hello(Runtime):
    {init}
    {kind} handler(self, event, context):
        import {name}
        return {name}.MINE
    def on_shutdown(self):
        import {name}
        print({name}.MINE, end="", flush=True)
"""
AT_INIT = "async def on_init(self): pass"
AT_IMPORT = """async def nothing(): pass
    wait_for(nothing())
"""


@pytest.mark.parametrize("mode", ["", "processes", "threads", "tasks"])
@pytest.mark.parametrize("init", ["pass", AT_INIT, AT_IMPORT], ids=["no", "on_init", "wait_for"])
@pytest.mark.parametrize("name", ["typing", "signal", "socket", "select"])
def test_users_file_is_named_like_the_librarys(
    name: str, init: str, mode: str, tmp_path: Path
) -> None:
    """96: the runtime is loaded whole beside such a file, and the function imports its own."""
    tmp_path.joinpath(f"{name}.py").write_text("MINE = True\n")
    kind = "def" if init == AT_INIT else "async def"
    tmp_path.joinpath("h.py").write_text(MINE.format(name=name, init=init, kind=kind))
    env = {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "AWS_LAMBDA_CONCURRENCY_MODE": mode} if mode else {}
    with ScriptedApi([event()]) as api:
        api.accepting = True
        with started(ours("h.Hello"), api, tmp_path, env | UNTRACED) as (process, out, err):
            waiting = 2 if mode else 1
            until(lambda: [r.kind for r in api.requests].count("next") == 1 + waiting, process)
            process.terminate()
            assert process.wait(10) == 0
            told = [line for line in out.read_text().splitlines() if "LAMBDA_RUNTIME" not in line]
            assert told == ["True" * (2 if mode == "processes" else 1)]
            assert err.read_text() == ""
    assert [r.body for r in api.requests if r.kind == "response"] == [b"true"]
