"""Random batches with random failures, against sources that deliver again what is not done.

Whatever fails, is late or is cut off: each record is handled, or it comes again; never neither.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amazon_lambda_runtime.core import serving
from amazon_lambda_runtime.core.context import Context
from amazon_lambda_runtime.events import EventRuntime
from amazon_lambda_runtime.testing import make_context

from .simulated import Shard, queue_of, shard_of_dynamodb, shard_of_kinesis
from .support import failures, message, records

# How often each record fails before it succeeds.
PLANS = st.lists(st.integers(0, 2), max_size=12)
BATCHES = st.integers(1, 6)


class Clock(Context):
    """A context whose time runs out after so many questions for it."""

    questions = 1_000_000

    def get_remaining_time_in_millis(self) -> int:
        self.questions -= 1
        return 10_000 if self.questions > 0 else 0


def clock(questions: int) -> Context:
    context = make_context()
    context.__class__ = Clock
    vars(context)["questions"] = questions
    return context


class Function:
    """A function that fails as planned, and the order in which its records succeeded."""

    def __init__(self, plan: list[int], is_async: bool, partial: bool, late: int | None) -> None:
        self.left = Counter(dict(enumerate(plan)))
        self.succeeded: list[int] = []
        self.late = late
        self.app = EventRuntime(partial_failures=partial, max_concurrency=3)

        def hook(payload: Any, *rest: Any) -> None:
            number = payload["n"] if isinstance(payload, dict) else payload
            if self.left[number]:
                self.left[number] -= 1
                raise ValueError(number)
            self.succeeded.append(number)

        async def later(payload: Any, *rest: Any) -> None:
            await asyncio.sleep(0)
            hook(payload)

        for source in ("aws:sqs", "aws:kinesis", "aws:dynamodb"):
            self.app.on(source)(later if is_async else hook)

    def __call__(self, event: Any) -> Any:
        return self.app.handler(event, clock(self.late) if self.late else make_context())

    def close(self) -> None:
        serving.of(self.app).close()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What fails here is meant to."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def attempts_for(plan: list[int]) -> int:
    """Return more than enough: each failure may cost its batch, and bisecting, and being late."""
    return 20 + 8 * (sum(plan) + len(plan)) * 4


@settings(deadline=None)
@given(plan=PLANS, batch=BATCHES, is_async=st.booleans(), late=st.none() | st.integers(1, 4))
def test_a_standard_queue_with_reports(
    plan: list[int], batch: int, is_async: bool, late: int | None
) -> None:
    """Each message succeeds exactly once, and is deleted after that."""
    function = Function(plan, is_async, True, late)
    queue = queue_of([None] * len(plan), batch, True)
    queue.drain(function, attempts_for(plan))
    function.close()
    assert sorted(function.succeeded) == list(range(len(plan)))
    assert sorted(map(int, queue.deleted)) == sorted(function.succeeded)


@settings(deadline=None)
@given(plan=PLANS, batch=BATCHES, is_async=st.booleans())
def test_a_standard_queue_without_reports(plan: list[int], batch: int, is_async: bool) -> None:
    """Each message succeeds at least once before it is deleted; a batch that fails comes again."""
    function = Function(plan, is_async, False, None)
    queue = queue_of([None] * len(plan), batch, False)
    queue.drain(function, attempts_for(plan))
    function.close()
    assert set(function.succeeded) == set(range(len(plan)))
    assert sorted(map(int, queue.deleted)) == list(range(len(plan)))


@settings(deadline=None)
@given(
    plan=PLANS,
    batch=BATCHES,
    is_async=st.booleans(),
    late=st.none() | st.integers(1, 4),
    data=st.data(),
)
def test_a_fifo_queue(
    plan: list[int], batch: int, is_async: bool, late: int | None, data: st.DataObject
) -> None:
    """Each message succeeds exactly once, and those of a group in their order."""
    groups: list[str | None] = [data.draw(st.sampled_from("abc")) for _ in plan]
    function = Function(plan, is_async, True, late)
    queue = queue_of(groups, batch, True)
    queue.drain(function, attempts_for(plan))
    function.close()
    for group in "abc":
        of_group = [n for n in range(len(plan)) if groups[n] == group]
        assert [n for n in function.succeeded if groups[n] == group] == of_group
    assert len(queue.deleted) == len(plan)


@settings(deadline=None)
@given(
    plan=PLANS,
    batch=BATCHES,
    is_async=st.booleans(),
    late=st.none() | st.integers(1, 4),
    bisects=st.booleans(),
    reports=st.booleans(),
    make=st.sampled_from([shard_of_kinesis, shard_of_dynamodb]),
)
def test_a_stream(
    plan: list[int],
    batch: int,
    is_async: bool,
    late: int | None,
    bisects: bool,
    reports: bool,
    make: Callable[..., Shard],
) -> None:
    """Each record succeeds for the first time in the stream's order; with reports, exactly once."""
    function = Function(plan, is_async, reports, late if reports else None)
    make(len(plan), batch, reports, bisects).drain(function, attempts_for(plan))
    function.close()
    firsts = list(dict.fromkeys(function.succeeded))
    assert firsts == list(range(len(plan)))
    if reports:
        assert function.succeeded == firsts


@settings(deadline=None)
@given(
    fates=st.lists(st.sampled_from(["ok", "fails", "cancels", "yields", "nothing"]), max_size=10),
    fifo=st.booleans(),
    is_async=st.booleans(),
    questions=st.integers(1, 12),
)
def test_handled_or_reported(fates: list[str], fifo: bool, is_async: bool, questions: int) -> None:
    """In one batch: each message is either handled or reported, whatever happens to the others."""
    app = EventRuntime(partial_failures=True, max_concurrency=2)
    handled: list[str] = []

    def yields() -> Iterator[int]:
        yield 1

    def hook(body: Any, record: Any) -> Any:
        if body == "fails":
            raise ValueError
        if body == "cancels":
            raise asyncio.CancelledError if is_async else RuntimeError
        if body == "yields":
            return yields()
        handled.append(record["messageId"])
        return None

    async def later(body: Any, record: Any) -> Any:
        await asyncio.sleep(0)
        return hook(body, record)

    known = ["ok", "fails", "cancels", "yields"]
    for number, fate in enumerate(known):
        app.on("aws:sqs", queue=f"{fate}*")(later if is_async or number % 2 else hook)
    messages = []
    for number, fate in enumerate(fates):
        each = message(str(number), fate, "a" if fifo else None)
        suffix = ".fifo" if fifo else ""
        each["eventSourceARN"] = f"arn:aws:sqs:us-east-1:123456789012:{fate}{suffix}"
        messages.append(each)
    answer = app.handler(records(*messages), clock(questions))
    serving.of(app).close()
    assert sorted(handled + failures(answer), key=int) == [str(n) for n in range(len(fates))]
    assert all(fates[int(name)] == "ok" for name in handled)
