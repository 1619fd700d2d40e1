"""One keep-alive HTTP/1.1 connection to the Runtime API.

Rule 1: `_socket`, the C half of `socket`, is enough here. The Python half costs half as much again
as the interpreter itself to load (it brings selectors, enum and more), and this file is on the way
to the first request of every cold start.

Rule 2: no timeout anywhere. The environment may be frozen for hours in the middle of a read.

Rule 3: a message ends where its framing says so. Anything else is an error, never a wait.
"""

import _socket

from amazon_lambda_runtime.protocol import HEADERS_LIMIT, chunk_size

# So many bytes of a body are copied behind their head, so that a request of ordinary size is one
# write. What is longer takes a second one, which costs less than the copy would.
_COPY_SIZE = 65536
_READ_SIZE = 65536
# A single read never asks for more memory than this, whatever a Content-Length announces.
_PIECE_LIMIT = 8 * 1024 * 1024
# EBADF and Linux's ENOTSOCK: the number of the socket is closed, or another file's.
_NOT_OURS = (9, 88)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    # status, headers, body
    Reply = tuple[int, dict[str, str], bytes]
    # status, whether the protocol keeps connections alive, headers
    Head = tuple[int, bool, dict[str, str]]


class ProtocolError(Exception):
    """The other end sent something that is not HTTP/1.1, or stopped in the middle of a message."""


class Disconnected(Exception):
    """The connection ended before the first byte of a reply came.

    Either the request was lost, or it was carried out and only its reply was lost.
    """


class Connection:
    """A connection that is opened at the first request and again whenever it has been closed.

    `address` is "host:port", an IPv6 host in brackets: the value of AWS_LAMBDA_RUNTIME_API.
    Raises ValueError if it is anything else.
    """

    __slots__ = ("_accepted", "_host", "_port", "_socket", "address")

    def __init__(self, address: str) -> None:
        host, colon, port = address.rpartition(":")
        if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
            raise ValueError(f"{address!r} is no address: expected host:port")
        self.address = address
        # As bytes, because a str would go through the IDNA codec, which is slow to load.
        self._host = host.strip("[]").encode()
        self._port = int(port)
        self._socket: _socket.socket | None = None
        self._accepted: tuple[bytes, Head] = (b"-", (0, False, {}))

    @property
    def is_open(self) -> bool:
        """Whether the next request goes out on a connection that has already carried one."""
        return self._socket is not None

    def open(self) -> None:
        """Connect, without Nagle's delay. Raises OSError."""
        # A name may stand for several addresses, ::1 and 127.0.0.1 for one.
        *others, last = _socket.getaddrinfo(self._host, self._port, 0, _socket.SOCK_STREAM)
        for found in others:
            try:
                return self._connect(*found)
            except OSError:
                pass
        return self._connect(*last)

    def _connect(self, family: int, kind: int, protocol: int, _: str, address: "Any") -> None:
        opened = _socket.socket(family, kind, protocol)
        try:
            # Otherwise socket.setdefaulttimeout() in the user's code would apply here.
            opened.settimeout(None)
            opened.connect(address)
            opened.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        except BaseException:
            opened.close()
            raise
        self._socket = opened

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._socket is not None:
            try:
                self._socket.close()
            except OSError:
                pass  # the user's code has closed it, by its number
            self._socket = None

    def _lost(self, exc: OSError) -> Disconnected:
        """Return what to raise for an error of the socket."""
        if self._socket is not None and exc.errno in _NOT_OURS:
            # The user's code has closed it, by its number, which may be another file's by now.
            self._socket.detach()
            self._socket = None
        return Disconnected(str(exc))

    def request(self, head: bytes, body: bytes = b"") -> "Reply":
        """Send one request, whole, and return its reply: (status, headers, body).

        `head` is the request line and the headers with the empty line that ends them. The names
        in the reply's headers are in lower case; of a repeated header the last is kept.

        Raises OSError if no connection could be opened, Disconnected, and ProtocolError.
        """
        try:
            self.send(head, body)
        except Disconnected:
            if self._socket is None:
                raise
            # The other end hung up. It may have replied first: a 413 comes before the body is sent.
            reply = self.receive()
            self.close()
            return reply
        return self.receive()

    def send(self, head: bytes, body: bytes = b"") -> None:
        """Send a part of a request: a head and a body, or a chunk.

        Raises OSError if no connection could be opened. Raises Disconnected if the other end has
        hung up; there may be a reply to `receive` all the same.
        """
        if self._socket is None:
            self.open()
        assert self._socket is not None
        try:
            self._socket.sendall(head + body[:_COPY_SIZE])
            if len(body) > _COPY_SIZE:
                self._socket.sendall(memoryview(body)[_COPY_SIZE:])
        except OSError as exc:
            raise self._lost(exc) from exc
        except BaseException:
            self.close()
            raise

    def receive(self) -> "Reply":
        """Return the reply to the request that was sent: (status, headers, body).

        Raises Disconnected, and ProtocolError.
        """
        try:
            return self._receive()
        except BaseException:
            self.close()
            raise

    def _receive(self) -> "Reply":
        if self._socket is None:
            raise Disconnected("connection closed")
        try:
            data = self._socket.recv(_READ_SIZE)
        except OSError as exc:
            raise self._lost(exc) from exc
        if not data:
            raise Disconnected("connection closed")

        status = 100
        while status < 200:  # an interim reply (100 Continue) is followed by the real one
            end = data.find(b"\r\n\r\n")
            while end < 0:
                seen = len(data)
                if seen > HEADERS_LIMIT:
                    raise ProtocolError("a reply's headers do not end")
                data += self._read(_READ_SIZE)
                end = data.find(b"\r\n\r\n", max(0, seen - 3))
            head = data[:end]
            # Replies that accept an answer are all alike, and half of all replies.
            if head == self._accepted[0]:
                status, reusable, headers = self._accepted[1]
            else:
                status, reusable, headers = parsed = _parse_head(head)
                if status == 202:
                    self._accepted = head, parsed
            data = data[end + 4 :]

        if status in (204, 304):
            body = b""
        elif headers.get("transfer-encoding", "").lower().endswith("chunked"):
            body, data = self._chunks(data)
        elif "content-length" in headers:
            length = headers["content-length"]
            if not (length.isascii() and length.isdigit() and len(length) < 20):
                raise ProtocolError(f"Content-Length is {length[:40]!r}")
            body, data = self._exactly(int(length), data)
        else:
            body, data, reusable = self._rest(data), b"", False

        # Surplus bytes would be taken for the reply to the next request.
        if data or not reusable or headers.get("connection", "").lower() == "close":
            self.close()
        return status, headers, body

    def _read(self, limit: int, flags: int = 0) -> bytes:
        """Return the next bytes, at least one; the message is not over."""
        assert self._socket is not None
        try:
            data = self._socket.recv(limit, flags)
        except OSError as exc:
            raise ProtocolError(f"a reply broke off: {exc}") from exc
        if not data:
            raise ProtocolError("a reply broke off: connection closed")
        return data

    def _exactly(self, length: int, data: bytes) -> tuple[bytes, bytes]:
        """Return `length` bytes that begin with `data`, and what is left over of `data`."""
        if len(data) >= length:
            return data[:length], data[length:]
        pieces = [data]
        missing = length - len(data)
        while missing:
            # The kernel fills the buffer, so that a body of 6 MB is one piece and not hundreds.
            piece = self._read(min(missing, _PIECE_LIMIT), _socket.MSG_WAITALL)
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces), b""

    def _line(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the line that begins with `data`, without its end, and what comes after it."""
        while (end := data.find(b"\r\n")) < 0:
            if len(data) > HEADERS_LIMIT:
                raise ProtocolError("a line of a chunked reply does not end")
            data += self._read(_READ_SIZE)
        return data[:end], data[end + 2 :]

    def _chunks(self, data: bytes) -> tuple[bytes, bytes]:
        """Return a chunked body, whole, and what comes after it. Its trailers are dropped."""
        pieces = []
        while True:
            line, data = self._line(data)
            try:
                size = chunk_size(line)
            except ValueError as exc:
                raise ProtocolError(str(exc)) from None
            if size == 0:
                break
            piece, data = self._exactly(size, data)
            pieces.append(piece)
            ending, data = self._exactly(2, data)
            if ending != b"\r\n":
                raise ProtocolError("a chunk does not end where it should")
        while line:
            line, data = self._line(data)
        return b"".join(pieces), data

    def _rest(self, data: bytes) -> bytes:
        """Return everything until the other end closes: a body without framing."""
        assert self._socket is not None
        pieces = [data]
        try:
            while piece := self._socket.recv(_READ_SIZE):
                pieces.append(piece)
        except OSError as exc:
            raise ProtocolError(f"a reply broke off: {exc}") from exc
        return b"".join(pieces)


def _parse_head(head: bytes) -> "Head":
    """Return what a status line and the headers below it say.

    Values are UTF-8, as the platform sends the client context: not Latin-1, not ASCII.
    """
    first, *lines = head.decode("utf-8", "replace").split("\r\n")
    protocol, status = first[:9], first[9:12]
    if not (protocol in ("HTTP/1.1 ", "HTTP/1.0 ") and status.isascii() and status.isdigit()):
        raise ProtocolError(f"a reply begins with {first[:40]!r}")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip(" \t")
    return int(status), protocol == "HTTP/1.1 ", headers
