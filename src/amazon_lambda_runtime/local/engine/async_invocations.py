"""Asynchronous invocations: accepted at once, retried, and recorded when they have failed for good.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.project.aws_limits import (
    ASYNC_EVENT_AGE,
    ASYNC_RETRIES,
    ASYNC_RETRY_DELAYS,
)

from .function import VERSION
from .invocation import Answer, TooManyRequests
from .output import Log

# The most events that are accepted and not settled.
LIMIT = 10_000
# A minute on AWS is a second here.
CLOCK_SCALE = 1 / 60

# In seconds on AWS: the first and the longest pause of an event that is throttled.
_THROTTLED = (1.0, 300.0)


class DestinationError(Exception):
    """Raised when a destination does not take a record; the message says why."""


class InvokeWithId(Protocol):
    """Invokes the function under this request id. Raises TooManyRequests if it is throttled."""

    def __call__(self, event: bytes, *, request_id: str) -> Awaitable[Answer]: ...


#: Takes an invocation record, as JSON. Raises DestinationError.
Destination = Callable[[str], Awaitable[None]]
#: Takes an event that has failed, and attributes that say why. Raises DestinationError.
DeadLetter = Callable[[str, Mapping[str, str]], Awaitable[None]]


@dataclass(slots=True)
class _Event:
    payload: bytes
    request_id: str
    attempts: int = 0
    accepted: float = field(default_factory=time.monotonic)
    answer: Answer | None = None


class AsyncInvocations(Closing):
    """The asynchronous invocations of one function. An async context manager.

    An event that fails is retried `retries` times, after `delays` seconds (the last of them for
    all that follow). One that is throttled is retried until it is `maximum_age` seconds old. Pauses
    are multiplied by `clock_scale`; the age is not, since most of it is the function's own time.
    A record of the outcome is sent to the destination, if there is one; a failure is also logged,
    and its event sent to the dead-letter queue.
    """

    def __init__(
        self,
        invoke: InvokeWithId,
        *,
        function_arn: str,
        log: Log,
        retries: int = ASYNC_RETRIES,
        delays: Sequence[float] = ASYNC_RETRY_DELAYS,
        clock_scale: float = CLOCK_SCALE,
        maximum_age: float = ASYNC_EVENT_AGE,
        on_failure: Destination | None = None,
        on_success: Destination | None = None,
        dead_letter: DeadLetter | None = None,
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
        self._dead_letter = dead_letter
        self._events: dict[asyncio.Task[None], _Event] = {}

    @property
    def waiting(self) -> int:
        """How many events have been accepted and not settled."""
        return len(self._events)

    def accept(self, payload: bytes, request_id: str) -> None:
        """Take an event (JSON). Raises TooManyRequests if there are LIMIT events already."""
        if len(self._events) >= LIMIT:
            raise TooManyRequests(f"{LIMIT} events are queued")
        event = _Event(payload, request_id)
        task = asyncio.create_task(self._handle(event))
        self._events[task] = event
        task.add_done_callback(self._events.pop)

    async def close(self) -> None:
        """Drop the events that are left, and log each. Close this before the function."""
        left = dict(self._events)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        for task, event in left.items():
            if task.cancelled():
                self._log(
                    f"Event RequestId: {event.request_id} is dropped after "
                    f"{_attempts(event.attempts)}: the local Lambda is stopping"
                )

    async def _handle(self, event: _Event) -> None:
        condition = await self._condition(event)
        if condition == "Success":
            destination = self._on_success
        else:
            destination = self._on_failure
            self._report(event, condition)
        if destination is not None:
            try:
                await destination(self._record(event, condition))
            except DestinationError as error:
                self._log(f"Event RequestId: {event.request_id}: its record is lost: {error}")
        if self._dead_letter is not None and condition != "Success":
            try:
                await self._dead_letter(event.payload.decode(), _why(event))
            except DestinationError as error:
                self._log(f"Event RequestId: {event.request_id}: the event is lost: {error}")

    async def _condition(self, event: _Event) -> str:
        """Invoke until it succeeds or there is a reason to give up; return AWS's word for which."""
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
            f"{self._retries + 1}; retried in {pause:g} s{on_aws}"
        )

    def _report(self, event: _Event, condition: str) -> None:
        where = "there is no on-failure destination"
        if self._on_failure is not None:
            where = "its record is sent to the on-failure destination"
        elif self._dead_letter is not None:
            where = "it is sent to the dead-letter queue"
        error = ""
        if event.answer is not None:
            error = f": {event.answer.payload.decode(errors='replace')}"
        attempts = _attempts(event.attempts)
        self._log(
            f"Event RequestId: {event.request_id} failed after {attempts} ({condition}); "
            f"{where}{error}"
        )

    def _record(self, event: _Event, condition: str) -> str:
        """Return the invocation record as AWS sends it, with the payloads as they came."""
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


def _why(event: _Event) -> dict[str, str]:
    """Return the attributes of an event in a dead-letter queue.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
    """
    # AWS has the status of the last invocation; a throttled event has had none.
    code, message = ("200", "") if event.answer is not None else ("429", "Rate Exceeded.")
    if event.answer is not None:
        message = event.answer.payload.decode(errors="replace")
        try:
            message = str(json.loads(message)["errorMessage"])
        except (ValueError, LookupError, TypeError, RecursionError):
            pass
    # The first kilobyte of it.
    message = message.encode(errors="replace")[:1024].decode(errors="ignore")
    return {"RequestID": event.request_id, "ErrorCode": code, "ErrorMessage": message}


def _json(payload: bytes) -> str:
    """Return a response as it came if it is JSON, else as a JSON string."""
    text = payload.decode(errors="replace")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return json.dumps(text)
    return text


def _attempts(count: int) -> str:
    return f"{count} attempt{'' if count == 1 else 's'}"
