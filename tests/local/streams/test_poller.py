"""What is tried again, halved, given up and skipped; what follows what."""

import asyncio
import json
import time
import zlib
from types import SimpleNamespace
from typing import Any

import pytest

from amazon_lambda_runtime.local.engine.async_invocations import DestinationError
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.streams import StreamError, TooManyRequests, delivery
from amazon_lambda_runtime.local.streams import shard as shard_module
from amazon_lambda_runtime.local.streams.source import ListedShard, TrimmedError
from tests.local.support import run, until

from .support import (
    EMPTY,
    FAILED,
    FIRST,
    OK,
    Function,
    Memory,
    answered,
    data_of,
    fail_if,
    numbers,
    polling,
    ranges,
    record,
    report,
)


def stream(*found: int, **fields: Any) -> Memory:
    return Memory(*(record(number, **fields) for number in found))


def test_batches() -> None:
    """Records come in their order, in batches of at most the batch size, with their data."""
    function = Function()
    run(answered(stream(1, 2, 3, 4, 5), function, batch_size=2))
    assert function.batches == [[1, 2], [3, 4], [5]]
    assert data_of(function.events[1]["Records"][0]) == b"3"


def test_batch_of_the_largest_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    """No event is larger than Lambda's payload, and a batch that fills one waits for no more."""
    source = Memory(*(record(number, b"x" * 1_000_000) for number in range(1, 8)))
    function = Function()

    async def test() -> None:
        async with polling(source, function, batch_size=100, window=300):
            await function.until(1)

    run(test())
    # In Base64, four of these are less than 6 MiB.
    assert function.batches == [[1, 2, 3, 4]]


def test_window() -> None:
    """A batch that is not full waits for its window; one that is full does not."""
    source = stream(1)
    function = Function()

    async def test() -> None:
        # Whole seconds in a project file, which a test has no time for.
        async with polling(source, function, batch_size=3, window=0.04) as polled:
            await asyncio.sleep(0.01)
            assert not polled.poller.is_idle
            assert not function.events
            source.put(record(2))
            await function.until(1)
            assert function.batches == [[1, 2]]
        source.put(record(3))
        async with polling(source, function, batch_size=3, window=300):
            await function.until(2)
            assert function.batches[1:] == [[1, 2, 3]]

    run(test())


@pytest.mark.parametrize(("position", "expected"), [("TRIM_HORIZON", [1, 2]), ("LATEST", [2])])
def test_starting_position(position: str, expected: list[int]) -> None:
    """LATEST begins with what is put after the poller has been entered."""
    source = stream(1)
    function = Function()

    async def test() -> None:
        async with polling(source, function, starting_position=position) as polled:
            source.put(record(2))
            await function.until_seen(2)
            await polled.idle()

    run(test())
    assert function.all == expected


def test_failed_batch_is_tried_again() -> None:
    """A batch that fails is tried again as it is, and what follows waits for it."""
    tries = 0

    def answer(event: dict[str, Any]) -> Answer:
        nonlocal tries
        tries += 1
        return FAILED if tries < 4 else OK

    function = Function(answer)
    polled = run(answered(stream(1, 2, 3), function, batch_size=2))
    assert function.batches == [[1, 2]] * 4 + [[3]]
    assert polled.discarded == []
    assert next(line for line in polled.log if "retry" in line) == (
        f"Kinesis orders: 2 records of {FIRST} failed; trying again in 0.001 s (retry 1)"
    )


@pytest.mark.parametrize("retries", [0, 2])
def test_retries_are_used_up(retries: int) -> None:
    """A batch whose retries are used up is given up, told, and skipped."""
    function = Function(fail_if(lambda number: number == 2))
    settings = {"batch_size": 2, "maximum_retry_attempts": retries}
    polled = run(answered(stream(1, 2, 3), function, **settings))
    assert function.batches == [[1, 2]] * (retries + 1) + [[3]]
    assert ranges(polled.discarded) == [("RetryAttemptsExhausted", 1, 2)]
    [given_up] = polled.discarded
    assert given_up["requestContext"]["approximateInvokeCount"] == retries + 1
    assert given_up["requestContext"]["functionArn"].endswith(":function:hello")
    assert given_up["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }


def test_destination_that_fails() -> None:
    """A destination that doesn't take a record is told of, and holds up nothing."""

    async def test() -> None:
        function = Function(fail_if(lambda number: number == 1))
        settings = {"batch_size": 1, "maximum_retry_attempts": 0}
        async with polling(stream(1, 2), function, **settings) as polled:

            async def refuse(text: str) -> None:
                raise DestinationError("no such queue")

            polled.poller._delivery._on_failure = refuse
            await polled.idle()
            assert function.batches == [[1], [2]]
            assert polled.log[-1] == (
                "Kinesis orders: the on-failure destination refused a record: no such queue"
            )

    run(test())


def test_records_that_are_too_old() -> None:
    """Records older than their maximum age are given up, without being tried; others are not."""
    old = time.time() - 100
    source = Memory(record(1, moment=old), record(2, moment=old), record(3))
    function = Function()
    polled = run(answered(source, function, maximum_record_age=60))
    assert function.batches == [[3]]
    assert ranges(polled.discarded) == [("RecordAgeExceeded", 1, 2)]
    assert "responseContext" not in polled.discarded[0]


def test_age_ends_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that fails for ever is tried until its records are too old, one by one."""
    now = 1059.0
    monkeypatch.setattr(delivery, "time", SimpleNamespace(time=lambda: now))

    def answer(event: dict[str, Any]) -> Answer:
        nonlocal now
        now += 1
        return fail_if(lambda number: number == 1)(event)

    source = Memory(record(1, moment=1000.0), record(2, moment=1050.0))
    function = Function(answer)
    polled = run(answered(source, function, maximum_record_age=60))
    # It may be as old as that.
    assert function.batches == [[1, 2], [1, 2], [2]]
    assert ranges(polled.discarded) == [("RecordAgeExceeded", 1, 1)]


def test_bisect() -> None:
    """A batch that fails is halved until the record is alone; halving uses up no retry."""
    function = Function(fail_if(lambda number: number == 3))
    settings = {"bisect_on_error": True, "maximum_retry_attempts": 1}
    polled = run(answered(stream(1, 2, 3, 4, 5), function, **settings))
    assert function.batches == [[1, 2, 3, 4, 5], [1, 2], [3, 4, 5], [3], [3], [4, 5]]
    assert ranges(polled.discarded) == [("RetryAttemptsExhausted", 3, 3)]


def test_report() -> None:
    """It goes on at the lowest number that is reported, and each try uses up a retry."""
    function = Function(report(2, 4))
    settings = {"report_batch_item_failures": True, "maximum_retry_attempts": 1}
    polled = run(answered(stream(1, 2, 3, 4), function, **settings))
    assert function.batches == [[1, 2, 3, 4], [2, 3, 4]]
    assert ranges(polled.discarded) == [("RetryAttemptsExhausted", 2, 4)]
    assert "functionError" not in polled.discarded[0]["responseContext"]


def test_report_and_bisect() -> None:
    """With both, the cut is where the report says; a first record that fails is found by halves."""
    function = Function(report(3))
    settings = {
        "report_batch_item_failures": True,
        "bisect_on_error": True,
        "maximum_retry_attempts": 0,
    }
    polled = run(answered(stream(1, 2, 3, 4), function, **settings))
    assert function.batches == [[1, 2, 3, 4], [3, 4], [3], [4]]
    assert ranges(polled.discarded) == [("RetryAttemptsExhausted", 3, 3)]


def test_report_that_nobody_asked_for() -> None:
    """Without report_batch_item_failures a report means nothing, which is said once."""
    function = Function(report(1, 2))
    polled = run(answered(stream(1, 2), function, batch_size=1))
    assert function.batches == [[1], [2]]
    assert len([line for line in polled.log if "batchItemFailures" in line]) == 1


def test_throttled() -> None:
    """A function that has no room is asked again, and no retry is used up."""
    refusals = 5

    class Busy(Function):
        async def __call__(self, data: bytes) -> Answer:
            nonlocal refusals
            if refusals:
                refusals -= 1
                raise TooManyRequests
            return await super().__call__(data)

    function = Busy()
    polled = run(answered(stream(1), function, maximum_retry_attempts=0))
    assert refusals == 0
    assert function.batches == [[1]]
    assert polled.discarded == []


def test_filters() -> None:
    """Records that no filter takes are skipped, and count as done."""
    source = Memory(
        record(1, b'{"kind": "buy"}'), record(2, b'{"kind": "sell"}'), record(3, b"no JSON")
    )
    function = Function()
    run(answered(source, function, filters=('{"data": {"kind": ["sell"]}}',)))
    assert function.all == [2]


def test_parallel_batches() -> None:
    """With a parallelization factor keys go side by side, and each stays in its order."""
    held = asyncio.Event()
    keys = ["a", "b", "c", "d"]
    source = Memory(*(record(number, key=keys[number % 4]) for number in range(40)))
    stuck: set[str] = set()

    class Held(Function):
        async def __call__(self, data: bytes) -> Answer:
            answer = await super().__call__(data)
            found = [each["kinesis"]["partitionKey"] for each in json.loads(data)["Records"]]
            if "a" in found:
                stuck.update(found)
                await held.wait()
            return answer

    async def test() -> None:
        function = Held()
        settings = {"parallelization_factor": 4, "batch_size": 1}
        async with polling(source, function, **settings) as polled:
            # One key is held up; those of other lanes are done.
            others = [n for n in range(40) if lane_of(n) != lane_of(0)]
            while not set(others) <= set(function.all):
                await function.until(len(function.events) + 1)
            await until(lambda: polled.poller.in_flight == 1)
            held.set()
            await polled.idle()
        assert sorted(function.all) == list(range(40))
        for key in range(4):
            mine = [number for number in function.all if number % 4 == key]
            assert mine == sorted(mine)
        assert len({lane_of(number) for number in range(4)}) > 1

    def lane_of(number: int) -> int:
        return zlib.crc32(keys[number % 4].encode()) % 4

    run(test())


def test_new_shards() -> None:
    """A shard that was split is read to its end, and answered, before its successors are."""
    source = stream(1, 2)
    source.open_shard("b", FIRST)
    source.open_shard("c", FIRST)
    source.open_shard("d", "b", "c")
    source.put(record(3), shard="b")
    source.put(record(4), shard="c")
    source.put(record(5), shard="d")
    source.closed |= {FIRST, "b", "c"}
    tries: list[int] = []

    def answer(event: dict[str, Any]) -> Answer:
        tries.extend(numbers(event))
        return FAILED if numbers(event) == [2] and tries.count(2) < 3 else OK

    function = Function(answer)
    run(answered(source, function, batch_size=1))
    assert function.all[:4] == [1, 2, 2, 2]
    assert sorted(function.all[4:6]) == [3, 4]
    assert function.all[6:] == [5]


def test_split_while_it_is_polled() -> None:
    """A split is followed when it happens, and the new shards are read from their beginning."""
    source = stream()
    function = Function()

    async def test() -> None:
        async with polling(source, function, starting_position="LATEST") as polled:
            await polled.idle()
            source.put(record(1))
            source.open_shard("b", FIRST)
            source.put(record(2), shard="b")
            source.closed.add(FIRST)
            await function.until(2)
            await polled.idle()
        assert function.all == [1, 2]

    run(test())


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
def test_expired_iterator(position: str) -> None:
    """An iterator that expired is renewed where reading was: nothing twice, nothing lost."""
    source = Memory(record(1, moment=time.time() - 3600))
    function = Function()

    async def test() -> None:
        async with polling(source, function, starting_position=position) as polled:
            await polled.idle()
            source.expire()
            source.put(record(2))
            await function.until_seen(2)
            await polled.idle()
            source.expire()
            source.put(record(3))
            await function.until_seen(3)
            await polled.idle()
        assert function.all == ([1, 2, 3] if position == "TRIM_HORIZON" else [2, 3])
        # No line: nothing has gone wrong.
        assert list(polled.log) == []

    run(test())


def test_records_that_the_stream_has_dropped() -> None:
    """Where records were dropped before they were read, it goes on with the oldest."""
    source = stream(1)
    function = Function()

    async def test() -> None:
        async with polling(source, function) as polled:
            await polled.idle()
            source.shard_records[FIRST] = [record(5)]
            source.errors = [TrimmedError("cannot read: trimmed")]
            await function.until(2)
            await polled.idle()
        assert function.all == [1, 5]
        assert list(polled.log) == [
            "Kinesis orders: cannot read: trimmed; continuing with the oldest records that are left"
        ]

    run(test())


def test_endpoint_that_fails() -> None:
    """Reads that fail are repeated, with a line at the start and the end; no record is lost."""
    source = stream(1)
    function = Function()

    async def test() -> None:
        async with polling(source, function) as polled:
            await polled.idle()
            source.errors = [StreamError("cannot read: gone") for _ in range(4)]
            source.put(record(2))
            await function.until(2)
            await polled.idle()
        assert function.all == [1, 2]
        assert list(polled.log) == [
            "Kinesis orders: cannot read: gone; retrying until it succeeds",
            "Kinesis orders: reading again",
        ]

    run(test())


def test_stream_that_cannot_be_read() -> None:
    """To poll a stream that can't be read raises, before anything runs."""
    source = stream(1)
    source.list_errors = [StreamError("cannot list the shards of orders: gone")]

    async def test() -> None:
        with pytest.raises(StreamError, match="cannot list the shards of orders: gone"):
            async with polling(source, Function()):
                pass

    run(test())


def test_shards_that_cannot_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that fails after a split is asked for again, and the poller is not idle meanwhile."""
    source = stream(1)
    was_idle: list[bool] = []
    function = Function()

    async def test() -> None:
        async with polling(source, function) as polled:
            await polled.idle()
            source.open_shard("b", FIRST)
            source.put(record(2), shard="b")
            source.closed.add(FIRST)
            source.list_errors = [StreamError("cannot list the shards"), StreamError("again")]

            async def shards() -> list[ListedShard]:
                was_idle.append(polled.poller.is_idle)
                return await Memory.shards(source)

            monkeypatch.setattr(source, "shards", shards)
            await function.until(2)
            await polled.idle()
        assert function.all == [1, 2]
        assert was_idle == [False, False, False]
        assert list(polled.log) == [
            "Kinesis orders: cannot list the shards; retrying until it succeeds"
        ]

    run(test())


def test_room() -> None:
    """Reading pauses while much is read and not answered, and goes on with the answers."""
    source = Memory(*(record(number) for number in range(5000)))
    held = asyncio.Event()

    class Held(Function):
        async def __call__(self, data: bytes) -> Answer:
            answer = await super().__call__(data)
            await held.wait()
            return answer

    async def test() -> None:
        function = Held()
        async with polling(source, function, batch_size=500) as polled:
            await function.until(1)
            await asyncio.sleep(0.01)
            assert source.calls.count(("read", FIRST)) == 1
            assert polled.poller.iterator_age_ms >= 10
            assert not polled.poller.is_idle
            held.set()
            await polled.idle()
            assert function.all == list(range(5000))
            assert polled.poller.iterator_age_ms == 0
            assert polled.poller.in_flight == 0

    run(test())


def test_switched_off() -> None:
    """A trigger with enabled = false polls nothing, and says so."""
    source = stream(1)
    polled = run(answered(source, Function(), enabled=False))
    assert source.calls == []
    assert list(polled.log) == ["Kinesis orders: is not polled: its trigger has enabled = false"]


def test_end_waits_for_what_runs() -> None:
    """At its end the invocation that runs is finished, and nothing else is begun."""
    source = stream(1, 2)
    asked, held = asyncio.Event(), asyncio.Event()
    finished = False

    async def invoke(data: bytes) -> Answer:
        nonlocal finished
        asked.set()
        await held.wait()
        finished = True
        return OK

    async def test() -> None:
        async with polling(source, invoke, batch_size=1) as polled:
            await asked.wait()
            asyncio.get_running_loop().call_later(0.01, held.set)
        assert finished
        assert list(polled.log) == ["Kinesis orders: waiting for 1 batch in flight"]
        assert polled.poller.in_flight == 0

    run(test())


def test_end_does_not_wait_longer_than_the_timeout() -> None:
    """An invocation that takes longer than the function may is left."""
    asked = asyncio.Event()

    async def invoke(data: bytes) -> Answer:
        asked.set()
        await asyncio.sleep(60)
        return OK

    async def test() -> None:
        began = time.monotonic()
        async with polling(stream(1), invoke, timeout=0.02):
            await asked.wait()
        assert time.monotonic() - began < 5

    run(test())


@pytest.mark.parametrize("failure", [FAILED, None])
def test_end_begins_no_pause(monkeypatch: pytest.MonkeyPatch, failure: Answer | None) -> None:
    """An invocation that fails while the poller ends is not waited for any longer."""
    monkeypatch.setattr(delivery, "_FAILED", (60, 60))
    monkeypatch.setattr(delivery, "_THROTTLED", (60, 60))
    asked, held = asyncio.Event(), asyncio.Event()

    async def invoke(data: bytes) -> Answer:
        asked.set()
        await held.wait()
        if failure is None:
            raise TooManyRequests
        return failure

    async def test() -> None:
        began = time.monotonic()
        async with polling(stream(1), invoke, timeout=30):
            await asked.wait()
            asyncio.get_running_loop().call_later(0.01, held.set)
        assert time.monotonic() - began < 5

    run(test())


@pytest.mark.parametrize("failure", [FAILED, None])
def test_end_cuts_pauses_short(monkeypatch: pytest.MonkeyPatch, failure: Answer | None) -> None:
    """A batch that waits for its next try holds up no end."""
    monkeypatch.setattr(delivery, "_FAILED", (60, 60))
    monkeypatch.setattr(delivery, "_THROTTLED", (60, 60))
    asked = asyncio.Event()

    async def invoke(data: bytes) -> Answer:
        asked.set()
        if failure is None:
            raise TooManyRequests
        return failure

    async def test() -> None:
        began = time.monotonic()
        async with polling(stream(1), invoke, timeout=30):
            await asked.wait()
            await asyncio.sleep(0.01)
        assert time.monotonic() - began < 5

    run(test())


def test_idle_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second passes between two reads that find nothing."""
    monkeypatch.setattr(shard_module, "_EMPTY", EMPTY)
    source = stream()

    async def test() -> None:
        async with polling(source, Function()) as polled:
            await polled.idle()
            await asyncio.sleep(0.05)
        assert source.calls.count(("read", FIRST)) == 1

    run(test())
    assert EMPTY == 1
