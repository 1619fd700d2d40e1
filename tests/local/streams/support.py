"""A stream of this process, and a function of this process that it invokes."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.streams import Source, StreamError, StreamPoller, records, shard
from amazon_lambda_runtime.local.streams.records import Record
from amazon_lambda_runtime.local.streams.source import LATEST, ExpiredError, ListedShard, Read
from amazon_lambda_runtime.project.triggers.stream import KinesisTrigger
from tests.local.support import Recorder

ARN = "arn:aws:kinesis:eu-north-1:123456789012:stream/orders"
OK = Answer(b"null")
FAILED = Answer(b'{"errorType":"E"}', failed=True)
FIRST = "shardId-000000000000"
# The pause after an empty read that users have; conftest.py shortens it.
EMPTY = shard._EMPTY


def raw(number: int, data: bytes = b"", key: str = "k", moment: float | None = None) -> Any:
    """Return a record as boto3 reads it from Kinesis."""
    arrived = time.time() if moment is None else moment
    return {
        "SequenceNumber": str(number),
        "PartitionKey": key,
        "Data": data or str(number).encode(),
        "ApproximateArrivalTimestamp": datetime.fromtimestamp(arrived, UTC),
    }


def record(number: int, *more: Any, **fields: Any) -> Record:
    return records.kinesis(raw(number, *more, **fields), ARN, FIRST)


class Memory:
    """A stream in memory. A shard is a list of records; one that is closed has an end."""

    kind = "Kinesis"
    name = "orders"
    arn = ARN

    def __init__(self, *found: Record) -> None:
        self.shard_records: dict[str, list[Record]] = {FIRST: list(found)}
        self.parents: dict[str, tuple[str, ...]] = {}
        self.closed: set[str] = set()
        #: What the next reads and the next lists of shards raise, one each.
        self.errors: list[StreamError] = []
        self.list_errors: list[StreamError] = []
        #: The calls: "shards", or a shard and where it is asked for or read.
        self.calls: list[tuple[str, ...]] = []
        self._generation = 0

    def put(self, *found: Record, shard: str = FIRST) -> None:
        self.shard_records[shard] += found

    def open_shard(self, name: str, *parents: str) -> None:
        self.shard_records[name] = []
        self.parents[name] = parents

    def expire(self) -> None:
        """Make the iterators worthless that there are."""
        self._generation += 1

    async def shards(self) -> list[ListedShard]:
        self.calls.append(("shards",))
        if self.list_errors:
            raise self.list_errors.pop(0)
        return [ListedShard(name, self.parents.get(name, ())) for name in self.shard_records]

    async def iterator(self, shard: str, position: str, after: str | None = None) -> str:
        self.calls.append(("iterator", shard, after or position))
        found = self.shard_records[shard]
        place = len(found) if position == LATEST else 0
        if after is not None:
            place = next(i for i, each in enumerate(found) if each.sequence == after) + 1
        return f"{self._generation}:{place}"

    async def read(self, shard: str, iterator: str, limit: int) -> Read:
        self.calls.append(("read", shard))
        if self.errors:
            raise self.errors.pop(0)
        generation, place = map(int, iterator.split(":"))
        if generation != self._generation:
            raise ExpiredError("cannot read: the iterator has expired")
        found = self.shard_records[shard][place : place + limit]
        after = place + len(found)
        is_end = shard in self.closed and after == len(self.shard_records[shard])
        return Read(found, None if is_end else f"{generation}:{after}")


class Function:
    """A function of this process, whose answer a test decides; it notes its events."""

    def __init__(self, answer: Callable[[dict[str, Any]], Answer] = lambda event: OK) -> None:
        self._answer = answer
        self.events: list[dict[str, Any]] = []
        self._grown = asyncio.Event()

    async def __call__(self, data: bytes) -> Answer:
        event = json.loads(data)
        self.events.append(event)
        self._grown.set()
        # Others have their turn while it runs.
        await asyncio.sleep(0)
        return self._answer(event)

    @property
    def batches(self) -> list[list[int]]:
        return [numbers(event) for event in self.events]

    @property
    def all(self) -> list[int]:
        return [number for batch in self.batches for number in batch]

    async def until(self, count: int) -> None:
        """Return when there were so many events."""
        while len(self.events) < count:
            self._grown.clear()
            await self._grown.wait()

    async def until_seen(self, number: int) -> None:
        """Return when a record of this number was there."""
        while number not in self.all:
            await self.until(len(self.events) + 1)


def numbers(event: dict[str, Any]) -> list[int]:
    return [int(each["kinesis"]["sequenceNumber"]) for each in event["Records"]]


def data_of(each: dict[str, Any]) -> bytes:
    return base64.b64decode(each["kinesis"]["data"])


def fail_if(condition: Callable[[int], bool]) -> Callable[[dict[str, Any]], Answer]:
    """Return what fails a whole batch if this is true of one of its numbers."""
    return lambda event: FAILED if any(map(condition, numbers(event))) else OK


def report(*failed: int) -> Callable[[dict[str, Any]], Answer]:
    """Return what reports these numbers if they are in the batch."""

    def answer(event: dict[str, Any]) -> Answer:
        names = [{"itemIdentifier": str(each)} for each in numbers(event) if each in failed]
        return Answer(json.dumps({"batchItemFailures": names}).encode())

    return answer


class Polled:
    """A poller, with what it was given."""

    def __init__(self, poller: StreamPoller, log: Recorder, discarded: list[Any]) -> None:
        self.poller = poller
        self.log = log
        self.discarded = discarded
        self.changes = asyncio.Event()

    async def idle(self) -> None:
        """Return when the poller is idle, as `changed` tells."""
        while not self.poller.is_idle:
            self.changes.clear()
            await self.changes.wait()


@asynccontextmanager
async def polling(
    source: Memory, function: Any, timeout: float = 3, **settings: Any
) -> AsyncIterator[Polled]:
    """Poll a stream with these settings; what is given up is in `discarded`."""
    log, discarded = Recorder(), list[Any]()

    async def on_failure(text: str) -> None:
        discarded.append(json.loads(text))

    poller = StreamPoller(
        cast(Source, source),
        KinesisTrigger(stream="orders", **settings),
        function,
        timeout=timeout,
        log=log,
        on_failure=on_failure,
        changed=lambda: polled.changes.set(),
        function_arn="arn:aws:lambda:eu-north-1:123456789012:function:hello",
    )
    polled = Polled(poller, log, discarded)
    async with poller:
        yield polled


async def answered(source: Memory, function: Function, **settings: Any) -> Polled:
    """Poll until all that there is, is answered for good."""
    async with polling(source, function, **settings) as polled:
        await polled.idle()
    return polled


def ranges(found: Sequence[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """Return of each batch that was given up why, and its first and last number."""
    return [
        (
            each["requestContext"]["condition"],
            int(each["KinesisBatchInfo"]["startSequenceNumber"]),
            int(each["KinesisBatchInfo"]["endSequenceNumber"]),
        )
        for each in found
    ]
