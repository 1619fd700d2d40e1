"""Queues that send events to a function, against a real SQS protocol in this process."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.queues import (
    QueueSettings,
    TooManyRequests,
)
from tests.local.support import run

from .support import FAILED, OK, Stand, empty, fail_if, place, send, succeed


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


@pytest.mark.slow
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


@pytest.mark.parametrize("kind", [pytest.param("", marks=pytest.mark.slow), ".fifo"])
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


@pytest.mark.slow
def test_fifo_order() -> None:
    """In each group the order is kept and one batch is in flight, over failures too."""

    async def test() -> None:
        in_flight: Counter[str] = Counter()
        worst = 0
        groups_at_once = 0
        calls = 0

        async def answer(records: list[dict[str, Any]]) -> Answer:
            nonlocal worst, groups_at_once, calls
            calls += 1
            failed = calls in (2, 6, 7)
            groups = {record["attributes"]["MessageGroupId"] for record in records}
            in_flight.update(groups)
            worst = max(worst, *in_flight.values())
            groups_at_once = max(groups_at_once, sum(1 for n in in_flight.values() if n))
            await asyncio.sleep(0.1)
            in_flight.subtract(groups)
            if not failed:
                for record in records:
                    done[record["attributes"]["MessageGroupId"]].append(record["body"])
            return FAILED if failed else OK

        done: dict[str, list[str]] = {name: [] for name in "abc"}
        async with place(0.1) as here:
            # Longer than a batch takes on a busy machine: it must not be redelivered meanwhile.
            queue = await here.make("ordered.fifo,visibility=4")
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
            await asyncio.sleep(1.5)  # longer than messages are invisible
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
            await send(queue, [str(number) for number in range(9)])
            await here.poll(queue, function, ",batch_size=1", concurrency=3)
            await function.until(9)
        assert most == 3

    run(test())
