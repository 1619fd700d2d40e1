"""Where records of asynchronous invocations go: a queue, a topic, a function or a bus of this
machine, by the name in its ARN.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from amazon_lambda_runtime.local.engine.async_invocations import (
    DeadLetter,
    Destination,
    DestinationError,
)
from amazon_lambda_runtime.local.engine.invocation import TooManyRequests
from amazon_lambda_runtime.local.invoker import Invoker
from amazon_lambda_runtime.local.queues import Queue, outcomes
from amazon_lambda_runtime.local.services.client import ServiceError

from .published import Published

#: The services whose resources can be destinations here.
KINDS = ("sqs", "sns", "lambda", "events")

#: Opens a queue by its name, and makes it if there is none. Raises QueueError.
OpenQueue = Callable[[str], Awaitable[Queue]]


def service_of(arn: str) -> str:
    """Return the service that an ARN is of."""
    return arn.split(":")[2]


class Destinations:
    """Makes destinations of ARNs. Raises QueueError or ServiceError for one that can't be had.

    `published` starts the embedded services, which a function of this machine does not need.
    """

    def __init__(
        self,
        open_queue: OpenQueue,
        published: Callable[[], Awaitable[Published]],
        invoker: Invoker,
    ) -> None:
        self._open_queue = open_queue
        self._published = published
        self._invoker = invoker

    async def of(self, arn: str) -> Destination:
        """Return what takes a record for this ARN, whose service is one of KINDS."""
        name = _name(arn)
        match service_of(arn):
            case "sqs":
                return outcomes.destination(await self._open_queue(name))
            case "sns":
                return await self._to_topic(name)
            case "lambda":
                return self._to_function(arn.split(":")[6])
            case _:
                return self._to_bus(await self._published(), name)

    async def dead_letter(self, arn: str) -> DeadLetter:
        """Return what takes an event that has failed, for the ARN of a queue or a topic."""
        name = _name(arn)
        if service_of(arn) == "sns":
            to_topic = await self._to_topic(name)

            async def publish(event: str, why: Mapping[str, str]) -> None:
                await to_topic(event)

            return publish
        return outcomes.dead_letter(await self._open_queue(name))

    async def _to_topic(self, name: str) -> Destination:
        published = await self._published()
        topic_arn = await asyncio.to_thread(published.topic, name)

        async def publish(record: str) -> None:
            await _lost_or(asyncio.to_thread(published.publish, topic_arn, record))

        return publish

    def _to_function(self, name: str) -> Destination:
        async def invoke(record: str) -> None:
            try:
                self._invoker.send(name, record.encode())
            except KeyError:
                raise DestinationError(f"there is no function {name} here") from None
            except TooManyRequests as error:
                raise DestinationError(str(error)) from None

        return invoke

    def _to_bus(self, published: Published, bus: str) -> Destination:
        async def put(record: str) -> None:
            succeeded = json.loads(record)["requestContext"]["condition"] == "Success"
            outcome = "Success" if succeeded else "Failure"
            detail_type = f"Lambda Function Invocation Result - {outcome}"
            await _lost_or(
                asyncio.to_thread(published.put_event, bus, "lambda", detail_type, record)
            )

        return put


def _name(arn: str) -> str:
    """Return the name in an ARN, without its kind: `event-bus/orders` is `orders`."""
    return arn.split(":")[5].rpartition("/")[2]


async def _lost_or(sent: Awaitable[None]) -> None:
    """Await it. Raises DestinationError for what the service refuses."""
    try:
        await sent
    except ServiceError as error:
        raise DestinationError(str(error)) from error
