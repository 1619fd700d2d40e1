"""Replies that are cut, split and delayed at every byte. Numbers are those of behaviour.md.

Whatever happens to a reply, one of three things comes of it: the event is answered, and no more
than once as far as the API can tell; the request is made again where that is harmless; or a
RuntimeApiError says in one line what went wrong.
"""

import signal
import socket
import threading
import time

import pytest

from amazon_lambda_runtime import RuntimeApiError
from tests.harness import ACCEPTED, HangUp, Reset, Step, event

from .support import one_line, read_request, served_by, talking

pytestmark = pytest.mark.usefixtures("no_pauses")

BODY = b'{"name": "Ada"}'
FRAMED = event(BODY, headers="Lambda-Runtime-Deadline-Ms: 1\r\n")
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'8;x="y"\r\n{"name":\r\n7\r\n "Ada"}\r\n0\r\nTrailer: x\r\n\r\n'
)
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + FRAMED

EVENTS = [
    pytest.param(FRAMED, id="Content-Length"),
    pytest.param(CHUNKED, id="chunked"),
    pytest.param(INTERIM, id="an interim reply first"),
]
ENDS = [pytest.param(HangUp, id="closed"), pytest.param(Reset, id="reset")]


@pytest.mark.parametrize("reply", EVENTS)
@pytest.mark.parametrize("end", ENDS)
def test_next_is_cut(reply: bytes, end: type[HangUp] | type[Reset]) -> None:
    """64, 65: /next that breaks off at any byte is asked again, and the event is whole."""
    script: list[Step] = []
    for offset in range(len(reply)):
        script += [[reply[:offset], end], [reply, HangUp]]
    with talking(script) as (spoken, api):
        for _ in range(len(reply)):
            invocation = spoken.next()
            assert (invocation.request_id, invocation.body) == ("id-1", BODY)
            spoken.close()
        # A reset may overtake the reply before it, never the request.
        assert [request.kind for request in api.requests] == ["next"] * len(script)


@pytest.mark.parametrize("end", ENDS)
def test_post_is_cut(end: type[HangUp] | type[Reset]) -> None:
    """63, 68: an answer is sent again only if not one byte of its reply came."""
    for offset in range(len(ACCEPTED)):
        with talking([FRAMED, [ACCEPTED[:offset], end], ACCEPTED]) as (spoken, api):
            invocation = spoken.next()
            failure = None
            try:
                invocation.respond(b"1")
            except RuntimeApiError as exc:
                failure = exc
            posts = api.requests[1:]
            if failure is None:
                assert len(posts) == 2
            else:
                assert len(posts) == 1
                assert one_line(failure)
                assert str(failure).startswith(f"POST {posts[0].path}: ")
            if offset == 0:
                assert failure is None
                assert posts[0].head == posts[1].head
                assert posts[0].body == posts[1].body
            # A reset may be all that arrives of a reply: then the answer is sent again, too.
            elif end is HangUp:
                assert failure is not None


@pytest.mark.parametrize("end", ENDS)
def test_post_is_cut_on_a_new_connection(end: type[HangUp] | type[Reset]) -> None:
    """68: where the connection was opened for the answer, it is never sent again."""
    closing = FRAMED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    for offset in range(len(ACCEPTED)):
        script: list[Step] = [[closing, HangUp], [ACCEPTED[:offset], end], ACCEPTED]
        with talking(script) as (spoken, api):
            invocation = spoken.next()
            with pytest.raises(RuntimeApiError) as raised:
                invocation.respond(b"1")
            assert one_line(raised.value)
            assert len(api.requests) == 2


@pytest.mark.parametrize("end", ENDS)
def test_closed_after_a_reply(end: type[HangUp] | type[Reset]) -> None:
    """62, 63: a connection that ends behind a whole reply costs neither an event nor an answer."""
    with talking([[FRAMED, end], [ACCEPTED, end], [FRAMED, end], ACCEPTED]) as (spoken, api):
        for _ in range(2):
            spoken.next().respond(b"1")
        posts = [request for request in api.requests if request.method == "POST"]
        assert [post.body for post in posts] == [b"1", b"1"]


def test_request_is_cut() -> None:
    """63: an answer that breaks off on its way out is sent again, whole, on a new connection."""
    answer = b"x" * 20_000_000
    received: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        first, _ = listener.accept()
        with first:
            first.recv(65536)
            first.sendall(FRAMED)
            first.recv(65536)  # a piece of the answer; the rest finds the connection closed
        second, _ = listener.accept()
        with second:
            received.append(read_request(second))
            second.sendall(ACCEPTED)

    with served_by(serve) as spoken:
        spoken.next().respond(answer)
    head, _, body = received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\n")
    assert body == answer


@pytest.mark.parametrize("reply", EVENTS)
def test_reply_in_two_pieces(reply: bytes) -> None:
    """62: a reply is the same wherever the network cuts it in two, on the same connection."""
    script: list[Step] = []
    for offset in range(1, len(reply)):
        place = offset % len(ACCEPTED) or 1
        script += [[reply[:offset], reply[offset:]], [ACCEPTED[:place], ACCEPTED[place:]]]
    with talking(script) as (spoken, api):
        for _ in range(1, len(reply)):
            invocation = spoken.next()
            assert (invocation.request_id, invocation.body) == ("id-1", BODY)
            invocation.respond(b"1")
        assert api.connections == 1
        assert [request.kind for request in api.requests] == ["next", "response"] * (len(reply) - 1)


@pytest.mark.parametrize("reply", EVENTS)
def test_pieces_with_time_between_them(reply: bytes) -> None:
    """66: a slow reply is waited for, also where the user's code set a timeout for sockets."""
    pieces = [reply[at : at + 40] for at in range(0, len(reply), 40)]

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(None)
            for answer in pieces, [ACCEPTED[:1], ACCEPTED[1:-1], ACCEPTED[-1:]]:
                connection.recv(65536)
                for piece in answer:
                    time.sleep(0.03)  # that time passes is what is tested
                    connection.sendall(piece)

    before = socket.getdefaulttimeout()
    with served_by(serve) as spoken:
        socket.setdefaulttimeout(0.01)
        try:
            invocation = spoken.next()
            assert invocation.body == BODY
            invocation.respond(b"1")
        finally:
            socket.setdefaulttimeout(before)


def test_signal_in_the_middle_of_a_body() -> None:
    """70: a signal handler runs at once while a large event comes in, and the event is whole."""
    body = b'"' + b"x" * 5_000_000 + b'"'
    reply = event(body)
    handled = threading.Event()
    in_time: list[bool] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(reply[:3_000_000])
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGUSR1)
            in_time.append(handled.wait(5))
            connection.sendall(reply[3_000_000:])

    before = signal.signal(signal.SIGUSR1, lambda *_: handled.set())
    try:
        with served_by(serve) as spoken:
            assert spoken.next().body == body
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert in_time == [True]
