"""Queues that are made here, in the embedded services, which start with the first of them."""

import asyncio
import json
from collections.abc import Callable

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.services.process import EmbeddedServices, ServicesError
from amazon_lambda_runtime.project.aws_limits import FIFO_SUFFIX

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

        `visibility`, in seconds, is the default for settings that have none.
        """
        chosen = settings.visibility if settings.visibility is not None else visibility
        attributes = {"VisibilityTimeout": str(chosen)}
        if settings.redrive is not None:
            name, count = settings.redrive
            dlq = await self._made_queue(name, dict(attributes))
            await dlq.close()
            policy = {"deadLetterTargetArn": dlq.arn, "maxReceiveCount": str(count)}
            attributes["RedrivePolicy"] = json.dumps(policy)
        return await self._made_queue(settings.queue, attributes)

    async def _made_queue(self, name: str, attributes: dict[str, str]) -> Queue:
        """Make the queue; give one that is there, as another's dead-letter queue, its redrive."""
        endpoint = (await self.up()).endpoint
        if name not in self._made:
            self._made.add(name)
            if name.endswith(FIFO_SUFFIX):
                attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
            return await Queue.create(name, endpoint, attributes)
        queue = await Queue.open(name, endpoint, wakes=True)
        if "RedrivePolicy" in attributes:
            await queue.set_attributes(attributes)
        return queue
