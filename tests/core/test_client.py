"""The Runtime API's client: what is asked again, and what never. Numbers: behaviour.md."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from amazon_lambda_runtime import LambdaError, Runtime, RuntimeApiError
from amazon_lambda_runtime.core import client, serving
from amazon_lambda_runtime.core.client import RuntimeClient
from tests.harness import ACCEPTED, HangUp, Reset, ScriptedApi, Step, event, reply


@contextmanager
def talking(*script: Step) -> Iterator[tuple[RuntimeClient, ScriptedApi]]:
    with ScriptedApi(list(script)) as api:
        spoken = RuntimeClient(api.address)
        try:
            yield spoken, api
        finally:
            spoken.close()


def test_bytes_of_a_cycle() -> None:
    """62: the requests to the byte, on one connection."""
    with talking(event(b"{}", "id-7"), ACCEPTED, event(b"{}", "id-8"), ACCEPTED) as (spoken, api):
        spoken.next().respond(b'"yes"')
        spoken.next().fail(b"{}", "Function.No", '{"message": "no"}')
    host = f"Host: {api.address}\r\nUser-Agent: amazon-lambda-runtime-python/{client.VERSION}"
    assert [request.head.decode() for request in api.requests] == [
        f"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n{host}",
        f"POST /2018-06-01/runtime/invocation/id-7/response HTTP/1.1\r\n{host}\r\n"
        "Content-Type: application/json\r\nContent-Length: 5",
        f"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n{host}",
        f"POST /2018-06-01/runtime/invocation/id-8/error HTTP/1.1\r\n{host}\r\n"
        "Content-Type: application/json\r\n"
        "lambda-runtime-function-error-type: Function.No\r\n"
        'lambda-runtime-function-xray-error-cause: {"message": "no"}\r\nContent-Length: 2',
    ]
    assert [request.body for request in api.requests] == [b"", b'"yes"', b"", b"{}"]
    assert all(request.reads == 1 for request in api.requests)
    assert api.connections == 1


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(HangUp, id="63: closed"),
        pytest.param(Reset, id="64: reset"),
        pytest.param([event()[:-1], HangUp], id="65: truncated"),
    ],
)
def test_next_is_asked_again(step: Step) -> None:
    """63-65: /next may be asked again, since the API repeats an unanswered event."""
    with talking(step, step, event()) as (spoken, api):
        assert spoken.next().request_id == "id-1"
        assert api.connections == 3


@pytest.mark.parametrize("step", [HangUp, [event()[:-1], HangUp]])
def test_next_is_given_up(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """64: but not for ever."""
    monkeypatch.setattr(client, "_PAUSES", (0.0, 0.0))
    with talking(*[step] * 3, event()) as (spoken, api):
        with pytest.raises(RuntimeApiError, match=r"invocation/next: failed 3 times \(.*\)"):
            spoken.next()
        assert len(api.requests) == 3


@pytest.mark.parametrize("request_id", ["", "a b", "id-\x01", "id-\xe9\x80"])
def test_id_that_is_none(request_id: str) -> None:
    """46: what can't stand in the path of an answer is no id, and there is nothing to answer."""
    with talking(event(b"{}", request_id), event()) as (spoken, api):
        with pytest.raises(RuntimeApiError, match="without Lambda-Runtime-Aws-Request-Id"):
            spoken.next()
        assert len(api.requests) == 1


@pytest.mark.parametrize("status", ["403 Forbidden", "500 Internal Server Error", "404 Not Found"])
def test_next_is_refused(status: str) -> None:
    """46: a refusal is not asked again."""
    with talking(reply(status, b'{"errorType":\r\n "x"}'), event()) as (spoken, api):
        with pytest.raises(
            RuntimeApiError, match=f'answered HTTP {status[:3]}: {{"errorType": "x"}}'
        ):
            spoken.next()
        assert len(api.requests) == 1


def test_refused_connection_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """64: a Runtime API that comes up late is found, one that never does is given up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    pauses: list[float] = []
    monkeypatch.setattr(client, "sleep", pauses.append)
    with pytest.raises(RuntimeApiError, match=f"Unable to connect to the Runtime API at {address}"):
        RuntimeClient(address).next()
    assert pauses == [0.05, 0.1, 0.2, 0.4]


def test_lost_post_is_sent_again() -> None:
    """63: an idle connection that was closed in the meantime costs nothing."""
    with talking(event(), HangUp, ACCEPTED) as (spoken, api):
        spoken.next().respond(b"1")
    assert [request.kind for request in api.requests] == ["next", "response", "response"]
    assert [request.connection for request in api.requests] == [1, 1, 2]


def test_lost_post_had_arrived(capsys: pytest.CaptureFixture[str]) -> None:
    """63: a resend that is refused shows that the first one had arrived."""
    for status in ("400 Bad Request", "403 Forbidden", "410 Gone"):
        with talking(event(), HangUp, reply(status)) as (spoken, _):
            spoken.next().respond(b"1")
    assert capsys.readouterr().out == ""


def test_post_is_sent_again_once() -> None:
    """63, 68: twice lost is an error."""
    with talking(event(), HangUp, HangUp, ACCEPTED) as (spoken, api):
        invocation = spoken.next()
        with pytest.raises(RuntimeApiError, match=r"POST .*/id-1/response: "):
            invocation.respond(b"1")
        assert len(api.requests) == 3


def test_post_on_a_new_connection_is_not_sent_again() -> None:
    """68: a fresh connection that breaks is no idle one, so the request may have been served."""
    closing = event().replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with talking([closing, HangUp], HangUp, ACCEPTED) as (spoken, api):
        invocation = spoken.next()
        with pytest.raises(RuntimeApiError):
            invocation.respond(b"1")
        assert len(api.requests) == 2


def test_garbled_reply_to_a_post() -> None:
    """A reply that can't be read does not have the answer sent again."""
    with talking(event(), b"what?\r\n\r\n", ACCEPTED) as (spoken, api):
        invocation = spoken.next()
        with pytest.raises(RuntimeApiError, match="a reply begins with 'what"):
            invocation.respond(b"1")
        assert len(api.requests) == 2


def test_answered_once() -> None:
    """68: the client itself has no second answer to give."""
    with talking(event(), ACCEPTED) as (spoken, api):
        invocation = spoken.next()
        invocation.respond(b"1")
        with pytest.raises(LambdaError, match="invocation id-1 has been answered already"):
            invocation.fail(b"{}", "Function.No")
        assert len(api.requests) == 2


def test_init_error_is_posted_once() -> None:
    """10: however often it is reported."""
    with talking(ACCEPTED, ACCEPTED) as (spoken, api):
        spoken.init_error(b"{}", "ValueError")
        spoken.init_error(b"{}", "ValueError")
    assert [request.path for request in api.requests] == ["/2018-06-01/runtime/init/error"]


@pytest.mark.parametrize(("size", "sent"), [(1024 * 1024 - 1, True), (1024 * 1024, False)])
def test_size_of_the_cause(size: int, sent: bool) -> None:
    """55: X-Ray's cause is left out where the platform would refuse its size."""
    with talking(event(), ACCEPTED) as (spoken, api):
        spoken.next().fail(b"{}", "Function.No", "x" * size)
    assert ("lambda-runtime-function-xray-error-cause" in api.requests[1].headers) is sent


def test_no_api_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """64: to connect early is an attempt; a post that can't connect is an error."""
    monkeypatch.setattr(client, "_PAUSES", ())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    spoken = RuntimeClient(address)
    spoken.open()
    with pytest.raises(RuntimeApiError, match="Unable to connect"):
        spoken.post("/x", "", b"")


def test_connection_that_was_closed_by_number() -> None:
    """111: to close it again is no error."""
    with talking() as (spoken, _):
        spoken.open()
        opened = spoken._connection._socket
        assert opened is not None
        os.close(opened.fileno())
        spoken.close()
        assert not spoken._connection.is_open


def test_no_memory_for_an_event() -> None:
    """54: an event for which there is no memory ends the process with one line."""

    class Full(RuntimeClient):
        __slots__ = ()

        def next(self) -> client.Delivery:
            raise MemoryError

    served = serving.of(Runtime())
    served._client = Full("127.0.0.1:1")
    with pytest.raises(RuntimeApiError, match="no memory for the next event"):
        served.next_event()


def test_restore_connects() -> None:
    """88: a client that has not connected yet can wait for its snapshot."""
    with ScriptedApi([reply("200 OK")]) as api:
        RuntimeClient(api.address).restore()
    assert [request.path for request in api.requests] == ["/2018-06-01/runtime/restore/next"]
