"""Queues that send events to a function, against a real SQS protocol in this process."""

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest

from amazon_lambda_runtime.cli.local.queue_options import parse_queue, queue_options
from amazon_lambda_runtime.events import SQS, EventRuntime
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.queues import (
    AttachedQueues,
    Poller,
    Queue,
    QueueError,
    QueueSettings,
    SettingsError,
    TooManyRequests,
)
from amazon_lambda_runtime.local.queues import poller as poller_module
from amazon_lambda_runtime.local.queues.batch import events, failures, reports_failures
from amazon_lambda_runtime.local.queues.embedded import EmbeddedSqs
from amazon_lambda_runtime.local.server import open_pool
from amazon_lambda_runtime.testing import invoke as invoke_handler
from tests.local.support import Recorder, run, source_path

ARN = "arn:aws:sqs:eu-north-1:123456789012:orders"
OK = Answer(b"null")
FAILED = Answer(b'{"errorType":"E"}', failed=True)


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has set for AWS is no part of a test."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)


def message(number: int = 1, body: str = "b", **fields: Any) -> dict[str, Any]:
    return {
        "MessageId": f"id-{number}",
        "ReceiptHandle": f"r-{number}",
        "Body": body,
        "MD5OfBody": "md5",
        "Attributes": {"ApproximateReceiveCount": "1", "SenderId": "A"},
        **fields,
    }


# What Lambda makes of messages and answers.


def test_event() -> None:
    """The event is the one of AWS's documentation, key for key."""
    attributes = {
        "text": {"StringValue": "é", "DataType": "String"},
        "bytes": {"BinaryValue": b"\0\1", "DataType": "Binary"},
    }
    given = message(MessageAttributes=attributes, MD5OfMessageAttributes="md5-2")
    [(event, messages)] = events([given, message(2)], ARN)
    assert messages == [given, message(2)]
    first, second = json.loads(event)["Records"]
    assert first == {
        "messageId": "id-1",
        "receiptHandle": "r-1",
        "body": "b",
        "attributes": {"ApproximateReceiveCount": "1", "SenderId": "A"},
        "messageAttributes": {
            "text": {
                "stringValue": "é",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            },
            "bytes": {
                "binaryValue": "AAE=",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "Binary",
            },
        },
        "md5OfBody": "md5",
        "md5OfMessageAttributes": "md5-2",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": "eu-north-1",
    }
    assert second["messageAttributes"] == {}
    assert "md5OfMessageAttributes" not in second


def test_payload_limit_splits_a_batch() -> None:
    """No event is over 6 MiB, unless one message is, and none is lost or out of order."""
    batch = [message(number, "x" * 1_000_000) for number in range(10)]
    parts = list(events(batch, ARN))
    assert [len(messages) for _, messages in parts] == [6, 4]
    assert all(len(event) <= 6 * 1024 * 1024 for event, _ in parts)
    assert [each for _, messages in parts for each in messages] == batch
    for event, messages in parts:
        ids = [record["messageId"] for record in json.loads(event)["Records"]]
        assert ids == [each["MessageId"] for each in messages]
    exact = len(next(events(batch[:2], ARN))[0])
    assert [len(some) for _, some in events(batch[:2], ARN, limit=exact)] == [2]
    assert [len(some) for _, some in events(batch[:2], ARN, limit=exact - 1)] == [1, 1]
    assert [len(some) for _, some in events(batch[:2], ARN, limit=1)] == [1, 1]


NONE: set[str] = set()
BOTH = {"id-1", "id-2"}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{"batchItemFailures":[{"itemIdentifier":"id-2"}]}', {"id-2"}),
        ('{"batchItemFailures":[{"itemIdentifier":"id-2"},{"itemIdentifier":"id-1"}]}', BOTH),
        ('{"batchItemFailures":[]}', NONE),
        ('{"batchItemFailures":null}', NONE),
        ("{}", NONE),
        ("null", NONE),
        ("", NONE),
        ('""', NONE),
        ('{"statusCode":200}', NONE),
        ('{"batchItemFailures":[{"itemIdentifier":"id-3"}]}', BOTH),
        ('{"batchItemFailures":[{"itemIdentifier":"id-1"},{"itemIdentifier":"x"}]}', BOTH),
        ('{"batchItemFailures":[{"itemIdentifier":""}]}', BOTH),
        ('{"batchItemFailures":[{"itemIdentifier":null}]}', BOTH),
        ('{"batchItemFailures":[{"itemIdentifier":1}]}', BOTH),
        ('{"batchItemFailures":[{"messageId":"id-1"}]}', BOTH),
        ('{"batchItemFailures":["id-1"]}', BOTH),
        ('{"batchItemFailures":"id-1"}', BOTH),
        ('{"batchItemFailures":', BOTH),
        ('"done"', BOTH),
        ("[1]", BOTH),
        ("[" * 100_000, BOTH),
    ],
)
def test_partial_failures(payload: str, expected: set[str]) -> None:
    """ReportBatchItemFailures: what names no messages of the batch fails all of it."""
    answer = Answer(payload.encode())
    batch = [message(1), message(2)]
    assert failures(answer, batch, partial=True) == expected
    assert failures(answer, batch, partial=False) == NONE
    assert failures(Answer(payload.encode(), failed=True), batch, partial=True) == BOTH


def test_what_reports_failures() -> None:
    """A response that names failed messages is known where that is not asked for."""
    assert reports_failures(Answer(b'{"batchItemFailures":[{"itemIdentifier":"1"}]}'))
    assert reports_failures(Answer(b'{"batchItemFailures":[{"id":"1"}]}'))
    for payload in (b'{"batchItemFailures":[]}', b"null", b'"ok"', b"\xff"):
        assert not reports_failures(Answer(payload))
    assert not reports_failures(FAILED)


# What is said on the command line.


def test_options() -> None:
    """A queue and its options are read from one argument."""
    assert parse_queue("orders") == QueueSettings("orders")
    url = "https://sqs.eu-north-1.amazonaws.com/123456789012/orders"
    assert parse_queue(f"{url},batch_size=100,window=5,partial=true") == QueueSettings(
        url, batch_size=100, window=5, partial=True
    )
    made = parse_queue("orders.fifo,dlq=dead.fifo,max_receive_count=2,visibility=7,partial=false")
    assert made.redrive == ("dead.fifo", 2)
    assert made.visibility == 7
    assert parse_queue("orders,dlq=dead").redrive == ("dead", 3)
    assert parse_queue("orders.fifo,max_receive_count=5").redrive == ("orders-dlq.fifo", 5)
    assert parse_queue("orders").redrive is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "give a URL, or a name"),
        ("no/name", "give a URL, or a name"),
        ("orders,batch_size=0", "1 to 10000"),
        ("orders,batch_size=11", "needs a window"),
        ("orders,batch_size=10001,window=1", "1 to 10000"),
        ("orders.fifo,batch_size=11", "1 to 10"),
        ("orders.fifo,window=1", "Lambda has none for a FIFO queue"),
        ("orders,window=301", "0 to 300"),
        ("orders,window=soon", "whole number"),
        ("orders,partial=yes", "true or false"),
        ("orders,partial", "write name=value"),
        ("orders,colour=red", "unknown option 'colour'"),
        ("orders,window=1,window=2", "given twice"),
        ("orders,visibility=50000", "0 to 43200"),
        ("orders,max_receive_count=0", "1 to 1000"),
        ("orders,dlq=dead.fifo", "both FIFO"),
        ("orders,dlq=a b", "give a URL, or a name"),
        ("https://h/1/orders,dlq=dead", "exists already"),
    ],
)
def test_options_that_are_refused(text: str, reason: str) -> None:
    """What AWS would refuse is refused at once, with what is allowed."""
    with pytest.raises(click.BadParameter, match=reason):
        parse_queue(text)


def test_options_of_the_command() -> None:
    """`--sqs` may be given more than once; an error names the option."""
    got: dict[str, Any] = {}

    @click.command()
    @queue_options
    def command(**options: Any) -> None:
        got.update(options)

    command(["--sqs", "a", "--sqs", "b,window=1", "--on-failure", "c"], standalone_mode=False)
    assert got == {
        "queues": (QueueSettings("a"), QueueSettings("b", window=1)),
        "on_failure": QueueSettings("c"),
        "sqs_port": 0,
    }
    with pytest.raises(click.BadParameter, match="window") as caught:
        command(["--sqs", "a,window=x"], standalone_mode=False)
    assert "--sqs" in caught.value.format_message()


def test_settings_are_checked() -> None:
    """Also where no command line is."""
    with pytest.raises(SettingsError, match="batch_size=20"):
        QueueSettings("orders", batch_size=20)


# Queues that are polled.


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
    async with AttachedQueues(timeout=timeout) as attached:
        yield Place(attached)


def test_messages_are_processed_and_deleted() -> None:
    """A success deletes the batch; the events are batches of up to batch_size."""

    async def test() -> None:
        function = Stand(succeed)
        async with place() as here:
            queue = await here.make("done")
            await send(queue, [str(number) for number in range(25)])
            await here.poll(queue, function)
            assert sorted(await function.until(25), key=int) == [str(n) for n in range(25)]
            await empty(queue)
        assert max(map(len, function.batches)) == 10
        assert here.log == []
        assert {record["eventSourceARN"] for record in function.records} == {queue.arn}

    run(test())


def test_window() -> None:
    """A window gathers what comes within it, up to batch_size, which ends it early."""

    async def test() -> None:
        function = Stand(succeed)
        async with place(0.1) as here:
            queue = await here.make("window,visibility=20")
            await here.poll(queue, function, ",batch_size=25,window=2")
            for number in range(3):
                await send(queue, [f"{number}"])
                await asyncio.sleep(0.3)
            begun = time.monotonic()
            await function.until(3)
            assert time.monotonic() - begun > 0.5
            await send(queue, [str(number) for number in range(30)])
            await function.until(33)
        assert [len(batch) for batch in function.batches] == [3, 25, 5]

    run(test())


def test_failure_brings_messages_back() -> None:
    """A batch that fails is left alone: it comes back when its visibility timeout is over."""

    async def test() -> None:
        async def once(records: list[dict[str, Any]]) -> Answer:
            first = records[0]["attributes"]["ApproximateReceiveCount"] == "1"
            return FAILED if first else OK

        function = Stand(once)
        async with place(0.1) as here:
            queue = await here.make("failing,visibility=1")
            await send(queue, ["a", "b"])
            await here.poll(queue, function)
            await function.until(2)
            begun = time.monotonic()
            assert await function.until(4) == ["a", "b", "a", "b"]
            assert time.monotonic() - begun > 0.5
            await empty(queue)
        assert here.log == [
            "SQS failing: 2 of 2 messages failed; redelivered when the visibility timeout "
            "(1 s) expires"
        ]

    run(test())


def test_partial_failure() -> None:
    """With partial=true the messages that are not reported are done with."""

    async def test() -> None:
        odd = fail_if(
            lambda record: (
                record["body"] == "1" and record["attributes"]["ApproximateReceiveCount"] == "1"
            )
        )
        function = Stand(odd)
        async with place(0.1) as here:
            queue = await here.make("partial,visibility=1")
            await send(queue, ["0", "1", "2"])
            await here.poll(queue, function, ",partial=true")
            assert await function.until(4) == ["0", "1", "2", "1"]
            await empty(queue)

    run(test())


def test_partial_failures_without_the_option() -> None:
    """Without partial=true the report means nothing: messages are gone, and one line says so."""

    async def test() -> None:
        function = Stand(fail_if(lambda record: True))
        async with place() as here:
            queue = await here.make("lossy")
            await here.poll(queue, function, partial_failures=True)
            await send(queue, ["a"])
            await function.until(1)
            await send(queue, ["b"])
            await function.until(2)
            await empty(queue)
        assert [line for line in here.log if "deleted" in line] == [
            "SQS lossy: warning: the function reports partial failures, but the queue is polled "
            "without partial=true: messages that it reports as failed are deleted. "
            "Add partial=true",
            "SQS lossy: warning: the response has batchItemFailures, which are ignored without "
            "partial=true, as on AWS without ReportBatchItemFailures: the messages are deleted",
        ]

    run(test())


def test_warnings() -> None:
    """A visibility timeout that is too short, and a class that disagrees, are warned of."""

    async def test() -> None:
        function = Stand(succeed)
        async with place(timeout=3) as here:
            queue = await here.make("short,visibility=17")
            await here.poll(queue, function, ",partial=true", partial_failures=False)
            assert "17 s; with less than 6 x the function's timeout (18 s)" in here.log[0]
            assert "does not report partial failures" in here.log[1]
            enough = await here.make("enough")
            assert enough.visibility == 18
            await here.poll(enough, function, ",partial=true", partial_failures=True)
            await here.poll(enough, function, ",batch_size=20,window=2")
        assert len(here.log) == 3
        assert "plus the window (20 s)" in here.log[2]

    run(test())


@pytest.mark.parametrize("kind", ["", ".fifo"])
def test_poison(kind: str) -> None:
    """What always fails goes to the DLQ after maxReceiveCount attempts, and the rest is done."""

    async def test() -> None:
        function = Stand(fail_if(lambda record: record["body"] == "poison"))
        async with place(0.1) as here:
            queue = await here.make(f"poisoned{kind},max_receive_count=2,visibility=1")
            dlq = await here.attached.open(QueueSettings(f"poisoned-dlq{kind}"))
            await send(queue, ["poison", "good"], "g" if kind else None)
            await here.poll(queue, function, ",partial=true")
            while not (dead := await dlq.receive(10, 1)):
                pass
            assert [each["Body"] for each in dead] == ["poison"]
            await empty(queue)
        assert Counter(function.bodies) == {"poison": 2, "good": 1}

    run(test())


def test_fifo_order() -> None:
    """In each group the order is kept and one batch is in flight, over failures too."""

    async def test() -> None:
        in_flight: Counter[str] = Counter()
        worst = 0
        groups_at_once = 0
        chance = random.Random(7)

        async def answer(records: list[dict[str, Any]]) -> Answer:
            nonlocal worst, groups_at_once
            groups = {record["attributes"]["MessageGroupId"] for record in records}
            in_flight.update(groups)
            worst = max(worst, *in_flight.values())
            groups_at_once = max(groups_at_once, sum(1 for n in in_flight.values() if n))
            await asyncio.sleep(0.02)
            in_flight.subtract(groups)
            failed = chance.random() < 0.3
            if not failed:
                for record in records:
                    done[record["attributes"]["MessageGroupId"]].append(record["body"])
            return FAILED if failed else OK

        done: dict[str, list[str]] = {name: [] for name in "abc"}
        async with place(0.1) as here:
            queue = await here.make("ordered.fifo,visibility=1")
            for start in range(0, 30, 10):
                for name in done:
                    await send(queue, [f"{name}{n}" for n in range(start, start + 10)], name)
            await here.poll(queue, Stand(answer), ",batch_size=4")
            await empty(queue)
        assert done == {name: [f"{name}{n}" for n in range(30)] for name in "abc"}
        assert worst == 1
        assert groups_at_once > 1

    run(test())


def test_throttled() -> None:
    """A batch that the function has no room for is kept: it costs its messages no receive."""

    async def test() -> None:
        free = asyncio.Event()
        refusals = 0
        function = Stand(succeed)

        async def invoke(event: bytes) -> Answer:
            nonlocal refusals
            if not free.is_set():
                refusals += 1
                raise TooManyRequests
            return await function(event)

        async with place(0.1) as here:
            queue = await here.make("throttled,visibility=1,max_receive_count=1")
            await send(queue, [str(number) for number in range(40)])
            await here.poll(queue, invoke, concurrency=2)
            await asyncio.sleep(2.5)
            # It was tried, with pauses, and not more was taken than there are slots.
            assert 2 <= refusals <= 20
            assert not function.batches
            free.set()
            await function.until(40)
            await empty(queue)
        counts = {record["attributes"]["ApproximateReceiveCount"] for record in function.records}
        assert counts == {"1"}

    run(test())


def test_concurrency() -> None:
    """Several batches are in flight, up to the function's concurrency."""

    async def test() -> None:
        running = most = 0

        async def answer(records: list[dict[str, Any]]) -> Answer:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.2)
            running -= 1
            return OK

        function = Stand(answer)
        async with place() as here:
            queue = await here.make("parallel")
            await send(queue, [str(number) for number in range(20)])
            await here.poll(queue, function, ",batch_size=1", concurrency=3)
            await function.until(20)
        assert most == 3

    run(test())


# The end.


def test_stop_lets_batches_finish() -> None:
    """What is in flight when it ends comes to its end and is deleted."""

    async def test() -> None:
        begun = asyncio.Event()

        async def answer(records: list[dict[str, Any]]) -> Answer:
            begun.set()
            await asyncio.sleep(1.5)  # longer than a poll
            return OK

        function = Stand(answer)
        async with AttachedQueues(timeout=2) as server:
            queue = await server.open(QueueSettings("finishing"))
            async with place(2) as here:
                await here.poll(queue, function)
                await queue.send("a")
                await begun.wait()
            assert function.bodies == ["a"]
            assert await left_in(queue) == 0
            assert "SQS finishing: waiting for 1 batch in flight" in here.log

    run(test())


def test_stop_gives_back_the_rest() -> None:
    """What does not end in the function's time, or has not begun, can be received at once."""

    async def test() -> None:
        begun = asyncio.Event()

        async def hang(event: bytes) -> Answer:
            if not begun.is_set():
                begun.set()
                await asyncio.sleep(60)
            raise TooManyRequests

        async with AttachedQueues(timeout=9) as server:
            queue = await server.open(QueueSettings("unfinished"))
            await send(queue, ["a", "b", "c"])
            async with place(0.2) as here:
                await here.poll(queue, hang, ",batch_size=1", concurrency=2)
                await begun.wait()
                await asyncio.sleep(0.2)
                ended = time.monotonic()
            assert time.monotonic() - ended < 2.5
            back = [each["Body"] for _ in range(3) for each in await queue.receive(1, 0)]
            assert sorted(back) == ["a", "b", "c"]

    run(test())


def test_stop_gives_back_what_a_poll_brings() -> None:
    """A message that comes with the last poll is neither lost nor late, in a window too."""

    async def test() -> None:
        async with AttachedQueues(timeout=9) as server:
            queue = await server.open(QueueSettings("last"))
            function = Stand(succeed)
            async with place(0.2) as here:
                await here.poll(queue, function, ",batch_size=20,window=30")
                await queue.send("a")
                await asyncio.sleep(0.3)
            assert function.batches == []
            assert [each["Body"] for each in await queue.receive(10, 0)] == ["a"]

    run(test())


# When the queue is not there.


def test_no_queue() -> None:
    """A queue that is not there is one clear error, before anything is polled."""

    async def test() -> None:
        async with place() as here:
            known = await here.make("known")
            unknown = known.url.replace("known", "unknown")
            with pytest.raises(QueueError, match=r"cannot open the queue http.*does not exist"):
                await here.attached.open(QueueSettings(unknown))
        with pytest.raises(QueueError, match="Could not connect"):
            await Queue.open(known.url)

    run(test())


def test_endpoint_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_ENDPOINT_URL is where queues are looked for, by name too."""

    async def test() -> None:
        async with place() as here:
            queue = await here.make("elsewhere")
            monkeypatch.setenv("AWS_ENDPOINT_URL", queue.url.rpartition("/")[0][:-13])
            async with place() as other:
                same = await other.make("elsewhere")
                assert same.arn == queue.arn
                with pytest.raises(QueueError, match="cannot open the queue nowhere"):
                    await other.make("nowhere")

    run(test())


def test_endpoint_that_goes_away() -> None:
    """The poller says so once, goes on trying, and ends when it is told to."""

    async def test() -> None:
        server = AttachedQueues(timeout=0.1)
        queue = await server.open(QueueSettings("gone"))
        function = Stand(succeed)
        async with place(0.1) as here:
            await here.poll(queue, function)
            await queue.send("a")
            await function.until(1)
            await server.__aexit__(None, None, None)
            line = await here.log.wait_for("SQS gone: cannot receive message")
            assert line.endswith("retrying until it succeeds")

    run(test())


def test_endpoint_that_comes_back() -> None:
    """What was processed while it was gone is deleted then, not processed again; and on it goes."""

    async def test() -> None:
        begun, gone = asyncio.Event(), asyncio.Event()

        async def answer(records: list[dict[str, Any]]) -> Answer:
            begun.set()
            await gone.wait()
            return OK

        function = Stand(answer)
        server = EmbeddedSqs.start()
        port = int(server.endpoint.rpartition(":")[2])
        queue = await server.queue(QueueSettings("back"), 30)
        async with place(5) as here:
            await here.poll(queue, function)
            await queue.send("a")
            await begun.wait()
            await asyncio.to_thread(server.close)
            gone.set()
            await here.log.wait_for("SQS back: cannot receive message")
            server = await asyncio.to_thread(EmbeddedSqs.start, port)
            await here.log.wait_for("SQS back: receiving again")
            await queue.send("b")
            assert await function.until(2) == ["a", "b"]
            await empty(queue)
        await queue.close()
        await asyncio.to_thread(server.close)

    run(test())


def test_messages_that_cannot_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """If SQS refuses every attempt to delete, one line says that they may be redelivered."""
    monkeypatch.setattr(poller_module, "_DELETE_AGAIN", (0.01, 0.02))

    async def test() -> None:
        function = Stand(succeed)
        async with place(0.1) as here:
            queue = await here.make("kept")

            async def refuse(messages: Any) -> Any:
                return messages

            polled = await here.attached.open(QueueSettings(queue.url))
            polled.delete = refuse  # type: ignore[method-assign]
            poller = Poller(
                polled, parse_queue(queue.url), function, concurrency=1, timeout=9, log=here.log
            )
            await queue.send("a")
            async with poller:
                line = await here.log.wait_for("SQS kept: 1 message could not be deleted")
            assert line.endswith("may be redelivered: SQS refuses")

    run(test())


def test_fifo_batch_that_is_split() -> None:
    """When the first part of a batch fails, the rest of its group is not run before it."""

    async def test() -> None:
        async def once(records: list[dict[str, Any]]) -> Answer:
            order.append("".join(record["body"][0] for record in records))
            return FAILED if len(order) == 1 else OK

        order: list[str] = []
        async with place(0.1) as here:
            queue = await here.make("large.fifo,visibility=2")
            # Each takes twice its size in JSON.
            bodies = [f"{number}" + '"' * 200_000 for number in range(10)]
            for body in bodies:
                fields = {"MessageGroupId": "g", "MessageDeduplicationId": body[0]}
                await queue._call("send_message", MessageBody=body, **fields)
            await here.poll(queue, Stand(once))
            await empty(queue)
        assert order[0] == order[1]
        assert "".join(order[1:]) == "0123456789"
        assert len(order[0]) < 10

    with pytest.MonkeyPatch.context() as patch:
        # Messages that are large enough for 6 MiB take moto too long.
        patch.setattr(poller_module, "events", partial(events, limit=2_600_000))
        run(test())


def test_line_for_a_queue_elsewhere() -> None:
    """The command for a queue that is not of this process says nothing of where SQS is."""

    async def test() -> None:
        async with place() as here, place() as other:
            queue = await here.make("line")
            line = other.attached.send_line(queue)
        assert line == (
            f"aws sqs send-message --region us-east-1 --queue-url {queue.url} --message-body '{{}}'"
        )

    run(test())


def test_boto3_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is said in one line."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(QueueError, match=r'pip install "amazon-lambda-runtime\[tools\]"'):
        run(Queue.open("https://sqs.eu-north-1.amazonaws.com/123456789012/orders"))


# All of it, many times.


async def drain(count: int, queue: Queue, enough: Callable[[], int]) -> None:
    """Send messages, a few hundred ahead of what is done, and wait until all are."""
    sent = 0
    while enough() < count:
        if sent < count and sent - enough() < 400:
            await send(queue, [str(number) for number in range(sent, sent + 10)])
            sent += 10
        else:
            await asyncio.sleep(0.02)
    await empty(queue)


@pytest.mark.slow
def test_drain() -> None:
    """
    Of 10,000 messages and a handler that fails at random, none is lost, and none is processed
    again after its success was reported.
    """

    async def test() -> None:
        chance = random.Random(3)
        done: Counter[str] = Counter()
        attempts = 0

        class Handler(SQS):
            def on_message(self, message: Any, record: Any) -> None:
                nonlocal attempts
                attempts += 1
                if chance.random() < 0.05:
                    raise RuntimeError("at random")
                done[record["body"]] += 1

        class App(EventRuntime):
            partial_failures = True

        App.register_event_handler("aws:sqs", Handler)
        app = App()
        app.logger.disabled = True

        async def invoke(event: bytes) -> Answer:
            await asyncio.sleep(chance.random() / 200)
            if chance.random() < 0.03:
                return FAILED
            return Answer(json.dumps(invoke_handler(app, event)).encode())

        async with place(0.3) as here:
            queue = await here.make("drain,visibility=2")
            await here.poll(queue, invoke, ",partial=true")
            await drain(10_000, queue, lambda: len(done))
        assert len(done) == 10_000
        assert set(done.values()) == {1}
        assert attempts > 10_500

    asyncio.run(within(120, test()))


HANDLER = """
import random
from amazon_lambda_runtime.events import EventRuntime

app = EventRuntime()
app.partial_failures = True

@app.on("aws:sqs")
def message(body, record):
    if random.random() < 0.1:
        raise RuntimeError("at random")
    # A record of the log with a traceback has no end of line.
    print()
    print("done", record["body"])

def handler(event, context):
    if random.random() < 0.1:
        raise RuntimeError("at random")
    return app.handler(event, context)
"""


def test_drain_through_a_process(tmp_path: Path) -> None:
    """The same with the real runtime in real processes."""
    tmp_path.joinpath("h.py").write_text(HANDLER)
    function = LocalFunction(
        name="h",
        handler="h.handler",
        command=[sys.executable, "-m", "amazon_lambda_runtime", "h.handler"],
        task_root=str(tmp_path),
        environment={"PYTHONPATH": source_path()},
    )

    async def test() -> None:
        log = Recorder()
        async with open_pool(function, log) as pool, place(0.5) as here:

            async def invoke(event: bytes) -> Answer:
                return await pool.invoke(event).wait()

            def done() -> list[str]:
                return [line for line in log if line.startswith("done ")]

            queue = await here.make("processes,visibility=3")
            await here.poll(queue, invoke, ",partial=true", concurrency=2)
            await drain(200, queue, lambda: len(done()))
            assert sorted(done()) == sorted(f"done {number}" for number in range(200))

    asyncio.run(within(120, test()))


async def within(seconds: float, test: Coroutine[Any, Any, None]) -> None:
    async with asyncio.timeout(seconds):
        await test
