"""HTTP requests and the responses to them, which may be given at any later time, also in pieces.

A warm invocation is three exchanges on two connections, so a request costs no task and no future
here: a handler is called, and whatever has the response in the end calls `Request.answer`.
`http_server` reads and writes the bytes.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

from amazon_lambda_runtime.project.aws_limits import PAYLOAD_BYTES
from amazon_lambda_runtime.protocol import JSON, chunk

# In bytes: a payload and what may surround it. More is read to the end, so that the client gets
# its response, but it is counted and not kept.
BODY_LIMIT = PAYLOAD_BYTES + 1024
REASONS = {status.value: status.phrase for status in HTTPStatus}
# A response with one of these statuses ends with its head (RFC 9110, section 6.4.1).
_BODILESS = (204, 304)


@dataclass(frozen=True, slots=True)
class Response:
    """One response. Date and Content-Length are added on the way out.

    An iterator is sent in chunks. In response to HEAD, or with status 204 or 304, no body is sent.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""


def json_response(
    status: int, document: object, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response whose body is this document, on a line of its own."""
    body = json.dumps(document, separators=(",", ":")).encode() + b"\n"
    return Response(status, {"Content-Type": JSON, **(headers or {})}, body)


class Client(Protocol):
    """The connection that a request came on."""

    is_full: bool
    peer: str
    port: int

    def write(self, data: bytes) -> None: ...
    def pump(
        self, request: "Request", response: Response, pieces: AsyncIterator[bytes]
    ) -> None: ...
    def answered(self, request: "Request") -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def abort(self) -> None: ...


class Request:
    """One request, and the one response to it. Header names are in lower case.

    `body` is cut at BODY_LIMIT, `size` is not. If a `Handler` takes the body in pieces, it stays
    empty. `trailers` are the header fields behind a chunked body.
    """

    __slots__ = (
        "_connection",
        "_has_body",
        "_parts",
        "body",
        "gone",
        "headers",
        "keep_alive",
        "method",
        "on_drain",
        "on_gone",
        "repeated",
        "sink",
        "size",
        "target",
        "trailers",
        "version",
    )

    def __init__(self, connection: Client) -> None:
        self._connection = connection
        self._parts: list[bytes] = []
        self._has_body = True
        self.method = ""
        self.target = ""
        self.version = "1.1"
        self.keep_alive = True
        self.headers: dict[str, str] = {}
        self.trailers: dict[str, str] = {}
        #: The values of header fields that came more than once, in order; `headers` joins them.
        self.repeated: dict[str, list[str]] = {}
        self.body = b""
        self.size = 0
        #: Takes the body piece by piece; None if it is to be kept whole.
        self.sink: Callable[[bytes], None] | None = None
        #: Whether it cannot be answered: the client has gone, or has its response.
        self.gone = False
        #: Called when the client goes before it has its response.
        self.on_gone: Callable[[], None] | None = None
        #: Called when a response in pieces may go on, after `is_full`.
        self.on_drain: Callable[[], None] | None = None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def has_body(self) -> bool:
        """Whether the response that has been started may have a body."""
        return self._has_body

    @property
    def peer(self) -> str:
        """The client's IP address."""
        return self._connection.peer

    @property
    def port(self) -> int:
        """The port that the client has connected to."""
        return self._connection.port

    def answer(self, response: Response) -> None:
        """Send the whole response. If the client has gone, do nothing."""
        if self.gone:
            return
        body = response.body
        if not isinstance(body, bytes):
            self._connection.pump(self, response, body)
            return
        # Neither 204 nor 304 has a length; HEAD has the one that GET would have.
        length = f"Content-Length: {len(body)}\r\n" if response.status not in _BODILESS else ""
        head = self._head(response.status, response.headers, length)
        self._connection.write(head + body if self._has_body else head)
        self._connection.answered(self)

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the head of a response that comes in pieces."""
        if not self.gone:
            chunked = self.version == "1.1" and self._may_have_body(status)
            framing = "Transfer-Encoding: chunked\r\n" if chunked else ""
            self._connection.write(self._head(status, headers, framing))

    def write(self, data: bytes) -> None:
        """Send another piece; nothing if it is empty, or the response has no body."""
        if data and not self.gone and self._has_body:
            self._connection.write(chunk(data) if self.version == "1.1" else data)

    def finish(self) -> None:
        """End a response that came in pieces."""
        if not self.gone:
            if self.version == "1.1" and self._has_body:
                self._connection.write(b"0\r\n\r\n")
            self._connection.answered(self)

    def cut(self) -> None:
        """Break off a response that came in pieces, so that the client sees an error."""
        if not self.gone:
            self._connection.abort()

    @property
    def is_full(self) -> bool:
        """Whether the client reads more slowly than it is sent to; `on_drain` follows."""
        return self._connection.is_full and not self.gone

    def pause(self) -> None:
        """Read no more from this connection until `resume`."""
        self._connection.pause()

    def resume(self) -> None:
        """Read on after `pause`."""
        self._connection.resume()

    def received(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.sink is not None:
            self.sink(data)
        elif self.size < BODY_LIMIT:
            self._parts.append(data[: BODY_LIMIT - self.size])
        self.size += len(data)

    def completed(self) -> None:
        """Take note that the body is complete."""
        parts = self._parts
        self.body = parts[0] if len(parts) == 1 else b"".join(parts)

    def _may_have_body(self, status: int) -> bool:
        return self.method != "HEAD" and status not in _BODILESS

    def _head(self, status: int, headers: Mapping[str, str], framing: str) -> bytes:
        self._has_body = self._may_have_body(status)
        self.keep_alive = self.keep_alive and self.version == "1.1"
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        close = "" if self.keep_alive else "Connection: close\r\n"
        reason = REASONS.get(status, "")
        head = f"HTTP/1.1 {status} {reason}\r\nDate: {date()}\r\n{lines}{framing}{close}\r\n"
        return head.encode("utf-8", "replace")


def date() -> str:
    """Return the value of the Date field now."""
    return _date(int(time.time()))


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


class Handler(Protocol):
    """Answers requests."""

    def handle(self, request: Request) -> None:
        """Answer this complete request, now or later."""

    def head(self, request: Request) -> None:
        """Look at a request before its body is read; set its `sink` to take that in pieces."""
