"""An HTTP/1.1 server for small exchanges: one request whole, one response whole, then the next.

h11 knows the protocol; this file only carries its bytes. What a handler gets is complete and
well-formed: everything else is answered here with a 4xx and the end of the connection.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import h11

from amazon_lambda_runtime._protocol import HEADERS_LIMIT, JSON

# In bytes: a payload of 6 MiB and what may surround it. More is read to the end, so that the
# client hears the answer, but it is counted and not kept.
BODY_LIMIT = 6 * 1024 * 1024 + 1024

_READ = 65536
# In seconds.
_LINGER = 1


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are in lower case; `body` is cut at BODY_LIMIT, `size` is not."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    size: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Response:
    """One response. Content-Length is added on the way out."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def json_response(
    status: int, document: object, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response whose body is this document, on a line of its own."""
    body = json.dumps(document, separators=(",", ":")).encode() + b"\n"
    return Response(status, {"Content-Type": JSON, **(headers or {})}, body)


Handler = Callable[[Request], Awaitable[Response]]


class Server:
    """Listens until closed. Made by `serve`."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._connections: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server

    async def listen(self, host: str, port: int) -> None:
        self._listener = await asyncio.start_server(self._accept, host, port)

    @property
    def port(self) -> int:
        """The port in use, also where 0 was asked for."""
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening, cancel the handlers at work and close every connection."""
        self._listener.close()
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await self._listener.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(_converse(reader, writer, self._handle))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)


async def serve(host: str, port: int, handle: Handler) -> Server:
    """Answer requests to this address (port 0: any free one) with what `handle` returns.

    A client that goes away while its handler is at work cancels it. Raises OSError if the address
    cannot be had.
    """
    server = Server(handle)
    await server.listen(host, port)
    return server


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handler
) -> None:
    http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADERS_LIMIT)
    try:
        while request := await _read(http, reader, writer):
            response = await _unless_gone(handle(request), http, reader)
            if response is None:
                break
            await _write(http, writer, response, head=request.method == "HEAD")
            if http.our_state is h11.MUST_CLOSE:
                break
            http.start_next_cycle()
    except h11.RemoteProtocolError as error:
        refusal = Response(error.error_status_hint, {"Connection": "close"}, f"{error}\n".encode())
        with suppress(ConnectionError, TimeoutError):
            await _write(http, writer, refusal)
            # To close on a client that is still sending would reset the connection, and it might
            # never see why.
            writer.write_eof()
            async with asyncio.timeout(_LINGER):
                while await reader.read(_READ):
                    pass
    except ConnectionError:
        pass
    except asyncio.CancelledError:
        # The server closes. It does not wait for a client that has stopped reading.
        writer.transport.abort()
        raise
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _read(
    http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    """Return the next request, or None if the client has said goodbye."""
    body = bytearray()
    size = 0
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            if http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                writer.write(http.send(go_on) or b"")
            http.receive_data(await reader.read(_READ))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            size += len(event.data)
            body += event.data[: BODY_LIMIT - len(body)]
        elif isinstance(event, h11.EndOfMessage):
            headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
            return Request(
                head.method.decode(), head.target.decode("latin-1"), headers, bytes(body), size
            )
        else:
            return None


async def _unless_gone(
    answer: Awaitable[Response], http: h11.Connection, reader: asyncio.StreamReader
) -> Response | None:
    """Return the answer, or None if the client goes away before there is one."""
    answering = asyncio.ensure_future(answer)
    watching = asyncio.ensure_future(_hang_up(http, reader))
    try:
        await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
        return answering.result() if answering.done() else None
    finally:
        answering.cancel()
        watching.cancel()
        await asyncio.gather(answering, watching, return_exceptions=True)


async def _hang_up(http: h11.Connection, reader: asyncio.StreamReader) -> None:
    """Return when the client has gone. What it sends ahead waits in `http` for its turn."""
    ahead = 0
    # A client that sends more than a whole request ahead is not one that waits for answers.
    while ahead <= BODY_LIMIT and (data := await reader.read(_READ)):
        ahead += len(data)
        http.receive_data(data)


async def _write(
    http: h11.Connection, writer: asyncio.StreamWriter, response: Response, head: bool = False
) -> None:
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    if response.status != 204:
        headers.append((b"Content-Length", b"%d" % len(response.body)))
    events = (
        h11.Response(status_code=response.status, headers=headers),
        h11.Data(data=b"" if head else response.body),
        h11.EndOfMessage(),
    )
    writer.write(b"".join(http.send(event) or b"" for event in events))
    await writer.drain()
