"""ASGI applications in an invocation: what they receive, and what becomes of what they do."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import current_context
from amazon_lambda_runtime.testing import FunctionError, invoke, make_context
from amazon_lambda_runtime.web import StartupFailed, Web

from .doors import Request, event_of

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

EVENT = event_of("url", Request("/items/1?a=1", "POST", [("x-one", "1")], b"body"))
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain")],
}
BODY = {"type": "http.response.body", "body": b"body"}
MORE = {"type": "http.response.body", "body": b"more", "more_body": True}


def app_of(work: Callable[[dict[str, Any], Receive, Send], Awaitable[None]]) -> Any:
    """Return an application without a lifespan that does this with each request."""

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await work(scope, receive, send)

    return app


def answer(work: Any, event: Any = EVENT, **options: Any) -> Any:
    """Return what answers the event, with the body as text."""
    site = Web(app_of(work), **options)
    found = invoke(site, event, make_context(aws_request_id="id-1"))
    if isinstance(found["body"], bytes):  # it was streamed
        found["body"] = found["body"].decode()
    return found


def failed(found: dict[str, Any]) -> bool:
    return (found["statusCode"], found["body"]) == (500, "Internal Server Error")


each_way = pytest.mark.parametrize("stream", [False, True])


def test_scope() -> None:
    seen: list[dict[str, Any]] = []

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        seen.append(scope)
        await send(START)
        await send(BODY)

    answer(work)
    (scope,) = seen
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert (scope["method"], scope["scheme"], scope["http_version"]) == ("POST", "https", "1.1")
    assert (scope["path"], scope["raw_path"]) == ("/items/1", b"/items/1")
    assert (scope["query_string"], scope["root_path"]) == (b"a=1", "")
    assert (b"x-one", b"1") in scope["headers"]
    assert (scope["client"], scope["server"]) == (("203.0.113.7", 0), ("web.example", 443))
    assert (scope["state"], scope["extensions"]) == ({}, {})
    assert scope["aws.event"] == EVENT
    assert scope["aws.context"].aws_request_id == "id-1"


def test_trace_of_the_invocation() -> None:
    """It is that of the event, and where that has none, that of the context."""
    seen: list[list[tuple[bytes, bytes]]] = []

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        seen.append([pair for pair in scope["headers"] if pair[0] == b"x-amzn-trace-id"])
        await send(START)
        await send(BODY)

    site = Web(app_of(work))
    invoke(site, EVENT, make_context(trace_id="Root=of-the-context"))
    event = event_of("url", Request(headers=[("x-amzn-trace-id", "Root=of-the-event")]))
    invoke(site, event, make_context(trace_id="Root=of-the-context"))
    assert [pair[1] for pairs in seen for pair in pairs] == [
        b"Root=of-the-context", b"Root=of-the-event",
    ]  # fmt: skip


@each_way
def test_receive(stream: bool) -> None:
    """The request comes at once; `http.disconnect` only when the response is complete."""
    told: list[Any] = []

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        told.append(await receive())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.02)
        await send(START)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.02)
        await send(MORE)
        await send(BODY)
        told.extend([await receive(), await receive()])

    assert answer(work, stream=stream)["body"] == "morebody"
    assert told == [
        {"type": "http.request", "body": b"body", "more_body": False},
        {"type": "http.disconnect"},
        {"type": "http.disconnect"},
    ]


@each_way
def test_pieces_of_other_types(stream: bool) -> None:
    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        for piece in (b"a", bytearray(b"b"), memoryview(b"c")):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    assert answer(work, stream=stream)["body"] == "abc"


# Messages out of order: a RuntimeError in the application, which may go on

WRONG: dict[str, tuple[list[dict[str, Any]], str]] = {
    "the body first": ([BODY], "Expected ASGI message 'http.response.start', but got 'http.resp"),
    "no such message": ([{"type": "http.push"}], "Expected ASGI message 'http.response.start', bu"),
    "the start twice": ([START, START], "Expected ASGI message 'http.response.body', but got 'htt"),
    "a status of another type": (
        [{**START, "status": "200"}],
        "the response has the status '200': expected a number",
    ),
    "a header of text": (
        [{**START, "headers": [("a", b"b")]}],
        "a header field of the response has 'a': expected bytes",
    ),
    "a value of text": (
        [{**START, "headers": [(b"a", "b")]}],
        "a header field of the response has 'b': expected bytes",
    ),
    "text": (
        [START, {"type": "http.response.body", "body": "x"}],
        "the body of a response is str, n",
    ),
}


@pytest.mark.parametrize("name", WRONG)
@each_way
def test_message_out_of_order(name: str, stream: bool, capsys: Any) -> None:
    messages, told = WRONG[name]

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    assert failed(answer(work, stream=stream))
    out = capsys.readouterr().out
    assert told in out
    assert out.count("[ERROR]") == 1


@each_way
def test_message_after_the_end(stream: bool) -> None:
    """The response stands. What the application raises is told after it."""

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send(START)
        await send(BODY)
        with pytest.raises(RuntimeError, match="sent, after response already completed"):
            await send(BODY)

    assert answer(work, stream=stream)["body"] == "body"


# What the application raises


@each_way
def test_exception(stream: bool, capsys: Any) -> None:
    """The client gets a 500; the log one record with the request and the application's frame."""

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        raise KeyError("odd")

    assert failed(answer(work, stream=stream))
    out = capsys.readouterr().out
    assert out.count("[ERROR] KeyError: 'odd'") == 1
    assert 'raise KeyError("odd")' in out


@each_way
def test_exception_that_fails_the_invocation(stream: bool) -> None:
    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        raise KeyError("odd")

    with pytest.raises(FunctionError, match="KeyError: 'odd'"):
        answer(work, stream=stream, errors="raise")


def test_exception_after_the_start(capsys: Any) -> None:
    """Nothing is on its way yet when the response is whole, so the 500 takes its place."""

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send(START)
        await send(MORE)
        raise KeyError("odd")

    assert failed(answer(work))
    assert "[ERROR] KeyError: 'odd'" in capsys.readouterr().out
    with pytest.raises(FunctionError, match="KeyError: 'odd'"):
        answer(work, stream=True)  # the client has the beginning: the stream ends as failed


@each_way
def test_exception_after_the_response(stream: bool, capsys: Any) -> None:
    """It is told, and changes nothing."""

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send({**START, "status": 201})
        await send(BODY)
        raise KeyError("odd")

    found = answer(work, stream=stream)
    assert (found["statusCode"], found["body"]) == (201, "body")
    out = capsys.readouterr().out
    assert out.count("[ERROR] KeyError: 'odd'") == 1
    assert "After the response" in out


@each_way
def test_exception_that_the_framework_has_answered(stream: bool, capsys: Any) -> None:
    """Starlette answers 500 and raises then: that is no work after the response."""
    found = answer(answers_and_raises, stream=stream)
    assert (found["statusCode"], found["body"]) == (503, "body")
    out = capsys.readouterr().out
    assert out.count("[ERROR] KeyError: 'odd'") == 1
    assert "After the response" not in out


async def answers_and_raises(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await send({**START, "status": 503})
    await send({**BODY, "more_body": True})
    await send({"type": "http.response.body"})
    raise KeyError("odd")


@each_way
def test_exception_that_the_framework_has_answered_fails_the_invocation(
    stream: bool, capsys: Any
) -> None:
    """With errors="raise" it does so after a response of 500, too, and none is sent."""
    with pytest.raises(FunctionError, match="odd"):
        answer(answers_and_raises, stream=stream, errors="raise")
    assert capsys.readouterr().out.count("KeyError: 'odd'") == 1


@each_way
def test_error_response_without_an_exception(stream: bool) -> None:
    """With errors="raise" it is sent as it is."""

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send({**START, "status": 503})
        await send({**BODY, "more_body": True})
        await send({"type": "http.response.body", "body": b"guard"})

    found = answer(work, stream=stream, errors="raise")
    assert (found["statusCode"], found["body"]) == (503, "bodyguard")


@each_way
def test_return_without_a_response(stream: bool, capsys: Any) -> None:
    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None: ...

    assert failed(answer(work, stream=stream))
    assert "RuntimeError: the application returned without its response" in capsys.readouterr().out


def test_return_in_the_middle(capsys: Any) -> None:
    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send(START)
        await send(MORE)

    assert failed(answer(work))
    assert "the application returned without its response" in capsys.readouterr().out
    told = "the application returned in the middle of its response"
    with pytest.raises(FunctionError, match=told):
        answer(work, stream=True)


@each_way
def test_exit(stream: bool) -> None:
    """The client gets its 500 before the process ends."""
    sent: list[Any] = []

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        sent.append(1)
        raise SystemExit(3)

    assert failed(answer(work, stream=stream))
    assert sent == [1]


# After the response


@each_way
def test_work_after_the_response(stream: bool) -> None:
    done: list[str] = []

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send(START)
        await send(BODY)
        await asyncio.sleep(0.01)
        done.append("background")

    assert answer(work, stream=stream)["body"] == "body"
    assert done == ["background"]


# Each request has its own context


def test_context_variables() -> None:
    """What a request sets is not there in the next; the Context is there in threads, too."""
    variable: ContextVar[str] = ContextVar("variable", default="unset")
    seen: list[Any] = []

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        seen.append(variable.get())
        variable.set("set")
        for context in (current_context(), await asyncio.to_thread(current_context)):
            assert context is not None
            seen.append(context.aws_request_id)
        await send(START)
        await send(BODY)

    site = Web(app_of(work))
    for name in ("id-1", "id-2"):
        invoke(site, EVENT, make_context(aws_request_id=name))
    assert seen == ["unset", "id-1", "id-1", "unset", "id-2", "id-2"]


# The deadline


def test_deadline() -> None:
    """With a margin, the application hears of it, then is cancelled, and the client gets 504."""
    told: list[Any] = []

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        told.append(await receive())
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    begun = time.monotonic()
    site = Web(app_of(work), margin=2.8)
    found = invoke(site, EVENT, make_context(remaining_ms=3000))
    assert (found["statusCode"], found["body"]) == (504, "Gateway Timeout")
    assert told == [{"type": "http.disconnect"}, "cancelled"]
    assert time.monotonic() - begun < 2


def test_deadline_in_the_middle() -> None:
    """A stream that has begun ends as failed."""

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send(START)
        await send(MORE)
        await asyncio.sleep(9)

    site = Web(app_of(work), margin=2.9, stream=True)
    with pytest.raises(FunctionError, match=r"the response was not complete after 0\.1 s"):
        invoke(site, EVENT, make_context(remaining_ms=3000))


def test_response_before_the_deadline() -> None:
    """What comes after it is not limited: it is work after the response."""
    done: list[str] = []

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send(START)
        await send(BODY)
        await asyncio.sleep(0.3)
        done.append("background")

    site = Web(app_of(work), margin=2.95)
    assert invoke(site, EVENT, make_context(remaining_ms=3000))["body"] == "body"
    assert done == ["background"]


# The lifespan


class WithLifespan:
    """An application that counts its startups, and does with the first message what is said."""

    def __init__(self, startup: str = "lifespan.startup.complete", message: str = "") -> None:
        self.ups = self.downs = 0
        self.threads: set[int] = set()
        self._startup, self._message = startup, message

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.threads.add(threading.get_ident())
        if scope["type"] == "http":
            await send(START)
            await send({"type": "http.response.body", "body": json.dumps(scope["state"]).encode()})
            scope["state"]["mine"] = "left by a request"
            return
        assert await receive() == {"type": "lifespan.startup"}
        self.ups += 1
        scope["state"]["pool"] = self.ups
        await send({"type": self._startup, "message": self._message})
        if self._startup.endswith("complete"):
            assert await receive() == {"type": "lifespan.shutdown"}
            self.downs += 1
            await send({"type": "lifespan.shutdown.complete"})


def test_lifespan_is_up_once() -> None:
    """Each request gets a copy of what startup has left."""
    app = WithLifespan()
    site = Web(app)
    assert [invoke(site, EVENT)["body"] for _ in range(3)] == ['{"pool": 1}'] * 3
    assert (app.ups, app.downs) == (1, 0)


def test_lifespan_that_is_off() -> None:
    app = WithLifespan()
    assert invoke(Web(app, lifespan="off"), EVENT)["body"] == "{}"
    assert app.ups == 0


@pytest.mark.parametrize("message", ["no database", ""])
@pytest.mark.parametrize("lifespan", ["auto", "on"])
def test_startup_that_fails(lifespan: str, message: str) -> None:
    site = Web(WithLifespan("lifespan.startup.failed", message), lifespan=lifespan)
    with pytest.raises(StartupFailed) as caught:
        invoke(site, EVENT)
    assert str(caught.value) == (message or "the application's startup failed")


def app_that(problem: str) -> Any:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            if problem == "raises at once":
                raise ValueError("only http\nand nothing else")
            if problem == "raises when asked":
                await receive()
                raise OSError("no database")
            if problem == "is cancelled":
                await receive()
                raise asyncio.CancelledError
            if problem == "takes it for a request":
                await receive()
                await send(START)
            return
        await send(START)
        await send(BODY)

    return app


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ("raises at once", "it seems: ValueError: only http. If it has"),
        ("raises when asked", "startup failed: OSError: no database"),
        ("is cancelled", "startup failed: CancelledError"),
        ("takes it for a request", "it seems: RuntimeError: Unexpected ASGI message"),
        ("returns", ""),
    ],
)
def test_application_without_a_lifespan(problem: str, told: str, capsys: Any) -> None:
    """It needs none, unless it is told that it does; a startup that failed is never passed over."""
    app = app_that(problem)
    if "startup failed" in told:
        with pytest.raises(Exception, match=told):
            invoke(Web(app), EVENT)
    else:
        assert invoke(Web(app), EVENT)["body"] == "body"
        out = capsys.readouterr().out
        assert told in out
        assert ("[WARN]" in out) == bool(told)
    with pytest.raises(Exception, match="the application's startup failed: "):
        invoke(Web(app, lifespan="on"), EVENT)


@each_way
def test_error_response_and_what_is_received_then(stream: bool) -> None:
    """With errors="raise", too, there is nothing more to receive once the response is complete."""
    got: list[dict[str, Any]] = []

    async def work(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        await send({**START, "status": 500})
        await send(BODY)
        got.append(await asyncio.wait_for(receive(), 10))

    found = answer(work, stream=stream, errors="raise")
    assert (found["statusCode"], found["body"]) == (500, "body")
    assert got == [{"type": "http.disconnect"}]


def test_interface_that_is_named() -> None:
    """Where the names of the parameters do not tell."""

    async def asgi(*arguments: Any) -> None:
        await arguments[2](START)
        await arguments[2](BODY)

    def wsgi(*arguments: Any) -> list[bytes]:
        arguments[1]("200 OK", [])
        return [b"body"]

    with pytest.raises(TypeError, match='not function; interface="asgi" or "wsgi" says that'):
        Web(asgi)
    assert invoke(Web(asgi, interface="asgi", lifespan="off"), EVENT)["body"] == "body"
    assert invoke(Web(wsgi, interface="wsgi"), EVENT)["body"] == "body"
    with pytest.raises(ValueError, match="interface is 'asgi3': expected auto, asgi, wsgi"):
        Web(wsgi, interface="asgi3")


def test_on_init_that_forgets_the_lifespan() -> None:
    class Site(Web):
        app = WithLifespan()

        def on_init(self) -> None: ...

    with pytest.raises(FunctionError, match=r"Site\.on_init has to return super\(\)\.on_init\(\)"):
        invoke(Site, EVENT)


# A class


def test_class(tmp_path: Path) -> None:
    class Site(Web):
        app = staticmethod(app_of(lambda scope, receive, send: hello(send)))
        stream = True

    async def hello(send: Send) -> None:
        await send(START)
        await send(BODY)

    found = invoke(Site, EVENT)
    assert found["body"] == b"body"
    assert "isBase64Encoded" not in found  # it was streamed
