"""Tumbling windows: which records are in one, and what becomes of its state."""

import asyncio
import json
from typing import Any

import pytest

from amazon_lambda_runtime.events import EventRuntime, Kinesis, source_of
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.streams import window as module
from amazon_lambda_runtime.project.aws_limits import PAYLOAD_BYTES
from amazon_lambda_runtime.testing import invoke
from tests.local.support import run

from .support import ARN, FAILED, FIRST, Function, Memory, answered, numbers, polling, record

# A moment at which windows of every length in these tests begin.
START = 1596128400.0  # 2020-07-30T17:00:00Z


def total(event: dict[str, Any]) -> Answer:
    """Add the numbers up, in the state."""
    before = event["state"].get("total", 0)
    return Answer(json.dumps({"state": {"total": before + sum(numbers(event))}}).encode())


def at(*seconds: float) -> Memory:
    """Return a stream with a record at each of these seconds, numbered from 1."""
    return Memory(*(record(place + 1, moment=START + each) for place, each in enumerate(seconds)))


async def finals(source: Memory, function: Function, count: int, **settings: Any) -> None:
    """Poll until so many windows have ended."""

    def ended() -> int:
        return sum(event["isFinalInvokeForWindow"] for event in function.events)

    async with polling(source, function, **settings) as polled:
        while ended() < count:
            await function.until(len(function.events) + 1)
        await polled.idle()


def test_windows() -> None:
    """The state goes from batch to batch of a window; its last event has no records."""
    source, function = at(0, 299.9, 300), Function(total)
    run(finals(source, function, 2, tumbling_window=300, batch_size=1))
    first = {"start": "2020-07-30T17:00:00Z", "end": "2020-07-30T17:05:00Z"}
    second = {"start": "2020-07-30T17:05:00Z", "end": "2020-07-30T17:10:00Z"}
    found = [
        (
            event["window"],
            numbers(event),
            event["state"],
            event["isFinalInvokeForWindow"],
            event["isWindowTerminatedEarly"],
        )
        for event in function.events
    ]
    assert found == [
        (first, [1], {}, False, False),
        (first, [2], {"total": 1}, False, False),
        (first, [], {"total": 3}, True, False),
        (second, [3], {}, False, False),
        (second, [], {"total": 3}, True, False),
    ]
    for event in function.events:
        assert (event["shardId"], event["eventSourceARN"]) == (FIRST, ARN)
        assert source_of(event) == "aws:kinesis"


def test_batch_is_of_one_window() -> None:
    """A batch ends where the next window begins, and waits for nothing then."""
    source, function = at(0, 10, 60, 70, 120), Function(total)
    run(finals(source, function, 3, tumbling_window=60, window=300))
    assert function.batches == [[1, 2], [], [3, 4], [], [5], []]


def test_window_that_is_not_over() -> None:
    """A window ends when its time is over, not when its records are answered."""
    source, function = Memory(record(1)), Function(total)
    run(answered(source, function, tumbling_window=900))
    assert function.batches == [[1]]


def test_window_ends_with_the_shard() -> None:
    """The end of a shard ends its window, and the next shard's begins with a new state."""
    source, function = Memory(record(1)), Function(total)
    source.closed.add(FIRST)
    source.open_shard("b", FIRST)
    source.put(record(2), shard="b")
    run(answered(source, function, tumbling_window=900))
    assert function.batches == [[1], [], [2]]
    assert function.events[1]["isFinalInvokeForWindow"]
    assert function.events[2]["state"] == {}


@pytest.mark.parametrize("answer", [b"null", b"{}", b"[]", b"no JSON", b"\xff"])
def test_answer_without_a_state(answer: bytes) -> None:
    """An answer without a state is a failure, as on AWS."""
    source, function = Memory(record(1)), Function(lambda event: Answer(answer))
    polled = run(answered(source, function, tumbling_window=900, maximum_retry_attempts=1))
    assert function.batches == [[1], [1]]
    assert len(polled.discarded) == 1


def test_final_event_is_tried_until_it_succeeds() -> None:
    """The end of a window is never given up, and its state stays."""
    ends: list[Any] = []

    def fail_at_the_end(event: dict[str, Any]) -> Answer:
        if event["isFinalInvokeForWindow"]:
            ends.append(event)
            if len(ends) < 4:
                return FAILED
        return total(event)

    source = at(0, 60)
    function = Function(fail_at_the_end)
    run(finals(source, function, 4 + 1, tumbling_window=60, maximum_retry_attempts=0))
    assert function.batches == [[1], [], [], [], [], [2], []]
    assert [event["state"] for event in function.events[1:5]] == [{"total": 1}] * 4


def test_state_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that is larger than Lambda keeps ends its window; the next begins anew in it."""
    monkeypatch.setattr(module, "_LARGEST_STATE", 11)
    source, function = at(0, 1, 2), Function(total)
    # {"total":1} has 11 bytes.
    source.shard_records[FIRST][1:2] = [record(20, moment=START + 1)]
    run(finals(source, function, 2, tumbling_window=60, batch_size=1))
    found = [
        (numbers(event), event["state"], event["isWindowTerminatedEarly"])
        for event in function.events
    ]
    assert found == [
        ([1], {}, False),
        ([20], {"total": 1}, False),
        ([], {"total": 21}, True),
        ([3], {}, False),
        ([], {"total": 3}, False),
    ]
    assert len({event["window"]["end"] for event in function.events}) == 1


def test_state_counts_for_the_payload() -> None:
    """An event with a large state has fewer records: it stays within Lambda's payload."""
    source = Memory(*(record(n, b"x" * 700_000, moment=START) for n in range(1, 14)))
    sizes: list[int] = []

    class Measured(Function):
        async def __call__(self, data: bytes) -> Answer:
            sizes.append(len(data))
            return await super().__call__(data)

    function = Measured(lambda event: Answer(json.dumps({"state": "s" * 1_000_000}).encode()))
    run(finals(source, function, 1, tumbling_window=60))
    assert [len(batch) for batch in function.batches] == [6, 5, 2, 0]
    assert max(sizes) <= PAYLOAD_BYTES


def test_report_and_state() -> None:
    """What a report counts as done is in the state; a batch that failed wholly leaves none."""

    seen: list[Any] = []

    def answer(event: dict[str, Any]) -> Answer:
        seen.append(event)
        done = [number for number in numbers(event) if number < 3 or len(seen) > 2]
        failed = [number for number in numbers(event) if number not in done]
        return Answer(
            json.dumps(
                {
                    "state": {"done": [*event["state"].get("done", []), *done]},
                    "batchItemFailures": [{"itemIdentifier": str(each)} for each in failed],
                }
            ).encode()
        )

    source = at(0, 1, 2, 3)
    function = Function(answer)
    run(finals(source, function, 1, tumbling_window=60, report_batch_item_failures=True))
    assert function.batches == [[1, 2, 3, 4], [3, 4], [3, 4], []]
    assert [event["state"] for event in function.events[1:]] == [
        {"done": [1, 2]},
        {"done": [1, 2]},
        {"done": [1, 2, 3, 4]},
    ]


def test_bisected_halves_share_the_state() -> None:
    """The halves of a batch are of one window, and the state goes through both."""

    def answer(event: dict[str, Any]) -> Answer:
        return FAILED if len(event["Records"]) > 1 else total(event)

    source, function = at(0, 1), Function(answer)
    run(finals(source, function, 1, tumbling_window=60, bisect_on_error=True))
    assert function.batches == [[1, 2], [1], [2], []]
    assert function.events[-1]["state"] == {"total": 3}


def test_our_own_runtime() -> None:
    """A handler of ours gets the windows as they are, and its answers are taken."""
    ends: list[Any] = []

    class Clicks(Kinesis):
        def on_window(self, records: Any, state: Any, window: Any) -> Any:
            return {"count": state.get("count", 0) + len(records)}

        def on_window_end(self, state: Any, window: Any) -> None:
            ends.append((state, window["start"]))

    class App(EventRuntime):
        pass

    App.register_event_handler("aws:kinesis", Clicks)
    app = App()

    class Ours(Function):
        async def __call__(self, data: bytes) -> Answer:
            await super().__call__(data)
            answer = await asyncio.to_thread(invoke, app, data)
            return Answer(json.dumps(answer).encode())

    run(finals(at(0, 1, 60), Ours(), 2, tumbling_window=60, batch_size=1))
    assert ends == [
        ({"count": 2}, "2020-07-30T17:00:00Z"),
        ({"count": 1}, "2020-07-30T17:01:00Z"),
    ]
