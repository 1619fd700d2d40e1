"""A child that a handler forks, wherever it does so. Numbers are those of docs/behaviour.md."""

import json
from pathlib import Path

import pytest

from tests.harness import SERVING, event, served
from tests.lanes import VERSIONS, python

FORKS = """
import os, asyncio
from amazon_lambda_runtime import Runtime, HttpResponse
class Generator(Runtime):
    def handler(self, event, context):
        yield "first"
        child = os.fork()
        yield "child" if child == 0 else "parent"
        if child: os.waitpid(child, 0)
class Coroutine(Runtime):
    async def handler(self, event, context):
        await asyncio.sleep(0)
        child = os.fork()
        if child: os.waitpid(child, 0)
        await asyncio.sleep(0)
        return "child" if child == 0 else "parent"
class AsyncGenerator(Runtime):
    async def handler(self, event, context):
        child = os.fork()
        if child: os.waitpid(child, 0)
        await asyncio.sleep(0)
        yield "child" if child == 0 else "parent"
class Callable(Runtime):
    def handler(self, event, context):
        def body(stream):
            child = os.fork()
            stream.write("child" if child == 0 else "parent")
            if child: os.waitpid(child, 0)
        return body
class Sends(Runtime):
    def handler(self, event, context):
        child = os.fork()
        self.send_invocation_response("child" if child == 0 else "parent")
        if child: os.waitpid(child, 0)
class SendsError(Runtime):
    def handler(self, event, context):
        child = os.fork()
        if child == 0: self.send_invocation_error("child")
        os.waitpid(child, 0)
        return "parent"
class Asks(Runtime):
    def handler(self, event, context):
        child = os.fork()
        if child == 0: self.next_event()
        os.waitpid(child, 0)
        return "parent"
"""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "kind",
    ["Generator", "Coroutine", "AsyncGenerator", "Callable", "Sends", "SendsError", "Asks"],
)
def test_child_is_silent(version: str, kind: str, tmp_path: Path) -> None:
    """58: a child never answers for its parent, in a stream, a coroutine or by its own call."""
    done = served(
        FORKS, [event(b"1", "a"), event(b"2", "b")], tmp_path, f"h.{kind}", python(version)
    )
    assert done.status == SERVING, done.stderr
    assert done.kinds == ["next", "response", "next", "response", "next"]
    assert done.connections == 1
    expected = {"Generator": "firstparent", "AsyncGenerator": "parent", "Callable": "parent"}
    for post in done.posts:
        text = post.body.decode() if kind in expected else json.loads(post.body)
        assert (text, post.trailers) == (expected.get(kind, "parent"), {})
    assert "LAMBDA_RUNTIME" not in done.stdout
