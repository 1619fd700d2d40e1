"""Web applications in the real process, over the Runtime API: docs/reference/web.md."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from tests.harness import (
    ACCEPTED,
    SERVING,
    SOURCE,
    UNTRACED,
    Run,
    ScriptedApi,
    Step,
    event,
    ours,
    reply,
    run,
    served,
    started,
    until,
)
from tests.lanes import PYTHONS, Rie

from .doors import Request, event_of

each_python = pytest.mark.parametrize("python", PYTHONS)
REGISTERED = reply("200 OK", b"{}", "Lambda-Extension-Identifier: ext-1\r\n")
URL = json.dumps(event_of("url", Request("/items"))).encode()

ASGI = """
import asyncio, os, time
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        print("up", flush=True)
        scope["state"]["loop"] = asyncio.get_running_loop()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("down", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    assert scope["state"]["loop"] is asyncio.get_running_loop()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"asgi " + scope["path"].encode()})
    print("after", flush=True)
"""
WSGI = """
def app(environ, start_response):
    start_response("200 OK", [])
    return Body(environ["PATH_INFO"].encode())
class Body(list):
    def __init__(self, path):
        super().__init__([b"wsgi ", path])
    def close(self):
        print("after", flush=True)
"""


def script(*events: bytes) -> list[Step]:
    return [step for each in events for step in (each, ACCEPTED)]


def web(source: str, steps: list[Step], directory: Path, python: str = "", **env: str) -> Run:
    directory.joinpath("h.py").write_text(source)
    command = ours("h.app", python) if python else ours("h.app")
    return run(command, steps, directory, {"PYTHONPATH": str(SOURCE), **env})


@each_python
def test_asgi(python: str, tmp_path: Path) -> None:
    """Up at init, once; work after a response comes before the next event; down at the end."""
    steps = [REGISTERED, *script(event(URL), event(URL))]
    done = web(ASGI, steps, tmp_path, python, AWS_LAMBDA_FUNCTION_NAME="f")
    assert [json.loads(post.body)["body"] for post in done.posts[1:]] == ["asgi /items"] * 2
    asked = [r.kind for r in done.requests if not r.path.endswith("/extension/event/next")]
    assert asked == ["register", "next", "response", "next", "response", "next"]
    assert done.stdout == "up\nafter\nafter\ndown\n"
    assert (done.status, done.stderr) == (0, "")
    first = done.posts[1]
    assert first.stdout == "up\n"


@each_python
def test_wsgi(python: str, tmp_path: Path) -> None:
    done = web(WSGI, script(event(URL), event(URL)), tmp_path, python)
    assert [json.loads(post.body)["body"] for post in done.posts] == ["wsgi /items"] * 2
    assert done.stdout == "after\nafter\n"
    assert (done.status, done.stderr) == (SERVING, "")
    assert done.posts[0].stdout == ""


@pytest.mark.parametrize("source", [ASGI, WSGI], ids=["asgi", "wsgi"])
def test_in_rie(source: str, tmp_path: Path) -> None:
    """AWS's own emulator, with what it sends on its own."""
    tmp_path.joinpath("h.py").write_text(source)
    with Rie(ours("h.app"), tmp_path, PYTHONPATH=str(SOURCE)) as rie:
        answer = json.loads(rie.invoke(URL))
    assert answer["statusCode"] == 200
    assert answer["body"].endswith("gi /items")


FAILING = """
async def app(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
"""


@each_python
def test_startup_that_fails(python: str, tmp_path: Path) -> None:
    """An init error with its message, and exit status 1: there is no request yet."""
    done = web(FAILING, [reply("404 Not Found"), ACCEPTED], tmp_path, python)
    post = done.posts[-1]
    document = json.loads(post.body)
    assert post.path.endswith("/init/error")
    assert document["errorMessage"] == "no database"
    assert done.status == 1
    assert done.stderr == ""
    assert done.stdout.count("no database") == 1


# SnapStart

SNAP = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}


def test_snapshot(tmp_path: Path) -> None:
    """Startup comes after the restore: what it opens would be dead after one."""
    restored = reply("200 OK")
    steps = [REGISTERED, restored, *script(event(URL))]
    done = web(ASGI, steps, tmp_path, **SNAP)
    assert done.posts[-1].stdout == "up\n"
    asked = next(request for request in done.requests if "/restore/next" in request.path)
    assert asked.stdout == ""


def test_startup_before_the_snapshot(tmp_path: Path) -> None:
    """If it is set so: an application that only computes has it behind it."""
    source = ASGI.replace("async def app(", "async def real(") + (
        "from amazon_lambda_runtime.web import Web\napp = Web(real, lifespan='snapshot')\n"
    )
    steps = [REGISTERED, reply("200 OK"), *script(event(URL))]
    done = web(source, steps, tmp_path, **SNAP)
    asked = next(request for request in done.requests if "/restore/next" in request.path)
    assert asked.stdout == "up\n"
    assert done.stdout.count("up\n") == 1
    assert json.loads(done.posts[-1].body)["body"] == "asgi /items"


# Streamed

STREAMED = {
    "asgi": """
import asyncio, os
async def app(scope, receive, send):
    if scope["type"] == "lifespan": raise ValueError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": FIRST, "more_body": True})
    while not os.path.exists("go"):
        await asyncio.sleep(0.005)
    await send({"type": "http.response.body", "body": b"second"})
""",
    "wsgi": """
import os, time
def app(environ, start_response):
    start_response("200 OK", [])
    yield FIRST
    while not os.path.exists("go"):
        time.sleep(0.005)
    yield b"second"
""",
}


@pytest.mark.parametrize(("kind", "first"), [("asgi", "first"), ("asgi", ""), ("wsgi", "first")])
def test_first_byte(kind: str, first: str, tmp_path: Path) -> None:
    """It is with the network before the second piece is made; an empty one sends the head."""
    source = f"FIRST = {first.encode()!r}\n{STREAMED[kind]}"
    tmp_path.joinpath("h.py").write_text(source)
    env = {"PYTHONPATH": str(SOURCE), "LAMBDA_RUNTIME_WEB_STREAM": "url"}
    steps: list[Step] = [event(URL)]
    with ScriptedApi(steps) as api:
        api.accepting = True
        with started(ours("h.app"), api, tmp_path, env) as (process, _, err):
            expected = b"\0" * 8 + first.encode()
            until(lambda: expected in api.incoming, process)
            time.sleep(0.05)
            assert b"second" not in api.incoming
            tmp_path.joinpath("go").touch()
            until(lambda: any(r.kind == "response" for r in api.requests), process)
            assert err.read_text() == ""
    post = next(r for r in api.requests if r.kind == "response")
    assert post.body.endswith(b"\0" * 8 + first.encode() + b"second")
    assert post.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert not post.trailers


CUT = """
import sys
async def app(scope, receive, send):
    if scope["type"] == "lifespan": raise ValueError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    raise KeyError("odd")
"""


def test_stream_that_fails(tmp_path: Path) -> None:
    """It ends with the error in its trailers, and the next event is served."""
    env = {"LAMBDA_RUNTIME_WEB_STREAM": "url"}
    steps = [reply("404 Not Found"), *script(event(URL), event(URL))]
    done = web(CUT, steps, tmp_path, **env)
    assert len(done.posts) == 3
    for post in done.posts[1:]:
        assert post.body.endswith(b"first")
        assert post.trailers["lambda-runtime-function-error-type"] == "Function.KeyError"
    assert done.status == 0


GONE = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan": return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    except OSError as exc:
        print(type(exc).__name__, (await receive())["type"], flush=True)
        raise
"""


def test_client_that_goes(tmp_path: Path) -> None:
    """`send` raises OSError, `receive` tells it, and the next event is served."""
    env = {"LAMBDA_RUNTIME_WEB_STREAM": "url", "PYTHONPATH": str(SOURCE)}
    tmp_path.joinpath("h.py").write_text(GONE)
    with ScriptedApi([reply("404 Not Found"), event(URL)]) as api:
        api._read_chunks = lambda connection, request: None  # type: ignore[method-assign]
        with started(ours("h.app"), api, tmp_path, env) as (process, out, err):
            assert api.finished.wait(10)
            assert process.poll() is None
            lines = out.read_text().splitlines()
            assert err.read_text() == ""
    assert lines[0] == "OSError http.disconnect"
    assert lines[1].startswith("[ERROR] LAMBDA_RUNTIME A response stream was cut off. POST ")
    assert len(lines) == 2


# Managed Instances


def several(
    source: str, count: int, directory: Path, mode: str = "", **env: str
) -> tuple[list[Any], str]:
    """Serve `count` events in an environment that takes 4 at a time; return answers and log."""
    directory.joinpath("h.py").write_text(source)
    variables = {"AWS_LAMBDA_MAX_CONCURRENCY": "4", "PYTHONPATH": str(SOURCE), **UNTRACED, **env}
    if mode:
        variables["AWS_LAMBDA_CONCURRENCY_MODE"] = mode
    steps: list[Step] = [event(URL, f"id-{number}", seconds=30) for number in range(count)]
    with ScriptedApi(steps) as api:
        api.accepting = True
        with started(ours("h.app"), api, directory, variables) as (process, out, _):
            until(lambda: sum(r.kind == "response" for r in api.requests) == count, process, 30)
            posts = [r for r in api.requests if r.kind == "response"]
            process.send_signal(signal.SIGTERM)
            process.wait(10)
            return [json.loads(post.body) for post in posts], out.read_text()


TOGETHER = """
import asyncio, os
seen = []
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["ups"] = seen
        seen.append("up")
        await asyncio.sleep(0.2)
        print("up", flush=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    scope["state"]["ups"].append("in")
    while seen.count("in") < 4:
        await asyncio.sleep(0.005)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = f"{os.getpid()} {seen.count('up')}".encode()
    await send({"type": "http.response.body", "body": body})
"""


def test_asgi_as_tasks(tmp_path: Path) -> None:
    """All requests of an environment are on one loop, with one lifespan, at the same time."""
    source = TOGETHER
    found, log = several(source, 4, tmp_path)
    assert len({each["body"] for each in found}) == 1
    assert found[0]["body"].endswith(" 1")
    assert log.count("up\n") == 1


WHERE = """
import os, threading
def app(environ, start_response):
    start_response("200 OK", [])
    return [f"{os.getpid()} {environ['wsgi.multithread']}".encode()]
"""


def test_wsgi_as_processes_or_threads(tmp_path: Path) -> None:
    """Processes, unless the class says threads."""
    found, _ = several(WHERE, 12, tmp_path)
    assert {each["body"].split()[1] for each in found} == {"False"}
    source = WHERE.replace("def app", "def real") + (
        "from amazon_lambda_runtime.web import Web\n"
        "class app(Web):\n    app = real\n    concurrency = 'threads'\n"
    )
    found, _ = several(source, 12, tmp_path)
    assert {each["body"].split()[1] for each in found} == {"True"}
    assert len({each["body"].split()[0] for each in found}) == 1


def test_lifespan_of_each_process(tmp_path: Path) -> None:
    """With processes there is one application each, and each is started."""
    source = ASGI.replace('print("up"', 'print("up of", os.getpid()')
    # So long that each process gets an event, also one that starts late.
    source = source.replace("    assert scope", "    await asyncio.sleep(0.8)\n    assert scope")
    found, log = several(source, 8, tmp_path, "processes")
    assert len(found) == 8
    pids = [line for line in log.splitlines() if line.startswith("up of")]
    assert len(pids) == len(set(pids)) == 4


# A function that is no web application


def test_others_load_nothing_of_it(tmp_path: Path) -> None:
    """Neither `web` nor what tells applications from handlers."""
    source = """
import sys
def handler(event, context):
    return [name for name in sys.modules if ".web" in name or name.endswith(
        ("core.applications", "core.signature", "asyncio", "inspect"))]
"""
    done = served(source, [event()], tmp_path, **UNTRACED)
    assert json.loads(done.posts[0].body) == []


def test_modules_of_web(tmp_path: Path) -> None:
    """What a web application loads: few modules beyond asyncio, and none that is slow to load."""
    source = """
import sys
{before}
BEFORE = set(sys.modules)
def app(environ, start_response):
    start_response("200 OK", [])
    return [" ".join(sorted(set(sys.modules) - BEFORE)).encode()]
"""
    done = web(source.format(before=""), script(event(URL)), tmp_path, **UNTRACED)
    added = set(json.loads(done.posts[0].body)["body"].split())
    assert not {name.partition(".")[0] for name in added} & {
        "inspect", "urllib", "http", "email", "typing", "dataclasses", "asyncio", "re",
    }  # fmt: skip
    theirs = {name for name in added if not name.startswith("amazon_lambda_runtime.core")}
    assert len({name for name in theirs if ".web" in name}) <= 11, sorted(theirs)


# An ordinary sample of AWS's


@pytest.mark.parametrize("name", ["sqs", "scheduled"])
def test_event_that_is_no_request(name: str, tmp_path: Path) -> None:
    """The invocation fails, and the environment lives on."""
    body = json.dumps(samples.load(name)).encode()
    done = web(WSGI, script(event(body), event(URL)), tmp_path)
    first, second = done.posts
    assert (first.kind, second.kind) == ("error", "response")
    assert json.loads(first.body)["errorType"] == "NotHttp"
    assert done.status == SERVING
