"""Streams as boto3 reads them, from moto's server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import boto3
import pytest

from amazon_lambda_runtime.events import source_of
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.streams import (
    DynamoDbSource,
    KinesisSource,
    Source,
    StreamError,
    StreamPoller,
)
from amazon_lambda_runtime.local.streams.source import ExpiredError, TrimmedError, _told
from amazon_lambda_runtime.project.triggers.stream import DynamoDbTrigger, KinesisTrigger
from tests.local.support import Recorder, run

from .support import Function, data_of


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def client(service: str, endpoint: str) -> Any:
    session: Any = boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    return session.client(service, endpoint_url=endpoint)


@pytest.fixture
def kinesis(endpoint: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    made = client("kinesis", endpoint)
    made.create_stream(StreamName="orders", ShardCount=2)
    yield made
    made.delete_stream(StreamName="orders")
    made.close()


@pytest.fixture
def tables(endpoint: str) -> Iterator[Any]:
    made = client("dynamodb", endpoint)
    settings = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    create(made, "orders", StreamSpecification=settings)
    yield made
    made.delete_table(TableName="orders")
    made.close()


def create(tables: Any, name: str, **more: Any) -> None:
    tables.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )


@asynccontextmanager
async def polled(source: Source, settings: Any, function: Function) -> AsyncIterator[StreamPoller]:
    async with (
        source,
        StreamPoller(source, settings, function, timeout=3, log=Recorder()) as poller,
    ):
        yield poller


def put(kinesis: Any, *found: tuple[str, str]) -> None:
    records = [{"PartitionKey": key, "Data": data.encode()} for key, data in found]
    kinesis.put_records(StreamName="orders", Records=records)


def test_kinesis(endpoint: str, kinesis: Any) -> None:
    """The records of all shards come, each key in its order, also after a split."""

    async def test() -> None:
        put(kinesis, *((key, f"{key}{number}") for number in range(20) for key in "abcd"))
        source = await KinesisSource.open("orders", endpoint)
        assert source.arn == "arn:aws:kinesis:us-east-1:123456789012:stream/orders"
        function = Function()
        settings = KinesisTrigger(stream="orders", batch_size=7)
        async with polled(source, settings, function):
            await until(function, 80)
            half = str(2**126)
            shard = "shardId-000000000000"
            await asyncio.to_thread(
                kinesis.split_shard,
                StreamName="orders",
                ShardToSplit=shard,
                NewStartingHashKey=half,
            )
            await asyncio.to_thread(put, kinesis, *((key, f"{key}20") for key in "abcd"))
            await until(function, 84)
        found = [data_of(each).decode() for event in function.events for each in event["Records"]]
        for key in "abcd":
            assert [each for each in found if each[0] == key] == [f"{key}{n}" for n in range(21)]
        assert all(len(event["Records"]) <= 7 for event in function.events)
        shards = {
            each["eventID"].split(":")[0] for event in function.events for each in event["Records"]
        }
        assert len(shards) > 1
        assert {source_of(event) for event in function.events} == {"aws:kinesis"}

    run(test())


async def until(function: Function, count: int) -> None:
    """Return when the function had so many records."""
    while sum(len(event["Records"]) for event in function.events) < count:
        await function.until(len(function.events) + 1)


def test_latest_of_kinesis(endpoint: str, kinesis: Any) -> None:
    """From LATEST, what was there is skipped, and what is put then comes."""

    async def test() -> None:
        put(kinesis, ("a", "before"))
        source = await KinesisSource.open("orders", endpoint)
        function = Function()
        settings = KinesisTrigger(stream="orders", starting_position="LATEST")
        async with polled(source, settings, function):
            await asyncio.to_thread(put, kinesis, ("a", "after"))
            await until(function, 1)
        assert data_of(function.events[0]["Records"][0]) == b"after"

    run(test())


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
def test_dynamodb(endpoint: str, tables: Any, position: str) -> None:
    """The changes of a table come in their order, with their images; failures are tried again."""

    async def test() -> None:
        tables.put_item(TableName="orders", Item={"id": {"S": "0"}})
        source = await DynamoDbSource.open("orders", endpoint)
        assert ":table/orders/stream/" in source.arn
        refused: list[int] = []

        def answer(event: dict[str, Any]) -> Answer:
            refused.append(len(event["Records"]))
            return Answer(b"{}", failed=len(refused) == 1)

        function = Function(answer)
        settings = DynamoDbTrigger(table="orders", starting_position=position, batch_size=1)
        async with polled(source, settings, function):
            item = {"id": {"S": "1"}, "data": {"B": b"\0\1"}}
            await asyncio.to_thread(tables.put_item, TableName="orders", Item=item)
            changed = {"id": {"S": "1"}, "data": {"N": "1.5"}}
            await asyncio.to_thread(tables.put_item, TableName="orders", Item=changed)
            key = {"id": {"S": "1"}}
            await asyncio.to_thread(tables.delete_item, TableName="orders", Key=key)
            await until(function, 4 if position == "LATEST" else 5)
        first, *found = [event["Records"][0] for event in function.events]
        assert first == found[0]
        if position == "TRIM_HORIZON":
            assert found.pop(0)["dynamodb"]["Keys"] == {"id": {"S": "0"}}
        assert [each["eventName"] for each in found] == ["INSERT", "MODIFY", "REMOVE"]
        insert, modify, remove = (each["dynamodb"] for each in found)
        assert insert["NewImage"] == {"id": {"S": "1"}, "data": {"B": "AAE="}}
        assert modify["OldImage"] == insert["NewImage"]
        assert modify["NewImage"] == changed == remove["OldImage"]
        assert "OldImage" not in insert
        assert "NewImage" not in remove
        for each in found:
            assert each["eventSourceARN"] == source.arn
            assert isinstance(each["dynamodb"]["ApproximateCreationDateTime"], int)
        assert {source_of(event) for event in function.events} == {"aws:dynamodb"}

    run(test())


def test_what_cannot_be_opened(endpoint: str, tables: Any) -> None:
    """A stream or a table that is not there is told in one line; so is a table without a stream."""
    create(tables, "silent")

    async def error(opening: Any) -> str:
        with pytest.raises(StreamError) as caught:
            await opening
        text = str(caught.value)
        assert "\n" not in text
        return text

    async def test() -> None:
        text = await error(KinesisSource.open("missing", endpoint))
        assert text.startswith("cannot open the stream missing: ")
        assert "not found" in text
        text = await error(DynamoDbSource.open("missing", endpoint))
        assert text.startswith("cannot open the stream of the table missing: ")
        assert await error(DynamoDbSource.open("silent", endpoint)) == (
            "cannot open the stream of the table silent: it has none. "
            "Switch it on (StreamSpecification, StreamEnabled)"
        )

    run(test())
    tables.delete_table(TableName="silent")


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint where nobody listens is told in one line."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    async def test() -> None:
        with pytest.raises(StreamError, match=r"cannot open the stream orders: Could not connect"):
            await KinesisSource.open("orders", "http://127.0.0.1:9")

    run(test())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ExpiredIteratorException", ExpiredError),
        ("TrimmedDataAccessException", TrimmedError),
        ("ResourceNotFoundException", StreamError),
    ],
)
def test_errors(code: str, expected: type[StreamError]) -> None:
    """An iterator that expired and a place that is gone are known, for what follows."""
    from botocore.exceptions import ClientError

    with pytest.raises(StreamError, match="cannot read: ") as caught, _told("cannot read"):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetRecords")
    assert caught.type is expected
