import asyncio
import logging
import socket
import struct

import pytest

from amazon_lambda_runtime.local.http import BODY_LIMIT, Handler, Request, Response, Server, serve

from .support import exchange, parse, run

GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Whole:
    """A handler that takes bodies whole."""

    def head(self, request: Request) -> None:
        pass


class Echo(Whole):
    def handle(self, request: Request) -> None:
        text = f"{request.method} {request.path} {request.size} {len(request.body)}\n"
        headers = {"X-Host": request.headers.get("host", "-")}
        request.answer(Response(200, headers, text.encode()))


async def answer(raw: bytes, handler: Handler | None = None) -> bytes:
    server = await serve("127.0.0.1", 0, handler or Echo())
    try:
        return await exchange(server.port, raw)
    finally:
        await server.close()


class Waiting(Whole):
    """A handler that never answers, and says when its client has gone."""

    def __init__(self) -> None:
        self.at_work = asyncio.Event()
        self.gone = asyncio.Event()

    def handle(self, request: Request) -> None:
        request.on_gone = self.gone.set
        self.at_work.set()


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


def test_request_in_small_pieces() -> None:
    """
    A request may arrive byte by byte.
    """

    async def test() -> bytes:
        server = await serve("127.0.0.1", 0, Echo())
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
        at_work = asyncio.Event()
        seen: list[Request] = []

        class Later(Whole):
            def handle(self, request: Request) -> None:
                seen.append(request)
                at_work.set()
                if len(seen) > 1:
                    request.answer(Response(200))

        server = await serve("127.0.0.1", 0, Later())
        reader, writer = await connect(server)
        writer.write(GET % b"one")
        await at_work.wait()
        writer.write(LAST % b"two")
        await writer.drain()
        assert len(seen) == 1
        seen[0].answer(Response(200))
        await reader.read()
        writer.close()
        await server.close()
        return [request.path for request in seen]

    assert run(test()) == ["/one", "/two"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 3_000_000, 431),
    ],
)
def test_bad_http(raw: bytes, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """
    What is not HTTP gets a 4xx and the end of the connection, and no traceback anywhere.
    """
    reply = parse(run(answer(raw)))

    assert reply.status == status
    assert reply.headers["connection"] == "close"
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


def test_body_cut_short() -> None:
    """
    A request whose body ends before it should never reaches the handler.
    """

    async def test() -> bytes:
        server = await serve("127.0.0.1", 0, Echo())
        reader, writer = await connect(server)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc")
        writer.write_eof()
        raw = await reader.read()
        writer.close()
        await server.close()
        return raw

    assert run(test()) == b""


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
        server = await serve("127.0.0.1", 0, Echo())
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
    The handler of a client that hangs up is told.
    """

    async def test() -> None:
        handler = Waiting()
        server = await serve("127.0.0.1", 0, handler)
        _, writer = await connect(server)
        writer.write(GET % b"")
        await handler.at_work.wait()
        writer.close()
        await handler.gone.wait()
        await server.close()

    run(test())


def test_client_that_resets_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    """
    A connection that breaks is no different, before a request and during one.
    """

    async def test() -> None:
        handler = Waiting()
        server = await serve("127.0.0.1", 0, handler)
        for start in (b"GET / HT", GET % b""):
            client = socket.create_connection(("127.0.0.1", server.port))
            client.sendall(start)
            if start.endswith(b"\r\n"):
                await handler.at_work.wait()
            # Not FIN but RST: as when the client is killed with data unread.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        await handler.gone.wait()
        await server.close()

    run(test())
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


def test_client_that_sends_without_end() -> None:
    """
    A client that sends one request after the other while it should wait is cut off.
    """

    async def test() -> None:
        handler = Waiting()
        server = await serve("127.0.0.1", 0, handler)
        _, writer = await connect(server)
        writer.write(GET % b"" * 1000)
        await handler.gone.wait()
        writer.transport.abort()
        await server.close()

    run(test())


def test_close_waits_for_nobody() -> None:
    """
    Closing drops clients that wait, and one that does not read its answer.
    """

    async def test() -> None:
        handler = Waiting()
        written = asyncio.Event()

        class Both(Whole):
            def handle(self, request: Request) -> None:
                if request.path == "/wait":
                    handler.handle(request)
                else:
                    request.answer(Response(200, {}, b"x" * 50_000_000))
                    written.set()

        server = await serve("127.0.0.1", 0, Both())
        _, idle = await connect(server)
        _, waiting = await connect(server)
        waiting.write(GET % b"wait")
        deaf = socket.create_connection(("127.0.0.1", server.port))
        deaf.sendall(GET % b"big")
        await asyncio.gather(handler.at_work.wait(), written.wait())
        await server.close()
        assert handler.gone.is_set()
        idle.close()
        waiting.close()
        deaf.close()

    run(test())


class Pieces(Whole):
    """A handler that answers in pieces, no faster than they are read."""

    def __init__(self, count: int, size: int) -> None:
        self.left, self.size = count, size
        self.full = asyncio.Event()

    def handle(self, request: Request) -> None:
        request.on_drain = lambda: self.go_on(request)
        request.start(200, {})
        self.go_on(request)

    def go_on(self, request: Request) -> None:
        while self.left:
            if request.is_full:
                self.full.set()
                return
            self.left -= 1
            request.write(b"x" * self.size)
        request.finish()


def test_answer_in_pieces() -> None:
    """
    An answer in pieces comes in chunks, for HTTP/1.0 to the connection's end, for HEAD not at all.
    """
    new = parse(run(answer(LAST % b"", Pieces(2, 3))))
    old = parse(run(answer(b"GET / HTTP/1.0\r\n\r\n", Pieces(2, 3))))
    head = parse(run(answer((LAST % b"").replace(b"GET", b"HEAD"), Pieces(2, 3))))

    assert new.headers["transfer-encoding"] == "chunked"
    assert new.body == b"3\r\nxxx\r\n" * 2 + b"0\r\n\r\n"
    assert "transfer-encoding" not in old.headers
    assert old.body == b"xxx" * 2
    assert head.body == b""


def test_client_that_reads_slowly() -> None:
    """
    Of a stream of 200 MB no more is written than the client reads.
    """

    async def test() -> int:
        handler = Pieces(200, 1024 * 1024)
        server = await serve("127.0.0.1", 0, handler)
        reader, writer = await connect(server)
        writer.write(LAST % b"")
        await handler.full.wait()
        left = handler.left
        # Nobody has read: what is on its way is what sockets hold, and a few pieces.
        assert left > 150
        size = 0
        while data := await reader.read(1024 * 1024):
            size += len(data)
        writer.close()
        await server.close()
        assert handler.left == 0
        return size

    assert run(test()) > 200 * 1024 * 1024


def test_body_in_pieces_with_trailers() -> None:
    """
    A handler may take the body as it comes; the fields behind it are there at the end.
    """
    taken: list[bytes] = []
    trailers: list[dict[str, str]] = []

    class Taking:
        def head(self, request: Request) -> None:
            request.sink = taken.append

        def handle(self, request: Request) -> None:
            trailers.append(request.trailers)
            request.answer(Response(200, {}, b"%d" % len(request.body)))

    fields = b"Host: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n"
    body = b"3\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n"

    reply = parse(run(answer(b"POST / HTTP/1.1\r\n" + fields + b"\r\n" + body, Taking())))

    assert (reply.status, reply.body) == (200, b"0")
    assert b"".join(taken) == b"abcde"
    assert trailers == [{"a": "b"}]


def test_address_in_use() -> None:
    """
    A port that another server has is an OSError.
    """

    async def test() -> None:
        server = await serve("127.0.0.1", 0, Echo())
        try:
            with pytest.raises(OSError, match="in use"):
                await serve("127.0.0.1", server.port, Echo())
        finally:
            await server.close()

    run(test())
