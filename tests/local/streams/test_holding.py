"""A read of an idle stream that the embedded services hold until there is a record."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from amazon_lambda_runtime.local.services.client import client
from amazon_lambda_runtime.local.streams import DynamoDbSource, KinesisSource, Source
from amazon_lambda_runtime.local.streams.source import TRIM_HORIZON
from tests.local.support import run
from tests.local.threaded_services import ThreadedServices

REGION = "us-east-1"


@pytest.fixture(scope="module")
def services() -> Iterator[ThreadedServices]:
    services = ThreadedServices.start()
    client("kinesis", services.endpoint, REGION).create_stream(StreamName="held", ShardCount=1)
    client("dynamodb", services.endpoint, REGION).create_table(
        TableName="held",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    yield services
    services.close()


def put(kind: str, endpoint: str) -> None:
    if kind == "kinesis":
        client("kinesis", endpoint, REGION).put_record(
            StreamName="held", Data=b"a", PartitionKey="1"
        )
    else:
        client("dynamodb", endpoint, REGION).put_item(TableName="held", Item={"id": {"S": "a"}})


async def opened(kind: str, endpoint: str, holds: int) -> Source:
    if kind == "kinesis":
        return await KinesisSource.open("held", endpoint, holds)
    return await DynamoDbSource.open("held", endpoint, holds)


@pytest.mark.parametrize("kind", ["kinesis", "dynamodb"])
def test_held(kind: str, services: ThreadedServices) -> None:
    """It is answered as soon as a record is put, when its time is over, or when its poller ends;
    what else happens to the services does not end it."""

    async def test() -> None:
        source = await opened(kind, services.endpoint, 1)
        [shard] = await source.shards()
        iterator = await source.iterator(shard.name, TRIM_HORIZON)
        begun = time.monotonic()
        read = await source.read(shard.name, iterator, 10)
        assert read.records == []
        assert time.monotonic() - begun >= 1
        await source.close()

        source = await opened(kind, services.endpoint, 20)
        assert read.next is not None
        reading = asyncio.create_task(source.read(shard.name, read.next, 10))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(client("sqs", services.endpoint, REGION).list_queues)
        await asyncio.sleep(0.2)
        assert not reading.done()
        begun = time.monotonic()
        await asyncio.to_thread(put, kind, services.endpoint)
        read = await reading
        assert len(read.records) == 1
        assert time.monotonic() - begun < 5

        assert read.next is not None
        reading = asyncio.create_task(source.read(shard.name, read.next, 10))
        await asyncio.sleep(0.2)
        begun = time.monotonic()
        await source.close()
        assert (await reading).records == []
        assert time.monotonic() - begun < 5

    run(test())
