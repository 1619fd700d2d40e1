"""Any reply at all, in any pieces, through one connection. Numbers: behaviour.md."""

import _socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from amazon_lambda_runtime import RuntimeApiError
from amazon_lambda_runtime.core import client
from amazon_lambda_runtime.core.client import Delivery, RuntimeClient
from amazon_lambda_runtime.core.http import Connection, Disconnected, ProtocolError
from tests.harness import examples

from .support import one_line

if TYPE_CHECKING:
    from hypothesis import Phase, given, settings
    from hypothesis import strategies as st
else:
    hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")
    st = hypothesis.strategies
    Phase, given, settings = hypothesis.Phase, hypothesis.given, hypothesis.settings

# The same examples on every run: a failure here is a failure everywhere. They are not shrunk: they
# are small, and shrinking one that waits takes long.
often = settings(
    deadline=None,
    derandomize=True,
    max_examples=examples(200),
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
# Half a second as the kernel takes it: what a client would wait for never comes.
NO_WAITING = struct.pack("ll", 0, 500_000)

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
TOKEN = "!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz"
FRAMING = {"content-length", "transfer-encoding", "connection"}


class InPieces(_socket.socket):
    """A socket whose reads return as little as `sizes` says, as the network may have it."""

    sizes: Iterator[int] = repeat(1 << 30)

    def recv(self, limit: int, flags: int = 0, /) -> bytes:
        return super().recv(min(limit, next(self.sizes)), flags)


class Wired(Connection):
    """A connection whose other end, `there`, has said something already, and hung up if told to."""

    __slots__ = ("_hung_up", "_said", "_sizes", "there")

    def __init__(self, sizes: list[int], said: bytes = b"", hung_up: bool = False) -> None:
        super().__init__("127.0.0.1:1")
        self._sizes, self._said, self._hung_up = sizes, said, hung_up

    def open(self) -> None:
        here, self.there = _socket.socketpair()
        self.there.sendall(self._said)
        if self._hung_up:
            self.there.shutdown(_socket.SHUT_WR)
        self._socket = opened = InPieces(fileno=here.detach())
        opened.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, NO_WAITING)
        opened.sizes = chain(self._sizes, repeat(1 << 30))

    def close(self) -> None:
        if self._socket is not None:
            self.there.close()
        super().close()


@dataclass
class Reply:
    """A reply, and what a client is to make of it."""

    data: bytes
    status: int
    headers: dict[str, str]
    body: bytes


names = st.text(TOKEN, min_size=1, max_size=20).filter(lambda name: name.lower() not in FRAMING)
values = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40)
fields = st.lists(st.tuples(names, values), max_size=8)
spaces = st.text(" \t", max_size=3)
reasons = st.sampled_from(["", " ", " OK", " Złoty środek", " 200 HTTP/1.1"])
sizes = st.lists(st.integers(1, 40), max_size=200)


@st.composite
def heads(draw: st.DrawFn, status: int) -> tuple[bytes, dict[str, str]]:
    """Draw the status line and headers of a reply, without the line that ends them."""
    lines, headers = [f"HTTP/1.1 {status}{draw(reasons)}"], {}
    for name, value in draw(fields):
        lines.append(f"{name}:{draw(spaces)}{value}{draw(spaces)}")
        headers[name.lower()] = value.strip(" \t")
    return "".join(line + "\r\n" for line in lines).encode(), headers


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    """Draw one of the ways to send `body` in chunks."""
    extensions = st.sampled_from([b"", b";", b" ; a", b";a=b", b';a="b;c"', b"\t"])
    data, rest = b"", body
    while rest:
        size = draw(st.integers(1, len(rest)))
        number = draw(st.sampled_from(["%x", "%X", "%08x"])) % size
        data += number.encode() + draw(extensions) + b"\r\n" + rest[:size] + b"\r\n"
        rest = rest[size:]
    data += draw(st.sampled_from([b"0", b"000"])) + draw(extensions) + b"\r\n"
    for name, value in draw(st.lists(st.tuples(names, values), max_size=2)):
        data += f"{name}: {value}\r\n".encode()
    return data + b"\r\n"


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Draw a reply whose end is known from its framing."""
    interim = b""
    for status in draw(st.lists(st.integers(100, 199), max_size=2)):
        interim += draw(heads(status))[0] + b"\r\n"
    status = draw(st.sampled_from([200, 202, 202, 204, 304, 400, 413, 500]) | st.integers(200, 599))
    head, headers = draw(heads(status))
    if status in (204, 304):
        return Reply(interim + head + b"\r\n", status, headers, b"")
    body = draw(st.binary(max_size=400))
    if draw(st.booleans()):
        name, coding = draw(st.sampled_from(["Transfer-Encoding", "transfer-encoding"])), "Chunked"
        head += f"{name}: {coding}\r\n\r\n".encode()
        return Reply(
            interim + head + draw(chunked(body)),
            status,
            {**headers, "transfer-encoding": coding},
            body,
        )
    head += b"Content-Length:%d\r\n\r\n" % len(body)
    return Reply(interim + head + body, status, {**headers, "content-length": str(len(body))}, body)


#: What replies are made of, for those that are not quite any.
WORDS = [
    *(b"HTTP/1.1 ", b"HTTP/1.0 ", b"HTTP/1.1 100 \r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"200", b"202"),
    *(
        b"\r\n",
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b":",
        b": ",
        b" ",
        b"\t",
        b";",
        b"\x00",
        b"\xff",
        b"-",
        b"+",
    ),
    *(b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"),
    *(b"0", b"1", b"2", b"a", b"ff", b"0\r\n\r\n", b"99999999999999999999", b"_"),
    b"Lambda-Runtime-Aws-Request-Id: id-1\r\n",
]
scraps = st.lists(st.sampled_from(WORDS) | st.binary(max_size=5), max_size=30).map(b"".join)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a reply in which a few bytes have been replaced by others, or by none."""
    data = draw(replies()).data
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 10)))
        data = data[:start] + draw(st.sampled_from(WORDS) | st.binary(max_size=3)) + data[end:]
    return data


garbage = st.binary(max_size=200) | scraps | damaged()


@contextmanager
def wired(sizes: list[int], said: bytes = b"", hung_up: bool = False) -> Iterator[Wired]:
    connection = Wired(sizes, said, hung_up)
    try:
        yield connection
    finally:
        connection.close()


@often
@given(st.lists(replies(), min_size=1, max_size=3), sizes)
def test_any_reply(expected: list[Reply], sizes: list[int]) -> None:
    """24, 62: whatever its framing, headers and pieces, a reply means what was sent."""
    with wired(sizes) as connection:
        connection.open()
        for reply in expected:
            connection.there.sendall(reply.data)
            assert connection.request(GET) == (reply.status, reply.headers, reply.body)
            assert connection.is_open


@often
@given(replies(), sizes, st.data())
def test_any_reply_cut_anywhere(reply: Reply, sizes: list[int], data: st.DataObject) -> None:
    """65: less than the whole of a reply is never taken for one."""
    length = data.draw(st.integers(0, len(reply.data) - 1))
    with wired(sizes, reply.data[:length], hung_up=True) as connection:
        with pytest.raises(ProtocolError if length else Disconnected):
            connection.request(GET)
        assert not connection.is_open


@often
@given(replies(), st.binary(min_size=1, max_size=20))
def test_more_than_a_reply(reply: Reply, more: bytes) -> None:
    """62: what nobody asked for is not taken for the reply to the next request."""
    with wired([], reply.data + more) as connection:
        assert connection.request(GET) == (reply.status, reply.headers, reply.body)
        assert not connection.is_open


@often
@given(garbage, sizes)
def test_any_bytes(said: bytes, sizes: list[int]) -> None:
    """65: whatever comes, it is a reply or one of two errors, and never a wait."""
    with wired(sizes, said, hung_up=True) as connection:
        failure = None
        try:
            status, headers, body = connection.request(GET)
        except (Disconnected, ProtocolError) as exc:
            failure = exc
        if failure:
            assert one_line(failure)
            assert not connection.is_open
        else:
            assert 200 <= status <= 999
            assert all(name == name.lower() for name in headers)
            assert len(body) <= len(said)


@often
@given(said=garbage, sizes=sizes)
def test_any_bytes_for_an_event(said: bytes, sizes: list[int]) -> None:
    """64, 65: what /next makes of any bytes is an invocation or an error of one line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "_PAUSES", (0.0,))
        spoken = RuntimeClient("127.0.0.1:1")
        with wired(sizes, said, hung_up=True) as spoken._connection:
            outcome: Delivery | RuntimeApiError
            try:
                outcome = spoken.next()
            except RuntimeApiError as exc:
                outcome = exc
        if isinstance(outcome, Delivery):
            assert outcome.request_id
        else:
            assert len(str(outcome).splitlines()) == 1
