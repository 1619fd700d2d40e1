"""What is rare: the client goes, the end comes in between, another thread has the loop."""

import asyncio
import threading
from typing import Any

import pytest

from amazon_lambda_runtime.core.async_client import AsyncClient
from amazon_lambda_runtime.core.errors import Shutdown, StreamClosed
from amazon_lambda_runtime.core.streaming import ResponseStream
from amazon_lambda_runtime.protocol import HTTP_INTEGRATION
from amazon_lambda_runtime.testing import FunctionError, invoke
from amazon_lambda_runtime.web import Web, settings, wsgi
from amazon_lambda_runtime.web import asgi as asgi_room
from amazon_lambda_runtime.web.lifespan import Lifespan
from amazon_lambda_runtime.web.percent import unquoted
from amazon_lambda_runtime.web.reply import Reply
from amazon_lambda_runtime.web.sender import Sender

from .doors import Request, event_of

URL = event_of("url", Request())
START = {"type": "http.response.start", "status": 200, "headers": []}
MORE = {"type": "http.response.body", "body": b"more", "more_body": True}


def reply(stream: bool = True) -> Reply:
    made = Reply("aws:lambda-url", URL, "GET", "id-1")
    made.streams = stream
    return made


# A client that has gone


class Cut:
    """A sender whose second piece finds the connection closed."""

    async def begin(self, prelude: bytes, piece: bytes) -> None: ...

    async def write(self, piece: bytes) -> None:
        raise StreamClosed("cut off")


def cut(app: Any) -> asgi_room.Exchange:
    exchange = asgi_room.Exchange(b"", reply(), Cut())  # type: ignore[arg-type]
    with pytest.raises(StreamClosed, match="cut off"):
        asyncio.run(exchange.run(app, {}, False, 0))
    return exchange


def test_client_that_has_gone() -> None:
    """Each `send` from then on raises OSError; what comes of it is not told as an error."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(START)
        await send(MORE)
        for _ in range(2):
            with pytest.raises(OSError, match="the client is gone"):
                await send(MORE)
            seen.append((await receive())["type"])
        await send(MORE)

    cut(app)
    assert seen == ["http.disconnect"] * 2


@pytest.mark.parametrize("how", ["from", "while", "group"])
def test_exception_that_comes_of_it(how: str) -> None:
    """Frameworks wrap it, and raise it in groups."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(MORE)
        try:
            await send(MORE)
        except OSError as exc:
            if how == "from":
                raise RuntimeError("wrapped") from exc
            if how == "while":
                raise RuntimeError("wrapped")  # noqa: B904
            raise BaseExceptionGroup("tasks", [ValueError(), exc])  # noqa: B904

    cut(app)


def test_exception_of_another_kind() -> None:
    """It is the application's, and is told as such."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(MORE)
        try:
            await send(MORE)
        except OSError:
            pass
        raise KeyError("odd")

    exchange = asgi_room.Exchange(b"", reply(), Cut())  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="odd"):
        asyncio.run(exchange.run(app, {}, False, 0))


# The end


@pytest.mark.parametrize("stream", [True, False])
def test_exit_after_the_response(stream: bool) -> None:
    """The answer stands."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"body"})
        raise SystemExit(3)

    class Body:
        def __iter__(self) -> Any:
            return iter([b"bo", b"dy"])

        def close(self) -> None:
            raise SystemExit(3)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return Body()

    for each in (asgi, app):
        found = invoke(Web(each, stream=stream, lifespan="off"), URL)
        assert found["body"] in ("body", b"body")


def test_shutdown_in_the_application() -> None:
    """SIGTERM interrupts it: there is nothing to be answered any more."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        raise Shutdown

    def app(environ: Any, start_response: Any) -> Any:
        raise Shutdown

    exchange = asgi_room.Exchange(b"", reply(), Cut())  # type: ignore[arg-type]
    with pytest.raises(Shutdown):
        asyncio.run(exchange.run(asgi, {}, False, 0))
    told = reply()
    with pytest.raises(Shutdown):
        wsgi.Exchange(told, None).run(app, {}, False)
    assert told.head is None


def test_application_that_raises_cancelled_error(capsys: Any) -> None:
    """Something that it awaited was cancelled: its own fault, and no cancellation of the task."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    assert invoke(Web(app, lifespan="off"), URL)["statusCode"] == 500
    told = "[ERROR] RuntimeError: the application raised CancelledError"
    assert told in capsys.readouterr().out
    with pytest.raises(FunctionError, match="the application raised CancelledError"):
        invoke(Web(app, lifespan="off", errors="raise"), URL)


def test_shutdown_that_fails(capsys: Any) -> None:
    """What the application says of it is logged."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "the pool is stuck"})

    async def live() -> None:
        lifespan = Lifespan(app, is_required=True)
        await lifespan.start()
        await lifespan.stop()

    asyncio.run(live())
    assert "[ERROR] Runtime.ShutdownFailed: the pool is stuck" in capsys.readouterr().out


def test_shutdown_that_takes_too_long() -> None:
    """It is waited for as long as Lambda leaves: less than half a second."""
    ended: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled by the end of the loop")

    async def live() -> None:
        lifespan = Lifespan(app, is_required=True)
        await lifespan.start()
        begun = asyncio.get_running_loop().time()
        await lifespan.stop()
        assert asyncio.get_running_loop().time() - begun < 2
        assert ended == []
        await lifespan.stop()  # there is nothing left to stop

    asyncio.run(live())


def test_startup_that_ends_by_something_worse() -> None:
    class Worse(BaseException):
        pass

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise Worse("worse")

    async def live() -> None:
        await Lifespan(app, is_required=False).start()

    with pytest.raises(Worse):
        asyncio.run(live())


# Where a coroutine may run


class Wire:
    """A client that notes by which thread it is used."""

    def __init__(self, takes: bool, has_drained: bool = False) -> None:
        self._takes = takes
        self.used: list[tuple[str, bool]] = []
        self.waits = 0
        if has_drained:
            self.drained = self.settled = self._wait

    def takes(self, size: int) -> bool:
        return self._takes

    def start(self, path: str, headers: str, first: bytes) -> None:
        self._note("start")

    def write(self, data: bytes) -> None:
        self._note("write")

    def finish(self, data: bytes) -> None:
        self._note("finish")

    def post(self, path: str, headers: str, body: bytes) -> None:
        self._note("post")

    async def _wait(self) -> None:
        self.waits += 1

    def _note(self, what: str) -> None:
        self.used.append((what, asyncio._get_running_loop() is not None))


def sent(wire: Wire, *, apart: bool = False) -> list[tuple[str, bool]]:
    """Send a stream; return what was done, and whether it was done in the loop's thread."""
    from amazon_lambda_runtime.core.client import Delivery

    async def send() -> None:
        delivery = Delivery(wire, {"lambda-runtime-aws-request-id": "id-1"}, b"")  # type: ignore[arg-type]
        sender = Sender(delivery)
        await sender.begin(b"{}", b"first")
        await sender.write(b"second")
        await sender.finish()

    if apart:
        thread = threading.Thread(target=lambda: asyncio.run(send()))
        thread.start()
        thread.join()
    else:
        asyncio.run(send())
    return wire.used


def test_pieces_in_the_main_thread() -> None:
    """What the network takes is written at once, and what it does not take in a thread."""
    assert sent(Wire(True)) == [("start", True), ("write", True), ("finish", True)]
    assert sent(Wire(False)) == [("start", False), ("write", False), ("finish", True)]


def test_pieces_on_a_loop_that_threads_share() -> None:
    """Whatever waits for the API waits in another thread."""
    assert sent(Wire(True), apart=True) == [("start", True), ("write", True), ("finish", False)]


def test_pieces_of_tasks() -> None:
    """Their client writes at once, and is waited for."""
    wire = Wire(True, has_drained=True)
    assert sent(wire) == [("start", True), ("write", True), ("finish", True)]
    assert wire.waits == 3


def test_stream_that_cannot_begin() -> None:
    """The connection is gone: the stream is closed, and what comes is not sent."""

    class Delivery:
        def start(self, *_: Any) -> None:
            raise StreamClosed("cut off")

    stream = ResponseStream(Delivery(), HTTP_INTEGRATION, b"{}")  # type: ignore[arg-type]
    with pytest.raises(StreamClosed):
        stream.begin(b"first")
    assert stream.closed


def test_client_of_tasks_takes_what_it_is_given() -> None:
    assert AsyncClient.takes(AsyncClient.__new__(AsyncClient), 1 << 30)


# WSGI's rarities


def test_empty_piece_before_the_first() -> None:
    """Streamed, it sends nothing: the application may yet call start_response again."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(b"")
        return [b"", b"body"]

    assert invoke(Web(app, stream=True), URL)["body"] in ("body", b"body")


def test_exit_in_the_middle() -> None:
    """The client has the beginning: the stream ends as failed."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"first"
        raise SystemExit(3)

    with pytest.raises(FunctionError, match="SystemExit: 3"):
        invoke(Web(app, stream=True), URL)


def test_pieces_of_what_has_no_body() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return [b"a", b"b", b"c"]

    event = event_of("url", Request(method="HEAD"))
    assert invoke(Web(app, stream=True), event)["body"] in ("", b"")


@pytest.mark.parametrize(("mode", "threads"), [("threads", True), ("processes", False)])
def test_whether_there_are_threads(
    mode: str, threads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def app(environ: Any, start_response: Any) -> Any: ...

    site = Web(app)
    assert settings.in_threads(site) is False
    monkeypatch.setenv("AWS_LAMBDA_MAX_CONCURRENCY", "4")
    monkeypatch.setenv("AWS_LAMBDA_CONCURRENCY_MODE", mode)
    assert settings.in_threads(site) is threads


def test_runtime_of_events_that_is_async() -> None:
    """Its on_init and on_shutdown are awaited, after those of the application."""
    seen: list[str] = []

    class Site(Web):
        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: N805
            seen.append((await receive())["type"])
            await send({"type": "lifespan.startup.complete"})
            seen.append((await receive())["type"])
            await send({"type": "lifespan.shutdown.complete"})

        class events(Web):  # noqa: N801
            async def app(scope: Any, receive: Any, send: Any) -> None: ...  # noqa: N805

            async def on_init(self) -> None:
                seen.append("on_init")

            async def on_shutdown(self) -> None:
                seen.append("on_shutdown")

    async def live() -> None:
        site = Site()
        await site.on_init()
        await site.on_shutdown()

    asyncio.run(live())
    assert seen == ["lifespan.startup", "on_init", "lifespan.shutdown", "on_shutdown"]


def test_code_that_is_none_in_a_path() -> None:
    assert unquoted(b"/a%zz%4%41") == b"/a%zz%4A"


def test_body_of_more_than_can_be_kept(capsys: Any) -> None:
    """It is counted, and not kept."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return (b"x" * 1_000_000 for _ in range(8))

    found = invoke(Web(app), URL)
    assert found["statusCode"] == 500
    assert "the response is 8000000 bytes; at most" in capsys.readouterr().out
