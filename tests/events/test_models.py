"""Random batches with random failures, against sources that deliver again what is not done.

Whatever fails, is late or is cut off: each record is handled, or it comes again; never neither.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazon_lambda_runtime.core import serving
from amazon_lambda_runtime.events import EventRuntime, Kinesis, batch, unwrap
from amazon_lambda_runtime.testing import make_context

from .simulated import Shard, drain_window, queue_of, shard_of_dynamodb, shard_of_kinesis
from .support import failures, kinesis, message, poison, records, sampled

# How often each record fails before it succeeds.
PLANS = st.lists(st.integers(0, 2), max_size=12)
BATCHES = st.integers(1, 6)


@contextmanager
def late_after(questions: int | None) -> Iterator[None]:
    """Have the time run out after a batch has asked for it so often; None for never."""
    left = questions

    def time_ns() -> int:
        nonlocal left
        if left is None:
            return 0
        left -= 1
        return 0 if left >= 0 else 2**63

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "time_ns", time_ns)
        yield


# How a hook may end: by an exception, cancelled, or closed.
KINDS: list[type[BaseException]] = [ValueError, asyncio.CancelledError, GeneratorExit, MemoryError]


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
                raise KINDS[number % len(KINDS)](number)
            self.succeeded.append(number)

        async def later(payload: Any, *rest: Any) -> None:
            await asyncio.sleep(0)
            hook(payload)

        for source in ("aws:sqs", "aws:kinesis", "aws:dynamodb"):
            self.app.on(source)(later if is_async else hook)

    def __call__(self, event: Any) -> Any:
        with late_after(self.late):
            return self.app.handler(event, make_context(remaining_ms=900_000))

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


@sampled()
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


@sampled()
@given(plan=PLANS, batch=BATCHES, is_async=st.booleans())
def test_a_standard_queue_without_reports(plan: list[int], batch: int, is_async: bool) -> None:
    """Each message succeeds at least once before it is deleted; a batch that fails comes again."""
    function = Function(plan, is_async, False, None)
    queue = queue_of([None] * len(plan), batch, False)
    queue.drain(function, attempts_for(plan))
    function.close()
    assert set(function.succeeded) == set(range(len(plan)))
    assert sorted(map(int, queue.deleted)) == list(range(len(plan)))


@sampled()
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


@sampled()
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


# What a hook may do to its record.
FATES = ["ok", "fails", "cancels", "yields", "closes", "recurses", "poison"]


@sampled()
@given(
    fates=st.lists(st.sampled_from([*FATES, "nothing"]), max_size=10),
    fifo=st.booleans(),
    is_async=st.booleans(),
    questions=st.none() | st.integers(0, 11),
    reports=st.booleans(),
)
def test_handled_or_reported(
    fates: list[str], fifo: bool, is_async: bool, questions: int | None, reports: bool
) -> None:
    """In one batch: each message is either handled or reported, whatever happens to the others."""
    app = EventRuntime(partial_failures=reports, max_concurrency=2)
    handled: list[str] = []

    def yields() -> Iterator[int]:
        yield 1

    def hook(body: Any, record: Any) -> Any:
        fate = record["eventSourceARN"].rpartition(":")[2].removesuffix(".fifo")
        match fate:
            case "fails":
                raise ValueError
            case "cancels":
                raise asyncio.CancelledError
            case "closes":
                raise GeneratorExit
            case "recurses":
                return hook(body, record)
            case "yields":
                return yields()
        handled.append(record["messageId"])
        return None

    async def later(body: Any, record: Any) -> Any:
        await asyncio.sleep(0)
        return hook(body, record)

    for number, fate in enumerate(FATES):
        app.on("aws:sqs", queue=f"{fate}*")(later if is_async or number % 2 else hook)
    messages = []
    for number, fate in enumerate(fates):
        each = message(str(number), poison() if fate == "poison" else fate, "a" if fifo else None)
        suffix = ".fifo" if fifo else ""
        each["eventSourceARN"] = f"arn:aws:sqs:us-east-1:123456789012:{fate}{suffix}"
        messages.append(each)
    reported = []
    with late_after(questions):
        try:
            reported = failures(app.handler(records(*messages), make_context(remaining_ms=900_000)))
        except Exception:
            assert not reports
            reported = [str(number) for number in range(len(fates))]
            handled = []
    serving.of(app).close()
    assert sorted(handled + reported, key=int) == [str(n) for n in range(len(fates))]
    assert all(fates[int(name)] in ("ok", "poison") for name in handled)


@sampled()
@given(
    plan=PLANS,
    batch=BATCHES,
    is_async=st.booleans(),
    late=st.none() | st.integers(1, 4),
    whole=st.booleans(),
)
def test_a_window(
    plan: list[int], batch: int, is_async: bool, late: int | None, whole: bool
) -> None:
    """The state of a window has each record once, or the window comes again; none is lost."""
    left = Counter(dict(enumerate(plan)))
    ends: list[Any] = []

    class Sums(Kinesis):
        def on_record(self, data: Any, record: Any) -> None:
            if left[data]:
                left[data] -= 1
                raise ValueError(data)

        def on_window_end(self, state: Any, window: Any) -> None:
            ends.append(state)

    class Whole(Sums):
        def on_window(self, records: Any, state: Any, window: Any) -> Any:
            numbers = [number for record in records for number in unwrap(record)]
            for number in numbers:
                self.on_record(number, None)
            return {"numbers": [*state.get("numbers", []), *numbers]}

    class App(EventRuntime):
        partial_failures = True

    App.register_event_handler("aws:kinesis", Whole if whole else Sums)
    app = App()
    stream = [kinesis(str(number), number) for number in range(len(plan))]

    def invoke(event: Any) -> Any:
        with late_after(None if whole else late):
            return app.handler(event, make_context(remaining_ms=900_000))

    state = drain_window(stream, batch, invoke, attempts_for(plan))
    assert ends == [state]
    assert state == ({"numbers": list(range(len(plan)))} if whole and plan else {})
