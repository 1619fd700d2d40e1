"""A stream as it is read: of Kinesis, or of a table of DynamoDB.

boto3 blocks, so each call runs in a thread; a call that has begun runs to its end.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.local.services.application import HOLDS
from amazon_lambda_runtime.local.services.client import ServiceError, make, told, wake

from . import records
from .records import Record

_REGION = "us-east-1"
# Shards that are read at once.
_THREADS = 32
#: Where a shard is read from: its beginning, or what comes from now on.
TRIM_HORIZON, LATEST = "TRIM_HORIZON", "LATEST"


class StreamError(ServiceError):
    """Raised when a stream cannot be used; the message says what was attempted and the reason."""


class ExpiredError(StreamError):
    """Raised for an iterator that was not used for too long: another is needed."""


class TrimmedError(StreamError):
    """Raised for a place whose records the stream has dropped, as they were a day old."""


@dataclass(frozen=True, slots=True)
class ListedShard:
    """A shard of a stream, and the shards that it goes on from."""

    name: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """What one read returned. `next` is None at the end of a shard that is closed."""

    records: Sequence[Record]
    next: str | None


class Source(Closing):
    """A stream that exists."""

    kind: ClassVar[str]

    def __init__(self, client: Any, name: str, arn: str, endpoint: str | None = None) -> None:
        self._endpoint = endpoint
        self.name = name
        self.arn = arn
        self._client = client
        self._threads = ThreadPoolExecutor(_THREADS, f"stream-{name}")

    async def close(self) -> None:
        """Wait for the calls in flight; reads that are held are ended."""
        closing = asyncio.ensure_future(asyncio.to_thread(self._threads.shutdown))
        while not closing.done():
            await self._wake()
            # Again if a read had not reached the server yet.
            await asyncio.wait([closing], timeout=1)
        self._client.close()

    async def shards(self) -> list[ListedShard]:
        """Return the shards that there are, also those that are closed. Raises StreamError."""
        found: list[ListedShard] = await self._do("list the shards", self._shards)
        return found

    async def iterator(self, shard: str, position: str, after: str | None = None) -> str:
        """Return where to read a shard: at the position, or after this sequence number.

        Raises StreamError.
        """
        given = {"ShardIteratorType": position}
        if after is not None:
            given = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", self._number: after}
        found: str = await self._do(
            f"find the place in {shard}",
            lambda: self._client.get_shard_iterator(
                **self._stream_argument(), ShardId=shard, **given
            )["ShardIterator"],
        )
        return found

    async def read(self, shard: str, iterator: str, limit: int) -> Read:
        """Return up to `limit` records, none if there are none yet. Raises StreamError."""

        def read() -> Read:
            reply = self._client.get_records(ShardIterator=iterator, Limit=limit)
            found = [self._record(raw, shard) for raw in reply["Records"]]
            return Read(found, reply.get("NextShardIterator"))

        result: Read = await self._do(f"read {shard}", read)
        return result

    async def _wake(self) -> None:
        """Have the embedded services end the reads that they hold."""
        if self._endpoint is not None:
            await asyncio.to_thread(wake, self._endpoint)

    async def _do(self, what: str, call: Callable[[], Any]) -> Any:
        def do() -> Any:
            with _told(f"cannot {what} of {self.name}"):
                return call()

        return await asyncio.get_running_loop().run_in_executor(self._threads, do)

    # What GetShardIterator calls a sequence number.
    _number: ClassVar[str]

    def _stream_argument(self) -> dict[str, str]:
        raise NotImplementedError

    def _shards(self) -> list[ListedShard]:
        raise NotImplementedError

    def _record(self, raw: dict[str, Any], shard: str) -> Record:
        raise NotImplementedError


class KinesisSource(Source):
    """A stream of Kinesis."""

    kind = "Kinesis"
    _number = "StartingSequenceNumber"

    @classmethod
    async def open(cls, stream: str, endpoint: str | None = None, holds: int = 0) -> Self:
        """Open the stream of this name. Raises StreamError if it cannot be read.

        An `endpoint` of the embedded services may hold a read for so many seconds.
        """

        def open_it() -> Any:
            with _told(f"cannot open the stream {stream}"):
                client = _client("kinesis", endpoint, holds)
                reply = client.describe_stream_summary(StreamName=stream)
                arn = reply["StreamDescriptionSummary"]["StreamARN"]
                return cls(client, stream, arn, endpoint if holds else None)

        return await asyncio.to_thread(open_it)

    def _stream_argument(self) -> dict[str, str]:
        return {"StreamName": self.name}

    def _shards(self) -> list[ListedShard]:
        found: list[ListedShard] = []
        argument = self._stream_argument()
        while argument:
            reply = self._client.list_shards(**argument)
            found += map(_listed, reply["Shards"])
            token = reply.get("NextToken")
            argument = {"NextToken": token} if token else {}
        return found

    def _record(self, raw: dict[str, Any], shard: str) -> Record:
        return records.kinesis(raw, self.arn, shard)


class DynamoDbSource(Source):
    """The stream of a table's changes."""

    kind = "DynamoDB"
    _number = "SequenceNumber"

    @classmethod
    async def open(cls, table: str, endpoint: str | None = None, holds: int = 0) -> Self:
        """Open the stream of this table. Raises StreamError if it has none, or can't be read.

        An `endpoint` of the embedded services may hold a read for so many seconds.
        """
        attempted = f"cannot open the stream of the table {table}"

        def open_it() -> Any:
            with _told(attempted):
                tables = _client("dynamodb", endpoint)
                try:
                    found = tables.describe_table(TableName=table)["Table"]
                finally:
                    tables.close()
                if not found.get("StreamSpecification", {}).get("StreamEnabled"):
                    raise StreamError(
                        f"{attempted}: it has none. "
                        "Switch it on (StreamSpecification, StreamEnabled)"
                    )
                client = _client("dynamodbstreams", endpoint, holds)
                return cls(client, table, found["LatestStreamArn"], endpoint if holds else None)

        return await asyncio.to_thread(open_it)

    def _stream_argument(self) -> dict[str, str]:
        return {"StreamArn": self.arn}

    def _shards(self) -> list[ListedShard]:
        found: list[ListedShard] = []
        more: dict[str, str] = {}
        while True:
            reply = self._client.describe_stream(**self._stream_argument(), **more)
            found += map(_listed, reply["StreamDescription"].get("Shards", []))
            last = reply["StreamDescription"].get("LastEvaluatedShardId")
            if not last:
                return found
            more = {"ExclusiveStartShardId": last}

    def _record(self, raw: dict[str, Any], shard: str) -> Record:
        return records.dynamodb(raw, self.arn)


def _listed(shard: dict[str, Any]) -> ListedShard:
    names = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    return ListedShard(shard["ShardId"], tuple(name for name in names if name))


_KINDS: dict[str, type[StreamError]] = {
    "ExpiredIteratorException": ExpiredError,
    "TrimmedDataAccessException": TrimmedError,
}


def _told(attempted: str) -> AbstractContextManager[None]:
    return told(attempted, StreamError, _KINDS)


def _client(service: str, endpoint: str | None, holds: int = 0) -> Any:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _REGION
    more = {"max_pool_connections": _THREADS, "user_agent_extra": f"{HOLDS}/{holds}"}
    return make(service, region, endpoint, **more)
