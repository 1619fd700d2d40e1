"""Replies that are none. Numbers are those of behaviour.md."""

import resource
import socket
from contextlib import suppress
from typing import Any

import pytest

from amazon_lambda_runtime import RuntimeApiError
from amazon_lambda_runtime.core import client
from tests.harness import ACCEPTED, HangUp, Step, event, reply

from .support import one_line, read_request, served_by, talking

pytestmark = pytest.mark.usefixtures("no_pauses")

ATTEMPTS = len(client._PAUSES) + 1
HEAD = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-1\r\n"

GARBAGE = [
    pytest.param([b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"], id="TLS"),
    pytest.param([b"\x00" * 64 + b"\r\n\r\n"], id="zeros"),
    pytest.param([b"\xff\xfe\r\n\r\n"], id="no UTF-8"),
    pytest.param([b"HTTP/1.1\r\n\r\n"], id="no status"),
    pytest.param([b"HTTP/1.1 2OO OK\r\n\r\n"], id="letters for a status"),
    pytest.param(
        ["HTTP/1.1 \u0662\u0660\u0660 OK\r\n\r\n".encode()], id="digits that are not ASCII"
    ),
    pytest.param([b"HTTP/1.1 -20 OK\r\n\r\n"], id="a negative status"),
    pytest.param([b"HTTP/1.1  200 OK\r\n\r\n"], id="two spaces"),
    pytest.param([b"http/1.1 200 OK\r\n\r\n"], id="lower case"),
    pytest.param([b"HTTP/1.2 200 OK\r\n\r\n"], id="HTTP/1.2"),
    pytest.param([b"\r\n" + reply("200 OK", b"{}")], id="an empty line first"),
    pytest.param(
        [b"\r\n\r\n" + reply("200 OK", b"{}")],
        id="two empty lines first",
    ),
    pytest.param([b"x" * 100_000, HangUp], id="no line at all"),
    pytest.param([HEAD + b"Content-Length: 2\n\n{}", HangUp], id="line feeds alone"),
    pytest.param([HEAD + b"X: " + b"y" * (2 << 20)], id="a header of 2 MiB"),
    pytest.param([HEAD + b"X: y\r\n" * (512 << 10)], id="half a million headers"),
    pytest.param([HEAD + b"Content-Length: \r\n\r\n{}"], id="an empty length"),
    pytest.param([HEAD + b"Content-Length: -1\r\n\r\n{}"], id="a negative length"),
    pytest.param([HEAD + b"Content-Length: +2\r\n\r\n{}"], id="a length with a sign"),
    pytest.param([HEAD + b"Content-Length: 1_0\r\n\r\n{}"], id="a length with an underscore"),
    pytest.param([HEAD + b"Content-Length: 0x2\r\n\r\n{}"], id="a length in hexadecimal"),
    pytest.param([HEAD + b"Content-Length: 2, 2\r\n\r\n{}"], id="two lengths"),
    pytest.param(
        [HEAD + "Content-Length: \u0662\r\n\r\n{}".encode()], id="a length that is not ASCII"
    ),
    pytest.param(
        [HEAD + b"Content-Length: 99999999999999999999\r\n\r\n{}", HangUp], id="a length of 1e20"
    ),
    pytest.param(
        [HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}", HangUp],
        id="a length of 5000 digits",
    ),
    pytest.param(
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 5000 + b"\r\n{}", HangUp],
        id="a chunk of 5000 digits",
    ),
    pytest.param(
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n"], id="a chunk too long"
    ),
    pytest.param(
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n"],
        id="a chunk without an end",
    ),
    pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n", HangUp], id="an interim reply and no other"),
    pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, HangUp], id="many interim replies"),
]


@pytest.mark.parametrize("step", GARBAGE)
def test_next(step: Step) -> None:
    """64, 65: /next is asked a few times, then one line says what came instead of a reply."""
    with talking([step] * ATTEMPTS) as (spoken, api):
        with pytest.raises(RuntimeApiError) as raised:
            spoken.next()
        assert one_line(raised.value)
        assert str(raised.value).startswith("GET /2018-06-01/runtime/invocation/next: ")
        assert f": failed {ATTEMPTS} times (" in str(raised.value)
        assert len(api.requests) == ATTEMPTS


@pytest.mark.parametrize("step", GARBAGE)
def test_next_recovers(step: Step) -> None:
    """64, 65: an API that comes to its senses is served, and nothing of the garbage is left."""
    with talking([step, step, event(b"[1]"), ACCEPTED]) as (spoken, api):
        invocation = spoken.next()
        assert (invocation.request_id, invocation.body) == ("id-1", b"[1]")
        invocation.respond(b"1")
        assert [request.kind for request in api.requests] == ["next"] * 3 + ["response"]


@pytest.mark.parametrize("step", GARBAGE)
def test_post(step: Step) -> None:
    """68: an answer that garbage was the reply to is never sent again; one line says so."""
    with talking([event(), step, ACCEPTED]) as (spoken, api):
        invocation = spoken.next()
        with pytest.raises(RuntimeApiError) as raised:
            invocation.respond(b"1")
        assert one_line(raised.value)
        assert len(api.requests) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 599])
@pytest.mark.parametrize("body", [b"", b"a\r\nb\n\x0b\x1c\xe2\x80\xa8c", b"\xff" * 10_000])
def test_5xx(status: int, body: bytes) -> None:
    """46: the API's failure is one line, whatever it has to say, and nothing is repeated."""
    with talking([event(), reply(f"{status} No", body), reply(f"{status} No", body)]) as (
        spoken,
        api,
    ):
        invocation = spoken.next()
        with pytest.raises(RuntimeApiError, match=f"answered HTTP {status}") as raised:
            invocation.respond(b"1")
        assert one_line(raised.value)
        with pytest.raises(RuntimeApiError, match=f"answered HTTP {status}") as raised:
            spoken.next()
        assert one_line(raised.value)
        assert len(api.requests) == 3


@pytest.mark.parametrize("status", [300, 400, 401, 403, 404, 410, 413, 429, 499])
def test_4xx(status: int, capsys: pytest.CaptureFixture[str]) -> None:
    """44, 45: a refused answer is one line, is not sent again, and the next event is served."""
    with talking([event(), reply(f"{status} No", b"n\r\no"), event(b"[2]")]) as (spoken, api):
        spoken.next().respond(b"1")
        assert spoken.next().body == b"[2]"
        assert [request.kind for request in api.requests] == ["next", "response", "next"]
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.endswith(f". HTTP {status}: n o\n")


def test_header_of_nearly_2_mib() -> None:
    """67: what is still accepted."""
    value = "y" * ((2 << 20) - 4096)
    with talking([event(b"[1]", headers=f"X-Big: {value}\r\n")]) as (spoken, _):
        invocation = spoken.next()
        assert (invocation.headers["x-big"], invocation.body) == (value, b"[1]")


@pytest.mark.parametrize("character", ["\n", "\r", "\0"])
def test_request_id_of_more_than_a_line(character: str) -> None:
    """30: what comes for a request id never makes another header of the answer, or another line."""
    received: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    while request := read_request(connection):
                        received.append(request)
                        asked = request.startswith(b"GET ")
                        connection.sendall(bad if asked else ACCEPTED)

    bad = event(request_id=f"id-1{character}X-Injected: 1")
    with served_by(serve) as spoken, suppress(RuntimeApiError):
        spoken.next().respond(b"1")
    assert received
    for request in received:
        assert request.partition(b"\r\n\r\n")[0].decode().replace("\r\n", "").isprintable()


def test_announced_length_takes_no_memory() -> None:
    """65: memory is taken for what came, not for what a Content-Length announces."""
    huge = HEAD + b"Content-Length: 1000000000000\r\n\r\n" + b"x" * 100_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    script: list[Any] = [[huge, HangUp]] * ATTEMPTS
    with talking(script) as (spoken, _), pytest.raises(RuntimeApiError, match="broke off"):
        spoken.next()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
