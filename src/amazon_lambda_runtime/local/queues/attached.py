"""The queues of one function: opened or made, polled, and closed together."""

import math
import shlex
from collections.abc import Sequence
from contextlib import AsyncExitStack

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.engine.output import Log
from amazon_lambda_runtime.project.aws_limits import advised_visibility

from .embedded import EmbeddedQueues
from .poller import Invoke, Poller
from .settings import QueueSettings
from .sqs import Queue, endpoint_of_environment


class AttachedQueues(Closing):
    """The queues that send events to a function. An async context manager.

    `timeout` is the function's, in seconds. A queue that is given by its name is made in
    `embedded`, unless AWS_ENDPOINT_URL says where it is; with `here` it is made whatever that
    says.

    Close this before the function, so that batches in flight can be finished.
    """

    def __init__(self, embedded: EmbeddedQueues, *, timeout: float, here: bool = False) -> None:
        self._timeout = timeout
        self._here = here
        self._embedded = embedded
        self._resources = AsyncExitStack()

    async def close(self) -> None:
        """Stop polling, and close the queues."""
        await self._resources.aclose()

    async def open(self, settings: QueueSettings) -> Queue:
        """Open a queue, or make it. Raises QueueError if that fails."""
        if settings.is_url or (endpoint_of_environment() and not self._here):
            queue = await Queue.open(settings.queue)
        else:
            visibility = math.ceil(advised_visibility(self._timeout, settings.window))
            queue = await self._embedded.queue(settings, visibility)
        self._resources.push_async_callback(queue.close)
        return queue

    async def poll(
        self,
        settings: Sequence[QueueSettings],
        invoke: Invoke,
        *,
        concurrency: int,
        log: Log,
        partial_failures: bool | None = None,
    ) -> list[Queue]:
        """Open these queues and poll them until this is closed; the parameters are Poller's.

        Raises QueueError if one cannot be opened; then none is polled.
        """
        queues = [await self.open(each) for each in settings]
        for queue, each in zip(queues, settings, strict=True):
            await self._resources.enter_async_context(
                Poller(
                    queue,
                    each,
                    invoke,
                    concurrency=concurrency,
                    timeout=self._timeout,
                    log=log,
                    partial_failures=partial_failures,
                )
            )
        return queues

    def send_line(self, queue: Queue) -> str:
        """Return the command that sends a message to this queue."""
        words = ["--message-body", "{}"]
        if queue.is_fifo:
            words += ["--message-group-id", "1"]
        return self._line("send-message", queue, words)

    def receive_line(self, queue: Queue) -> str:
        """Return the command that receives messages from this queue."""
        return self._line("receive-message", queue, [])

    def _line(self, operation: str, queue: Queue, more: list[str]) -> str:
        words = ["aws", "sqs", operation, "--region", queue.region, "--queue-url", queue.url, *more]
        services = self._embedded.services
        if services is None or not queue.url.startswith(services.endpoint):
            return shlex.join(words)
        words += ["--endpoint-url", services.endpoint]
        return f"AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test {shlex.join(words)}"
