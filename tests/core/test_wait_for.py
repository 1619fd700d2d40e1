"""wait_for: what is async, called from what is not. Numbers are those of docs/behaviour.md."""

import asyncio
import gc
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import Runtime, wait_for
from amazon_lambda_runtime.core import event_loop
from amazon_lambda_runtime.testing import invoke
from tests.harness import ACCEPTED, SERVING, SOURCE, ScriptedApi, event, ours, started, until
from tests.lanes import PYTHONS, served_by

HEAD = "import asyncio, threading\nfrom amazon_lambda_runtime import Runtime, wait_for\n"
MODES = [None, "processes", "threads", "tasks"]

each_python = pytest.mark.parametrize("python", PYTHONS)


@each_python
@pytest.mark.parametrize("mode", MODES)
def test_every_mode(mode: str | None, python: str, tmp_path: Path) -> None:
    """125: a function that is not async runs a coroutine, in its own context."""
    source = f"""{HEAD}
from amazon_lambda_runtime import current_context
async def answer(event):
    await asyncio.sleep(0)
    return [event, current_context().aws_request_id]
def handler(event, context):
    return wait_for(answer(event))
"""
    tmp_path.joinpath("h.py").write_text(source)
    env = {"PYTHONPATH": str(SOURCE)}
    if mode is not None:
        env |= {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "AWS_LAMBDA_CONCURRENCY_MODE": mode}
    with ScriptedApi([event(b"1", "id-1"), event(b"2", "id-2"), event(b"3", "id-3")]) as api:
        api.accepting = True
        with started(ours("h.handler", python), api, tmp_path, env) as (process, out, err):
            until(lambda: sum(r.kind != "next" for r in api.requests) == 3, process)
            assert (out.read_text(), err.read_text()) == ("", "")
    bodies = sorted(json.loads(r.body) for r in api.requests if r.method == "POST")
    assert bodies == [[1, "id-1"], [2, "id-2"], [3, "id-3"]]


@each_python
@pytest.mark.parametrize("mode", MODES)
def test_one_loop(mode: str | None, python: str, tmp_path: Path) -> None:
    """122, 125: at import, in the constructor, in on_init and in the handler the loop is one."""
    source = f"""{HEAD}
async def loop():
    return asyncio.get_running_loop()
LOOPS = [wait_for(loop())]
class H(Runtime):
    def __init__(self):
        LOOPS.append(wait_for(loop()))
    def on_init(self):
        LOOPS.append(wait_for(loop()))
    async def handler(self, event, context):
        return [each is asyncio.get_running_loop() for each in LOOPS]
"""
    tmp_path.joinpath("h.py").write_text(source)
    env = {"PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": "error"}
    if mode not in (None, "processes"):
        assert mode is not None
        env |= {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "AWS_LAMBDA_CONCURRENCY_MODE": mode}
    with ScriptedApi([event(), event()]) as api:
        api.accepting = True
        with started(ours("h.handler", python), api, tmp_path, env) as (process, _, err):
            until(lambda: sum(r.kind != "next" for r in api.requests) == 2, process)
            assert err.read_text() == ""
    bodies = [json.loads(r.body) for r in api.requests if r.method == "POST"]
    assert bodies == [[True, True, True]] * 2


@each_python
@pytest.mark.parametrize("mode", [None, "tasks"])
def test_in_a_running_loop(mode: str | None, python: str, tmp_path: Path) -> None:
    """125: where a loop is running it is a RuntimeError, and nothing was left un-awaited."""
    source = f"""{HEAD}
async def answer():
    return 1
async def handler(event, context):
    try:
        return wait_for(answer())
    except RuntimeError as exc:
        return [str(exc), await asyncio.to_thread(wait_for, answer())]
"""
    tmp_path.joinpath("h.py").write_text(source)
    env = {"PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": "error"}
    if mode is not None:
        env |= {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "AWS_LAMBDA_CONCURRENCY_MODE": mode}
    with ScriptedApi([event()]) as api:
        api.accepting = True
        with started(ours("h.handler", python), api, tmp_path, env) as (process, _, err):
            until(lambda: sum(r.kind != "next" for r in api.requests) == 1, process)
            assert err.read_text() == ""
    (body,) = [json.loads(r.body) for r in api.requests if r.method == "POST"]
    # In a thread of asyncio.to_thread no loop is running, so it runs on the environment's.
    assert body == ["an event loop is running in this thread: await it instead", 1]


@each_python
def test_in_threads_of_the_functions(python: str, tmp_path: Path) -> None:
    """125: threads that a handler starts share the loop; none waits for ever."""
    source = f"""{HEAD}
from concurrent.futures import ThreadPoolExecutor
async def answer(number):
    await asyncio.sleep(0.01 * number)
    return number
def handler(event, context):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda n: wait_for(answer(n)), range(12)))
"""
    done = served_by(python, source, [event(), ACCEPTED, event(), ACCEPTED], tmp_path)
    assert [json.loads(post.body) for post in done.posts] == [list(range(12))] * 2
    assert (done.stderr, done.status) == ("", SERVING)


@each_python
def test_what_it_raises(python: str, tmp_path: Path) -> None:
    """49, 125: what the coroutine raises is the handler's, its stack the function's."""
    source = f"""{HEAD}
async def answer():
    raise ValueError("no")
def handler(event, context):
    return wait_for(answer())
"""
    done = served_by(python, source, [event(), ACCEPTED], tmp_path)
    document = json.loads(done.posts[0].body)
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "no")
    assert " in answer\n" in document["stackTrace"][-1]


async def answer(event: Any) -> Any:
    await asyncio.sleep(0)
    return event


class Awaiting(Runtime):
    ready = 0

    def on_init(self) -> Any:
        self.ready += wait_for(answer(1))

    def handler(self, event: Any, context: Any) -> Any:
        return [self.ready, wait_for(answer(event))]


def test_testing() -> None:
    """123, 125: in the tests of a function it works as in Lambda; on_init is called once."""
    assert invoke(lambda event, context: wait_for(answer(event)), 7) == 7
    app = Awaiting()
    assert [invoke(app, 1), invoke(app, 2)] == [[1, 1], [1, 2]]
    assert invoke(Awaiting, 3) == [1, 3]


def test_the_loop_of_a_test_stays_open() -> None:
    """122: a loop that a test has set is used by what it invokes, and stays the test's."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        future = loop.create_future()
        loop.call_soon(future.set_result, 7)

        async def handler(event: Any, context: Any) -> Any:
            return await future

        assert invoke(handler, None) == 7
        assert loop.run_until_complete(answer(1)) == 1
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_a_loop_that_is_closed_leaves_another_set() -> None:
    """122: a runtime that is collected as garbage closes its own loop and no other."""
    app = Awaiting()
    invoke(app, 1)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        del app
        gc.collect()
        assert asyncio.get_event_loop_policy().get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_loop_that_is_closed_inside_of_another() -> None:
    """122: nothing can be run on it there: it is closed as it is."""
    mine = event_loop.EventLoop()
    asyncio.set_event_loop(None)

    async def inside() -> None:
        mine.close()

    asyncio.run(inside())
    assert mine.loop.is_closed()


def test_during_init() -> None:
    """125: before there is a runtime it runs on the loop that the runtime will adopt."""
    loops = [wait_for(_loop()), wait_for(_loop())]
    assert loops[0] is loops[1]

    async def running() -> Any:
        with pytest.raises(RuntimeError, match="await it instead"):
            wait_for(_loop())

    asyncio.set_event_loop(None)
    loops[0].close()
    asyncio.run(running())


async def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_during_init_in_a_thread() -> None:
    """121, 125: no handler of a signal can be set in a thread, and none has to be."""
    loops: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=lambda: loops.append(wait_for(_loop())))
    thread.start()
    thread.join(10)
    loops[0].close()


DECORATED = f"""{HEAD}
import functools
def decorator(function):
    @functools.wraps(function)
    def wrapper(event, context):
        return function(event, context)
    return wrapper
"""
WARNING = "[WARNING] LAMBDA_RUNTIME The handler is `async def` under a decorator that is not async"


@each_python
@pytest.mark.parametrize("mode", [None, "tasks"])
@pytest.mark.parametrize("result", ["return event", "yield str(event)"])
def test_decorator_that_is_not_async(
    result: str, mode: str | None, python: str, tmp_path: Path
) -> None:
    """126: an async handler under a decorator that is not async is told of once, and served."""
    source = (
        f"{DECORATED}\n@decorator\n@decorator\nasync def handler(event, context):\n    {result}\n"
    )
    tmp_path.joinpath("h.py").write_text(source)
    env = {"PYTHONPATH": str(SOURCE)}
    if mode is not None:
        env |= {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "AWS_LAMBDA_CONCURRENCY_MODE": mode}
    with ScriptedApi([event(b"1"), event(b"2"), event(b"3")]) as api:
        api.accepting = True
        with started(ours("h.handler", python), api, tmp_path, env) as (process, out, err):
            until(lambda: sum(r.kind != "next" for r in api.requests) == 3, process)
            assert out.read_text().count(WARNING) == out.read_text().count("\n") == 1
            assert err.read_text() == ""
    assert sorted(r.body for r in api.requests if r.method == "POST") == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    "handler",
    [
        "@decorator\ndef handler(event, context): return wait_for(answer(event))",
        "handler = functools.wraps(answer)(lambda event, context: wait_for(answer(event)))",
        "def handler(event, context): return answer(event)",
        "handler = answer_too",
        "class C:\n    async def __call__(self, event, context): return event\nhandler = C()",
        "def handler(event, context): return event\nhandler.__wrapped__ = handler",
        "def handler(event, context): return event\nhandler.__wrapped__ = 1",
    ],
)
def test_decorators_that_are_fine(handler: str, tmp_path: Path) -> None:
    """126: where nothing is lost nothing is said."""
    source = f"""{DECORATED}
async def answer(event):
    return event
async def answer_too(event, context):
    return event
{handler}
"""
    done = served_by(PYTHONS[0].values[0], source, [event(b"1"), ACCEPTED], tmp_path)  # type: ignore[arg-type]
    assert [post.body for post in done.posts] == [b"1"]
    assert (done.stdout, done.stderr) == ("", "")
