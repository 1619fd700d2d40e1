"""Callables as results, and answers that are sent before the handler ends."""

import json
from pathlib import Path

import pytest

from tests.harness import SERVING, event, served
from tests.lanes import VERSIONS, python

RETURNED = """
import asyncio, functools
from amazon_lambda_runtime import HttpResponse
async def body(stream):
    await asyncio.sleep(0)
    stream.write("awaited")
async def later(stream):
    stream.write("a")
    await asyncio.sleep(0)
    return 1
def plain(stream):
    stream.write("plain")
def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **options):
        return function(*args, **options)
    return wrapper
class Orders:
    def build(self): return {"order": 7}
    def both(self, stream, number): stream.write(str(number))
    @wrapped
    def write(self, stream): stream.write("method")
    def __call__(self, stream, *, loud=False): stream.write("object")
orders = Orders()
class Flask:
    status_code = 200
    headers = {}
    def __call__(self, environ, start_response): raise AssertionError
class Starlette:
    def __init__(self): self.status_code, self.headers = 200, {}
    async def __call__(self, scope, receive, send): raise AssertionError
async def inner():
    return body
CASES = {
    "async": lambda: body,
    "from a coroutine": inner,
    "plain": lambda: plain,
    "wrapped": lambda: wrapped(plain),
    "method": lambda: orders.write,
    "object": lambda: orders,
    "partial": lambda: functools.partial(orders.both, number=7),
    "default": lambda: lambda stream, end="!": stream.write("default" + end),
    "http": lambda: HttpResponse(body=body),
    "forgotten": lambda: orders.build,
    "print": lambda: print,
    "nothing": lambda: lambda: {"order": 7},
    "two": lambda: orders.both,
    "optional": lambda: lambda stream=None: None,
    "by name": lambda: functools.partial(plain, stream=1),
    "named only": lambda: functools.partial(lambda stream, *, loud: 1),
    "any": lambda: lambda *stream: None,
    "C": lambda: len,
    "a C partial": lambda: functools.partial(len),
    "value": lambda: lambda stream: {"order": 7},
    "generator": lambda: lambda stream: (yield "lost"),
    "after": lambda: lambda stream: [stream.write("a"), 7],
    "awaited value": lambda: later,
    "flask": Flask,
    "starlette": Starlette,
    "flask in http": lambda: HttpResponse(body=Flask()),
}
def handler(event, context):
    return CASES[event]()
async def inside(event, context):
    result = CASES[event]()
    return await result if hasattr(result, "__await__") else result
"""
NOT_A_STREAM = (
    "Unable to marshal response: {} is a callable that does not take a response stream as its only"
    " argument"
)
A_RESULT = (
    "Unable to marshal response: a callable that is given the response stream has to return None,"
    " not {}"
)
FRAMEWORK = (
    "Unable to marshal response: {} is a web framework's response: return an HttpResponse in its"
    " place"
)
LAMBDA = "<lambda>.<locals>.<lambda>"
STREAMED = {
    "async": b"awaited",
    "from a coroutine": b"awaited",
    "plain": b"plain",
    "wrapped": b"plain",
    "method": b"method",
    "object": b"object",
    "partial": b"7",
    "default": b"default!",
}
REFUSED = {
    "forgotten": NOT_A_STREAM.format("Orders.build"),
    "print": NOT_A_STREAM.format("print"),
    "nothing": NOT_A_STREAM.format(LAMBDA),
    "two": NOT_A_STREAM.format("Orders.both"),
    "optional": NOT_A_STREAM.format(LAMBDA),
    "by name": NOT_A_STREAM.format("partial"),
    "named only": NOT_A_STREAM.format("partial"),
    "any": NOT_A_STREAM.format(LAMBDA),
    "C": NOT_A_STREAM.format("len"),
    "a C partial": NOT_A_STREAM.format("partial"),
    "value": A_RESULT.format("dict"),
    "generator": A_RESULT.format("generator"),
    "flask": FRAMEWORK.format("Flask"),
    "starlette": FRAMEWORK.format("Starlette"),
    "flask in http": FRAMEWORK.format("Flask"),
}
CUT = ["after", "awaited value"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("handler", ["handler", "inside"])
def test_returned_callable(version: str, handler: str, tmp_path: Path) -> None:
    """99: what takes the stream writes it; anything else is a MarshalError, before it is called."""
    cases = [*STREAMED, "http", *REFUSED, *CUT]
    events = [event(json.dumps(case).encode()) for case in cases]
    done = served(RETURNED, events, tmp_path, f"h.{handler}", python(version))
    assert done.status == SERVING, done.stderr
    posts = dict(zip(cases, done.posts, strict=True))
    for case, body in STREAMED.items():
        assert (posts[case].kind, posts[case].body, posts[case].trailers) == ("response", body, {})
    assert posts["http"].body.endswith(b"\0" * 8 + b"awaited")
    for case, message in REFUSED.items():
        assert posts[case].kind == "error", case
        told = json.loads(posts[case].body)
        assert (told["errorType"], told["errorMessage"]) == ("Runtime.MarshalError", message)
    for case in CUT:
        assert posts[case].body == b"a"
        assert posts[case].trailers["lambda-runtime-function-error-type"] == "Runtime.MarshalError"
    assert done.stderr == ""


SENT = """
import asyncio
from amazon_lambda_runtime import HttpResponse, Runtime
async def pieces():
    for number in range(3):
        await asyncio.sleep(0)
        yield str(number)
async def failing():
    yield "a"
    await asyncio.sleep(0)
    raise ValueError("cut")
def answer(event):
    return {
        "whole": lambda: HttpResponse(201, {"X-A": "b"}, body="created"),
        "stream": lambda: HttpResponse(200, body=iter(["a", "b"])),
        "async": lambda: HttpResponse(200, body=pieces()),
        "generator": lambda: iter(["a", "b"]),
        "callable": lambda: (lambda stream: stream.write("called")),
        "failing": lambda: HttpResponse(200, body=failing()),
        "refused": lambda: print,
    }[event]()
class Plain(Runtime):
    def handler(self, event, context):
        self.send_invocation_response(answer(event))
        print("after", event)
        return "lost"
class Async(Runtime):
    async def handler(self, event, context):
        sent = self.send_invocation_response(answer(event))
        if sent is not None:
            await sent
        print("after", event)
        return "lost"
class Forgets(Runtime):
    async def handler(self, event, context):
        self.send_invocation_response(answer(event))
        print("after", event)
        return "lost"
"""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["Plain", "Async", "Forgets"])
def test_sent_by_the_handler(version: str, kind: str, tmp_path: Path) -> None:
    """100: send_invocation_response takes what a handler may return, and work goes on after it."""
    cases = ["whole", "stream", "async", "generator", "callable", "failing", "refused"]
    events = [event(json.dumps(case).encode()) for case in cases]
    done = served(SENT, events, tmp_path, f"h.{kind}", python(version))
    assert done.status == SERVING, done.stderr + done.stdout
    posts = dict(zip(cases, done.posts, strict=True))
    whole = json.loads(posts["whole"].body)
    assert (whole["statusCode"], whole["headers"], whole["body"]) == (201, {"X-A": "b"}, "created")
    assert posts["stream"].body.endswith(b"\0" * 8 + b"ab")
    assert posts["async"].body.endswith(b"\0" * 8 + b"012")
    assert (posts["generator"].body, posts["callable"].body) == (b"ab", b"called")
    assert posts["failing"].trailers["lambda-runtime-function-error-type"] == "Function.ValueError"
    assert json.loads(posts["refused"].body)["errorType"] == "Runtime.MarshalError"
    finished = [line for line in done.stdout.splitlines() if line.startswith("after ")]
    expected = cases[:5] if kind != "Forgets" else cases[:6]
    assert finished == [f"after {case}" for case in expected]
    assert done.stderr == ""
