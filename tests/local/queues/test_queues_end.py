"""Polling that ends, and queues that are not there, against a real SQS protocol."""

import asyncio
import sys
import time
from functools import partial
from typing import Any

import pytest

from amazon_lambda_runtime.cli.local.queue_options import parse_queue
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.queues import (
    Poller,
    Queue,
    QueueError,
    QueueSettings,
    TooManyRequests,
)
from amazon_lambda_runtime.local.queues import poller as poller_module
from amazon_lambda_runtime.local.queues.batch import events
from amazon_lambda_runtime.local.queues.embedded import EmbeddedQueues
from tests.local.support import run

from .support import FAILED, OK, Stand, attached_queues, empty, left_in, place, send, succeed


def test_stop_lets_batches_finish() -> None:
    """What is in flight when it ends comes to its end and is deleted."""

    async def test() -> None:
        begun = asyncio.Event()

        async def answer(records: list[dict[str, Any]]) -> Answer:
            begun.set()
            await asyncio.sleep(1.5)  # longer than a poll
            return OK

        function = Stand(answer)
        async with attached_queues(2) as server:
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

        async with attached_queues(9) as server:
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
        async with attached_queues(9) as server:
            queue = await server.open(QueueSettings("last"))
            function = Stand(succeed)
            async with place(0.2) as here:
                await here.poll(queue, function, ",batch_size=20,window=30")
                await queue.send("a")
                await asyncio.sleep(0.3)
            assert function.batches == []
            assert [each["Body"] for each in await queue.receive(10, 0)] == ["a"]

    run(test())


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
        server = EmbeddedQueues()
        queue = await server.queue(QueueSettings("gone"), 1)
        function = Stand(succeed)
        async with place(0.1) as here:
            await here.poll(queue, function)
            await queue.send("a")
            await function.until(1)
            await server.close()
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
        server = EmbeddedQueues()
        queue = await server.queue(QueueSettings("back"), 30)
        port = int((await server.up()).endpoint.rpartition(":")[2])
        async with place(5) as here:
            await here.poll(queue, function)
            await queue.send("a")
            await begun.wait()
            await server.close()
            gone.set()
            await here.log.wait_for("SQS back: cannot receive message")
            server = EmbeddedQueues(port)
            await server.up()
            await here.log.wait_for("SQS back: receiving again")
            await queue.send("b")
            assert await function.until(2) == ["a", "b"]
            await empty(queue)
        await queue.close()
        await server.close()

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
    with pytest.raises(QueueError, match=r"it needs boto3: .* install .*\[tools\]'"):
        run(Queue.open("https://sqs.eu-north-1.amazonaws.com/123456789012/orders"))
