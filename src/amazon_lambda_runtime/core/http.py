"""One keep-alive HTTP/1.1 connection to the Runtime API, and how a reply is read, without I/O.

`Replies` reads: bytes in, replies out. `Connection` waits for the bytes; `tasks.py` is called when
there are some.

Rule 1: `_socket`, the C half of `socket`, is enough here. The Python half takes half as long to
load as the interpreter itself (it imports selectors, enum and more), and every cold start loads
this file before its first request.

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

_WITHOUT_BODY = (204, 304)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, TypeVar

    T = TypeVar("T")
    # A part of `Replies.reading`.
    Pieces = Generator[int, bytes, T]
    # status, headers, body
    Reply = tuple[int, dict[str, str], bytes]
    # a reply, and whether the connection is fit for another request
    Read = tuple[Reply, bool]
    # status, whether the protocol keeps connections alive, headers
    Head = tuple[int, bool, dict[str, str]]


class ProtocolError(Exception):
    """The other end sent something that is not HTTP/1.1, or stopped in the middle of a message."""


class Disconnected(Exception):
    """The connection ended before the first byte of a reply came.

    Either the request was lost, or it was carried out and only its reply was lost.
    """


class Replies:
    """Reads the replies that come on a connection, one after the other. It does no I/O."""

    __slots__ = ("_accepted", "_known", "_parsed")

    def __init__(self) -> None:
        # The last head that accepted an answer, what it says, and the size of that reply. Such
        # replies are all alike, and they are half of all replies.
        self._accepted: tuple[bytes, Head, int] = (b"-", (0, False, {}), 0)
        self._parsed: tuple[bytes, Head] = (b"-", (0, False, {}))
        # The first line, the other lines and the headers of the last head that was parsed.
        self._known: tuple[str, list[str], dict[str, str]] | None = None

    def whole(self, data: bytes) -> "Read | None":
        """Return the reply that `data` is, from its first byte to its last.

        None if it is not, or if there is more to it than a length: `reading` can tell.
        """
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = data[:end]
        if head == self._accepted[0]:
            _, (status, is_reusable, headers), size = self._accepted
        else:
            status, is_reusable, headers = parsed = self._parse(head)
            self._parsed = head, parsed
            text = headers.get("content-length", "")
            if (
                status < 200
                or status in _WITHOUT_BODY
                or "transfer-encoding" in headers
                or "connection" in headers
                or not _is_length(text)
            ):
                return None
            size = end + 4 + int(text)
            if status == 202:
                self._accepted = head, parsed, size
        if len(data) != size:
            return None
        return (status, headers, data[end + 4 :]), is_reusable

    def reading(self, data: bytes) -> "Pieces[Read]":
        """Read the reply that begins with `data`; return it.

        It yields the number of bytes that are missing for certain, or 0, and is sent what came:
        some bytes, or none if the other end has closed the connection. An OSError of the connection
        is thrown into it. Raises Disconnected if `data` is empty, and ProtocolError.
        """
        if not data:
            raise Disconnected("connection closed")
        status = 100
        while status < 200:  # an interim reply (100 Continue) is followed by the real one
            end = data.find(b"\r\n\r\n")
            while end < 0:
                seen = len(data)
                if seen > HEADERS_LIMIT:
                    raise ProtocolError("a reply's headers do not end")
                data += yield from _more()
                end = data.find(b"\r\n\r\n", max(0, seen - 3))
            head = data[:end]
            seen_head, parsed = self._parsed  # by `whole`
            status, is_reusable, headers = parsed if head == seen_head else self._parse(head)
            data = data[end + 4 :]

        if status in _WITHOUT_BODY:
            body = b""
        elif headers.get("transfer-encoding", "").lower().endswith("chunked"):
            body, data = yield from _chunks(data)
        elif "content-length" in headers:
            text = headers["content-length"]
            if not _is_length(text):
                raise ProtocolError(f"Content-Length is {text[:40]!r}")
            body, data = yield from _exactly(int(text), data)
        else:
            body, data, is_reusable = (yield from _rest(data)), b"", False

        # Bytes that were not asked for would be taken for the reply to the next request.
        if data or headers.get("connection", "").lower() == "close":
            is_reusable = False
        return (status, headers, body), is_reusable

    def _parse(self, head: bytes) -> "Head":
        """Return what a status line and the headers below it say.

        Values are UTF-8, as the platform sends the client context: not Latin-1, not ASCII. Most
        lines are those of the head before, the function's ARN for one: only the others are read.
        """
        first, *lines = head.decode("utf-8", "replace").split("\r\n")
        known = self._known
        if known is not None and first == known[0] and len(lines) == len(known[1]):
            headers = known[2].copy()
            for line, before, name in zip(lines, known[1], headers, strict=True):
                if line != before:
                    found, _, value = line.partition(":")
                    if found.lower() != name:
                        break
                    headers[name] = value.strip(" \t")
            else:
                self._known = first, lines, headers
                return int(first[9:12]), first[7] == "1", headers
        protocol, status = first[:9], first[9:12]
        if not (protocol in ("HTTP/1.1 ", "HTTP/1.0 ") and status.isascii() and status.isdigit()):
            raise ProtocolError(f"a reply begins with {first[:40]!r}")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip(" \t")
        if len(headers) == len(lines):  # none is repeated: each name belongs to a line
            self._known = first, lines, headers
        return int(status), protocol == "HTTP/1.1 ", headers


def _more(missing: int = 0) -> "Pieces[bytes]":
    """Return the next bytes, at least one; the message is not over."""
    try:
        data = yield missing
    except OSError as exc:
        raise ProtocolError(f"a reply broke off: {exc}") from exc
    if not data:
        raise ProtocolError("a reply broke off: connection closed")
    return data


def _exactly(length: int, data: bytes) -> "Pieces[tuple[bytes, bytes]]":
    """Return `length` bytes that begin with `data`, and what is left over."""
    pieces = [data]
    missing = length - len(data)
    while missing > 0:
        piece = yield from _more(min(missing, _PIECE_LIMIT))
        pieces.append(piece)
        missing -= len(piece)
    data = b"".join(pieces)
    return data[:length], data[length:]


def _line(data: bytes) -> "Pieces[tuple[bytes, bytes]]":
    """Return the line that begins with `data`, without its end, and what comes after it."""
    while (end := data.find(b"\r\n")) < 0:
        if len(data) > HEADERS_LIMIT:
            raise ProtocolError("a line of a chunked reply does not end")
        data += yield from _more()
    return data[:end], data[end + 2 :]


def _chunks(data: bytes) -> "Pieces[tuple[bytes, bytes]]":
    """Return a chunked body, whole, and what comes after it. Its trailers are dropped."""
    pieces = []
    while True:
        line, data = yield from _line(data)
        try:
            size = chunk_size(line)
        except ValueError as exc:
            raise ProtocolError(str(exc)) from None
        if size == 0:
            break
        piece, data = yield from _exactly(size, data)
        pieces.append(piece)
        ending, data = yield from _exactly(2, data)
        if ending != b"\r\n":
            raise ProtocolError("a chunk does not end where it should")
    while line:
        line, data = yield from _line(data)
    return b"".join(pieces), data


def _rest(data: bytes) -> "Pieces[bytes]":
    """Return everything until the other end closes: a body without framing."""
    pieces = [data]
    try:
        while piece := (yield 0):
            pieces.append(piece)
    except OSError as exc:
        raise ProtocolError(f"a reply broke off: {exc}") from exc
    return b"".join(pieces)


class Connection(Replies):
    """A connection that is opened at the first request and again whenever it has been closed.

    `address` is "host:port", an IPv6 host in brackets: the value of AWS_LAMBDA_RUNTIME_API.
    Raises ValueError if it is anything else.
    """

    __slots__ = ("_host", "_port", "_socket", "address")

    def __init__(self, address: str) -> None:
        super().__init__()
        host, colon, port = address.rpartition(":")
        is_port = port.isascii() and port.isdigit() and int(port) < 65536
        if not (colon and host and is_port) or "/" in host or " " in host:
            without = ", without a scheme" if "://" in address else ""
            raise ValueError(f"{address!r} is not an address: expected host:port{without}")
        self.address = address
        # As bytes, because a str would go through the IDNA codec, which is slow to load.
        self._host = host.strip("[]").encode()
        self._port = int(port)
        self._socket: _socket.socket | None = None

    @property
    def is_open(self) -> bool:
        """Whether the next request goes out on a connection that has already carried one."""
        return self._socket is not None

    def fileno(self) -> int:
        """Return the descriptor of the open connection."""
        assert self._socket is not None
        return self._socket.fileno()

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

    def _disconnected(self, exc: OSError) -> Disconnected:
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
            if len(body) <= _COPY_SIZE:
                self._socket.sendall(head + body)
            else:
                self._socket.sendall(head + body[:_COPY_SIZE])
                self._socket.sendall(memoryview(body)[_COPY_SIZE:])
        except OSError as exc:
            raise self._disconnected(exc) from exc
        except BaseException:
            self.close()
            raise

    def receive(self) -> "Reply":
        """Return the reply to the request that was sent: (status, headers, body).

        Raises Disconnected, and ProtocolError.
        """
        if self._socket is None:
            raise Disconnected("connection closed")
        try:
            try:
                data = self._socket.recv(_READ_SIZE)
            except OSError as exc:
                raise self._disconnected(exc) from exc
            reply, is_reusable = self.whole(data) or self._read_on(data)
        except BaseException:
            self.close()
            raise
        if not is_reusable:
            self.close()
        return reply

    def _read_on(self, data: bytes) -> "Read":
        assert self._socket is not None
        reading = self.reading(data)
        try:
            missing = next(reading)
            while True:
                # Of a body of 6 MB the kernel makes one piece, and not hundreds.
                size, flags = (missing, _socket.MSG_WAITALL) if missing else (_READ_SIZE, 0)
                try:
                    data = self._socket.recv(size, flags)
                except OSError as exc:
                    missing = reading.throw(exc)
                else:
                    missing = reading.send(data)
        except StopIteration as done:
            read: Read = done.value
            return read


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
