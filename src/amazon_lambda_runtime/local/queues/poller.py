"""Polls one queue for one function, as an event source mapping does.

What a message may expect: it is received, the function is invoked with it, and when that has
succeeded it is deleted. When it has failed nothing is done: it comes back when its visibility
timeout is over, and goes to the dead-letter queue by the queue's own redrive policy.

Unlike Lambda, the poller receives only what the function has room for. Where the function is busy
with other callers all the same, the batch is kept, and kept hidden: being throttled costs a
message none of its receives (https://github.com/aws/aws-cdk/issues/24180 tells what that costs).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Self

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.engine.invocation import Answer, TooManyRequests
from amazon_lambda_runtime.local.engine.output import Log

from .batch import PAYLOAD_LIMIT, events, failures, reports_failures
from .settings import VISIBILITY_FACTOR, QueueSettings
from .sqs import Message, Queue, QueueError

# In seconds: how long a poll waits for a message, and with it Ctrl-C for the poll. Less than
# Lambda's 20, for that.
_LONG_POLL = 1
# In seconds: how often a throttled batch tries again, how often an endpoint that is gone.
_THROTTLED = (0.1, 2.0)
_UNREACHABLE = (1.0, 30.0)
# In seconds: how often messages that are done are deleted again, where SQS does not obey.
_DELETE_AGAIN = (0.2, 1.0, 5.0)

#: Invokes the function with an event. It may raise TooManyRequests, at once.
Invoke = Callable[[bytes], Awaitable[Answer]]


class Poller(Closing):
    """Polls a queue from entry to exit. An async context manager.

    `concurrency` is how many batches are in flight at most, `timeout` the function's, in seconds.
    `partial_failures` is what the function's class says of itself, None if it says nothing.
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
        self._slots = asyncio.Semaphore(concurrency)
        self._batches: set[asyncio.Task[None]] = set()
        self._throttled: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._told_of_loss = False
        # Set when an invocation has ended, cleared when one was refused.
        self._room = asyncio.Event()
        self._room.set()

    async def __aenter__(self) -> Self:
        self._warn()
        self._polling = asyncio.create_task(self._poll())
        return self

    async def close(self) -> None:
        """Receive no more, let what is in flight come to its end, and give back the rest at once.

        It takes at most the function's timeout, and a second or two.
        """
        self._stopping = True
        self._polling.cancel()
        await asyncio.wait([self._polling])
        await _end(self._throttled)
        if self._batches:
            self._log(f"waits for {_count(self._batches, 'batch', 'batches')} in flight")
            await asyncio.wait(self._batches, timeout=self._timeout)
        await _end(self._batches)

    def _warn(self) -> None:
        window = self._settings.window
        enough = VISIBILITY_FACTOR * self._timeout + window
        if self._queue.visibility < enough:
            self._log(
                f"warning: the visibility timeout is {self._queue.visibility} s; at less than "
                f"6 x the function's timeout{' and the window' if window else ''} "
                f"({enough:g} s) messages can come back while they are being processed"
            )
        partial, declared = self._settings.partial, self._partial_failures
        if declared and not partial:
            self._log(
                "warning: the function reports partial failures and the queue is polled without "
                "partial=true: messages that it reports as failed are lost"
            )
        if declared is False and partial:
            self._log(
                "warning: partial=true, and the function does not report partial failures "
                "(partial_failures is False): one failure fails the batch"
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
                    self._log(f"{error}; tries again until it can")
                delay = _longer(delay, _UNREACHABLE)
            except asyncio.CancelledError:
                await self._give_back(batch)
                raise
            else:
                if delay:
                    self._log("can be reached again")
                delay = 0.0
            if batch:
                task = asyncio.create_task(self._process(batch))
                self._batches.add(task)
                task.add_done_callback(self._batches.discard)
            else:
                self._slots.release()
            if delay:
                await asyncio.sleep(delay)

    async def _collect(self, batch: list[Message]) -> None:
        """Fill the batch: with what one poll brings, and what else comes within the window."""
        limit = self._settings.batch_size

        async def receive(wait: int) -> None:
            batch.extend(await self._queue.receive(limit - len(batch), wait))

        await _to_its_end(receive(_LONG_POLL))
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.window
        while batch and len(batch) < limit and loop.time() < end and not _is_full(batch):
            await _to_its_end(receive(min(_LONG_POLL, int(end - loop.time()))))
            if end - loop.time() < 1:
                await asyncio.sleep(min(0.1, max(0.0, end - loop.time())))

    async def _process(self, batch: list[Message]) -> None:
        unsettled = {message["MessageId"]: message for message in batch}
        failed_groups: set[str] = set()
        try:
            for event, messages in events(batch, self._queue.arn):
                if self._stopping:
                    break
                if failed_groups & {_group(message) for message in messages}:
                    # Not before its elders: they come back, and so does this one behind them.
                    continue
                answer = await self._answer(event, messages)
                failed = failures(answer, messages, self._settings.partial)
                for message in messages:
                    # None: a standard queue may give the same message twice.
                    unsettled.pop(message["MessageId"], None)
                    if self._queue.is_fifo and message["MessageId"] in failed:
                        failed_groups.add(_group(message))
                self._report(answer, messages, failed)
                done = [message for message in messages if message["MessageId"] not in failed]
                await _to_its_end(self._delete(done))
        finally:
            self._slots.release()
            await self._give_back(list(unsettled.values()))

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

    def _report(self, answer: Answer, messages: Sequence[Message], failed: set[str]) -> None:
        if failed:
            self._log(
                f"{len(failed)} of {_count(messages, 'message', 'messages')} failed, and will come "
                f"back when the visibility timeout ({self._queue.visibility} s) is over"
            )
        elif not self._settings.partial and not self._told_of_loss and reports_failures(answer):
            self._told_of_loss = True
            self._log(
                "warning: the response has batchItemFailures, but without partial=true they mean "
                "nothing, as on AWS without ReportBatchItemFailures: those messages are lost"
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
        self._log(f"{count} could not be deleted and may be processed again: {reason}")

    async def _give_back(self, messages: list[Message]) -> None:
        if messages:
            try:
                await self._queue.hide(messages, 0)
            except QueueError as error:
                self._log(f"messages will come back late: {error}")

    def _log(self, text: str) -> None:
        self._write(f"SQS {self._queue.name}: {text}")


async def _to_its_end(coroutine: Coroutine[Any, Any, None]) -> None:
    """Await what must not be cut short: if this is cancelled, it is when that is done."""
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
    return sum(len(message["Body"]) for message in batch) >= PAYLOAD_LIMIT


def _group(message: Message) -> str:
    return str(message.get("Attributes", {}).get("MessageGroupId", ""))


def _count(things: Sequence[Any] | set[Any], one: str, many: str) -> str:
    return f"{len(things)} {one if len(things) == 1 else many}"
