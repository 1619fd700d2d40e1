"""An HTTP/1.1 server: httptools parses, this file carries the bytes between it and the sockets.

A handler gets only requests that are complete and well-formed. Everything else is refused here,
with a 4xx and the end of the connection. Requests of one connection are answered in their order.
"""

import asyncio
import errno
import json
import re
import uuid
from collections import deque
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import cast

import httptools

from amazon_lambda_runtime.protocol import HEADERS_LIMIT, JSON

from .closing import Closing
from .http import REASONS, Handler, Request, Response, date

# What precedes the path in the form that is meant for proxies, and that a server must accept, too.
_ABSOLUTE = re.compile(r"\Ahttps?://[^/?]*(?=/)", re.IGNORECASE)
# How many requests a client may send ahead of the one that is being answered.
_AHEAD = 16
# More header fields than these are not kept.
_FIELDS = 1000
# In bytes: how much is read at a time.
_READ = 65536
# In seconds: how long a refused client may go on sending. To close at once would reset the
# connection, and the client might never read the refusal.
_LINGER = 1


# Most requests have the fields of the one before.
@lru_cache(maxsize=256)
def _field_name(name: bytes) -> str:
    return name.decode("ascii").lower()


class Connection(asyncio.BufferedProtocol):
    """One client: the parser's callbacks, the transport's, and what a Request calls."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._buffer = server.buffer
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
        self.peer = ""
        self.port = 0

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # Either is None if the client has already gone.
        self.peer = (transport.get_extra_info("peername") or ("",))[0]
        self.port = (transport.get_extra_info("sockname") or ("", 0))[1]
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
        # A client that ends its side cannot be told from one that was killed.
        return False

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._refused:
            return
        if self._head_size >= 0:
            self._head_size += nbytes
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here: the request is answered like any other, and what
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
        key = _field_name(name)
        text = value.decode("latin-1")
        if key in fields:
            request.repeated.setdefault(key, [fields[key]]).append(text)
            text = f"{fields[key]}{'; ' if key == 'cookie' else ','}{text}"
        if len(fields) < _FIELDS:
            fields[key] = text

    def on_headers_complete(self) -> None:
        request = self._reading
        assert request is not None
        self._head_size = -1
        request.method = self._parser.get_method().decode()
        target = self._target.decode("latin-1")
        request.target = target if target.startswith("/") else _ABSOLUTE.sub("", target)
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
        # What was read together with this request and belongs to the next is not counted.
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
        """Go on with the next request if one has been sent ahead."""
        self._requests.popleft()
        unread = request not in self._complete
        self._complete.discard(request)
        request.gone = True
        if unread or not request.keep_alive:
            self._transport.close()
        elif self._requests and self._requests[0] in self._complete:
            # Not from here: a client that sends many ahead would build up the stack.
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
            # An earlier request is still being answered: a refusal now would be taken for that.
            self.abort()
            return
        body = json.dumps({"Type": "User", "Message": f"Bad request: {reason}"}).encode() + b"\n"
        fields = (
            f"Date: {date()}\r\nx-amzn-RequestId: {uuid.uuid4()}\r\nContent-Type: {JSON}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close"
        )
        head = f"HTTP/1.1 {status} {REASONS[status]}\r\n{fields}\r\n\r\n"
        self.write(head.encode() + body)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER, self.abort)


async def _pump(request: Request, response: Response, pieces: AsyncIterator[bytes]) -> None:
    """Send what the iterator yields, no faster than the client reads it; close it in the end."""
    drained = asyncio.Event()
    request.on_drain = drained.set
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        task.cancel()

    request.on_gone = stop
    try:
        request.start(response.status, response.headers)
        if request.has_body:
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


class Server(Closing):
    """Listens until closed. Made by `start_server`."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        # One for all connections: what was read is dealt with before anything else is read. The
        # event loop's own way, an object of 256 KiB for each read, takes a tenth of an invocation.
        self.buffer = memoryview(bytearray(_READ))
        self.connections: set[Connection] = set()
        self.pumps: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server

    async def listen(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Connection(self), host, port, backlog=512)
        if not self._listener.sockets:
            # asyncio takes a socket that can't be made for an address family that is not there.
            raise OSError(errno.EMFILE, f"no socket can be opened on {host}")

    @property
    def port(self) -> int:
        """The port that it listens on, also if 0 was asked for."""
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    @property
    def address(self) -> str:
        """The HOST:PORT that it listens on."""
        host: str = self._listener.sockets[0].getsockname()[0]
        return f"{host}:{self.port}"

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
    """Return the URL of a server at this address, without a path."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def start_server(host: str, port: int, handler: Handler) -> Server:
    """Listen at this address (port 0: any free one) and give the requests to `handler`.

    Raises OSError if the address cannot be had.
    """
    server = Server(handler)
    await server.listen(host, port)
    return server
