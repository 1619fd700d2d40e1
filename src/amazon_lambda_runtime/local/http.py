"""An HTTP/1.1 server whose answers may come at any later time, from anywhere, also in pieces.

httptools knows the protocol; this file carries its bytes. A warm invocation is three exchanges on
two connections, so a request costs no task and no future here: a handler is called, and whoever has
the answer in the end calls `Request.answer`. What a handler gets is complete and well-formed;
everything else is answered here with a 4xx and the end of the connection.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol, cast

import httptools

from amazon_lambda_runtime.protocol import HEADERS_LIMIT, JSON, chunk

# In bytes: a payload of 6 MiB and what may surround it. More is read to the end, so that the
# client hears the answer, but it is counted and not kept.
BODY_LIMIT = 6 * 1024 * 1024 + 1024
# How many requests a client may send ahead of the one that is being answered.
_AHEAD = 16
# More header fields than these are not kept.
_FIELDS = 1000
# In seconds: how long a client that was refused may go on sending. To close at once would reset
# the connection, and it might never see why.
_LINGER = 1
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Response:
    """One response. Content-Length is added on the way out; an iterator is sent in chunks."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""


def json_response(
    status: int, document: object, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response whose body is this document, on a line of its own."""
    body = json.dumps(document, separators=(",", ":")).encode() + b"\n"
    return Response(status, {"Content-Type": JSON, **(headers or {})}, body)


class Request:
    """One request, and the one answer to it. Header names are in lower case.

    `body` is cut at BODY_LIMIT, `size` is not. Where a `Handler` has taken the body in pieces it
    stays empty. `trailers` are the headers behind a chunked body.
    """

    __slots__ = (
        "_connection",
        "_parts",
        "body",
        "gone",
        "headers",
        "keep_alive",
        "method",
        "on_drain",
        "on_gone",
        "sink",
        "size",
        "target",
        "trailers",
        "version",
    )

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._parts: list[bytes] = []
        self.method = ""
        self.target = ""
        self.version = "1.1"
        self.keep_alive = True
        self.headers: dict[str, str] = {}
        self.trailers: dict[str, str] = {}
        self.body = b""
        self.size = 0
        #: Takes the body piece by piece, if somebody wants it so.
        self.sink: Callable[[bytes], None] | None = None
        #: Whether there is nobody to answer: the client has gone, or has its answer.
        self.gone = False
        #: Called when it goes before it is answered.
        self.on_gone: Callable[[], None] | None = None
        #: Called when a streamed answer may go on.
        self.on_drain: Callable[[], None] | None = None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def answer(self, response: Response) -> None:
        """Send the whole response. A client that has gone misses it."""
        if self.gone:
            return
        body = response.body
        if not isinstance(body, bytes):
            self._connection.pump(self, response, body)
            return
        # A 204 has no body, and says nothing of one.
        length = f"Content-Length: {len(body)}\r\n" if response.status != 204 else ""
        head = self._head(response.status, response.headers, length)
        self._connection.write(head if self.method == "HEAD" else head + body)
        self._connection.answered(self)

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the head of a response that comes in pieces."""
        if not self.gone:
            framing = "Transfer-Encoding: chunked\r\n" if self.version == "1.1" else ""
            self._connection.write(self._head(status, headers, framing))

    def write(self, data: bytes) -> None:
        """Send another piece; an empty one is none."""
        if data and not self.gone and self.method != "HEAD":
            self._connection.write(chunk(data) if self.version == "1.1" else data)

    def finish(self) -> None:
        """End a response that came in pieces."""
        if not self.gone:
            if self.version == "1.1" and self.method != "HEAD":
                self._connection.write(b"0\r\n\r\n")
            self._connection.answered(self)

    def cut(self) -> None:
        """Break off a response that came in pieces, so that the client can tell."""
        if not self.gone:
            self._connection.abort()

    @property
    def is_full(self) -> bool:
        """Whether the client reads more slowly than it is written to. `on_drain` tells the end."""
        return self._connection.is_full and not self.gone

    def pause(self) -> None:
        """Read no more of this connection for now: the body's pieces cannot be passed on."""
        self._connection.pause()

    def resume(self) -> None:
        """Read on."""
        self._connection.resume()

    def received(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.sink is not None:
            self.sink(data)
        elif self.size < BODY_LIMIT:
            self._parts.append(data[: BODY_LIMIT - self.size])
        self.size += len(data)

    def completed(self) -> None:
        """Take note that the body has ended."""
        parts = self._parts
        self.body = parts[0] if len(parts) == 1 else b"".join(parts)

    def _head(self, status: int, headers: Mapping[str, str], framing: str) -> bytes:
        self.keep_alive = self.keep_alive and self.version == "1.1"
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        close = "" if self.keep_alive else "Connection: close\r\n"
        reason = _REASONS.get(status, "")
        head = f"HTTP/1.1 {status} {reason}\r\n{lines}{framing}{close}\r\n"
        return head.encode("utf-8", "replace")


class Handler(Protocol):
    """What a server serves."""

    def handle(self, request: Request) -> None:
        """See to it that this complete request is answered, now or later."""

    def head(self, request: Request) -> None:
        """Look at a request whose body is still to come; set its `sink` to take that in pieces."""


class Connection(asyncio.Protocol):
    """One client. Its requests are answered in the order in which they came."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._requests: deque[Request] = deque()  # the first is being answered
        self._complete: set[Request] = set()
        self._reading: Request | None = None
        self._head_size = 0
        self._target = b""
        self._refused = False
        self._paused = False
        self.is_full = False

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        requests = list(self._requests)
        self._requests.clear()
        for request in requests:
            request.gone = True
            for callback in (request.on_gone, request.on_drain):
                if callback is not None:
                    callback()

    def eof_received(self) -> bool:
        if self._reading is not None and not self._refused:
            self._refuse(400, "it breaks off")
        # Whoever ends its side has left: nothing tells that from a client that was killed.
        return False

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._head_size >= 0:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Nothing here speaks another protocol: the request is answered as any other, and what
            # follows it on the connection is not read.
            for request in self._requests:
                request.keep_alive = False
            self._refused = True
        except httptools.HttpParserError as error:
            self._refuse(400, str(error))
        if self._head_size > HEADERS_LIMIT:
            self._refuse(431, f"the header fields are longer than {HEADERS_LIMIT} bytes")

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        if self._requests and (callback := self._requests[0].on_drain) is not None:
            callback()

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._reading = Request(self)
        self._target = b""

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        request = self._reading
        assert request is not None
        fields = request.headers if self._head_size >= 0 else request.trailers
        key = name.decode("ascii").lower()
        text = value.decode("latin-1")
        if key in fields:
            text = f"{fields[key]}{'; ' if key == 'cookie' else ','}{text}"
        if len(fields) < _FIELDS:
            fields[key] = text

    def on_headers_complete(self) -> None:
        request = self._reading
        assert request is not None
        self._head_size = -1
        request.method = self._parser.get_method().decode()
        request.target = self._target.decode("latin-1")
        request.version = self._parser.get_http_version()
        request.keep_alive = self._parser.should_keep_alive()
        self._requests.append(request)
        if request.version == "1.1" and "," in request.headers.get("host", ","):
            self._refuse(400, "there must be one Host header")
            return
        if "content-length" in request.headers or "transfer-encoding" in request.headers:
            if request.headers.get("expect", "").lower() == "100-continue":
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._server.handler.head(request)

    def on_body(self, body: bytes) -> None:
        if self._reading is not None and not self._refused:
            self._reading.received(body)

    def on_message_complete(self) -> None:
        request, self._reading = self._reading, None
        # What was read with this request and belongs to the next is not counted, to be lenient.
        self._head_size = 0
        if request is None or self._refused or request.gone:
            return
        request.completed()
        self._complete.add(request)
        if self._requests and self._requests[0] is request:
            self._handle(request)
        elif len(self._requests) > _AHEAD:
            self.abort()

    # What a Request calls.

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def answered(self, request: Request) -> None:
        """Go on with the next request, if one has been sent ahead."""
        self._requests.popleft()
        unread = request not in self._complete
        self._complete.discard(request)
        request.gone = True
        if unread or not request.keep_alive:
            self._transport.close()
        elif self._requests and self._requests[0] in self._complete:
            # Not from within: a client that sends many ahead must not build up a stack.
            asyncio.get_running_loop().call_soon(self._next)

    def pump(self, request: Request, response: Response, pieces: AsyncIterator[bytes]) -> None:
        task = asyncio.create_task(_pump(request, response, pieces))
        self._server.pumps.add(task)
        task.add_done_callback(self._server.pumps.discard)

    def pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def abort(self) -> None:
        self._transport.abort()

    def _next(self) -> None:
        if self._requests and self._requests[0] in self._complete:
            self._handle(self._requests[0])

    def _handle(self, request: Request) -> None:
        self._server.handler.handle(request)

    def _refuse(self, status: int, reason: str) -> None:
        if self._refused:
            return
        self._refused = True
        if self._complete:
            # One that came before is still being answered: this cannot be said out of turn.
            self.abort()
            return
        body = json.dumps({"Type": "User", "Message": f"Bad request: {reason}"}).encode() + b"\n"
        fields = f"Content-Type: {JSON}\r\nContent-Length: {len(body)}\r\nConnection: close"
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\n{fields}\r\n\r\n"
        self.write(head.encode() + body)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER, self.abort)


async def _pump(request: Request, response: Response, pieces: AsyncIterator[bytes]) -> None:
    """Send what the iterator yields, no faster than the client reads it."""
    drained = asyncio.Event()
    request.on_drain = drained.set
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        task.cancel()

    request.on_gone = stop
    try:
        request.start(response.status, response.headers)
        async for piece in pieces:
            request.write(piece)
            while request.is_full:
                drained.clear()
                await drained.wait()
        request.on_gone = None
        request.finish()
    except asyncio.CancelledError:
        request.cut()
    except Exception:
        request.cut()
        raise
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()


class Server:
    """Listens until closed. Made by `start_server`."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections: set[Connection] = set()
        self.pumps: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server

    async def listen(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Connection(self), host, port, backlog=512)

    @property
    def port(self) -> int:
        """The port in use, also where 0 was asked for."""
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening and close every connection, answered or not."""
        self._listener.close()
        for connection in list(self.connections):
            connection.abort()
        for task in list(self.pumps):
            task.cancel()
        await asyncio.gather(*self.pumps, return_exceptions=True)
        while self.connections:
            await asyncio.sleep(0)
        await self._listener.wait_closed()


def base_url(host: str, port: int) -> str:
    """Return where a server at this address is, without a path."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def start_server(host: str, port: int, handler: Handler) -> Server:
    """Give the requests to this address (port 0: any free one) to `handler`.

    Raises OSError if the address cannot be had.
    """
    server = Server(handler)
    await server.listen(host, port)
    return server
