"""Asynchronous invocations: what is tried again, and what becomes of what has failed."""

import asyncio
import json
import re
import time
from operator import sub
from typing import Any

import pytest

from amazon_lambda_runtime.local.engine import async_invocations as module
from amazon_lambda_runtime.local.engine.async_invocations import (
    CLOCK_SCALE,
    AsyncInvocations,
    DestinationError,
)
from amazon_lambda_runtime.local.engine.invocation import Answer, TooManyRequests
from tests.local.support import Recorder, run

ARN = "arn:aws:lambda:us-east-1:012345678912:function:hello"
OK = Answer(b'{"ok": 1}')
FAILED = Answer(b'{"errorType":"E","errorMessage":"m"}', failed=True)


class Stand:
    """A function of this process: its answers are a script, TooManyRequests among them."""

    def __init__(self, *script: Answer | type[TooManyRequests]) -> None:
        self._script = list(script)
        self.calls: list[tuple[bytes, str]] = []
        self.times: list[float] = []

    async def __call__(self, event: bytes, *, request_id: str) -> Answer:
        self.calls.append((event, request_id))
        self.times.append(time.monotonic())
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(step, Answer):
            return step
        raise step


class Destination:
    def __init__(self, error: DestinationError | None = None) -> None:
        self._error = error
        self._record: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def __call__(self, record: str) -> None:
        self._record.set_result(json.loads(record))
        if self._error is not None:
            raise self._error

    async def record(self) -> Any:
        return await self._record


def invocations(function: Stand, log: Recorder, **settings: Any) -> AsyncInvocations:
    return AsyncInvocations(
        function, function_arn=ARN, log=log, **{"clock_scale": 0.001, **settings}
    )


def test_success() -> None:
    """An event is accepted at once, and a success is recorded where that is asked for."""

    async def test() -> None:
        function, log, destination = Stand(OK), Recorder(), Destination()
        async with invocations(function, log, on_success=destination) as events:
            events.accept(b'{"a": 1e400}', "id-1")
            assert function.calls == []
            record = await destination.record()
        assert function.calls == [(b'{"a": 1e400}', "id-1")]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp"))
        assert record == {
            "version": "1.0",
            "requestContext": {
                "requestId": "id-1",
                "functionArn": f"{ARN}:$LATEST",
                "condition": "Success",
                "approximateInvokeCount": 1,
            },
            "requestPayload": {"a": float("inf")},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
            "responsePayload": {"ok": 1},
        }
        assert log == []

    run(test())


def test_failure_is_tried_again() -> None:
    """Two retries, a minute and two of AWS's later, under the same id; then the record."""

    async def test() -> None:
        function, log, destination = Stand(FAILED), Recorder(), Destination()
        async with invocations(function, log, on_failure=destination, clock_scale=0.01) as events:
            events.accept(b'{"a": 1}', "id-1")
            record = await destination.record()
        assert function.calls == [(b'{"a": 1}', "id-1")] * 3
        first, second, third = function.times
        assert 0.6 <= second - first < 1.2 <= third - second
        assert record["requestContext"]["condition"] == "RetriesExhausted"
        assert record["requestContext"]["approximateInvokeCount"] == 3
        assert record["requestPayload"] == {"a": 1}
        assert record["responseContext"] == {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        }
        assert record["responsePayload"] == {"errorType": "E", "errorMessage": "m"}
        assert log == [
            "Event RequestId: id-1 failed, attempt 1 of 3; retried in 0.6 s (60 s on AWS)",
            "Event RequestId: id-1 failed, attempt 2 of 3; retried in 1.2 s (120 s on AWS)",
            "Event RequestId: id-1 failed after 3 attempts (RetriesExhausted); its record is "
            'sent to the on-failure destination: {"errorType":"E","errorMessage":"m"}',
        ]
        assert CLOCK_SCALE * 60 == 1

    run(test())


def test_retry_that_succeeds() -> None:
    """No more attempts than it takes, and no failure is recorded."""

    async def test() -> None:
        function, log = Stand(FAILED, OK), Recorder()
        failure, success = Destination(), Destination()
        async with invocations(function, log, on_failure=failure, on_success=success) as events:
            events.accept(b"1", "id-1")
            record = await success.record()
        assert record["requestContext"]["approximateInvokeCount"] == 2
        assert len(log) == 1
        failure._record.cancel()

    run(test())


def test_no_destination() -> None:
    """Without a destination one line of the log says what has failed, and why."""

    async def test() -> None:
        log = Recorder()
        async with invocations(Stand(FAILED), log, retries=0) as events:
            events.accept(b'{"secret": 1}', "id-1")
            line = await log.wait_for("Event")
        assert line == (
            "Event RequestId: id-1 failed after 1 attempt (RetriesExhausted); there is no "
            'on-failure destination: {"errorType":"E","errorMessage":"m"}'
        )

    run(test())


def test_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Being throttled is not a failure: the event is retried, less and less often."""
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(seconds)

    async def test() -> None:
        monkeypatch.setattr(asyncio, "sleep", pause)
        function = Stand(*[TooManyRequests] * 5, FAILED, OK)
        log, destination = Recorder(), Destination()
        async with invocations(
            function, log, on_success=destination, clock_scale=0.01, delays=(1,)
        ) as events:
            events.accept(b"1", "id-1")
            record = await destination.record()
        assert record["requestContext"]["approximateInvokeCount"] == 2
        assert pauses == pytest.approx([0.01, 0.02, 0.04, 0.08, 0.16, 0.01])
        assert all(waited >= 0.009 for waited in map(sub, function.times[1:], function.times))
        assert len(log) == 1

    run(test())


@pytest.mark.parametrize("step", [TooManyRequests, FAILED])
def test_age(step: Any) -> None:
    """What has grown too old is given up, and its record says so."""

    async def test() -> None:
        log, destination = Recorder(), Destination()
        async with invocations(
            Stand(step), log, on_failure=destination, maximum_age=0.05, delays=(100,)
        ) as events:
            events.accept(b"1", "id-1")
            record = await destination.record()
        assert record["requestContext"]["condition"] == "EventAgeExceeded"
        assert ("responsePayload" in record) == (step is FAILED)
        attempts = "0 attempts" if step is TooManyRequests else "1 attempt"
        assert f"failed after {attempts} (EventAgeExceeded)" in log[-1]

    run(test())


def test_response_that_is_no_json() -> None:
    """It is a string in the record."""

    async def test() -> None:
        destination = Destination()
        async with invocations(
            Stand(Answer(b'no "json"\xff')), Recorder(), on_success=destination
        ) as events:
            events.accept(b"1", "id-1")
            assert (await destination.record())["responsePayload"] == 'no "json"\ufffd'

    run(test())


def test_destination_that_fails() -> None:
    """A record that cannot be sent is logged as lost."""

    async def test() -> None:
        log, destination = (
            Recorder(),
            Destination(DestinationError("cannot send message at dead: no")),
        )
        async with invocations(Stand(FAILED), log, retries=0, on_failure=destination) as events:
            events.accept(b"1", "id-1")
            await destination.record()
            line = await log.wait_for("Event RequestId: id-1: its record")
        assert line.endswith("cannot send message at dead: no")

    run(test())


def test_end() -> None:
    """What is still queued at the end is reported, one line each."""

    async def test() -> None:
        log = Recorder()
        async with invocations(Stand(FAILED), log, clock_scale=1) as events:
            events.accept(b"1", "id-1")
            events.accept(b"1", "id-2")
            await log.wait_for("Event RequestId: id-2")
        assert log[0] == "Event RequestId: id-1 failed, attempt 1 of 3; retried in 60 s"
        assert log[2:] == [
            "Event RequestId: id-1 is dropped after 1 attempt: the local Lambda is stopping",
            "Event RequestId: id-2 is dropped after 1 attempt: the local Lambda is stopping",
        ]

    run(test())


def test_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an end to what is accepted."""
    monkeypatch.setattr(module, "LIMIT", 2)

    async def test() -> None:
        async with invocations(Stand(FAILED), Recorder(), clock_scale=1) as events:
            events.accept(b"1", "id-1")
            events.accept(b"1", "id-2")
            with pytest.raises(TooManyRequests):
                events.accept(b"1", "id-3")

    run(test())
