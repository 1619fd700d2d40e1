"""Streamed responses: each piece is sent before the handler is asked for the next.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
"""

from binascii import b2a_base64

from amazon_lambda_runtime.protocol import (
    ERROR_BODY,
    ERROR_TYPE,
    HTTP_INTEGRATION,
    PRELUDE_END,
    STREAM,
)

from . import codec
from .errors import LambdaError, MarshalError, RuntimeApiError, StreamClosed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
    from typing import Any

    from .client import Delivery

    Piece = str | bytes | bytearray | memoryview
    Body = Piece | Iterable[Piece] | AsyncIterable[Piece] | Callable[["ResponseStream"], Any] | None


class ResponseStream:
    """The body of one answer, written piece by piece. A handler's callable is called with it.

    Nothing is sent before the first piece. Until then a failure is an ordinary error.
    """

    def __init__(
        self, delivery: "Delivery", content_type: str = STREAM, prelude: bytes = b""
    ) -> None:
        self._delivery = delivery
        self._content_type = content_type
        self._prelude = prelude
        #: Whether the answer is complete.
        self.closed = False

    @property
    def started(self) -> bool:
        """Whether this is the delivery's answer: its first piece is on the way."""
        return self._delivery.stream is self

    def write(self, piece: "Piece") -> None:
        """Send a piece; return when it is handed to the network, however long that takes.

        A str is sent as UTF-8; an empty piece is not sent. Raises TypeError for a piece that is
        neither str nor bytes, LambdaError after `close`, StreamClosed if the Runtime API hung up.
        """
        data = _as_bytes(piece)
        if self.closed:
            raise LambdaError("the response stream is closed: nothing can be written to it")
        if not data:
            return
        try:
            if self.started:
                self._delivery.write(data)
            else:
                self._start(data)
        except StreamClosed:
            self.closed = True
            raise

    def begin(self, piece: bytes = b"") -> None:
        """Send the first piece, which may be empty: the prelude goes out in any case."""
        try:
            self._start(piece)
        except StreamClosed:
            self.closed = True
            raise

    def close(self) -> None:
        """End the answer. The handler may continue, after the response."""
        if self.closed:
            return
        try:
            if not self.started:
                self._start(b"")
            self._delivery.finish()
        except (StreamClosed, RuntimeApiError):
            self.closed = True
            raise
        self.closed = True

    def fail(self, document: bytes, error_type: str) -> None:
        """End the answer with an error, which the caller gets after the pieces that were sent."""
        self.closed = True
        body = b2a_base64(document, newline=False).decode()
        self._delivery.finish(f"{ERROR_TYPE}: {error_type}\r\n{ERROR_BODY}: {body}\r\n")

    def _start(self, data: bytes) -> None:
        self._delivery.start(self, self._content_type, self._prelude + data)


class HttpResponse:
    """An answer to a Function URL or to API Gateway.

    `body` is a str, or bytes, which travel as base64; or it streams: an iterator, an async
    iterator, or a callable that takes a ResponseStream. A cookie is "name=value; attributes".
    Raises TypeError for an argument of another kind, ValueError for a status outside 100 to 599.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
    """

    def __init__(
        self,
        status: int = 200,
        headers: "Mapping[str, str] | None" = None,
        cookies: "Sequence[str]" = (),
        body: "Body" = "",
    ) -> None:
        if not isinstance(status, int):
            hint = "; a body alone is HttpResponse(body=…)" if isinstance(status, str) else ""
            raise TypeError(f"status is {type(status).__name__}: expected a number{hint}")
        if not 100 <= status <= 599:
            raise ValueError(f"HTTP status {status!r}: expected 100 to 599")
        if not (headers is None or hasattr(headers, "items")):
            raise TypeError(f"headers is {type(headers).__name__}: expected a dict")
        for name, value in (headers or {}).items():
            if not (isinstance(name, str) and isinstance(value, str | int | float)):
                kind = type(value).__name__
                raise TypeError(f"the header {name!r} is {kind}: expected str for both")
        if isinstance(cookies, str):
            raise TypeError("cookies is a str: expected a list of them")
        if not isinstance(cookies, list | tuple):
            raise TypeError(f"cookies is {type(cookies).__name__}: expected a list of str")
        for cookie in cookies:
            if not isinstance(cookie, str):
                raise TypeError(f"a cookie is {type(cookie).__name__}: expected str")
        if not (
            body is None or isinstance(body, str | bytes | bytearray | memoryview) or streams(body)
        ):
            kind = type(body).__name__
            raise TypeError(f"body is {kind}: expected str, bytes, an iterator or a callable")
        self.status = status
        self.headers = dict(headers or {})
        self.cookies = list(cookies)
        self.body = body

    @property
    def streams(self) -> bool:
        """Whether the body is sent piece by piece."""
        return streams(self.body)

    def document(self) -> "dict[str, Any]":
        """Return the answer as the JSON object that a buffered response is."""
        body = "" if self.body is None else self.body
        encoded = not isinstance(body, str)
        if encoded:
            body = b2a_base64(_as_bytes(body), newline=False).decode()
        return {**self._head(), "body": body, "isBase64Encoded": encoded}

    def prelude(self) -> bytes:
        """Return the start of a streamed response: its head as JSON, and eight NUL bytes."""
        return codec.encode_ascii(self._head()) + PRELUDE_END

    def _head(self) -> "dict[str, Any]":
        return {"statusCode": self.status, "headers": self.headers, "cookies": self.cookies}


def streams(value: object) -> bool:
    """Return whether `value` is a source of pieces, rather than a result."""
    kind = type(value)
    if hasattr(kind, "__next__") or hasattr(kind, "__aiter__"):
        return True
    # A class, or an object with a JSON form of its own, may happen to be callable.
    return callable(value) and not isinstance(value, type) and not codec.has_form(value)


def open_stream(value: "Any", delivery: "Delivery") -> "tuple[Any, ResponseStream | None]":
    """Return the source of pieces in a handler's result, and the stream to write them to.

    For a result that does not stream: what is left to send, and None. If the delivery has an answer
    already, the stream is closed, and a source is to be closed unread.
    """
    source, content_type, prelude = value, STREAM, b""
    if isinstance(value, HttpResponse):
        if not value.streams:
            return value.document(), None
        source, content_type, prelude = value.body, HTTP_INTEGRATION, value.prelude()
    elif not streams(value):
        return value, None
    stream = ResponseStream(delivery, content_type, prelude)
    stream.closed = delivery.answered
    return source, stream


def pump(source: "Any", stream: ResponseStream) -> "Awaitable[None] | None":
    """Write what an iterator yields, or call a callable that writes; then end the stream.

    Returns what is left to await, None if that is nothing. An iterator is closed in any case.
    Raises MarshalError for a callable that does not take a stream, StreamClosed, and what the
    source raises.
    """
    if not hasattr(type(source), "__next__"):
        return _call(source, stream)
    try:
        if not stream.closed:
            for piece in source:
                stream.write(piece)
    finally:
        if hasattr(source, "close"):
            source.close()
    stream.close()
    return None


async def pump_async(
    source: "Any",
    stream: ResponseStream,
    drained: "Callable[[], Awaitable[None]] | None" = None,
) -> None:
    """Do the same for an async iterator. Where `write` does not wait for a slow reader, `drained`
    does, before the next piece is asked for.
    """
    try:
        if not stream.closed:
            async for piece in source:
                stream.write(piece)
                if drained is not None:
                    await drained()
    finally:
        if hasattr(source, "aclose"):
            await source.aclose()
    stream.close()


def _call(source: "Any", stream: ResponseStream) -> "Awaitable[None] | None":
    """Have a callable write to the stream, then end the stream; return what is left to await."""
    if stream.closed:
        return None
    if not _takes_a_stream(source):
        name = getattr(source, "__qualname__", type(source).__name__)
        told = f"{name} is a callable that does not take a response stream as its only argument"
        if hasattr(source, "status_code") and hasattr(source, "headers"):
            told = f"{name} is a web framework's response: return an HttpResponse in its place"
        raise MarshalError(f"Unable to marshal response: {told}")
    result = source(stream)
    if hasattr(type(result), "__await__"):
        return _finish(result, stream)
    _end(result, stream)
    return None


async def _finish(result: "Awaitable[Any]", stream: ResponseStream) -> None:
    _end(await result, stream)


def _end(result: "Any", stream: ResponseStream) -> None:
    """End a stream that a callable has written. What the callable returned would be lost."""
    if result is not None:
        kind = type(result).__name__
        raise MarshalError(
            "Unable to marshal response: a callable that is given the response stream has to"
            f" return None, not {kind}"
        )
    stream.close()


def _takes_a_stream(value: "Any") -> bool:
    """Return whether the one argument that a callable has to be given is the first one."""
    from .stdlib import load_part

    told = load_part("signature").signature_of(value)
    return (
        told is not None
        and not told.by_name
        and len(told.needed) == 1
        and told.needed == told.positional[:1]
    )


def _as_bytes(piece: "Any") -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, bytearray | memoryview):
        return bytes(piece)
    raise TypeError(f"a piece of a streamed response is {type(piece).__name__}, not str or bytes")
