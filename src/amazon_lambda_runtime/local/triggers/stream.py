"""The stream of a trigger: polled as soon as it is there, since a table may be made later."""

import asyncio
from contextlib import AsyncExitStack

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.engine.async_invocations import Destination
from amazon_lambda_runtime.local.server import LocalLambda
from amazon_lambda_runtime.local.streams import (
    DynamoDbSource,
    KinesisSource,
    Source,
    StreamError,
    StreamPoller,
)
from amazon_lambda_runtime.project.aws_limits import LONG_POLL, TIMEOUT
from amazon_lambda_runtime.project.triggers import DynamoDbTrigger, KinesisTrigger

from .sources import Figures

# In seconds: how often it is looked for.
_LOOK = 1.0


class Stream(Closing):
    """Polls the stream of a trigger for a function. An async context manager."""

    def __init__(
        self,
        service: LocalLambda,
        function: str,
        trigger: KinesisTrigger | DynamoDbTrigger,
        on_failure: Destination | None,
    ) -> None:
        self._service = service
        self._function = function
        self._trigger = trigger
        self._on_failure = on_failure
        self._stack = AsyncExitStack()
        self._poller: StreamPoller | None = None
        self._opening = asyncio.create_task(self._open())

    @property
    def kind(self) -> str:
        return "kinesis" if isinstance(self._trigger, KinesisTrigger) else "dynamodb"

    @property
    def name(self) -> str:
        """The name of the stream, or of the table."""
        trigger = self._trigger
        return trigger.stream if isinstance(trigger, KinesisTrigger) else trigger.table

    @property
    def note(self) -> str:
        """What the user has to know of it."""
        if isinstance(self._trigger, KinesisTrigger):
            return ""
        return ": polled as soon as the table is made, with a stream"

    @property
    def is_idle(self) -> bool:
        """Whether nothing that it has is on its way to the function."""
        return self._poller is None or self._poller.is_idle

    async def figures(self) -> Figures:
        """Return the figures of the moment."""
        if self._poller is None:
            return {"polled": False}
        poller = self._poller
        return {
            "polled": True,
            "in_flight": poller.in_flight,
            "iterator_age_ms": poller.iterator_age_ms,
        }

    async def close(self) -> None:
        """Stop polling; batches in flight are finished first."""
        self._opening.cancel()
        await asyncio.wait([self._opening])
        await self._stack.aclose()

    async def _open(self) -> None:
        """Wait until it is there, and poll it."""
        pool, service = self._service.pools[self._function], self._service
        while True:
            try:
                source = await self._stack.enter_async_context(await self._source())
                poller = StreamPoller(
                    source,
                    self._trigger,
                    lambda event: service.invoker.run(self._function, event, self.kind),
                    timeout=pool.function.timeout or TIMEOUT[1],
                    log=service.log,
                    on_failure=self._on_failure,
                    function_arn=pool.function.arn,
                )
                await self._stack.enter_async_context(poller)
            except StreamError:
                await asyncio.sleep(_LOOK)
            else:
                self._poller = poller
                return

    async def _source(self) -> Source:
        endpoint = self._service.services_endpoint
        # A window ends with a read.
        holds = 1 if self._trigger.tumbling_window else LONG_POLL
        if isinstance(self._trigger, KinesisTrigger):
            return await KinesisSource.open(self._trigger.stream, endpoint, holds)
        return await DynamoDbSource.open(self._trigger.table, endpoint, holds)
