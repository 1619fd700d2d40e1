"""Queues of this process, and functions of this process that they invoke."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from amazon_lambda_runtime.cli.local.queue_options import parse_queue
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.queues import AttachedQueues, Queue
from amazon_lambda_runtime.local.queues.embedded import EmbeddedQueues
from tests.local.support import Recorder

OK = Answer(b"null")
FAILED = Answer(b'{"errorType":"E"}', failed=True)


class Stand:
    """A function of this process, whose answer a test decides; it notes what it was given."""

    def __init__(self, answer: Callable[[list[dict[str, Any]]], Awaitable[Answer]]) -> None:
        self._answer = answer
        self.batches: list[list[str]] = []
        self.records: list[dict[str, Any]] = []
        self._grown = asyncio.Event()

    async def __call__(self, event: bytes) -> Answer:
        records = json.loads(event)["Records"]
        answer = await self._answer(records)
        self.batches.append([record["body"] for record in records])
        self.records += records
        self._grown.set()
        return answer

    @property
    def bodies(self) -> list[str]:
        return [body for batch in self.batches for body in batch]

    async def until(self, count: int) -> list[str]:
        """Return the bodies when there are so many."""
        while len(self.bodies) < count:
            self._grown.clear()
            await self._grown.wait()
        return self.bodies


async def succeed(records: list[dict[str, Any]]) -> Answer:
    return OK


def fail_if(condition: Callable[[dict[str, Any]], bool]) -> Any:
    """Return what reports the records of which this is true."""

    async def answer(records: list[dict[str, Any]]) -> Answer:
        ids = [{"itemIdentifier": each["messageId"]} for each in records if condition(each)]
        return Answer(json.dumps({"batchItemFailures": ids}).encode())

    return answer


@asynccontextmanager
async def attached_queues(timeout: float) -> AsyncIterator[AttachedQueues]:
    """Open queues of a function with this timeout, in services of their own."""
    async with EmbeddedQueues() as embedded, AttachedQueues(embedded, timeout=timeout) as queues:
        yield queues


async def send(queue: Queue, bodies: list[str], group: str | None = None) -> None:
    """Send messages in tens, in order."""
    for start in range(0, len(bodies), 10):
        entries: list[dict[str, Any]] = [
            {"Id": str(number), "MessageBody": body}
            for number, body in enumerate(bodies[start : start + 10])
        ]
        if group is not None:
            for entry in entries:
                entry |= {"MessageGroupId": group, "MessageDeduplicationId": entry["MessageBody"]}
        reply = await queue._call("send_message_batch", Entries=entries)
        assert not reply.get("Failed")


async def left_in(queue: Queue) -> int:
    """Return how many messages a queue has, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    reply = await queue._call("get_queue_attributes", AttributeNames=names)
    return sum(int(reply["Attributes"][name]) for name in names)


async def empty(queue: Queue) -> None:
    while await left_in(queue):
        await asyncio.sleep(0.02)


class Place:
    """Queues of this process, and one of them filled before it is polled."""

    def __init__(self, attached: AttachedQueues) -> None:
        self.attached = attached
        self.log = Recorder()

    async def make(self, text: str) -> Queue:
        return await self.attached.open(parse_queue(text))

    async def poll(
        self, queue: Queue, function: Any, options: str = "", concurrency: int = 4, **more: Any
    ) -> None:
        settings = [parse_queue(queue.url + options)]
        await self.attached.poll(settings, function, concurrency=concurrency, log=self.log, **more)


@asynccontextmanager
async def place(timeout: float = 0.3) -> AsyncIterator[Place]:
    async with attached_queues(timeout) as attached:
        yield Place(attached)
