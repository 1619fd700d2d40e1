"""Asynchronous invocations: accepted at once, tried again, and accounted for when all has failed.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.queues.sqs import QueueError

from .function import VERSION
from .invocation import Answer, TooManyRequests
from .output import Log

# How many events are accepted and not settled at a time.
LIMIT = 10_000
# AWS's minutes are seconds here.
CLOCK_SCALE = 1 / 60

# In seconds, of AWS's clock: how often an event tries again that found the function busy.
_THROTTLED = (1.0, 300.0)


class InvokeWithId(Protocol):
    """Invokes the function under this request id. It may raise TooManyRequests, at once."""

    def __call__(self, event: bytes, *, request_id: str) -> Awaitable[Answer]: ...


#: Takes an invocation record, as JSON. It may raise QueueError.
Destination = Callable[[str], Awaitable[None]]


@dataclass(slots=True)
class _Event:
    payload: bytes
    request_id: str
    attempts: int = 0
    accepted: float = field(default_factory=time.monotonic)
    answer: Answer | None = None


class AsyncInvocations(Closing):
    """The events of one function that nobody waits for. An async context manager.

    An event that fails is tried again `retries` times, after `delays` seconds (the last of them
    for all that follow); one that finds the function busy, for up to `maximum_age` seconds. The
    pauses between attempts are `clock_scale` of what they are on AWS; the age is not scaled: it
    is the function that takes that time. What came of it goes to a destination, where there is
    one, and a failure to the log.
    """

    def __init__(
        self,
        invoke: InvokeWithId,
        *,
        function_arn: str,
        log: Log,
        retries: int = 2,
        delays: Sequence[float] = (60, 120),
        clock_scale: float = CLOCK_SCALE,
        maximum_age: float = 21_600,
        on_failure: Destination | None = None,
        on_success: Destination | None = None,
    ) -> None:
        self._invoke = invoke
        self._arn = function_arn
        self._log = log
        self._retries = retries
        self._delays = delays
        self._scale = clock_scale
        self._maximum_age = maximum_age
        self._on_failure = on_failure
        self._on_success = on_success
        self._events: dict[asyncio.Task[None], _Event] = {}

    def accept(self, payload: bytes, request_id: str) -> None:
        """Take an event, which is JSON, and see to it from now on. Raises TooManyRequests."""
        if len(self._events) >= LIMIT:
            raise TooManyRequests(f"{LIMIT} events are queued")
        event = _Event(payload, request_id)
        task = asyncio.create_task(self._see_to(event))
        self._events[task] = event
        task.add_done_callback(self._events.pop)

    async def close(self) -> None:
        """Try no more, and say which events are left; close it before the function."""
        left = dict(self._events)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        for task, event in left.items():
            if task.cancelled():
                self._log(
                    f"Event RequestId: {event.request_id} is dropped, after "
                    f"{_attempts(event.attempts)}: this Lambda ends"
                )

    async def _see_to(self, event: _Event) -> None:
        condition = await self._condition(event)
        if condition == "Success":
            destination = self._on_success
        else:
            destination = self._on_failure
            self._report(event, condition)
        if destination is not None:
            try:
                await destination(self._record(event, condition))
            except QueueError as error:
                self._log(f"Event RequestId: {event.request_id}: no record of it is kept: {error}")

    async def _condition(self, event: _Event) -> str:
        """Invoke until it has succeeded, or there is a reason to give up, and return which."""
        busy = 0.0
        while True:
            try:
                answer = await self._invoke(event.payload, request_id=event.request_id)
            except TooManyRequests:
                first, last = _THROTTLED
                busy = min(busy * 2, last) if busy else first
                pause = busy * self._scale
            else:
                busy = 0.0
                event.attempts += 1
                event.answer = answer
                if not answer.failed:
                    return "Success"
                if event.attempts > self._retries:
                    return "RetriesExhausted"
                pause = self._delays[min(event.attempts, len(self._delays)) - 1] * self._scale
            if time.monotonic() + pause - event.accepted > self._maximum_age:
                return "EventAgeExceeded"
            if not busy:
                self._announce(event, pause)
            await asyncio.sleep(pause)

    def _announce(self, event: _Event, pause: float) -> None:
        on_aws = f" ({pause / self._scale:g} s on AWS)" if self._scale != 1 else ""
        self._log(
            f"Event RequestId: {event.request_id} failed, attempt {event.attempts} of "
            f"{self._retries + 1}; again in {pause:g} s{on_aws}"
        )

    def _report(self, event: _Event, condition: str) -> None:
        where = "there is no on-failure destination"
        if self._on_failure is not None:
            where = "its record goes to the on-failure destination"
        error = ""
        if event.answer is not None:
            error = f": {event.answer.payload.decode(errors='replace')}"
        attempts = _attempts(event.attempts)
        self._log(
            f"Event RequestId: {event.request_id} failed after {attempts} ({condition}), "
            f"{where}{error}"
        )

    def _record(self, event: _Event, condition: str) -> str:
        """Return the invocation record that AWS makes, with the payloads as they came."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = {
            "version": "1.0",
            "timestamp": now,
            "requestContext": {
                "requestId": event.request_id,
                "functionArn": f"{self._arn}:{VERSION}",
                "condition": condition,
                "approximateInvokeCount": event.attempts,
            },
        }
        record = f'{json.dumps(head)[:-1]}, "requestPayload": {event.payload.decode()}'
        if event.answer is not None:
            context = {"statusCode": 200, "executedVersion": VERSION}
            if event.answer.failed:
                context["functionError"] = "Unhandled"
            record += f', "responseContext": {json.dumps(context)}'
            record += f', "responsePayload": {_json(event.answer.payload)}'
        return record + "}"


def _json(payload: bytes) -> str:
    """Return a response as it came if it is JSON, and as a string if it is not."""
    text = payload.decode(errors="replace")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return json.dumps(text)
    return text


def _attempts(count: int) -> str:
    return f"{count} attempt{'' if count == 1 else 's'}"
