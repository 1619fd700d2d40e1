"""Batches: what fails, what is reported, what is logged, and when they stop."""

import asyncio
import logging
import time
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import BatchFailed, EventRuntime
from amazon_lambda_runtime.events.batch import Batch
from amazon_lambda_runtime.events.records import Records
from amazon_lambda_runtime.testing import FunctionError, invoke, make_context

from .support import (
    dynamodb,
    failures,
    kafka,
    kinesis,
    message,
    notification,
    records,
    s3,
    sns,
)

STANDARD = records(*(message(str(number), number) for number in range(1, 6)))
FIFO = records(
    message("1", 1, "a"),
    message("2", 2, "b"),
    message("3", 3, "a"),
    message("4", 4, "b"),
    message("5", 5, "a"),
)
KINESIS = records(*(kinesis(str(number), number) for number in range(1, 6)))
DYNAMODB = records(*(dynamodb(str(n), NewImage={"n": {"N": str(n)}}) for n in range(1, 6)))
KAFKA = kafka([(0, 1, 1), (0, 2, 2), (1, 7, 3), (1, 8, 4), (1, 9, 5)])


class Tried:
    """An app whose hooks keep what they were tried with, and fail for some of it."""

    def __init__(self, source: Any, failing: set[int], is_async: bool, **options: Any) -> None:
        self.payloads: list[Any] = []
        self.app = EventRuntime(**options)

        def hook(payload: Any, *rest: Any) -> None:
            value = payload["n"] if isinstance(payload, dict) else payload
            self.payloads.append(value)
            if value in failing:
                raise ValueError(f"no {value}")

        async def later(payload: Any, *rest: Any) -> None:
            await asyncio.sleep(0)
            hook(payload)

        on: Any = self.app.on
        on(source)(later if is_async else hook)


both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@both
@pytest.mark.parametrize(
    ("source", "event", "failing", "tried", "reported"),
    [
        ("aws:sqs", STANDARD, {2, 4}, [1, 2, 3, 4, 5], ["2", "4"]),
        ("aws:sqs", STANDARD, {1, 2, 3, 4, 5}, [1, 2, 3, 4, 5], ["1", "2", "3", "4", "5"]),
        ("aws:sqs", STANDARD, set(), [1, 2, 3, 4, 5], []),
        ("aws:sqs", FIFO, {1}, [1, 2, 4], ["1", "3", "5"]),
        ("aws:sqs", FIFO, {3}, [1, 2, 3, 4], ["3", "5"]),
        ("aws:sqs", FIFO, {1, 2}, [1, 2], ["1", "2", "3", "4", "5"]),
        ("aws:kinesis", KINESIS, {2, 4}, [1, 2], ["2"]),
        ("aws:dynamodb", DYNAMODB, {2, 4}, [1, 2], ["2"]),
        (
            "aws:kafka",
            KAFKA,
            {1, 4},
            [1, 3, 4],
            [{"partition": "t-0", "offset": 1}, {"partition": "t-1", "offset": 8}],
        ),
    ],
)
def test_partial_failures(
    source: str,
    event: Any,
    failing: set[int],
    tried: list[int],
    reported: list[Any],
    is_async: bool,
) -> None:
    """Each source gets the report that it takes; nothing is tried behind a failure of its lane."""
    app = Tried(source, failing, is_async, partial_failures=True)
    assert failures(invoke(app.app, event)) == reported
    assert sorted(app.payloads) == tried


@both
@pytest.mark.parametrize(
    ("source", "event", "tried"),
    [
        ("aws:sqs", STANDARD, [1, 2, 3, 4, 5]),
        ("aws:sqs", FIFO, [1, 2, 3, 5]),
        ("aws:kinesis", KINESIS, [1, 2]),
        ("aws:dynamodb", DYNAMODB, [1, 2]),
        ("aws:kafka", KAFKA, [1, 2, 3, 4, 5]),
    ],
)
def test_without_partial_failures(
    source: str, event: Any, tried: list[int], is_async: bool
) -> None:
    """One failure fails the batch, when all that may be tried was: nothing of it is deleted."""
    app = Tried(source, {2}, is_async)
    with pytest.raises(FunctionError, match=r"BatchFailed: \d of 5 records of ") as raised:
        invoke(app.app, event)
    assert sorted(app.payloads) == tried
    cause = raised.value.__cause__
    assert isinstance(cause, BatchFailed)
    assert isinstance(cause.__cause__, ValueError)


def test_they_are_tried_in_their_order() -> None:
    """Groups take turns as their messages came."""
    app = Tried("aws:sqs", set(), False)
    invoke(app.app, FIFO)
    assert app.payloads == [1, 2, 3, 4, 5]


def test_a_fair_queue_is_no_fifo_queue() -> None:
    """A message group on a standard queue is for fairness: no message waits for another."""
    app = Tried("aws:sqs", {1}, False, partial_failures=True)
    event = records(message("1", 1, "a", fifo=False), message("2", 2, "a", fifo=False))
    assert failures(invoke(app.app, event)) == ["1"]
    assert app.payloads == [1, 2]


@both
@pytest.mark.parametrize(
    ("source", "event"),
    [
        ("aws:s3", records(s3())),
        ("aws:sns", records(sns("x"))),
        ("aws:events", samples.load("scheduled")),
        ("aws:mq", samples.load("mq-activemq")),
        ("aws:sqs", records(message("1"))),
    ],
)
def test_the_only_record_raises_what_it_raised(source: Any, event: Any, is_async: bool) -> None:
    """Its own exception is what the caller reads, with a note that tells which record it was."""
    app: Any = EventRuntime()

    def fail(*arguments: Any) -> None:
        raise KeyError("gone")

    async def fail_later(*arguments: Any) -> None:
        raise KeyError("gone")

    app.on(source)(fail_later if is_async else fail)
    with pytest.raises(FunctionError, match="KeyError: 'gone'") as raised:
        invoke(app, event)
    assert raised.value.stack[0].startswith(f'  File "{__file__}"')
    assert any("Note: The record was " in entry for entry in raised.value.stack)


def test_all_of_several_sns_records_are_tried() -> None:
    """Without a report, too, each record is tried, and one failure fails all."""
    app = Tried("aws:sns", {1}, False, partial_failures=True)
    with pytest.raises(FunctionError, match="1 of 3 records of aws:sns"):
        invoke(app.app, records(sns(1), sns(2), sns(3)))
    assert app.payloads == [1, 2, 3]


@both
def test_every_failure_is_logged(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    """With the record's id, and the traceback from the user's own code on; nothing of the event."""
    app = Tried("aws:sqs", {2, 4}, is_async, partial_failures=True)
    invoke(app.app, STANDARD)
    assert [record.getMessage() for record in caplog.records] == [
        "aws:sqs 2 failed",
        "aws:sqs 4 failed",
    ]
    for record in caplog.records:
        assert record.levelno == logging.ERROR
        assert record.exc_info
        assert isinstance(record.exc_info[1], ValueError)
        trace = record.exc_info[2]
        assert trace is not None
        assert trace.tb_frame.f_code.co_filename == __file__


@both
def test_who_logs_a_failure(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    """The batch does, unless its only record raises: then the runtime logs what was raised."""
    several = Tried("aws:sqs", {2, 4}, is_async)
    with pytest.raises(FunctionError):
        invoke(several.app, STANDARD)
    assert caplog.messages == ["aws:sqs 2 failed", "aws:sqs 4 failed"]
    caplog.clear()
    reported = Tried("aws:sqs", {1}, is_async, partial_failures=True)
    invoke(reported.app, records(message("1", 1)))
    assert caplog.messages == ["aws:sqs 1 failed"]
    caplog.clear()
    with pytest.raises(FunctionError):
        invoke(Tried("aws:sqs", {1}, is_async).app, records(message("1", 1)))
    assert caplog.messages == []


def test_failures_without_a_name(caplog: pytest.LogCaptureFixture) -> None:
    """A record that can't be named can't be reported: then the whole batch comes again."""
    nameless = message("1", 1)
    del nameless["messageId"]
    app = Tried("aws:sqs", {1}, False, partial_failures=True)
    with pytest.raises(FunctionError, match="1 of 2 records"):
        invoke(app.app, records(nameless, message("2", 2)))
    assert caplog.records[0].getMessage() == "one of aws:sqs failed"
    empty = kafka([(0, 1, 1)])
    del empty["records"]["t-0"][0]["offset"]
    app = Tried("aws:kafka", {1}, False, partial_failures=True)
    with pytest.raises(FunctionError, match="1 of 1 records"):
        invoke(app.app, empty)
    bare = {"eventSource": "aws:kafka", "records": {"u-7": [{"offset": 3, "value": "MQ=="}]}}
    assert failures(invoke(app.app, bare)) == [{"partition": "u-7", "offset": 3}]
    named = {"topic": "t", "partition": 0, "offset": 3, "value": "MQ=="}
    odd = {"eventSource": "aws:kafka", "records": {"u-7": [named]}}
    assert failures(invoke(app.app, odd)) == [{"partition": "t-0", "offset": 3}]


@pytest.mark.parametrize(
    ("source", "event"),
    [
        ("aws:sqs", {"Records": [message("1", 1), "x"]}),
        ("aws:kafka", {"eventSource": "aws:kafka", "records": {"t-0": ["x"]}}),
        ("aws:kafka", {"eventSource": "aws:kafka", "records": 7}),
        ("aws:mq", {"eventSource": "aws:mq", "messages": 7}),
    ],
)
def test_records_that_are_none(source: str, event: Any) -> None:
    """Odd records are the hook's to judge, and never a success by accident."""
    app = Tried(source, {"x"}, False, partial_failures=True)  # type: ignore[arg-type]
    if event.get("Records") or event.get("records") == {"t-0": ["x"]}:
        with pytest.raises(FunctionError, match="BatchFailed"):
            invoke(app.app, event)
    else:
        assert invoke(app.app, event) in ({"batchItemFailures": []}, {"status": "ok"})


def test_all_that_is_in_a_message_must_succeed() -> None:
    """A message with two S3 records has failed if one of them has."""
    app = EventRuntime(partial_failures=True)
    seen: list[str] = []

    @app.on("aws:s3")
    def handle(record: Any) -> None:
        seen.append(record["s3"]["object"]["key"])
        if seen[-1] == "b":
            raise ValueError

    event = records(
        message("1", notification(records(s3("a"), s3("b"), s3("c")))),
        message("2", records(s3("d"))),
    )
    assert failures(invoke(app, event)) == ["1"]
    assert seen == ["a", "b", "d"]


def generator(*arguments: Any) -> Any:
    yield 1


async def wraps_a_generator(*arguments: Any) -> Any:
    return generator()


@pytest.mark.parametrize("is_async", [False, True])
def test_a_hook_must_not_yield(is_async: bool) -> None:
    """A generator that is never read has done nothing, so its record has failed."""
    app = EventRuntime()
    hook: Any = wraps_a_generator if is_async else lambda body, record: generator()
    app.on("aws:sqs")(hook)
    with pytest.raises(FunctionError, match=r"TypeError: .*it must not yield"):
        invoke(app, records(message("1")))


def test_a_coroutine_of_a_plain_function_is_awaited() -> None:
    """What is awaitable is awaited, also where nothing tells so before."""
    app = EventRuntime()
    done: list[Any] = []

    async def later(body: Any) -> None:
        done.append(body)

    app.on("aws:sqs")(lambda body, record: later(body))
    invoke(app, records(message("1", "a"), message("2", "b")))
    assert done == ["a", "b"]


def test_sync_and_async_hooks_in_one_batch() -> None:
    """They may be mixed."""
    app = EventRuntime()
    done: list[Any] = []

    @app.on("aws:s3")
    async def later(record: Any) -> None:
        done.append("s3")

    app.on("aws:sqs")(lambda body, record: done.append(body))
    invoke(app, records(message("1", "a"), message("2", records(s3())), message("3", "c")))
    assert sorted(done) == ["a", "c", "s3"]


def test_a_group_that_failed_before_the_first_async_hook() -> None:
    """None of its messages is tried on the event loop either."""
    app = EventRuntime(partial_failures=True)
    done: list[Any] = []

    async def later(body: Any) -> None:
        done.append(body)

    def hook(body: Any, record: Any) -> Any:
        if body == 1:
            raise ValueError
        return later(body)

    app.on("aws:sqs")(hook)
    assert failures(invoke(app, FIFO)) == ["1", "3", "5"]
    assert done == [2, 4]


@pytest.mark.parametrize(("limit", "most"), [(3, 3), (1, 1), (100, 20)])
def test_concurrency_has_a_limit(limit: int, most: int) -> None:
    """So many async hooks are at work at a time, and no more."""
    app = EventRuntime(max_concurrency=limit)
    at_work = 0
    peak = 0

    @app.on("aws:sqs")
    async def work(body: Any, record: Any) -> None:
        nonlocal at_work, peak
        at_work += 1
        peak = max(peak, at_work)
        for _ in range(5):
            await asyncio.sleep(0)
        at_work -= 1

    invoke(app, records(*(message(str(number)) for number in range(20))))
    assert peak == most


def test_groups_go_side_by_side_and_each_in_its_order() -> None:
    """Async hooks of a FIFO queue: one at a time of each group; a stream is one group."""
    app = EventRuntime()
    log: list[str] = []

    async def work(body: Any, record: Any) -> None:
        log.append(f"{body} begins")
        await asyncio.sleep(0.001)
        log.append(f"{body} ends")

    app.on("aws:sqs")(work)
    app.on("aws:kinesis")(work)
    invoke(app, records(message("1", "a1", "a"), message("2", "a2", "a"), message("3", "b1", "b")))
    assert log.index("b1 begins") < log.index("a1 ends") < log.index("a2 begins")
    log.clear()
    invoke(app, KINESIS)
    assert log == [f"{n} {what}" for n in range(1, 6) for what in ("begins", "ends")]


def test_a_hook_that_is_cancelled_has_failed() -> None:
    """A cancellation of its own making fails its record, and the others go on."""
    app = EventRuntime(partial_failures=True)

    @app.on("aws:sqs")
    async def work(body: Any, record: Any) -> None:
        if body == 2:
            task = asyncio.ensure_future(asyncio.sleep(10))
            task.cancel()
            await task

    assert failures(invoke(app, STANDARD)) == ["2"]
    only = EventRuntime()
    only.on("aws:sqs")(work)
    with pytest.raises(FunctionError, match="CancelledError: the hook was cancelled"):
        invoke(only, records(message("2", 2)))


@both
@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit])
def test_what_is_no_exception_fails_its_record(
    error: type[BaseException], is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A cancellation, or a closed generator, of one hook is a failure of one record."""
    app: Any = EventRuntime(partial_failures=True)

    def hook(body: Any, record: Any) -> None:
        if body == 2:
            raise error

    async def later(body: Any, record: Any) -> None:
        await asyncio.sleep(0)
        hook(body, record)

    app.on("aws:sqs")(later if is_async else hook)
    assert failures(invoke(app, STANDARD)) == ["2"]
    assert caplog.messages == ["aws:sqs 2 failed"]
    only: Any = EventRuntime()
    only.on("aws:sqs")(later if is_async else hook)
    with pytest.raises(FunctionError, match=f"CancelledError: the hook was .*{error.__name__}"):
        invoke(only, records(message("2", 2)))


def test_a_loop_that_is_closed_is_no_failure_of_a_record() -> None:
    """What ends the whole invocation ends it: nothing is taken for handled, or for failed."""
    app = EventRuntime(partial_failures=True, max_concurrency=1)
    seen: list[Any] = []

    @app.on("aws:sqs")
    async def work(body: Any, record: Any) -> None:
        seen.append(body)
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.sleep(1)

    with pytest.raises(FunctionError, match="CancelledError"):
        invoke(app, STANDARD)
    assert seen == [1]


def test_a_coroutine_that_is_closed_ends() -> None:
    """Closing what tries a record goes on with no other record."""
    app = EventRuntime(partial_failures=True)
    seen: list[Any] = []

    async def work(body: Any, record: Any) -> None:
        seen.append(body)
        await asyncio.get_running_loop().create_future()

    app.on("aws:sqs")(work)
    found = Records("aws:sqs", STANDARD)
    tried = Batch(app, make_context(), found, lambda record: [(work, (record["body"], record))])
    begun = tried._run_sync()
    assert begun is not None
    loop = asyncio.new_event_loop()
    task = loop.create_task(tried._run_async(begun))
    loop.run_until_complete(asyncio.sleep(0.001))
    loop.close()
    task.get_coro().close()
    assert seen == ["1", "2", "3", "4", "5"]
    assert not tried._failures
    del task


def test_what_was_not_tried_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """The log says how many of how many records there was no time for."""
    app = Tried("aws:sqs", {1}, False, partial_failures=True, margin_ms=60_000)
    assert failures(invoke(app.app, STANDARD)) == ["1", "2", "3", "4", "5"]
    assert caplog.messages[-1] == "4 of 5 records of aws:sqs were not tried, and are redelivered"
    caplog.clear()
    app = Tried("aws:sqs", {1, 2}, False, partial_failures=True)
    invoke(app.app, STANDARD)
    assert "not tried" not in caplog.text
    caplog.clear()
    invoke(Tried("aws:sqs", {1}, False, partial_failures=True).app, FIFO)
    assert caplog.messages[-1] == "2 of 5 records of aws:sqs were not tried, and are redelivered"


@both
def test_an_exit_fails_the_invocation(is_async: bool) -> None:
    """SystemExit is no failure of a record: the whole batch comes again."""
    app = EventRuntime(partial_failures=True)
    cancelled: list[Any] = []

    def leave(body: Any, record: Any) -> None:
        raise SystemExit(3)

    async def leave_later(body: Any, record: Any) -> None:
        if body == 3:
            raise SystemExit(3)
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.append(body)
            raise

    app.on("aws:sqs")(leave_later if is_async else leave)
    with pytest.raises(FunctionError, match="SystemExit"):
        invoke(app, STANDARD)
    assert len(cancelled) == (4 if is_async else 0)


@both
@pytest.mark.parametrize("event", [STANDARD, FIFO], ids=["standard", "FIFO"])
def test_it_stops_before_the_deadline(
    event: Any, is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """With less time than the margin no record is begun; the rest is reported, or it raises."""

    def slow_app(partial: bool) -> tuple[EventRuntime, list[Any]]:
        app = EventRuntime(partial_failures=partial, margin_ms=200, max_concurrency=1)
        tried: list[Any] = []

        def slow(body: Any, record: Any) -> None:
            tried.append(body)
            time.sleep(0.12)

        async def slow_later(body: Any, record: Any) -> None:
            slow(body, record)

        app.on("aws:sqs")(slow_later if is_async else slow)
        return app, tried

    app, tried = slow_app(True)
    reported = failures(invoke(app, event, make_context(remaining_ms=400)))
    assert len(tried) in (1, 2)
    assert {*map(str, tried), *reported} == {"1", "2", "3", "4", "5"}
    assert len(tried) + len(reported) == 5
    assert "were not tried" in caplog.text
    app, tried = slow_app(False)
    with pytest.raises(FunctionError, match="failed or were not tried") as raised:
        invoke(app, event, make_context(remaining_ms=400))
    assert isinstance(raised.value.__cause__, BatchFailed)
    assert raised.value.__cause__.__cause__ is None


def test_a_stream_begins_again_where_it_stopped() -> None:
    """What there was no time for is where the next batch begins."""
    app = EventRuntime(partial_failures=True, margin_ms=10_000)
    app.on("aws:kinesis")(lambda data, record: None)
    assert failures(invoke(app, KINESIS, make_context(remaining_ms=5000))) == ["2"]


def test_the_first_record_is_always_tried() -> None:
    """A margin that is too large costs speed, and does not send everything to the dead letters."""
    app = Tried("aws:sqs", set(), False, partial_failures=True, margin_ms=60_000)
    assert failures(invoke(app.app, STANDARD)) == ["2", "3", "4", "5"]


def test_without_a_deadline_there_is_no_margin() -> None:
    """A context that knows no deadline leaves all the time there is."""
    context = make_context()
    context.deadline_ms = 0
    app = Tried("aws:sqs", set(), False, partial_failures=True)
    assert failures(invoke(app.app, STANDARD, context)) == []


def test_options_are_attributes() -> None:
    """A class may say them, and an instance otherwise."""

    class App(EventRuntime):
        partial_failures = True
        margin_ms = 1
        max_concurrency = 2

    app = App()
    assert (app.partial_failures, app.margin_ms, app.max_concurrency) == (True, 1, 2)
    other = App(partial_failures=False, margin_ms=3, max_concurrency=4, loglevel="error")
    assert (other.partial_failures, other.margin_ms, other.max_concurrency) == (False, 3, 4)
    assert other.logger.level == logging.ERROR
