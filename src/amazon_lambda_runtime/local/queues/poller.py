"""Polls one queue for one function, as an event source mapping does.

A message is received, the function is invoked with it, and if that succeeds the message is deleted.
If it fails, nothing is done: it becomes visible again when its visibility timeout expires, and goes
to the dead-letter queue by the queue's own redrive policy. Unlike Lambda, the poller receives only
as many batches as the function has room for. If the function is throttled by other callers, the
batch is kept and stays invisible, so that throttling costs a message none of its receives (on AWS
it does: https://github.com/aws/aws-cdk/issues/24180).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Self

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.engine.invocation import Answer, TooManyRequests
from amazon_lambda_runtime.local.engine.output import Log
from amazon_lambda_runtime.project import event_pattern
from amazon_lambda_runtime.project.aws_limits import (
    LONG_POLL,
    PAYLOAD_BYTES,
    VISIBILITY_FACTOR,
    advised_visibility,
)

from .batch import events, failures, filtered, reports_failures
from .settings import QueueSettings
from .sqs import Message, Queue, QueueError

# In seconds: how long a poll waits for a message. Ctrl-C waits for the poll, so this is less than
# Lambda's 20 where the server can't be asked to end it.
_LONG_POLL = 1
# In seconds: the first and the longest pause of a throttled batch, and of an endpoint that fails.
_THROTTLED = (0.1, 2.0)
_UNREACHABLE = (1.0, 30.0)
# In seconds: the pauses between the attempts to delete a batch.
_DELETE_AGAIN = (0.2, 1.0, 5.0)

#: Invokes the function with an event. Raises TooManyRequests if it is throttled.
Invoke = Callable[[bytes], Awaitable[Answer]]


class Poller(Closing):
    """Polls a queue while it is open. An async context manager.

    `concurrency` is the maximum number of batches in flight, `timeout` the function's, in seconds.
    `partial_failures` is what the function's class declares, None if it declares nothing.
    """

    def __init__(
        self,
        queue: Queue,
        settings: QueueSettings,
        invoke: Invoke,
        *,
        concurrency: int,
        timeout: float,
        log: Log,
        partial_failures: bool | None = None,
    ) -> None:
        self._queue = queue
        self._settings = settings
        self._invoke = invoke
        self._timeout = timeout
        self._partial_failures = partial_failures
        self._write = log
        self._slots = asyncio.Semaphore(min(concurrency, settings.max_concurrency or concurrency))
        self._filters = [event_pattern.parse(each) for each in settings.filters]
        self._batches: set[asyncio.Task[None]] = set()
        self._throttled: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._told_of_loss = False
        # Set when an invocation has ended, cleared when one was throttled.
        self._room = asyncio.Event()
        self._room.set()

    async def __aenter__(self) -> Self:
        self._warn()
        self._polling = asyncio.create_task(self._poll())
        return self

    async def close(self) -> None:
        """Stop polling, finish the batches in flight, and make the other messages visible again.

        This takes at most the function's timeout and a second or two.
        """
        self._stopping = True
        self._polling.cancel()
        while not self._polling.done():
            # Again if the poll had not reached the server yet.
            await self._queue.wake()
            await asyncio.wait([self._polling], timeout=1)
        await _end(self._throttled)
        if self._batches:
            self._log(f"waiting for {_count(self._batches, 'batch', 'batches')} in flight")
            await asyncio.wait(self._batches, timeout=self._timeout)
        await _end(self._batches)

    def _warn(self) -> None:
        window = self._settings.window
        enough = advised_visibility(self._timeout, window)
        if self._queue.visibility < enough:
            plus = " plus the window" if window else ""
            self._log(
                f"warning: the visibility timeout is {self._queue.visibility} s; with less than "
                f"{VISIBILITY_FACTOR} x the function's timeout{plus} ({enough:g} s), "
                "messages can be redelivered while they are being processed"
            )
        partial, declared = self._settings.partial, self._partial_failures
        if declared and not partial:
            self._log(
                "warning: the function reports partial failures, but the queue is polled without "
                "partial=true: messages that it reports as failed are deleted. Add partial=true"
            )
        if declared is False and partial:
            self._log(
                "warning: partial=true, but the function does not report partial failures "
                "(partial_failures is False): one failure fails the whole batch"
            )

    async def _poll(self) -> None:
        delay = 0.0
        while True:
            await self._slots.acquire()
            batch: list[Message] = []
            try:
                await self._room.wait()
                await self._collect(batch)
            except QueueError as error:
                if not delay:
                    self._log(f"{error}; retrying until it succeeds")
                delay = _longer(delay, _UNREACHABLE)
            except asyncio.CancelledError:
                await self._give_back(batch)
                raise
            else:
                if delay:
                    self._log("receiving again")
                delay = 0.0
            if batch and (batch := await self._matching(batch)):
                task = asyncio.create_task(self._process(batch))
                self._batches.add(task)
                task.add_done_callback(self._batches.discard)
            else:
                self._slots.release()
            if delay:
                await asyncio.sleep(delay)

    async def _collect(self, batch: list[Message]) -> None:
        """Fill the batch with what one poll receives, and with what arrives within the window."""
        limit = self._settings.batch_size

        async def receive(wait: int) -> None:
            batch.extend(await self._queue.receive(limit - len(batch), wait))

        await _to_its_end(receive(LONG_POLL if self._queue.wakes else _LONG_POLL))
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.window
        while batch and len(batch) < limit and loop.time() < end and not _is_full(batch):
            await _to_its_end(receive(min(_LONG_POLL, int(end - loop.time()))))
            if end - loop.time() < 1:
                await asyncio.sleep(min(0.1, max(0.0, end - loop.time())))

    async def _matching(self, batch: list[Message]) -> list[Message]:
        """Delete the messages that match none of the filters; return the others."""
        if not self._filters:
            return batch
        kept = [each for each in batch if self._matches(filtered(each, self._queue.arn))]
        if len(kept) < len(batch):
            ids = {str(each["MessageId"]) for each in batch} - {str(m["MessageId"]) for m in kept}
            await _to_its_end(self._delete(_with_ids(batch, ids)))
        return kept

    def _matches(self, record: dict[str, Any]) -> bool:
        return any(matches(record) for matches in self._filters)

    async def _process(self, batch: list[Message]) -> None:
        unsettled = {message["MessageId"]: message for message in batch}
        failed_groups: set[str] = set()
        try:
            for event, messages in events(batch, self._queue.arn):
                if self._stopping:
                    break
                if failed_groups & self._groups(messages):
                    # A FIFO group stays in order: these are redelivered after those that failed.
                    continue
                answer = await self._answer(event, messages)
                for message in messages:
                    # None: a standard queue may deliver the same message twice.
                    unsettled.pop(message["MessageId"], None)
                failed = failures(answer, messages, self._settings.partial)
                failed_groups |= self._groups(_with_ids(messages, failed))
                self._report(answer, messages, failed)
                await self._redeliver(_with_ids(messages, failed))
                done = {message["MessageId"] for message in messages} - failed
                await _to_its_end(self._delete(_with_ids(messages, done)))
        finally:
            self._slots.release()
            await self._give_back(list(unsettled.values()))

    def _groups(self, messages: Sequence[Message]) -> set[str]:
        """Return the groups that the messages of a FIFO queue are in."""
        if not self._queue.is_fifo:
            return set()
        return {str(message["Attributes"]["MessageGroupId"]) for message in messages}

    async def _answer(self, event: bytes, messages: Sequence[Message]) -> Answer:
        loop = asyncio.get_running_loop()
        hidden = loop.time()
        delay = 0.0
        while True:
            try:
                answer = await self._invoke(event)
            except TooManyRequests:
                if self._stopping:
                    raise asyncio.CancelledError from None
                delay = _longer(delay, _THROTTLED)
                await self._wait_for_room(delay)
            else:
                self._room.set()
                return answer
            if loop.time() - hidden > self._queue.visibility / 2:
                with suppress(QueueError):
                    await self._queue.hide(messages, self._queue.visibility)
                hidden = loop.time()

    async def _wait_for_room(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._room.clear()
        self._throttled.add(task)
        try:
            async with asyncio.timeout(seconds):
                await self._room.wait()
        except TimeoutError:
            pass
        finally:
            self._throttled.discard(task)

    async def _redeliver(self, failed: list[Message]) -> None:
        """Have messages that have failed come again sooner, if that is wanted."""
        seconds = self._settings.redeliver_after
        if failed and seconds is not None:
            with suppress(QueueError):
                await self._queue.hide(failed, seconds)

    def _report(self, answer: Answer, messages: Sequence[Message], failed: set[str]) -> None:
        if failed:
            after = self._settings.redeliver_after
            when = f"when the visibility timeout ({self._queue.visibility} s) expires"
            self._log(
                f"{len(failed)} of {_count(messages, 'message', 'messages')} failed; redelivered "
                f"{when if after is None else f'after {after} s'}"
            )
        elif not self._settings.partial and not self._told_of_loss and reports_failures(answer):
            self._told_of_loss = True
            self._log(
                "warning: the response has batchItemFailures, which are ignored without "
                "partial=true, as on AWS without ReportBatchItemFailures: the messages are deleted"
            )

    async def _delete(self, messages: list[Message]) -> None:
        reason = "SQS refuses"
        for delay in (*_DELETE_AGAIN, 0.0):
            try:
                messages = await self._queue.delete(messages)
            except QueueError as error:
                reason = str(error)
            if not messages:
                return
            await asyncio.sleep(delay)
        count = _count(messages, "message", "messages")
        self._log(f"{count} could not be deleted, and may be redelivered: {reason}")

    async def _give_back(self, messages: list[Message]) -> None:
        if messages:
            try:
                await self._queue.hide(messages, 0)
            except QueueError as error:
                self._log(f"messages stay invisible until their timeout expires: {error}")

    def _log(self, text: str) -> None:
        self._write(f"SQS {self._queue.name}: {text}")


async def _to_its_end(coroutine: Coroutine[Any, Any, None]) -> None:
    """Await what must not be cut short: a cancellation takes effect when it is done."""
    task = asyncio.create_task(coroutine)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending)


def _longer(delay: float, bounds: tuple[float, float]) -> float:
    first, last = bounds
    return min(delay * 2, last) if delay else first


def _is_full(batch: Sequence[Message]) -> bool:
    return sum(len(message["Body"]) for message in batch) >= PAYLOAD_BYTES


def _with_ids(messages: Sequence[Message], ids: set[str]) -> list[Message]:
    return [message for message in messages if message["MessageId"] in ids]


def _count(things: Sequence[Any] | set[Any], one: str, many: str) -> str:
    return f"{len(things)} {one if len(things) == 1 else many}"
