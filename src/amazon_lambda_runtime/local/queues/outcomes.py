"""Queues that are told what has become of asynchronous invocations."""

from collections.abc import Mapping

from amazon_lambda_runtime.local.engine.async_invocations import (
    DeadLetter,
    Destination,
    DestinationError,
)

from .sqs import Queue, QueueError


def destination(queue: Queue) -> Destination:
    """Return what sends a record to the queue."""
    send = dead_letter(queue)

    async def record(text: str) -> None:
        await send(text, {})

    return record


def dead_letter(queue: Queue) -> DeadLetter:
    """Return what sends an event to the queue, with attributes that say why."""

    async def send(event: str, why: Mapping[str, str]) -> None:
        try:
            await queue.send(event, why)
        except QueueError as error:
            raise DestinationError(str(error)) from error

    return send
