"""Who wants a function invoked says it here: and waits for the answer, or has it done.

Theory: a pool runs invocations. Most come from the Invoke API or a URL, which hold a caller of
their own. Queues, streams, schedules and topics have none: they wait for the answer to a batch
(`run`), or hand over an event that is tried again and whose failure goes to a destination (`send`).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

from amazon_lambda_runtime.project.aws_limits import ASYNC_EVENT_AGE, ASYNC_RETRIES

from .closing import Closing
from .engine.async_invocations import AsyncInvocations, DeadLetter, Destination
from .engine.function import LocalFunction
from .engine.invocation import Answer, Invocation
from .engine.output import Log
from .engine.pool import Pool


@dataclass(frozen=True, slots=True)
class AsyncSettings:
    """What becomes of a function's asynchronous events; `maximum_age` is in seconds."""

    retries: int = ASYNC_RETRIES
    maximum_age: float = ASYNC_EVENT_AGE
    on_failure: Destination | None = None
    on_success: Destination | None = None
    dead_letter: DeadLetter | None = None


class Executions(Protocol):
    """Runs durable functions: an invocation starts an execution, and waits for its result."""

    async def run(self, function: LocalFunction, invocation: Invocation) -> Answer: ...


class Invoker(Closing):
    """Invokes the functions of these pools; those that are durable, by `executions`. An async
    context manager: events left are dropped.
    """

    def __init__(
        self, pools: Mapping[str, Pool], log: Log, executions: Executions | None = None
    ) -> None:
        self._pools = pools
        self._executions = executions
        self._log = log
        self._settings: dict[str, AsyncSettings] = {}
        self._events: dict[str, AsyncInvocations] = {}

    @property
    def waiting(self) -> int:
        """How many asynchronous events have been accepted and not settled."""
        return sum(events.waiting for events in self._events.values())

    def configure(self, function: str, settings: AsyncSettings) -> None:
        """Set what becomes of the function's asynchronous events, before there are any."""
        self._settings[function] = settings

    async def run(self, function: str, event: bytes, kind: str) -> Answer:
        """Invoke the function and wait for the answer. Raises TooManyRequests.

        `kind` is what the journal calls whoever wants it.
        """
        return await self._run(self._pools[function], Invocation(event), kind)

    def send(self, function: str, event: bytes) -> str:
        """Have the function invoked; return the request id. Raises TooManyRequests."""
        invocation = Invocation(event)
        self.accept(function, invocation)
        return invocation.id

    def accept(self, function: str, invocation: Invocation) -> None:
        """Have this asynchronous invocation done. Raises TooManyRequests."""
        self._events_of(function).accept(_Event(invocation), invocation.id)

    async def close(self) -> None:
        """Drop the events that are left, and log each. Close this before the pools."""
        await asyncio.gather(*(events.close() for events in self._events.values()))

    async def _run(self, pool: Pool, invocation: Invocation, kind: str) -> Answer:
        """Run the invocation to its end. Raises TooManyRequests."""
        if self._executions is not None and pool.function.durable is not None:
            return await self._executions.run(pool.function, invocation)
        pool.submit(invocation, kind)
        answer = await invocation.wait()
        # The environment is free for the next one only then.
        await invocation.wait_until_reported()
        return answer

    def _events_of(self, function: str) -> AsyncInvocations:
        if function not in self._events:
            pool = self._pools[function]
            settings = self._settings.get(function, AsyncSettings())

            async def invoke(event: bytes, *, request_id: str) -> Answer:
                assert isinstance(event, _Event)
                return await self._run(pool, event.invocation.again(), "Event")

            self._events[function] = AsyncInvocations(
                invoke,
                function_arn=pool.function.arn,
                log=self._log,
                retries=settings.retries,
                maximum_age=settings.maximum_age,
                on_failure=settings.on_failure,
                on_success=settings.on_success,
                dead_letter=settings.dead_letter,
            )
        return self._events[function]


class _Event(bytes):
    """The payload of an asynchronous invocation, which carries the invocation along."""

    invocation: Invocation

    def __new__(cls, invocation: Invocation) -> Self:
        event = super().__new__(cls, invocation.event)
        event.invocation = invocation
        return event
