"""The client on an event loop: the rules of test_client.py, without waiting.

Numbers are those of docs/behaviour.md.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from amazon_lambda_runtime import RuntimeApiError
from amazon_lambda_runtime.core import client
from amazon_lambda_runtime.core.async_client import AsyncClient
from amazon_lambda_runtime.core.client import Delivery
from amazon_lambda_runtime.core.errors import StreamClosed
from tests.harness import ACCEPTED, HangUp, Reset, ScriptedApi, Step, event, reply


class Talk:
    """Waits for what an AsyncClient calls."""

    def __init__(self, address: str) -> None:
        self._calls: asyncio.Queue[Any] = asyncio.Queue()
        put = self._calls.put_nowait
        loop = asyncio.get_running_loop()
        self.client = AsyncClient(address, loop, put, lambda: put(None), put)

    async def called(self) -> Any:
        """Return what it is called with next. Raises it, if it is an exception."""
        call = await asyncio.wait_for(self._calls.get(), 10)
        if isinstance(call, Exception):
            raise call
        return call

    async def next(self) -> Delivery:
        self.client.ask()
        delivery: Delivery = await self.called()
        return delivery


def talk(script: list[Step], work: Callable[[Talk], Awaitable[None]]) -> ScriptedApi:
    """Do `work` with a client of an API that plays a script."""

    async def main(address: str) -> None:
        spoken = Talk(address)
        try:
            await work(spoken)
        finally:
            spoken.client.close()

    with ScriptedApi(script) as api:
        asyncio.run(main(api.address))
    return api


def test_bytes_of_a_cycle() -> None:
    """62, 128: the requests are those of the client that waits, on one connection."""

    async def work(spoken: Talk) -> None:
        for number in range(2):
            delivery = await spoken.next()
            assert (delivery.request_id, delivery.body) == (f"id-{number}", b"{}")
            if number == 0:
                delivery.respond(b'"yes"')
            else:
                delivery.fail(b"{}", "Function.No")
            assert spoken.client.is_answering
            assert await spoken.called() is None
            assert not spoken.client.is_answering

    nonce = "Lambda-Runtime-Invocation-Id: n-1\r\n"
    script: list[Step] = [event(b"{}", "id-0", nonce), ACCEPTED, event(b"{}", "id-1"), ACCEPTED]
    api = talk(script, work)
    host = f"Host: {api.address}\r\nUser-Agent: amazon-lambda-runtime-python/{client.VERSION}"
    assert [request.head.decode() for request in api.requests] == [
        f"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n{host}",
        f"POST /2018-06-01/runtime/invocation/id-0/response HTTP/1.1\r\n{host}\r\n"
        "Content-Type: application/json\r\nLambda-Runtime-Invocation-Id: n-1\r\n"
        "Content-Length: 5",
        f"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n{host}",
        f"POST /2018-06-01/runtime/invocation/id-1/error HTTP/1.1\r\n{host}\r\n"
        "Content-Type: application/json\r\n"
        "lambda-runtime-function-error-type: Function.No\r\nContent-Length: 2",
    ]
    assert [request.body for request in api.requests] == [b"", b'"yes"', b"", b"{}"]
    assert api.connections == 1


@pytest.mark.parametrize("size", [1 << 20, 10, 1])
@pytest.mark.parametrize("framing", ["a length", "chunks", "the end", "interim"])
def test_events_in_pieces(framing: str, size: int) -> None:
    """24, 62, 128: framing of every kind, cut anywhere."""
    request_id = b"Lambda-Runtime-Aws-Request-Id: id-1\r\n"
    data = {
        "a length": event(b'"body"'),
        "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n%b\r\n"
        b'3\r\n"bo\r\n3\r\ndy"\r\n0\r\nTrailer: x\r\n\r\n' % request_id,
        "the end": b'HTTP/1.1 200 OK\r\n%b\r\n"body"' % request_id,
        "interim": b"HTTP/1.1 100 Continue\r\n\r\n" + event(b'"body"'),
    }[framing]
    pieces: list[Any] = [data[i : i + size] for i in range(0, len(data), size)]
    if framing == "the end":
        pieces.append(HangUp)

    async def work(spoken: Talk) -> None:
        for _ in range(2):
            assert (await spoken.next()).body == b'"body"'

    api = talk([pieces, pieces], work)
    assert api.connections == (2 if framing == "the end" else 1)


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(HangUp, id="63: closed"),
        pytest.param(Reset, id="64: reset"),
        pytest.param([event()[:-1], HangUp], id="65: truncated"),
        pytest.param([event()[:-1], Reset], id="65: reset in the middle"),
        pytest.param([b"SMTP\r\n\r\n"], id="garbage"),
    ],
)
def test_next_is_asked_again(step: Step) -> None:
    """63-65, 128: /next is asked again, on another connection."""

    async def work(spoken: Talk) -> None:
        assert (await spoken.next()).request_id == "id-1"

    assert talk([step, step, event()], work).connections == 3


def test_next_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """64, 128: but not for ever."""
    monkeypatch.setattr(client, "_PAUSES", (0.0, 0.0))

    async def work(spoken: Talk) -> None:
        with pytest.raises(RuntimeApiError, match=r"invocation/next: failed 3 times \(.*\)"):
            await spoken.next()

    assert len(talk([HangUp] * 3, work).requests) == 3


@pytest.mark.parametrize("status", ["403 Forbidden", "500 Internal Server Error"])
def test_next_is_refused(status: str) -> None:
    """46, 128: a refusal is not asked again."""

    async def work(spoken: Talk) -> None:
        with pytest.raises(RuntimeApiError, match=f"answered HTTP {status[:3]}: no"):
            await spoken.next()

    assert len(talk([reply(status, b"no"), event()], work).requests) == 1


@pytest.mark.parametrize("step", [HangUp, Reset])
@pytest.mark.parametrize("again", [ACCEPTED, reply("403 Forbidden"), reply("410 Gone")])
def test_an_answer_is_sent_again(
    again: bytes, step: Step, capfd: pytest.CaptureFixture[str]
) -> None:
    """63, 128: once, where the connection was an old one; it may have arrived the first time."""

    async def work(spoken: Talk) -> None:
        (await spoken.next()).respond(b"1")
        assert await spoken.called() is None

    api = talk([event(), step, again], work)
    assert [request.body for request in api.requests] == [b"", b"1", b"1"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([HangUp, HangUp], id="twice"),
        pytest.param([[reply("202 Accepted", b"long")[:-1], HangUp]], id="a reply that breaks off"),
        pytest.param([reply("500 Oops")], id="the API failed"),
    ],
)
def test_an_answer_that_is_lost(steps: list[Step]) -> None:
    """46, 64, 128: an answer that can't be sent ends the environment."""

    async def work(spoken: Talk) -> None:
        (await spoken.next()).respond(b"1")
        with pytest.raises(RuntimeApiError, match=r"POST .*/id-1/response: "):
            await spoken.called()

    talk([event(), *steps], work)


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "410 Gone", "413 Large"])
def test_an_answer_is_refused(status: str, capfd: pytest.CaptureFixture[str]) -> None:
    """44, 45, 128: a refusal is one line, and the next event is asked for."""

    async def work(spoken: Talk) -> None:
        (await spoken.next()).respond(b"1")
        assert await spoken.called() is None
        (await spoken.next()).respond(b"2")
        assert await spoken.called() is None

    talk([event(), reply(status, b"why"), event(), ACCEPTED], work)
    out, _ = capfd.readouterr()
    path = "/2018-06-01/runtime/invocation/id-1/response"
    line = f"[ERROR] LAMBDA_RUNTIME Failed to post to {path}. HTTP {status[:3]}: why\n"
    assert out == line


def test_a_reply_before_the_end_of_the_answer(capfd: pytest.CaptureFixture[str]) -> None:
    """44, 128: a 413 comes before the body is through: the rest of it is not sent."""

    async def work(spoken: Talk) -> None:
        (await spoken.next()).respond(b"x" * 20_000_000)
        assert await spoken.called() is None
        assert (await spoken.next()).request_id == "id-2"

    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def main() -> None:
            loop = asyncio.get_running_loop()
            spoken = Talk(f"127.0.0.1:{listener.getsockname()[1]}")
            serving = loop.run_in_executor(None, serve)
            await work(spoken)
            await serving
            spoken.client.close()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(event())
                connection.recv(1000)
                connection.sendall(reply("413 Large", b"why"))
                again, _ = listener.accept()
                with again:
                    again.recv(1000)
                    again.sendall(event(request_id="id-2"))

        asyncio.run(main())
    out, _ = capfd.readouterr()
    assert out.endswith("HTTP 413: why\n")


class Full:
    """A socket that can't send at first."""

    def __init__(self, real: Any, *failures: OSError) -> None:
        self._real, self._failures = real, list(failures)

    def send(self, data: bytes) -> int:
        if self._failures:
            raise self._failures.pop(0)
        sent: int = self._real.send(data)
        return sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_a_long_answer() -> None:
    """87, 128: what the network does not take at once is sent when it does."""

    async def work(spoken: Talk) -> None:
        delivery = await spoken.next()
        link: Any = spoken.client._link
        link._socket = Full(link._socket, BlockingIOError(), BlockingIOError())
        delivery.respond(b"x" * 20_000_000)
        assert await spoken.called() is None
        assert not link.unsent
        delivery = await spoken.next()
        link._socket = Full(link._socket, BlockingIOError())
        delivery.start(object(), "text/plain", b"a")
        delivery.write(b"b")  # behind what is not sent yet
        delivery.finish()
        assert await spoken.called() is None

    api = talk([event(), ACCEPTED, event(), ACCEPTED], work)
    assert len(api.requests[1].body) == 20_000_000
    assert api.requests[3].chunks == [b"a", b"b"]
    assert api.connections == 1


@pytest.mark.parametrize(
    "failures", [[BrokenPipeError()], [BlockingIOError(), BrokenPipeError()]], ids=["all", "rest"]
)
def test_the_api_hangs_up_in_an_answer(failures: list[OSError]) -> None:
    """63, 128: an answer of which nothing, or a part, was sent is sent again, whole."""

    async def work(spoken: Talk) -> None:
        delivery = await spoken.next()
        link: Any = spoken.client._link
        if link._socket is not None:  # on a busy machine it may have been seen already
            link._socket = Full(link._socket, *failures)
        delivery.respond(b"1")
        assert await spoken.called() is None

    api = talk([[event(), HangUp], ACCEPTED], work)
    assert [request.body for request in api.requests] == [b"", b"1"]


def test_calls_that_come_too_late() -> None:
    """128: the loop may call for a connection that another call has closed, or with nothing."""

    async def work(spoken: Talk) -> None:
        delivery = await spoken.next()
        link = spoken.client._link
        link._read()  # there is nothing
        assert link.is_open
        link.close()
        link._read()
        delivery.respond(b"1")
        assert await spoken.called() is None

    assert talk([event(), ACCEPTED], work).connections == 2


def test_who_waits_may_be_cancelled() -> None:
    """128: another one that waits hears of the end all the same."""

    async def work(spoken: Talk) -> None:
        (await spoken.next()).respond(b"1")
        first = asyncio.ensure_future(spoken.client.settled())
        second = asyncio.ensure_future(spoken.client.settled())
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert first.cancelled()

    talk([event(), ACCEPTED], work)


def test_bytes_that_were_not_asked_for() -> None:
    """62, 128: they are not taken for the reply to what is sent next."""

    async def work(spoken: Talk) -> None:
        delivery = await spoken.next()
        await asyncio.sleep(0.05)
        delivery.respond(b"1")
        assert await spoken.called() is None

    api = talk([[event(), reply("500 Oops")], ACCEPTED], work)
    assert api.connections == 2


def test_the_connection_is_closed_while_the_handler_works() -> None:
    """63, 128: the answer goes out on another."""

    async def work(spoken: Talk) -> None:
        delivery = await spoken.next()
        await asyncio.sleep(0.05)
        delivery.respond(b"1")
        assert await spoken.called() is None

    api = talk([[event(), HangUp], ACCEPTED], work)
    assert [request.connection for request in api.requests] == [1, 2]


@pytest.mark.parametrize("streams", [False, True])
def test_there_is_no_connection_for_a_while(streams: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """64, 128: a refused connection is tried again, and what is written meanwhile is kept."""
    script: list[Step] = [[event(), HangUp], ACCEPTED]

    async def work(spoken: Talk) -> None:
        delivery = await spoken.next()
        await asyncio.sleep(0.05)
        link: Any = spoken.client._link
        open_link = type(link).open
        refusals = [ConnectionRefusedError("no")] * 2

        def refuse(self: Any) -> None:
            if refusals:
                raise refusals.pop()
            open_link(self)

        monkeypatch.setattr(type(link), "open", refuse)
        if streams:
            delivery.start(object(), "text/plain", b"a")
            delivery.write(b"b")
            await spoken.client.drained()
            delivery.write(b"c")
            delivery.finish()
            await spoken.client.settled()
        else:
            delivery.respond(b"abc")
        assert await spoken.called() is None

    assert talk(script, work).requests[1].body == b"abc"


def test_there_is_no_connection_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """64, 128: in the end it is given up, and who waits hears of it."""
    monkeypatch.setattr(client, "_PAUSES", (0.0,))

    async def work(spoken: Talk) -> None:
        delivery = await spoken.next()
        await asyncio.sleep(0.05)

        def refuse(self: Any) -> None:
            raise ConnectionRefusedError("no")

        monkeypatch.setattr(type(spoken.client._link), "open", refuse)
        delivery.start(object(), "text/plain", b"a")
        with pytest.raises(RuntimeApiError, match="Unable to connect"):
            await spoken.client.settled()
        with pytest.raises(RuntimeApiError, match="Unable to connect"):
            await spoken.called()

    talk([[event(), HangUp]], work)


# Streams


@pytest.mark.parametrize("waits", [True, False])
def test_a_stream_is_cut_off(waits: bool, capfd: pytest.CaptureFixture[str]) -> None:
    """86, 128: a stream whose end is lost is StreamClosed for who waits for it, else a line."""

    async def work(spoken: Talk) -> None:
        delivery = await spoken.next()
        delivery.start(object(), "text/plain", b"a")
        delivery.finish()
        if waits:
            with pytest.raises(StreamClosed, match="connection closed"):
                await spoken.client.settled()
        assert await spoken.called() is None

    talk([event(), HangUp], work)
    out, _ = capfd.readouterr()
    assert out.count("A response stream was cut off. POST") == (0 if waits else 1)


async def write_on(delivery: Delivery) -> None:
    for _ in range(3):
        delivery.write(b"b")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("then", [b"", HangUp])
def test_a_stream_is_refused_in_the_middle(then: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """86, 88, 128: why the API hung up is a line in the log."""

    async def work(spoken: Talk) -> None:
        delivery = await spoken.next()
        delivery.start(object(), "text/plain", b"a" * 10)
        await asyncio.sleep(0.1)
        if then is HangUp:
            with pytest.raises(StreamClosed, match="HTTP 413"):
                await write_on(delivery)
        else:
            delivery.write(b"b")
            delivery.finish()
            assert await spoken.called() is None

    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def main() -> None:
            loop = asyncio.get_running_loop()
            spoken = Talk(f"127.0.0.1:{listener.getsockname()[1]}")
            over = asyncio.Event()
            serving = loop.run_in_executor(None, serve)
            await work(spoken)
            over.set()
            spoken.client.close()
            await serving

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(event())
                connection.recv(1000)
                connection.sendall(reply("413 Large", b"why"))
                if then is not HangUp:
                    while connection.recv(1000):
                        pass

        asyncio.run(main())
    out, _ = capfd.readouterr()
    assert out.endswith("HTTP 413: why\n")
    assert out.count("\n") == 1
