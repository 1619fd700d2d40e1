"""A signal handler of the function's that raises at any line, while the answer is being sent.

A trace function stands for the signal: it raises at the n-th line that the core runs after the
handler's last. So each line has its turn, which a signal would take days for.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import Runtime, RuntimeApiError
from amazon_lambda_runtime.core import serving
from amazon_lambda_runtime.core.client import RuntimeClient
from amazon_lambda_runtime.core.errors import StreamClosed
from amazon_lambda_runtime.core.http import Connection
from amazon_lambda_runtime.core.streaming import ResponseStream
from tests.harness import ACCEPTED, SOURCE, UNTRACED, ScriptedApi, event, ours, reply, started

SOURCE_OF_HANDLERS = """
import sys

class Alarm(Exception):
    pass

FILES = ("/client.py", "/event_loop.py", "/codec.py", "/http.py", "/streaming.py", "/logs/sink.py")

class Trap:
    def __init__(self, lines):
        self.left = lines

    def __call__(self, frame, kind, argument):
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        if name == "next_event":
            sys.settrace(None)  # while idle: test_alarm_while_idle
        elif kind == "line" and "/core/" in file and file.endswith(FILES):
            self.left -= 1
            if not self.left:
                sys.settrace(None)
                raise Alarm(f"{file}:{frame.f_lineno}")
        return self

def alarm_after(lines):
    trap = Trap(lines)
    sys.settrace(trap)
    frame = sys._getframe(1)
    while frame is not None:
        frame.f_trace = trap
        frame = frame.f_back

def plain(event, context):
    alarm_after(event)
    return "whole"

def stream(event, context):
    yield "who"
    alarm_after(event)
    yield "le"

async def coroutine(event, context):
    alarm_after(event)
    return "whole"

async def async_stream(event, context):
    yield "who"
    alarm_after(event)
    yield "le"

def one_piece(event, context):
    alarm_after(event)
    yield "whole"
"""
# More than the core runs from the handler's last line to the next event.
LINES = 90


class Events:
    """Events for as many lines, each delivered once: who does not answer has lost it."""

    def __init__(self, lines: int) -> None:
        self._numbers = iter(range(1, lines + 1))

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        number = next(self._numbers)
        return event(b"%d" % number, f"id-{number}")


@pytest.mark.parametrize("handler", ["plain", "stream", "one_piece", "coroutine", "async_stream"])
def test_at_any_line(handler: str, tmp_path: Path) -> None:
    """112: each event is answered once, or its stream is told to be cut off. The next one comes."""
    tmp_path.joinpath("h.py").write_text(SOURCE_OF_HANDLERS)
    with ScriptedApi(Events(LINES)) as api:  # type: ignore[arg-type]
        api.accepting = True
        env = {"PYTHONPATH": str(SOURCE), **UNTRACED}
        with started(ours(f"h.{handler}", sys.executable), api, tmp_path, env) as (process, out, _):
            assert api.finished.wait(20), out.read_text()[-2000:]
            assert process.poll() is None
            told = out.read_text()
    answers = defaultdict(list)
    for request in api.requests:
        if request.method == "POST":
            answers[request.path.split("/")[-2]].append(request)
    for number in range(1, LINES + 1):
        name = f"id-{number}"
        given = answers[name]
        if f" A response stream was cut off. POST /2018-06-01/runtime/invocation/{name}/" in told:
            continue
        assert given, f"{name} is lost: {told[-2000:]}"
        # The API refuses what comes after the first: 403, the invocation is settled.
        assert len(given) <= 2, given
    whole = [each.body for each in answers[f"id-{LINES}"]]
    assert whole == [b'"whole"' if handler in ("plain", "coroutine") else b"whole"]


class Alarm(Exception):
    """What the handler of a signal raises."""


@pytest.fixture
def alarm(monkeypatch: pytest.MonkeyPatch) -> Callable[[type, str], None]:
    """Have the next call of a method end in an alarm, after its work is done."""

    def set_alarm(kind: type, name: str) -> None:
        method = getattr(kind, name)

        def alarmed(*arguments: Any) -> None:
            monkeypatch.setattr(kind, name, method)
            method(*arguments)
            raise Alarm

        monkeypatch.setattr(kind, name, alarmed)

    return set_alarm


SetAlarm = Callable[[type, str], None]


def test_while_an_answer_begins(alarm: SetAlarm) -> None:
    """112: an answer of which nothing was sent can be given anew; so can one that has begun."""
    with ScriptedApi([event(), ACCEPTED, event(b"2", "id-2"), ACCEPTED]) as api:
        client = RuntimeClient(api.address)
        delivery = client.next()
        alarm(RuntimeClient, "head")
        with pytest.raises(Alarm):
            delivery.respond(b"1")
        assert not delivery.answered
        delivery.respond(b"2")
        delivery = client.next()
        stream = ResponseStream(delivery)
        alarm(RuntimeClient, "start")
        with pytest.raises(Alarm):
            stream.write("piece")
        assert (delivery.answered, delivery.stream, stream.started) == (False, None, False)
        delivery.fail(b"{}", "Alarm")
        client.close()
    assert [r.body for r in api.requests if r.method == "POST"] == [b"2", b"{}"]


def test_while_a_stream_ends(alarm: SetAlarm) -> None:
    """112: nothing follows on the connection of a stream that was interrupted."""
    with ScriptedApi([event(), event(b"2", "id-2")]) as api:
        api.accepting = True
        client = RuntimeClient(api.address)
        stream = ResponseStream(client.next())
        stream.write("piece")
        alarm(RuntimeClient, "write")
        with pytest.raises(Alarm):
            stream.close()
        assert not stream.closed
        with pytest.raises(StreamClosed, match="the stream was interrupted by a signal"):
            stream.fail(b"{}", "Alarm")
        assert client.next().request_id == "id-2"
        client.close()
    assert [r.method for r in api.requests if r.path.endswith("/next")] == ["GET"] * 2


@pytest.mark.parametrize("after", ["next", "post"])
def test_stream_that_is_left(after: str) -> None:
    """112: what is asked for after a stream without an end goes out on a new connection."""
    with ScriptedApi([event(), ACCEPTED if after == "post" else event(b"2", "id-2")]) as api:
        client = RuntimeClient(api.address)
        stream = ResponseStream(client.next())
        stream.write("piece")
        if after == "next":
            assert client.next().request_id == "id-2"
        else:
            client.post("/x", "", b"2")
        client.close()
    assert (api.connections, len(api.requests)) == (2, 2)


def test_end_that_the_api_refuses() -> None:
    """112: a stream is closed, however it ends."""
    with ScriptedApi([event(), reply("500 Internal Server Error", b"no")]) as api:
        client = RuntimeClient(api.address)
        stream = ResponseStream(client.next())
        stream.write("piece")
        with pytest.raises(RuntimeApiError, match="HTTP 500"):
            stream.close()
        assert stream.closed
        client.close()


def test_while_a_reply_is_awaited(alarm: SetAlarm) -> None:
    """112: the reply to a request that was interrupted is not taken for that to the next."""
    with ScriptedApi([event(), event()]) as api:
        api.accepting = True
        client = RuntimeClient(api.address)
        alarm(Connection, "send")
        with pytest.raises(Alarm):
            client.next()
        delivery = client.next()
        alarm(Connection, "send")
        delivery.respond(b"2")
        client.close()
    assert sorted(r.connection for r in api.requests) == [1, 2, 2, 3]


def test_while_the_output_is_flushed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """112: an alarm right before the answer is that event's error."""

    def interrupted() -> None:
        monkeypatch.undo()
        raise Alarm("rings")

    with ScriptedApi([event(), ACCEPTED]) as api:
        served = serving.of(Runtime())
        served._client = RuntimeClient(api.address)
        delivery = served.client.next()
        monkeypatch.setattr(serving, "flush", interrupted)
        served.answer(delivery, lambda *_: 1, *served.open(delivery, alone=True) or ())
        served.client.close()
    (answer,) = [r for r in api.requests if r.method == "POST"]
    assert answer.path.endswith("/error")
    assert b'"errorType": "Alarm"' in answer.body
    assert "Alarm: rings" in "".join(capfd.readouterr())
