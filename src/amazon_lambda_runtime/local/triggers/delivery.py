"""Delivers what a topic, a bucket or a bus has sent to a hidden queue, as asynchronous events."""

import asyncio
import json
from collections.abc import Callable

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.engine.invocation import TooManyRequests
from amazon_lambda_runtime.local.engine.output import Log
from amazon_lambda_runtime.local.queues import Queue, QueueError
from amazon_lambda_runtime.project.aws_limits import LONG_POLL, SQS_BATCH

from .events import Unwrap

# In seconds: the pause before another attempt, where there was no room or no answer.
_AGAIN = 1.0

#: Has the function invoked with an event. Raises TooManyRequests.
Send = Callable[[bytes], str]


class Delivery(Closing):
    """Polls the hidden queue while it is open. An async context manager.

    `what` names the source in the log. A message is deleted once its event has been accepted.
    """

    def __init__(self, what: str, queue: Queue, unwrap: Unwrap, send: Send, log: Log) -> None:
        self._what = what
        self._queue = queue
        self._unwrap = unwrap
        self._send = send
        self._log = log
        self._task = asyncio.create_task(self._run())
        self._is_told = False

    async def close(self) -> None:
        """Stop polling. What has not been accepted is dropped, with the services."""
        self._task.cancel()
        while not self._task.done():
            await self._queue.wake()
            await asyncio.wait([self._task], timeout=1)
        await self._queue.close()

    async def _run(self) -> None:
        while True:
            try:
                messages = await self._queue.receive(SQS_BATCH, LONG_POLL)
                for message in messages:
                    for event in self._unwrap(message["Body"]):
                        await self._accepted(json.dumps(event).encode())
                    await self._queue.delete([message])
                self._is_told = False
            except QueueError as error:
                if not self._is_told:
                    self._log(f"{self._what}: {error}; retrying until it succeeds")
                    self._is_told = True
                await asyncio.sleep(_AGAIN)

    async def _accepted(self, event: bytes) -> None:
        while True:
            try:
                self._send(event)
            except TooManyRequests:
                await asyncio.sleep(_AGAIN)
            else:
                return
