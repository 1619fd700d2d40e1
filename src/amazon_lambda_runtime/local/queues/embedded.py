"""Queues that are made here, in the embedded services, which start with the first of them."""

import asyncio
import json
from collections.abc import Callable

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.services.process import EmbeddedServices, ServicesError

from .settings import QueueSettings
from .sqs import Queue, QueueError


class EmbeddedQueues(Closing):
    """Makes queues in services of its own. An async context manager.

    `port` is where the services are served (0: any free one); `started` is told their process.
    """

    def __init__(self, port: int = 0, started: Callable[[int], None] = lambda pid: None) -> None:
        self._started = started
        self.services: EmbeddedServices | None = None
        self._port = port
        self._up: asyncio.Future[None] | None = None
        self._made: set[str] = set()

    def start(self) -> EmbeddedServices:
        """Start the services, once; they may not be up yet. Raises QueueError."""
        if self.services is None:
            try:
                self.services = EmbeddedServices.start(self._port)
            except ServicesError as error:
                raise QueueError(str(error)) from None
            self._started(self.services.pid)
            self._up = asyncio.ensure_future(asyncio.to_thread(self.services.wait))
        return self.services

    async def up(self) -> EmbeddedServices:
        """Start the services and wait until they answer. Raises QueueError."""
        services = self.start()
        assert self._up is not None
        try:
            await asyncio.shield(self._up)
        except ServicesError as error:
            raise QueueError(str(error)) from None
        return services

    async def close(self) -> None:
        """End the services."""
        if self.services is not None:
            await asyncio.to_thread(self.services.close)
        if self._up is not None:
            await asyncio.wait([self._up])
            self._up.exception()

    async def queue(self, settings: QueueSettings, visibility: int) -> Queue:
        """Create the queue of this name, and its dead-letter queue. Raises QueueError.

        `visibility`, in seconds, is the default for settings that have none. A queue that exists,
        as another's dead-letter queue, is taken as it is.
        """
        endpoint = (await self.up()).endpoint
        if settings.queue in self._made and settings.redrive is None:
            return await Queue.open(settings.queue, endpoint, wakes=True)
        chosen = settings.visibility if settings.visibility is not None else visibility
        attributes = {"VisibilityTimeout": str(chosen)}
        fifo = {}
        if settings.is_fifo:
            fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        if settings.redrive is not None:
            name, count = settings.redrive
            dlq = await Queue.create(name, endpoint, {**attributes, **fifo})
            await dlq.close()
            self._made.add(name)
            policy = {"deadLetterTargetArn": dlq.arn, "maxReceiveCount": str(count)}
            attributes["RedrivePolicy"] = json.dumps(policy)
        self._made.add(settings.queue)
        return await Queue.create(settings.queue, endpoint, {**attributes, **fifo})
