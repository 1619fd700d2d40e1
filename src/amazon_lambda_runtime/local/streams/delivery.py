"""One batch of a stream, until all of its records are answered for good.

A batch that fails is tried again, after longer and longer pauses, until its retries are used up or
its records are too old; then it is given up, told to the on-failure destination, and skipped. What
a report names as done is never tried again. A batch that is to be bisected is halved, which uses up
no retry, until one record is alone with what is wrong with it.
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from amazon_lambda_runtime.local.engine.async_invocations import DestinationError
from amazon_lambda_runtime.local.engine.function import VERSION
from amazon_lambda_runtime.local.engine.invocation import Answer, TooManyRequests
from amazon_lambda_runtime.local.queues.batch import reports_failures
from amazon_lambda_runtime.project.triggers.stream import StreamTrigger

from .records import Record, discarded, event, succeeded
from .source import Source
from .window import Window

# In seconds: the first and the longest pause of a batch that failed, and of one that is throttled.
_FAILED = (0.2, 10.0)
_THROTTLED = (0.1, 2.0)
_FOR_EVER = -1

#: Invokes the function with an event. Raises TooManyRequests if it is throttled.
Invoke = Callable[[bytes], Awaitable[Answer]]
#: Takes the record of a batch that is given up, as JSON. Raises DestinationError.
OnFailure = Callable[[str], Awaitable[None]]


@dataclass(slots=True)
class _Batch:
    records: Sequence[Record]
    retries: int = 0
    invocations: int = 0
    # The last pauses: of a failure, and of a function that has no room.
    pause: float = 0.0
    throttled: float = 0.0
    answer: Answer | None = None


class Delivery:
    """Has the batches of one stream answered.

    `changed` is called when a batch begins and when it is done.
    """

    def __init__(
        self,
        source: Source,
        settings: StreamTrigger,
        invoke: Invoke,
        *,
        log: Callable[[str], None],
        on_failure: OnFailure | None,
        changed: Callable[[], None],
        function_arn: str,
    ) -> None:
        self._source = source
        self._settings = settings
        self._invoke = invoke
        self._log = log
        self._on_failure = on_failure
        self._changed = changed
        self._function_arn = function_arn
        self._told_of_loss = False
        #: The batches that are not done, those included that wait for their next try.
        self.in_flight = 0
        #: The tasks that are not to be cut short: their invocation runs.
        self.answering: set[asyncio.Task[Any]] = set()
        self._stopping = False

    def stop(self) -> None:
        """Invoke no more. A batch is cancelled when its invocation has ended."""
        self._stopping = True

    async def settle(
        self,
        shard: str,
        records: Sequence[Record],
        window: Window | None,
        done: Callable[[Sequence[Record]], None],
    ) -> None:
        """Return when these records are answered for good; `done` is told which, as it happens."""
        self._begin()
        try:
            todo = [_Batch(records)]
            while todo:
                batch = todo.pop()
                await self._give_up_old(batch, shard, done)
                if batch.records:
                    todo += await self._try(batch, shard, window, done)
        finally:
            self._end()
        self._end_if_stopping()

    async def finish(self, shard: str, window: Window) -> None:
        """Return when the last event of a window, which has no records, has succeeded.

        Nothing gives it up: on AWS, too, a shard goes on only after that.
        """
        self._begin()
        pause = 0.0
        try:
            while True:
                try:
                    answer = await self._answer(event([], window.fields(is_final=True)))
                except TooManyRequests:
                    pause = _longer(pause, _THROTTLED)
                else:
                    if window.take(answer):
                        break
                    pause = _longer(pause, _FAILED)
                    self._log(
                        f"the end of a window of {shard} {_why(answer)}; "
                        f"trying again in {pause:g} s"
                    )
                await self._wait(pause)
        finally:
            self._end()
        self._end_if_stopping()

    def _begin(self) -> None:
        self.in_flight += 1
        self._changed()

    def _end(self) -> None:
        self.in_flight -= 1
        self._changed()

    def _end_if_stopping(self) -> None:
        if self._stopping:
            raise asyncio.CancelledError

    async def _wait(self, seconds: float) -> None:
        self._end_if_stopping()
        await asyncio.sleep(seconds)

    async def _answer(self, data: bytes) -> Answer:
        self._end_if_stopping()
        with self._to_its_end():
            return await self._invoke(data)

    @contextmanager
    def _to_its_end(self) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None
        self.answering.add(task)
        try:
            yield
        finally:
            self.answering.discard(task)

    async def _try(
        self,
        batch: _Batch,
        shard: str,
        window: Window | None,
        done: Callable[[Sequence[Record]], None],
    ) -> list[_Batch]:
        """Invoke the function once. Return what has to be tried again, the first of it last."""
        try:
            answer = await self._answer(
                event(batch.records, None if window is None else window.fields())
            )
        except TooManyRequests:
            batch.throttled = _longer(batch.throttled, _THROTTLED)
            await self._wait(batch.throttled)
            return [batch]
        batch.throttled = 0.0
        batch.answer = answer
        batch.invocations += 1
        partial = self._settings.report_batch_item_failures
        count = succeeded(answer, batch.records, partial)
        if count and window is not None and not window.take(answer):
            count = 0
        if not partial:
            self._warn_of_loss(answer)
        done(batch.records[:count])
        rest = batch.records[count:]
        if not rest:
            return []
        if self._settings.bisect_on_error and (count or len(rest) > 1):
            # With a report, the cut is where it says.
            half = 0 if count else len(rest) // 2
            self._log(
                f"{_count(rest)} of {shard} {_why(answer)}; "
                f"trying {'the rest' if count else 'each half'} by itself"
            )
            return [_Batch(rest[half:]), *([_Batch(rest[:half])] if half else [])]
        batch.records = rest
        most = self._settings.maximum_retry_attempts
        if batch.retries == most:
            await self._give_up(batch, rest, shard, "RetryAttemptsExhausted", done)
            return []
        batch.retries += 1
        batch.pause = _longer(batch.pause, _FAILED)
        of = "" if most == _FOR_EVER else f" of {most}"
        self._log(
            f"{_count(rest)} of {shard} {_why(answer)}; "
            f"trying again in {batch.pause:g} s (retry {batch.retries}{of})"
        )
        await self._wait(batch.pause)
        return [batch]

    async def _give_up_old(
        self, batch: _Batch, shard: str, done: Callable[[Sequence[Record]], None]
    ) -> None:
        """Give up the records of a batch that are too old, which are its first ones."""
        age = self._settings.maximum_record_age
        if age == _FOR_EVER:
            return
        oldest = time.time() - age
        young = (place for place, each in enumerate(batch.records) if each.moment >= oldest)
        count = next(young, len(batch.records))
        if count:
            old, batch.records = batch.records[:count], batch.records[count:]
            await self._give_up(batch, old, shard, "RecordAgeExceeded", done)

    async def _give_up(
        self,
        batch: _Batch,
        records: Sequence[Record],
        shard: str,
        condition: str,
        done: Callable[[Sequence[Record]], None],
    ) -> None:
        where = "skipped" if self._on_failure is None else "sent to the on-failure destination"
        self._log(f"{_count(records)} of {shard} given up ({condition}), and {where}")
        if self._on_failure is not None:
            context: dict[str, Any] = {
                "requestContext": {
                    "requestId": str(uuid.uuid4()),
                    "functionArn": self._function_arn,
                    "condition": condition,
                    "approximateInvokeCount": batch.invocations,
                }
            }
            if batch.answer is not None:
                response = {"statusCode": 200, "executedVersion": VERSION}
                if batch.answer.failed:
                    response["functionError"] = "Unhandled"
                context["responseContext"] = response
            source = self._source
            record = discarded(records, context, kind=source.kind, arn=source.arn, shard=shard)
            try:
                with self._to_its_end():
                    await self._on_failure(record)
            except DestinationError as error:
                self._log(f"the on-failure destination refused a record: {error}")
        done(records)

    def _warn_of_loss(self, answer: Answer) -> None:
        if not self._told_of_loss and reports_failures(answer):
            self._told_of_loss = True
            self._log(
                "warning: the response has batchItemFailures, which are ignored without "
                "report_batch_item_failures = true, as on AWS: the records count as done"
            )


def _why(answer: Answer) -> str:
    return "failed" if answer.failed else "failed by their answer"


def _longer(pause: float, bounds: tuple[float, float]) -> float:
    first, last = bounds
    return min(pause * 2, last) if pause else first


def _count(records: Sequence[Record]) -> str:
    return f"{len(records)} record{'' if len(records) == 1 else 's'}"
