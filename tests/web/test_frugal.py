"""Memory: a long stream is not kept, and requests leave nothing behind."""

import json
from pathlib import Path

import pytest

from tests.harness import (
    ACCEPTED,
    SOURCE,
    UNTRACED,
    ScriptedApi,
    Step,
    event,
    examples,
    ours,
    reply,
    run,
    started,
)

from .doors import Request, event_of

PEAK = """
import re
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
LONG = {
    "asgi": """
async def app(scope, receive, send):
    if scope["type"] == "lifespan": raise ValueError
    global resting
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/long":
        resting, piece = peak(), b"x" * 100_000
        for _ in range(2000):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})
    else:
        await send({"type": "http.response.body", "body": str(peak() - resting).encode()})
resting = 0
""",
    "wsgi": """
def app(environ, start_response):
    global resting
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/long":
        resting, piece = peak(), b"x" * 100_000
        for _ in range(2000):
            yield piece
    else:
        yield str(peak() - resting).encode()
resting = 0
""",
}


def encoded(target: str) -> bytes:
    return json.dumps(event_of("url", Request(target, "POST", body=b"x" * 100))).encode()


@pytest.mark.slow
@pytest.mark.parametrize("kind", LONG)
def test_memory_of_a_stream(kind: str, tmp_path: Path) -> None:
    """200 MB to a slow reader take less than 5 MB."""
    tmp_path.joinpath("h.py").write_text(PEAK + LONG[kind])
    script: list[Step] = [reply("404 Not Found")] if kind == "asgi" else []
    for target in ("/short", "/long", "/short"):
        script += [event(encoded(target), seconds=60), ACCEPTED]
    env = {"PYTHONPATH": str(SOURCE), "LAMBDA_RUNTIME_WEB_STREAM": "url", **UNTRACED}
    with ScriptedApi(script) as api:
        api.forgetful = True
        with started(ours("h.app"), api, tmp_path, env):
            assert api.finished.wait(60)
    posts = [request for request in api.requests if request.kind == "response"]
    assert sum(chunk == b"" for chunk in posts[1].chunks) >= 1999
    assert int(posts[2].body.rpartition(b"\0")[2]) < 5_000


COUNTS = """
import asyncio, gc, os
SEEN = {}
def counted():
    gc.collect()
    return [len(gc.get_objects()), len(os.listdir("/proc/self/fd"))]
"""
MANY = {
    "asgi": """
async def app(scope, receive, send):
    if scope["type"] == "lifespan": raise ValueError
    await receive()
    body = str([*counted(), len(asyncio.all_tasks())]) if scope["path"] == "/count" else "x"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body.encode()})
""",
    "wsgi": """
def app(environ, start_response):
    start_response("200 OK", [])
    return [str([*counted(), 0]).encode() if environ["PATH_INFO"] == "/count" else b"x"]
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", MANY)
def test_many_requests(kind: str, tmp_path: Path) -> None:
    """Nothing is left of them: no object, no task, no descriptor. 10,000 by hand (EXAMPLES=)."""
    tmp_path.joinpath("h.py").write_text(COUNTS + MANY[kind])
    script: list[Step] = [reply("404 Not Found")] if kind == "asgi" else []
    count = examples(1000)
    targets = ["/x"] * 50 + ["/count"] + ["/x"] * count + ["/count"]
    for target in targets:
        script += [event(encoded(target), seconds=600), ACCEPTED]
    env = {"PYTHONPATH": str(SOURCE), **UNTRACED}
    done = run(ours("h.app"), script, tmp_path, env, 600)
    posts = [post for post in done.posts if post.kind == "response"]
    assert len(posts) == count + 52
    before, after = (json.loads(json.loads(posts[n].body)["body"]) for n in (50, -1))
    assert after[0] - before[0] < 50
    assert after[1:] == before[1:]
