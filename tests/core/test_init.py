"""What happens before the first event: the loop that the module set, and on_init.

Numbers are those of docs/behaviour.md.
"""

import json
import signal
import sys
from pathlib import Path

import pytest

from tests.harness import (
    ACCEPTED,
    SERVING,
    SOURCE,
    ScriptedApi,
    Step,
    event,
    ours,
    reply,
    started,
    until,
)
from tests.lanes import PYTHONS, served_by

HEAD = "import asyncio, os, signal, time\nfrom amazon_lambda_runtime import Runtime\n"
REGISTERED = reply("200 OK", b"{}", "Lambda-Extension-Identifier: ext-1\r\n")
WORKERS = [("processes", 3), ("threads", 1), ("tasks", 1)]

each_python = pytest.mark.parametrize("python", PYTHONS)

# What a module may do with event loops before it is served; each awaits on a loop that it sets.
SETS = {
    "set": "LOOP = asyncio.new_event_loop()\nasyncio.set_event_loop(LOOP)\n",
    "a Runner": "RUNNER = asyncio.Runner()\nLOOP = RUNNER.get_loop()\n"
    "RUNNER.run(asyncio.sleep(0))\n",
    "in a constructor": "class Made(Runtime):\n"
    "    def __init__(self):\n"
    "        global LOOP\n"
    "        LOOP = asyncio.new_event_loop()\n"
    "        asyncio.set_event_loop(LOOP)\n",
}
# Each awaits something that works in no other loop.
USES = """
async def made():
    return asyncio.get_running_loop().create_future()
async def handler(event, context):
    FUTURE.get_loop().call_soon(lambda: FUTURE.done() or FUTURE.set_result("reached"))
    return [await asyncio.wait_for(asyncio.shield(FUTURE), 5), asyncio.get_running_loop() is LOOP]
"""


@each_python
@pytest.mark.parametrize("mode", [None, *(mode for mode, _ in WORKERS[1:])])
@pytest.mark.parametrize("kind", SETS)
def test_loop_of_the_module(kind: str, mode: str | None, python: str, tmp_path: Path) -> None:
    """122: what was awaited on a loop that the module set works in the handler, without a warning.

    In threads and tasks as well.
    """
    env = {"PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": "error"}
    if mode is not None:
        env |= {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "AWS_LAMBDA_CONCURRENCY_MODE": mode}
    source = HEAD + SETS[kind] + USES
    if kind == "in a constructor":
        source += "Made()\n"
    source += "FUTURE = LOOP.run_until_complete(made())\n"
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event(), event()]) as api:
        api.accepting = True
        with started(ours("h.handler", python), api, tmp_path, env) as (process, _, err):
            until(lambda: sum(each.kind != "next" for each in api.requests) == 2, process)
            assert err.read_text() == ""
    bodies = [each.body for each in api.requests if each.method == "POST"]
    assert bodies == [b'["reached", true]'] * 2


@each_python
@pytest.mark.parametrize(
    "statement",
    [
        "asyncio.run(asyncio.sleep(0))",
        "asyncio.set_event_loop(asyncio.new_event_loop()); asyncio.get_event_loop().close()",
        "asyncio.set_event_loop(asyncio.new_event_loop()); L = asyncio.get_event_loop();"
        " import threading; threading.Thread(target=L.run_forever, daemon=True).start();"
        " asyncio.run_coroutine_threadsafe(asyncio.sleep(0), L).result()",
        "pass",
    ],
    ids=["run", "closed", "runs elsewhere", "none"],
)
def test_no_loop_to_adopt(statement: str, python: str, tmp_path: Path) -> None:
    """122: a loop that is closed, or runs in a thread, is left alone; there is a new one."""
    source = (
        HEAD + statement + "\nasync def handler(event, context):\n    await asyncio.sleep(0)\n"
        "    return asyncio.get_event_loop() is asyncio.get_running_loop()\n"
    )
    done = served_by(python, source, [event(), ACCEPTED], tmp_path, PYTHONWARNINGS="error")
    assert [post.body for post in done.posts] == [b"true"], done.stdout + done.stderr
    assert (done.stderr, done.status) == ("", SERVING)


def test_asyncio_is_not_loaded(tmp_path: Path) -> None:
    """122: a function that does not need asyncio does not load it."""
    source = "import sys\ndef handler(event, context):\n    return 'asyncio' in sys.modules\n"
    done = served_by(sys.executable, source, [event(), ACCEPTED], tmp_path)
    assert [post.body for post in done.posts] == [b"false"]


def test_what_tells_web_applications_is_not_loaded(tmp_path: Path) -> None:
    """A function of an event and a context starts without it, whatever it calls them."""
    source = (
        "import sys\ndef handler(order, _):\n"
        "    return 'amazon_lambda_runtime.core.applications' in sys.modules\n"
    )
    done = served_by(sys.executable, source, [event(), ACCEPTED], tmp_path)
    assert [post.body for post in done.posts] == [b"false"]


ON_INIT = f"""{HEAD}
class H(Runtime):
    KEYWORD on_init(self):
        os.write(1, b"init\\n")
        self.loop = asyncio._get_running_loop()
    async def handler(self, event, context):
        return self.loop in (None, asyncio.get_running_loop())
"""


@each_python
@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_on_init(keyword: str, python: str, tmp_path: Path) -> None:
    """123: on_init is called once, before the first event is asked for, on the handlers' loop."""
    tmp_path.joinpath("h.py").write_text(ON_INIT.replace("KEYWORD", keyword))
    script: list[Step] = [event(), ACCEPTED, event(), ACCEPTED]
    with ScriptedApi(script) as api:
        env = {"PYTHONPATH": str(SOURCE)}
        with started(ours("h.handler", python), api, tmp_path, env) as (process, out, err):
            until(lambda: len(api.requests) == 5, process)
            assert (out.read_text(), err.read_text()) == ("init\n", "")
    assert [each.body for each in api.requests if each.method == "POST"] == [b"true", b"true"]


@each_python
def test_on_init_comes_before_the_first_event(python: str, tmp_path: Path) -> None:
    """123: nothing is asked for while on_init is at work."""
    source = f"""{HEAD}
class H(Runtime):
    async def on_init(self):
        open("begun", "w").close()
        while not os.path.exists("go"):
            await asyncio.sleep(0.001)
    def handler(self, event, context): return event
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([event(), ACCEPTED]) as api:
        env = {"PYTHONPATH": str(SOURCE)}
        with started(ours("h.handler", python), api, tmp_path, env) as (process, _, _):
            until(lambda: tmp_path.joinpath("begun").exists(), process)
            assert api.requests == []
            tmp_path.joinpath("go").touch()
            until(lambda: len(api.requests) == 3, process)


@each_python
@pytest.mark.parametrize(("mode", "count"), WORKERS)
def test_on_init_of_workers(mode: str, count: int, python: str, tmp_path: Path) -> None:
    """91, 123: on_init is called in each worker process, and once for threads and tasks."""
    tmp_path.joinpath("h.py").write_text(ON_INIT.replace("KEYWORD", "async def"))
    env = {
        "PYTHONPATH": str(SOURCE),
        "AWS_LAMBDA_MAX_CONCURRENCY": "3",
        "AWS_LAMBDA_CONCURRENCY_MODE": mode,
    }
    with ScriptedApi([event()] * 3) as api:
        api.accepting = True
        with started(ours("h.handler", python), api, tmp_path, env) as (process, out, err):
            until(lambda: len(api.requests) == 9, process)  # each asks, answers and asks again
            assert (out.read_text(), err.read_text()) == ("init\n" * count, "")
    assert [each.body for each in api.requests if each.method == "POST"] == [b"true"] * 3


FAILING = f"""{HEAD}
class NoDatabase(Exception): pass
class H(Runtime):
    KEYWORD on_init(self):
        RAISE
    def handler(self, event, context): return event
"""


@each_python
@pytest.mark.parametrize("mode", [None, *(mode for mode, _ in WORKERS)])
@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_on_init_fails(keyword: str, mode: str | None, python: str, tmp_path: Path) -> None:
    """124: what on_init raises is one init error with its own type, and exit status 1."""
    source = FAILING.replace("KEYWORD", keyword).replace("RAISE", "raise NoDatabase('away')")
    env = {}
    if mode is not None:
        env = {"AWS_LAMBDA_MAX_CONCURRENCY": "3", "AWS_LAMBDA_CONCURRENCY_MODE": mode}
    done = served_by(python, source, [ACCEPTED, event()], tmp_path, **env)
    (post,) = done.posts
    assert post.path == "/2018-06-01/runtime/init/error"
    assert post.headers["lambda-runtime-function-error-type"] == "NoDatabase"
    document = json.loads(post.body)
    assert (document["errorType"], document["errorMessage"]) == ("NoDatabase", "away")
    assert " in on_init\n" in document["stackTrace"][0]
    assert done.stdout.count("NoDatabase: away") == 1
    assert (done.stderr, done.status) == ("", 1)


@pytest.mark.parametrize(
    ("statement", "status", "error_type"),
    [
        ("self.send_init_error('no', 'Own')", 1, "Own"),
        ("raise SystemExit(7)", 7, "SystemExit"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
        ("asyncio.current_task().cancel(); await asyncio.sleep(1)", 1, "CancelledError"),
    ],
)
def test_on_init_ends_in_another_way(
    statement: str, status: int, error_type: str, tmp_path: Path
) -> None:
    """11, 124: an exit in on_init is told once, and its status kept."""
    source = FAILING.replace("KEYWORD", "async def").replace("RAISE", statement)
    done = served_by(sys.executable, source, [ACCEPTED, event()], tmp_path)
    assert [json.loads(post.body)["errorType"] for post in done.posts] == [error_type]
    assert done.kinds == ["error"]
    assert done.status == status


@each_python
def test_on_init_after_a_restore(python: str, tmp_path: Path) -> None:
    """90, 123: with SnapStart on_init comes after the restore, and after after_restore."""
    source = f"""{HEAD}
class H(Runtime):
    def before_snapshot(self): print("before")
    def after_restore(self): print("after")
    async def on_init(self): print("init")
    def handler(self, event, context): return event
"""
    env = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    done = served_by(python, source, [reply("200 OK"), event(), ACCEPTED], tmp_path, **env)
    assert [request.path.rpartition("/runtime/")[2] for request in done.requests][:2] == [
        "restore/next",
        "invocation/next",
    ]
    assert done.requests[0].stdout == "before\n"
    assert done.stdout == "before\nafter\ninit\n"
    assert done.stderr == ""


@each_python
def test_on_init_fails_after_a_restore(python: str, tmp_path: Path) -> None:
    """124: after a restore a failure is Runtime.AfterRestoreError, and exit status 65."""
    source = FAILING.replace("KEYWORD", "async def").replace("RAISE", "raise NoDatabase('away')")
    env = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    done = served_by(python, source, [reply("200 OK"), ACCEPTED], tmp_path, **env)
    (post,) = done.posts
    assert post.path == "/2018-06-01/runtime/restore/error"
    assert post.headers["lambda-runtime-function-error-type"] == "Runtime.AfterRestoreError"
    assert json.loads(post.body)["errorType"] == "NoDatabase"
    assert done.status == 65


@each_python
def test_sigterm_in_on_init(python: str, tmp_path: Path) -> None:
    """71, 124: an environment that ends in the middle of on_init is tidied up; it is no failure."""
    source = f"""{HEAD}
class H(Runtime):
    async def on_init(self):
        open("begun", "w").close()
        await asyncio.sleep(60)
    def on_shutdown(self): os.write(1, b"down\\n")
    def handler(self, event, context): return event
"""
    tmp_path.joinpath("h.py").write_text(source)
    with ScriptedApi([REGISTERED]) as api:
        env = {"PYTHONPATH": str(SOURCE)}
        with started(ours("h.handler", python), api, tmp_path, env) as (process, out, err):
            until(lambda: tmp_path.joinpath("begun").exists(), process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert (out.read_text(), err.read_text()) == ("down\n", "")
    assert [request.kind for request in api.requests] == ["register", "next"]
