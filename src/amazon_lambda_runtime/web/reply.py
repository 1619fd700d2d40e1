"""Reply: the answer to one request, as far as the application has given it; no I/O.

Both kinds of application use it. Whole, it is a document; streamed, a prelude and pieces. What
can't be sent is replaced by a 500 before anything has gone out, and the log says why.
"""

from amazon_lambda_runtime.core import report
from amazon_lambda_runtime.protocol import RESPONSE_LIMIT

from . import answers
from .answers import Head, TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TEXT = [("content-type", "text/plain; charset=utf-8")]
_PHRASES = {404: b"Not Found", 500: b"Internal Server Error", 504: b"Gateway Timeout"}
# In bytes: a response of more parts than this can't be sent whole, and is not kept.
_KEPT = RESPONSE_LIMIT


class Reply:
    """The response to one request: first its head, then its body."""

    def __init__(self, source: str, event: "Any", method: str, request_id: str) -> None:
        self._source = source
        self._event = event
        self.method = method
        self._request_id = request_id
        #: Whether the response is sent piece by piece.
        self.streams = False
        #: Content types that are text besides the well-known ones.
        self.text_types: frozenset[str] = frozenset()
        #: When the request came, by `perf_counter`.
        self.begun = 0.0
        self.head: Head | None = None
        self.pieces: list[bytes] = []
        self._size = 0
        #: Whether what comes is not sent: there is no body, or another one in its place.
        self.is_dropped = False

    @property
    def has_lost_cookies(self) -> bool:
        """Whether cookies had to be sent in a form of which not every client is sure."""
        return (
            self._source == "aws:alb"
            and "multiValueHeaders" not in self._event
            and self.head is not None
            and sum(name == "set-cookie" for name, _ in self.head.headers) > 1
        )

    def begin(self, head: Head) -> None:
        """Take the head."""
        self.head = head
        self.is_dropped = self.method == "HEAD" or not head.has_body

    def add(self, piece: bytes) -> None:
        """Keep a piece of the body of what is sent whole. Too much of it is only counted."""
        self._size += len(piece)
        if self._size <= _KEPT and not self.is_dropped:
            self.pieces.append(piece)

    def whole(self) -> bytes:
        """Return the document that answers."""
        try:
            if self._size > _KEPT and not self.is_dropped:
                raise TooLarge(
                    f"the response is {self._size} bytes; at most {_KEPT} are taken as JSON"
                )
            return self._document()
        except TooLarge as exc:
            can_stream = answers.can_stream(self._source, self._event)
            hint = "stream it, or send less" if can_stream else "send less"
            self.log(f"{exc}: {hint}", "Runtime.ResponseTooLarge")
            self.replace(500)
            return self._document()

    def opening(self) -> bytes:
        """Return the prelude of a stream."""
        assert self.head is not None
        try:
            return answers.prelude(self._source, self.method, self.head)
        except TooLarge as exc:
            self.log(str(exc), "Runtime.ResponseTooLarge")
            self.replace(500)
            return answers.prelude(self._source, self.method, self.head) + b"".join(self.pieces)

    def replace(self, status: int) -> None:
        """Take this status and its name as the response, in place of what the application gave."""
        self.begin(Head(status, _TEXT))
        self.pieces = [] if self.is_dropped else [_PHRASES[status]]
        self._size = 0
        self.is_dropped = True

    def plain(self, status: int) -> bytes:
        """Take this status as the response; return its body, which is to be added."""
        self.replace(status)
        self.pieces, self.is_dropped = [], self.method == "HEAD"
        return _PHRASES[status]

    def log_exception(self, exc: BaseException) -> None:
        """Log what the application has raised."""
        report.of_exception(exc, self._request_id).log()

    def log(self, message: str, error_type: str) -> None:
        """Log what was wrong, with the request."""
        report.of_message(message, error_type, self._request_id).log()

    def _document(self) -> bytes:
        assert self.head is not None
        body = b"".join(self.pieces)
        return answers.document(
            self._source, self._event, self.method, self.head, body, self.text_types
        )


def as_bytes(piece: "Any") -> bytes:
    """Return a piece of a body as bytes. Raises TypeError for what is none."""
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, bytearray | memoryview):
        return bytes(piece)
    raise TypeError(f"the body of a response is {type(piece).__name__}, not bytes")
