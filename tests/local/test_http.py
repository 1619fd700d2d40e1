import asyncio
import errno
import logging
import socket
import struct
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import parsedate_to_datetime

import pytest

from amazon_lambda_runtime.local import http_server
from amazon_lambda_runtime.local.http import BODY_LIMIT, Request, Response
from amazon_lambda_runtime.local.http_server import Server

from .support import exchange, parse, run

GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Handler:
    """A coroutine as a handler: it is cancelled when its client goes away."""

    def __init__(self, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()

    def head(self, request: Request) -> None:
        """Take the body whole."""

    def handle(self, request: Request) -> None:
        task = asyncio.create_task(self._finish(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

        def stop() -> None:
            task.cancel()

        request.on_gone = stop

    async def _finish(self, request: Request) -> None:
        request.answer(await self._answer(request))


async def start_server(
    host: str, port: int, handle: Callable[[Request], Awaitable[Response]]
) -> Server:
    return await http_server.start_server(host, port, Handler(handle))


async def echo(request: Request) -> Response:
    text = f"{request.method} {request.path} {request.size} {len(request.body)}\n"
    return Response(200, {"X-Host": request.headers.get("host", "-")}, text.encode())


async def answer(raw: bytes) -> bytes:
    server = await start_server("127.0.0.1", 0, echo)
    try:
        return await exchange(server.port, raw)
    finally:
        await server.close()


class Waiting:
    """A handler that waits until it is cancelled, and says so."""

    def __init__(self) -> None:
        self.at_work = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        self.at_work.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError("this event is never set")


async def connect(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", server.port)


def test_one_connection_serves_many_requests() -> None:
    """
    A connection is kept alive, and requests sent ahead are answered in their order.
    """
    raw = run(answer(GET % b"one" + GET % b"two?q=1" + LAST % b"three"))

    assert [line for line in raw.split(b"\n") if line.startswith(b"GET")] == [
        b"GET /one 0 0",
        b"GET /two 0 0",
        b"GET /three 0 0",
    ]


@pytest.mark.parametrize("raw", [LAST % b"x", b"GET / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n"])
def test_date(raw: bytes) -> None:
    """
    Each response has one date, a refusal too.
    """
    reply = run(answer(raw))
    assert reply.count(b"\r\nDate: ") == 1
    date = parsedate_to_datetime(parse(reply).headers["date"])
    assert abs(date.timestamp() - time.time()) < 60


def test_head_of_a_response_in_pieces() -> None:
    """
    HEAD is answered without a body, however long the response would go on.
    """

    async def forever() -> AsyncIterator[bytes]:
        while True:
            yield b"piece"

    async def handle(request: Request) -> Response:
        return Response(200, {}, forever() if request.method == "HEAD" else b"after")

    async def test() -> bytes:
        server = await start_server("127.0.0.1", 0, handle)
        try:
            return await exchange(
                server.port, b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n" + LAST % b""
            )
        finally:
            await server.close()

    head, _, rest = run(test()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"Transfer-Encoding" not in head
    assert rest.startswith(b"HTTP/1.1 200 OK")
    assert rest.endswith(b"\r\n\r\nafter")


def test_request_in_small_pieces() -> None:
    """
    A request may arrive byte by byte.
    """

    async def test() -> bytes:
        server = await start_server("127.0.0.1", 0, echo)
        reader, writer = await connect(server)
        for byte in LAST % b"slow":
            writer.write(bytes([byte]))
            await writer.drain()
        raw = await reader.read()
        writer.close()
        await server.close()
        return raw

    assert parse(run(test())).body == b"GET /slow 0 0\n"


def test_request_sent_ahead_while_the_handler_works() -> None:
    """
    What arrives during one request is the next one's, and is not lost.
    """

    async def test() -> list[str]:
        at_work, go_on = asyncio.Event(), asyncio.Event()
        seen = []

        async def handle(request: Request) -> Response:
            seen.append(request.path)
            at_work.set()
            await go_on.wait()
            return Response(200)

        server = await start_server("127.0.0.1", 0, handle)
        reader, writer = await connect(server)
        writer.write(GET % b"one")
        await at_work.wait()
        writer.write(LAST % b"two")
        await writer.drain()
        go_on.set()
        await reader.read()
        writer.close()
        await server.close()
        return seen

    assert run(test()) == ["/one", "/two"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 3_000_000, 431),
    ],
)
def test_bad_http(raw: bytes, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """
    What is not HTTP gets a 4xx with a time and an id, and the end of the connection, and no
    traceback anywhere.
    """
    reply = parse(run(answer(raw)))

    assert reply.status == status
    assert parsedate_to_datetime(reply.headers["date"])
    assert uuid.UUID(reply.headers["x-amzn-requestid"]).version == 4
    assert reply.headers["connection"] == "close"
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


def test_body_cut_short() -> None:
    """
    A request whose body ends before it should never reaches the handler.
    """

    async def test() -> bytes:
        server = await start_server("127.0.0.1", 0, echo)
        reader, writer = await connect(server)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc")
        writer.write_eof()
        raw = await reader.read()
        writer.close()
        await server.close()
        return raw

    assert parse(run(test())).status == 400


def test_body_beyond_the_limit() -> None:
    """
    A body that is too long is counted to its end, and kept to the limit.
    """
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    size = BODY_LIMIT + 100_000

    raw = run(answer(head % size + b"x" * size))

    assert parse(raw).body == b"POST / %d %d\n" % (size, BODY_LIMIT)


def test_expect_100_continue() -> None:
    """
    A client that asks whether to send its body is told to.
    """

    async def test() -> tuple[bytes, bytes]:
        server = await start_server("127.0.0.1", 0, echo)
        reader, writer = await connect(server)
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        )
        interim = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"abc")
        rest = await reader.read()
        writer.close()
        await server.close()
        return interim, rest

    interim, rest = run(test())

    assert interim.startswith(b"HTTP/1.1 100 ")
    assert parse(rest).body == b"POST / 3 3\n"


def test_head_and_http_1_0() -> None:
    """
    HEAD gets no body; an HTTP/1.0 client needs no Host and gets the end of the connection.
    """
    head = parse(run(answer(b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")))
    old = parse(run(answer(b"GET / HTTP/1.0\r\n\r\n")))

    assert (head.headers["content-length"], head.body) == ("11", b"")
    assert (old.headers["x-host"], old.body) == ("-", b"GET / 0 0\n")


def test_client_that_goes_away() -> None:
    """
    The handler of a client that hangs up is cancelled.
    """

    async def test() -> None:
        handler = Waiting()
        server = await start_server("127.0.0.1", 0, handler)
        _, writer = await connect(server)
        writer.write(GET % b"")
        await handler.at_work.wait()
        writer.close()
        await handler.cancelled.wait()
        await server.close()

    run(test())


def test_client_that_resets_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    """
    A connection that breaks is no different, before a request and during one.
    """

    async def test() -> None:
        handler = Waiting()
        server = await start_server("127.0.0.1", 0, handler)
        for start in (b"GET / HT", GET % b""):
            client = socket.create_connection(("127.0.0.1", server.port))
            client.sendall(start)
            if start.endswith(b"\r\n"):
                await handler.at_work.wait()
            # Not FIN but RST: as when the client is killed with data unread.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        await handler.cancelled.wait()
        await server.close()

    run(test())
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


def test_client_that_sends_without_end() -> None:
    """
    A client that goes on sending while it should wait is cut off, for memory is finite.
    """

    async def test() -> None:
        handler = Waiting()
        server = await start_server("127.0.0.1", 0, handler)
        _, writer = await connect(server)
        writer.write(GET % b"")
        await handler.at_work.wait()
        writer.write(b"x" * (BODY_LIMIT + 1_000_000))
        await handler.cancelled.wait()
        writer.transport.abort()
        await server.close()

    run(test())


def test_close_does_not_wait() -> None:
    """
    Closing cancels a handler at work, and drops a client that does not read its answer.
    """

    async def test() -> None:
        handler = Waiting()
        written = asyncio.Event()

        async def handle(request: Request) -> Response:
            if request.path == "/wait":
                return await handler(request)
            written.set()
            return Response(200, {}, b"x" * 50_000_000)

        server = await start_server("127.0.0.1", 0, handle)
        _, idle = await connect(server)
        _, waiting = await connect(server)
        waiting.write(GET % b"wait")
        deaf = socket.create_connection(("127.0.0.1", server.port))
        deaf.sendall(GET % b"big")
        await asyncio.gather(handler.at_work.wait(), written.wait())
        await server.close()
        await handler.cancelled.wait()
        idle.close()
        waiting.close()
        deaf.close()

    run(test())


def test_address_in_use() -> None:
    """
    A port that another server has is an OSError.
    """

    async def test() -> None:
        server = await start_server("127.0.0.1", 0, echo)
        try:
            with pytest.raises(OSError, match="in use"):
                await start_server("127.0.0.1", server.port, echo)
        finally:
            await server.close()

    run(test())


async def pieces(seen: list[str]) -> AsyncIterator[bytes]:
    try:
        for number in range(3):
            yield b"%d" % number
            await asyncio.sleep(0.01)
        yield b""
    finally:
        seen.append("closed")


def test_answer_in_pieces() -> None:
    """
    An iterator is sent in chunks, as it comes, and closed; to HTTP/1.0 without chunks.
    """

    async def test(request: bytes) -> bytes:
        seen: list[str] = []

        async def handle(_: Request) -> Response:
            return Response(200, {"Content-Type": "text/plain"}, pieces(seen))

        server = await start_server("127.0.0.1", 0, handle)
        raw = await exchange(server.port, request)
        await server.close()
        assert seen == ["closed"]
        return raw

    new = run(test(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    assert b"\r\nTransfer-Encoding: chunked\r\n" in new
    assert new.endswith(b"\r\n\r\n1\r\n0\r\n1\r\n1\r\n1\r\n2\r\n0\r\n\r\n")
    old = run(test(b"GET / HTTP/1.0\r\n\r\n"))
    assert old.endswith(b"\r\n\r\n012")


def test_client_that_leaves_a_stream() -> None:
    """
    The iterator is closed when the client goes away.
    """

    async def test() -> None:
        closed = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x"
                    await asyncio.sleep(0.001)
            finally:
                closed.set()

        async def handle(_: Request) -> Response:
            return Response(200, {}, endless())

        server = await start_server("127.0.0.1", 0, handle)
        reader, writer = await connect(server)
        writer.write(GET % b"")
        await reader.readuntil(b"x")
        writer.close()
        await closed.wait()
        await server.close()

    run(test())


def test_close_closes_streams() -> None:
    """
    When `close` returns, the iterators of all responses are closed.
    """

    async def test() -> None:
        closed = False

        async def endless() -> AsyncIterator[bytes]:
            nonlocal closed
            try:
                while True:
                    yield b"x"
                    await asyncio.sleep(0.001)
            finally:
                await asyncio.sleep(0.05)
                closed = True

        async def handle(_: Request) -> Response:
            return Response(200, {}, endless())

        server = await start_server("127.0.0.1", 0, handle)
        reader, writer = await connect(server)
        writer.write(GET % b"")
        await reader.readuntil(b"x")
        await server.close()
        assert closed
        writer.close()

    run(test())


def test_slow_client_that_leaves_a_stream() -> None:
    """
    The iterator is closed also if it is held up because the client does not read.
    """

    async def test() -> None:
        closed = asyncio.Event()
        held_up = asyncio.Event()

        async def much() -> AsyncIterator[bytes]:
            try:
                for _ in range(500):
                    asyncio.get_running_loop().call_later(0.1, held_up.set)
                    yield b"x" * 100_000
            finally:
                closed.set()

        async def handle(_: Request) -> Response:
            return Response(200, {}, much())

        server = await start_server("127.0.0.1", 0, handle)
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(GET % b"")
        await held_up.wait()
        assert not closed.is_set()
        client.close()
        await closed.wait()
        await server.close()

    run(test())


def test_slow_reader() -> None:
    """
    An iterator is not asked for more than its client reads.
    """

    async def test() -> int:
        made = 0

        async def much() -> AsyncIterator[bytes]:
            nonlocal made
            for _ in range(500):
                made += 1
                yield b"x" * 100_000

        async def handle(_: Request) -> Response:
            return Response(200, {}, much())

        server = await start_server("127.0.0.1", 0, handle)
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(GET % b"")
        await asyncio.sleep(0.3)
        before = made
        client.close()
        await server.close()
        return before

    assert 0 < run(test()) < 200


def test_body_in_pieces() -> None:
    """
    Who wants it gets a body piece by piece, and the trailers behind it; it can be held up.
    """

    class Taker:
        def __init__(self) -> None:
            self.seen: list[bytes] = []

        def head(self, request: Request) -> None:
            request.sink = self.seen.append

        def handle(self, request: Request) -> None:
            assert request.body == b""
            request.answer(Response(200, {}, request.trailers["x-end"].encode()))

    async def test() -> tuple[bytes, list[bytes]]:
        taker = Taker()
        server = await http_server.start_server("127.0.0.1", 0, taker)
        reader, writer = await connect(server)
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"3\r\none\r\n")
        while not taker.seen:
            await asyncio.sleep(0.001)
        assert taker.seen == [b"one"]
        writer.write(b"3\r\ntwo\r\n0\r\nX-End: bye\r\n\r\n")
        raw = await reader.readuntil(b"bye")
        writer.close()
        await server.close()
        return raw, taker.seen

    raw, seen = run(test())
    assert raw.startswith(b"HTTP/1.1 200 OK\r\n")
    assert seen == [b"one", b"two"]


def test_many_requests_ahead() -> None:
    """
    A client that sends ever more requests and reads no answer is cut off.
    """

    async def test() -> None:
        handler = Waiting()
        server = await start_server("127.0.0.1", 0, handler)
        _, writer = await connect(server)
        writer.write((GET % b"") * 50)
        await handler.cancelled.wait()
        writer.close()
        await server.close()

    run(test())


def test_no_descriptor_to_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has no socket is not one: asyncio passes over the lack of descriptors."""

    async def test() -> None:
        loop = asyncio.get_running_loop()

        def refuse(*_: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        monkeypatch.setattr(socket, "socket", refuse)
        with pytest.raises(OSError, match="no socket can be opened"):
            await http_server.start_server("127.0.0.1", 0, None)  # type: ignore[arg-type]
        assert loop.is_running()

    asyncio.run(test())
