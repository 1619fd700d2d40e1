"""One connection against recorded bytes. Numbers are those of behaviour.md."""

import _socket
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from amazon_lambda_runtime.core.http import Connection, Disconnected, ProtocolError, Replies
from tests.harness import HangUp, Reset, ScriptedApi, Step, reply

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@contextmanager
def connected(*script: Step) -> Iterator[tuple[Connection, ScriptedApi]]:
    with ScriptedApi(list(script)) as api:
        connection = Connection(api.address)
        try:
            yield connection, api
        finally:
            connection.close()


def cut(data: bytes, size: int) -> Step:
    return [data[i : i + size] for i in range(0, len(data), size)]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

# What comes in, and (status, body) of what it means.
REPLIES = [
    pytest.param(reply("200 OK", b"body"), 200, b"body", id="a Content-Length"),
    pytest.param(reply("202 Accepted"), 202, b"", id="an empty body"),
    pytest.param(b"HTTP/1.1 200\r\ncontent-length:2\r\n\r\nok", 200, b"ok", id="the bare minimum"),
    pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", id="no content"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", 200, b"hello", id="a chunk"),
    pytest.param(
        CHUNKED + b"3;name=value\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
        200,
        b"abc0123456789",
        id="chunks with an extension and a trailer",
    ),
    pytest.param(CHUNKED + b"0\r\n\r\n", 200, b"", id="no chunk"),
    pytest.param(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + reply("200 OK", b"final"),
        200,
        b"final",
        id="interim replies before it",
    ),
]


@pytest.mark.parametrize(("data", "status", "body"), REPLIES)
@pytest.mark.parametrize("size", [1 << 20, 10, 1])
def test_reply(data: bytes, status: int, body: bytes, size: int) -> None:
    """62: framing of every kind, cut anywhere, leaves the connection ready for the next."""
    with connected(cut(data, size), cut(data, size)) as (connection, api):
        for _ in range(2):
            got = connection.request(GET)
            assert (got[0], got[2]) == (status, body)
        assert api.connections == 1


def test_headers() -> None:
    """24, 28: names in lower case, values in UTF-8 without the space round them."""
    data = "HTTP/1.1 200 OK\r\nX-ONE:  Łódź \t\r\nx-two:\r\nX-One-more: a:b\r\n".encode()
    with connected(data + b"Content-Length: 0\r\n\r\n") as (connection, _):
        _, headers, _ = connection.request(GET)
    assert headers == {"x-one": "Łódź", "x-two": "", "x-one-more": "a:b", "content-length": "0"}


def test_header_that_is_no_utf8() -> None:
    """A header in another encoding does not fail the request."""
    with connected(b"HTTP/1.1 200 OK\r\nX: \xff\r\nContent-Length: 0\r\n\r\n") as (connection, _):
        assert connection.request(GET)[1]["x"] == "\ufffd"


@pytest.mark.parametrize("count", [1, 200])
def test_large_headers(count: int) -> None:
    """67: 1 MiB of headers, in one line or in hundreds."""
    value = "y" * (1024 * 1024 // count)
    fields = "".join(f"X-{n}: {value}\r\n" for n in range(count))
    with connected(reply("200 OK", b"ok", fields)) as (connection, _):
        _, headers, body = connection.request(GET)
    assert (headers[f"x-{count - 1}"], body) == (value, b"ok")


def test_large_body_each_way() -> None:
    """6 MB go out and come in, each in one message."""
    body = bytes(range(256)) * 24 * 1024
    with connected(reply("200 OK", body), reply("200 OK", b"ok")) as (connection, api):
        head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert connection.request(head, body)[2] == body
        assert connection.request(GET)[2] == b"ok"
    assert api.requests[0].body == body


def test_request_in_one_piece() -> None:
    """A small request arrives in one read: head and body are one write."""
    with connected(reply("200 OK")) as (connection, api):
        connection.request(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n", b"body")
    assert api.requests[0].reads == 1


def test_options() -> None:
    """No delay of small packets, and no timeout even where the user's code sets a default."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.01)
    try:
        with connected(reply("200 OK")) as (connection, _):
            connection.request(GET)
            assert connection._socket is not None
            assert connection._socket.gettimeout() is None
            assert connection._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        socket.setdefaulttimeout(before)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(reply("200 OK", b"ok", "Connection: close\r\n"), id="Connection: close"),
        pytest.param(reply("200 OK", b"ok").replace(b"1.1", b"1.0"), id="HTTP/1.0"),
        pytest.param(reply("200 OK", b"ok") + b"unasked", id="more than was asked for"),
    ],
)
def test_connection_is_not_used_again(data: bytes) -> None:
    """62: the next request opens another connection."""
    with connected([data, HangUp], reply("200 OK")) as (connection, api):
        assert connection.request(GET)[2].startswith(b"ok")
        assert not connection.is_open
        assert connection.request(GET)[0] == 200
        assert api.connections == 2


def test_body_to_the_end() -> None:
    """Without any framing the body is what comes until the other end closes."""
    with connected([b"HTTP/1.1 200 OK\r\n\r\nto the ", b"end", HangUp]) as (connection, _):
        assert connection.request(GET)[2] == b"to the end"
        assert not connection.is_open


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param([reply("200 OK", b"body")[:-1], HangUp], "broke off", id="65: a short body"),
        pytest.param([reply("200 OK", b"body")[:-1], Reset], "broke off", id="65: a reset in it"),
        pytest.param([b"HTTP/1.1 200 OK\r\nContent", HangUp], "broke off", id="a short head"),
        pytest.param([CHUNKED + b"5\r\nhel", HangUp], "broke off", id="65: a short chunk"),
        pytest.param([CHUNKED + b"5", HangUp], "broke off", id="65: a short chunk size"),
        pytest.param([CHUNKED + b"5\r\nhello\r\n", HangUp], "broke off", id="no last chunk"),
        pytest.param([CHUNKED + b"5\r\nhello!\r\n"], "a chunk does not end", id="a long chunk"),
        pytest.param([CHUNKED + b"x\r\n"], "no chunk size: b'x'", id="a chunk size of x"),
        pytest.param(
            [CHUNKED + b"5X\r\n", HangUp], "no chunk size: b'5X'", id="a chunk size of 5X"
        ),
        pytest.param([CHUNKED + b"-1\r\n"], "no chunk size: b'-1'", id="a chunk size of -1"),
        pytest.param([CHUNKED + b"\r\n"], "no chunk size: b''", id="an empty chunk size"),
        pytest.param([CHUNKED + b"1" * 3_000_000], "does not end", id="an endless chunk size"),
        pytest.param([b"SSH-2.0-OpenSSH_9\r\n\r\n"], "begins with 'SSH-2.0", id="no HTTP"),
        pytest.param([b"HTTP/2 200\r\n\r\n"], "begins with 'HTTP/2 200'", id="HTTP/2"),
        pytest.param([b"HTTP/1.1 OK\r\n\r\n"], "begins with 'HTTP/1.1 OK'", id="no status"),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 3_000_000], "do not end", id="a long head"
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"], "is '-1'", id="a negative length"
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\n\r\nto the", Reset], "broke off", id="a reset before the end"
        ),
    ],
)
def test_no_reply(script: Step, message: str) -> None:
    """65: what breaks off or makes no sense is an error, and never a wait."""
    with connected(script) as (connection, _):
        with pytest.raises(ProtocolError, match=message):
            connection.request(GET)
        assert not connection.is_open


def test_head_that_is_empty() -> None:
    """65: a reply that begins with the end of its head is refused at once: no more is read."""
    with pytest.raises(ProtocolError):
        next(Replies().reading(b"\r\n\r\n"))


@pytest.mark.parametrize("step", [HangUp, Reset])
def test_disconnected(step: Step) -> None:
    """63: hanging up before any reply is told apart from a reply that breaks off."""
    with connected(step) as (connection, _):
        with pytest.raises(Disconnected):
            connection.request(GET)
        assert not connection.is_open


def test_reply_before_the_body_is_through() -> None:
    """44: a server that answers 413 and hangs up in the middle of a body is heard."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection(f"127.0.0.1:{listener.getsockname()[1]}")
        connection.open()
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(reply("413 Payload Too Large", b"too large"))
            accepted.shutdown(socket.SHUT_RDWR)
            body = b"x" * 50_000_000
            head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
            status, _, told = connection.request(head, body)
    assert (status, told) == (413, b"too large")
    assert not connection.is_open


def test_nobody_listens() -> None:
    """64: a refused connection is an OSError."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        Connection(f"127.0.0.1:{port}").request(GET)


def test_second_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a name stands for several addresses, a server on any of them is found."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead = listener.getsockname()
    with ScriptedApi([reply("200 OK", b"ok")]) as api:
        port = int(api.address.rpartition(":")[2])
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", address)
            for address in (dead, ("127.0.0.1", port))
        ]
        monkeypatch.setattr(_socket, "getaddrinfo", lambda *_: found)
        connection = Connection(f"localhost:{port}")
        assert connection.request(GET)[2] == b"ok"
        connection.close()


def test_ipv6() -> None:
    """An IPv6 address in brackets."""
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as exc:
        pytest.skip(f"no IPv6 here: {exc}")
    with listener:
        connection = Connection(f"[::1]:{listener.getsockname()[1]}")
        connection.open()
        accepted, _ = listener.accept()
        accepted.close()
        connection.close()


@pytest.mark.parametrize(
    "address", ["", "host", "host:", ":80", "host:http", "host:65536", "host:-1", "host:٣"]
)
def test_no_address(address: str) -> None:
    """An address that is none is found out before anything is sent."""
    with pytest.raises(ValueError, match="expected host:port"):
        Connection(address)


HEADS = [
    "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nContent-Length: 2",
    "HTTP/1.1 200 OK\r\nA: 1\r\nB: 3 \r\nContent-Length: 2",  # a value has changed
    "HTTP/1.1 200 OK\r\nB: 2\r\nA: 1\r\nContent-Length: 2",  # they have changed places
    "HTTP/1.1 200 OK\r\nA: 4\r\na: 5\r\nContent-Length: 2",  # one is repeated: the last is kept
    "HTTP/1.1 200 OK\r\nA: 6\r\na: 5\r\nContent-Length: 2",
    "HTTP/1.1 200 OK\r\nA: 1\r\nC: 2\r\nContent-Length: 2",  # another name
    "HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 2",  # one less
    "HTTP/1.0 200 OK\r\nA: 1\r\nB: 2\r\nContent-Length: 2",  # another first line
    "HTTP/1.1 202 Accepted\r\nA: 9\r\nB: 2\r\nContent-Length: 2",
]


@pytest.mark.parametrize("first", HEADS)
@pytest.mark.parametrize("second", HEADS)
def test_head_after_another(first: str, second: str) -> None:
    """155: a head is read alike, whatever head came before it on the connection."""

    def headers(head: str) -> dict[str, str]:
        lines = (line.partition(":") for line in head.split("\r\n")[1:])
        return {name.lower(): value.strip() for name, _, value in lines}

    replies = Replies()
    for head in (first, second, first, second):
        read = replies.whole(head.encode() + b"\r\n\r\nok")
        status = int(head[9:12])
        assert read == ((status, headers(head), b"ok"), head.startswith("HTTP/1.1"))


def test_headers_are_not_shared() -> None:
    """155: what is done to the headers of one reply is not seen in the next."""
    replies, data = Replies(), HEADS[0].encode() + b"\r\n\r\nok"
    first = replies.whole(data)
    second = replies.whole(data)
    assert first is not None
    assert second is not None
    assert first[0][1] == second[0][1]
    assert first[0][1] is not second[0][1]
