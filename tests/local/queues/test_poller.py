"""The poller alone, with a queue that is a script: how long it waits, what it hides and deletes."""

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import pytest

from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.queues import Poller, Queue, QueueError, QueueSettings
from amazon_lambda_runtime.local.queues import TooManyRequests as Busy
from amazon_lambda_runtime.local.queues import poller as module
from tests.local.support import Recorder, run

OK = Answer(b"null")


def message(number: int, group: str = "") -> dict[str, Any]:
    return {
        "MessageId": f"id-{number}",
        "ReceiptHandle": f"r-{number}",
        "Body": str(number),
        "MD5OfBody": "md5",
        "Attributes": {"MessageGroupId": group} if group else {},
    }


def numbers(messages: Sequence[Any]) -> list[int]:
    return [int(each["Body"]) for each in messages]


class Script:
    """A queue that gives these messages, one list for each poll, and then none."""

    arn = "arn:aws:sqs:us-east-1:123456789012:q"
    name = "q"
    wakes = False

    def __init__(
        self, *polls: list[Any] | QueueError, fifo: bool = False, visibility: int = 60
    ) -> None:
        self.is_fifo = fifo
        self.visibility = visibility
        self.polls = list(polls)
        #: Of each poll: when it began, its limit, how long it would wait.
        self.asked: list[tuple[float, int, int]] = []
        self.deleted: list[int] = []
        #: Of each change of visibility: the messages and the seconds.
        self.hidden: list[tuple[list[int], int]] = []
        self.done = asyncio.Event()

    async def receive(self, limit: int, wait: int) -> list[Any]:
        self.asked.append((asyncio.get_running_loop().time(), limit, wait))
        if self.polls:
            found = self.polls.pop(0)
            if isinstance(found, QueueError):
                raise found
            return found
        await asyncio.sleep(wait or 0.001)
        return []

    async def wake(self) -> None:
        """Polls of this queue end by themselves."""

    async def delete(self, messages: Sequence[Any]) -> list[Any]:
        self.deleted += numbers(messages)
        self.done.set()
        return []

    async def hide(self, messages: Sequence[Any], seconds: int) -> list[Any]:
        self.hidden.append((numbers(messages), seconds))
        self.done.set()
        return []


def poll(queue: Script, invoke: Any, log: Recorder | None = None, **settings: Any) -> Poller:
    name = "q.fifo" if queue.is_fifo else "q"
    return Poller(
        cast(Queue, queue),
        QueueSettings(name, **settings),
        invoke,
        concurrency=1,
        timeout=3,
        log=Recorder() if log is None else log,
    )


def test_window() -> None:
    """A batch that is not full waits for more as long as its window, and no longer."""

    async def test() -> None:
        given: list[list[str]] = []
        began = 0.0

        async def invoke(event: bytes) -> Answer:
            nonlocal began
            began = loop.time()
            given.append([record["body"] for record in json.loads(event)["Records"]])
            return OK

        loop = asyncio.get_running_loop()
        queue = Script([message(1)], [message(2), message(3)])
        async with poll(queue, invoke, batch_size=10, window=1):
            await queue.done.wait()
            first, *rest = [asked for asked in queue.asked if asked[0] <= began]
        assert given == [["1", "2", "3"]]
        assert first[1:] == (10, 1)
        assert [limit for _, limit, _ in rest[:2]] == [9, 7]
        end = first[0] + 1
        assert end - 0.01 <= began < end + 0.5
        # No poll may last beyond the window, nor may they follow each other without a pause.
        assert all(moment + wait <= end + 0.01 for moment, _, wait in rest)
        assert 2 <= len(rest) < 15

    run(test())


@pytest.mark.parametrize("window", [0, 30])
def test_full_batch(window: int) -> None:
    """A batch that is full, or has no window, is processed at once."""

    async def test() -> None:
        async def invoke(event: bytes) -> Answer:
            return OK

        queue = Script([message(1), message(2)])
        async with poll(queue, invoke, batch_size=2, window=window):
            await queue.done.wait()
            assert len(queue.asked) == 1
        assert queue.deleted == [1, 2]

    run(test())


def test_batch_that_is_full_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch whose bodies fill an event waits for no more."""
    monkeypatch.setattr(module, "PAYLOAD_BYTES", 2)

    async def test() -> None:
        async def invoke(event: bytes) -> Answer:
            return OK

        queue = Script([message(1), message(2)])
        async with poll(queue, invoke, batch_size=10, window=30):
            await queue.done.wait()
            assert len(queue.asked) == 1

    run(test())


def test_throttled_batch_stays_hidden() -> None:
    """While the function is busy the batch is hidden anew, in time, and not received again."""

    async def test() -> None:
        calls = 0

        async def invoke(event: bytes) -> Answer:
            nonlocal calls
            calls += 1
            if not queue.hidden:
                raise Busy
            return OK

        queue = Script([message(1)], visibility=1)
        async with poll(queue, invoke):
            while not queue.deleted:
                queue.done.clear()
                await queue.done.wait()
        assert queue.hidden == [([1], 1)]
        # At 0, 0.1, 0.3, 0.7 s: half of its time was over, and the next call succeeded.
        assert 3 <= calls <= 6

    run(test())


def test_batch_is_not_hidden_before_half_its_time() -> None:
    """A batch that is throttled for a moment costs no call of SQS."""

    async def test() -> None:
        calls = 0

        async def invoke(event: bytes) -> Answer:
            nonlocal calls
            calls += 1
            if calls < 3:
                raise Busy
            return OK

        queue = Script([message(1)], visibility=60)
        async with poll(queue, invoke):
            await queue.done.wait()
        assert (calls, queue.deleted, queue.hidden) == (3, [1], [])

    run(test())


@pytest.mark.parametrize(
    ("fifo", "expected"), [(True, [["1"], ["3"]]), (False, [["1"], ["2"], ["3"]])]
)
def test_group_that_has_failed(
    monkeypatch: pytest.MonkeyPatch, fifo: bool, expected: list[list[str]]
) -> None:
    """After a failure the rest of its FIFO group is given back; other groups go on."""
    monkeypatch.setattr(
        module, "events", lambda batch, arn: ((one(each), [each]) for each in batch)
    )

    def one(each: Any) -> bytes:
        return json.dumps(each["Body"]).encode()

    async def test() -> None:
        given: list[list[str]] = []

        async def invoke(event: bytes) -> Answer:
            given.append([json.loads(event)])
            return Answer(b"{}", failed=len(given) == 1)

        queue = Script([message(1, "a"), message(2, "a"), message(3, "b")], fifo=fifo)
        async with poll(queue, invoke):
            while 3 not in queue.deleted:
                queue.done.clear()
                await queue.done.wait()
        assert given == expected
        assert queue.deleted == ([3] if fifo else [2, 3])
        assert queue.hidden == ([([2], 0)] if fifo else [])

    run(test())


def test_endpoint_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls that fail are repeated, less and less often, with a line at the start and the end."""
    monkeypatch.setattr(module, "_UNREACHABLE", (0.01, 0.03))

    async def test() -> None:
        async def invoke(event: bytes) -> Answer:
            return OK

        log = Recorder()
        error = QueueError("cannot receive message at q: gone")
        queue = Script(error, error, error, error, [message(1)])
        async with poll(queue, invoke, log):
            await queue.done.wait()
        assert log == [
            "SQS q: cannot receive message at q: gone; retrying until it succeeds",
            "SQS q: receiving again",
        ]
        moments = [moment for moment, _, _ in queue.asked[:5]]
        pauses = [later - earlier for earlier, later in pairwise(moments)]
        for pause, least in zip(pauses, [0.01, 0.02, 0.03, 0.03], strict=True):
            assert least - 0.002 <= pause

    run(test())


def test_pauses() -> None:
    """Pauses double from the first to the longest."""
    pauses = [0.0]
    for _ in range(5):
        pauses.append(module._longer(pauses[-1], (1.0, 6.0)))
    assert pauses == [0.0, 1.0, 2.0, 4.0, 6.0, 6.0]


def test_given_back_at_the_end() -> None:
    """A batch that waits for room when polling stops is given back at once."""

    async def test() -> None:
        asked = asyncio.Event()

        async def invoke(event: bytes) -> Answer:
            asked.set()
            raise Busy

        queue = Script([message(1), message(2)])
        async with poll(queue, invoke):
            await asked.wait()
        assert queue.hidden == [([1, 2], 0)]
        assert queue.deleted == []

    run(test())
