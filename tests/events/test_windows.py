"""Tumbling windows: a state from one batch to the next, and the end of a window."""

from typing import Any

import pytest

from amazon_lambda_runtime.events import DynamoDB, EventRuntime, Kinesis, item, unwrap
from amazon_lambda_runtime.testing import FunctionError, invoke

from .support import dynamodb, kinesis, records

WINDOW = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:05:00Z"}
ARNS = {
    "aws:kinesis": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
    "aws:dynamodb": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026",
}


def windowed(
    source: str, state: Any, *members: Any, final: bool = False, early: bool = False
) -> Any:
    return {
        **records(*members),
        "window": WINDOW,
        "state": state,
        "shardId": "shardId-000000000006",
        "eventSourceARN": ARNS[source],
        "isFinalInvokeForWindow": final,
        "isWindowTerminatedEarly": early,
    }


class Sums(Kinesis):
    """Adds up; the sums of ended windows are kept on the runtime."""

    def on_window(self, records: Any, state: Any, window: Any) -> Any:
        assert window == WINDOW
        return {"sum": state.get("sum", 0) + sum(n for record in records for n in unwrap(record))}

    def on_window_end(self, state: Any, window: Any) -> Any:
        self.runtime.ended.append((state, window, self.event["isWindowTerminatedEarly"]))  # type: ignore[attr-defined]


class LateSums(Sums):
    async def on_window(self, *arguments: Any) -> Any:
        return Sums.on_window(self, *arguments)

    async def on_window_end(self, *arguments: Any) -> None:
        Sums.on_window_end(self, *arguments)


class Orders(DynamoDB):
    def on_window(self, records: Any, state: Any, window: Any) -> Any:
        items = [item(record["dynamodb"]["NewImage"]) for record in records]
        return {"total": state.get("total", 0) + sum(each["n"] for each in items if each)}


def app_of(source: Any, handler: Any, **options: Any) -> EventRuntime:
    class App(EventRuntime):
        ended: list[Any]

        def __init__(self) -> None:
            super().__init__(**options)
            self.ended = []

    App.register_event_handler(source, handler)
    return App()


@pytest.mark.parametrize("handler", [Sums, LateSums])
@pytest.mark.parametrize("partial", [False, True])
def test_a_window_of_kinesis(handler: Any, partial: bool) -> None:
    """Each answer has the new state and a report; the last batch, without records, ends it."""
    app: Any = app_of("aws:kinesis", handler, partial_failures=partial)
    answer = invoke(app, windowed("aws:kinesis", {}, kinesis("1", 3), kinesis("2", 4)))
    assert answer == {"state": {"sum": 7}, "batchItemFailures": []}
    answer = invoke(app, windowed("aws:kinesis", answer["state"], kinesis("3", 5)))
    assert answer == {"state": {"sum": 12}, "batchItemFailures": []}
    assert app.ended == []
    answer = invoke(app, windowed("aws:kinesis", answer["state"], final=True))
    assert answer == {"state": {"sum": 12}, "batchItemFailures": []}
    assert app.ended == [({"sum": 12}, WINDOW, False)]


def test_a_window_of_dynamodb() -> None:
    """A table's stream has windows in the same way; a state that is missing is an empty one."""
    app = app_of("aws:dynamodb", Orders)
    event = windowed("aws:dynamodb", None, dynamodb("1", NewImage={"n": {"N": "3"}}))
    assert invoke(app, event) == {"state": {"total": 3}, "batchItemFailures": []}
    last = windowed("aws:dynamodb", {"total": 3}, final=True)
    assert invoke(app, last) == {"state": {"total": 3}, "batchItemFailures": []}


def test_the_last_batch_may_have_records() -> None:
    """They are in the state before the window ends; the flag of an early end is in the event."""
    app: Any = app_of("aws:kinesis", Sums)
    last = windowed("aws:kinesis", {"sum": 1}, kinesis("1", 3), final=True, early=True)
    assert invoke(app, last)["state"] == {"sum": 4}
    assert app.ended == [({"sum": 4}, WINDOW, True)]


def test_without_on_window_the_state_stays() -> None:
    """Hooks for records, and functions, work with windows: the state comes back as it came."""
    seen: list[Any] = []

    class Records(Kinesis):
        def on_record(self, data: Any, record: Any) -> None:
            seen.append(data)
            if data == "bad":
                raise ValueError(data)

        def on_window_end(self, state: Any, window: Any) -> None:
            seen.append(state)

    app = app_of("aws:kinesis", Records, partial_failures=True)
    event = windowed("aws:kinesis", {"a": 1}, kinesis("1", "x"), kinesis("2", "bad"), final=True)
    failed = [{"itemIdentifier": "2"}]
    assert invoke(app, event) == {"state": {"a": 1}, "batchItemFailures": failed}
    assert seen == ["x", "bad"]  # the end comes again with the record that failed
    functions = EventRuntime()
    functions.on("aws:kinesis")(lambda data, record: seen.append(data))
    assert invoke(functions, windowed("aws:kinesis", {}, kinesis("1", "y")))["state"] == {}
    assert invoke(functions, windowed("aws:kinesis", {"b": 2}, final=True))["state"] == {"b": 2}
    assert seen[2:] == ["y"]
    with pytest.raises(FunctionError, match="ValueError: bad"):
        invoke(app_of("aws:kinesis", Records), windowed("aws:kinesis", {}, kinesis("1", "bad")))


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "on_window returned None: it has to return the state"),
        ({"text": "x" * 1024 * 1024}, r"state of the window is 1048588 bytes of JSON.*1048576"),
        ({"a": object()}, "not JSON serializable"),
    ],
)
def test_a_state_that_lambda_would_refuse(state: Any, reason: str) -> None:
    """It fails the invocation, with a reason: the batch comes again with the state before it."""

    class Bad(Kinesis):
        def on_window(self, records: Any, given: Any, window: Any) -> Any:
            return state

    for partial in (False, True):
        with pytest.raises(FunctionError, match=reason):
            invoke(
                app_of("aws:kinesis", Bad, partial_failures=partial),
                windowed("aws:kinesis", {}, kinesis("1", 1)),
            )


def test_the_largest_state() -> None:
    """A state of exactly 1 MB passes."""
    largest = {"text": "x" * (1024 * 1024 - 12)}

    class Large(Kinesis):
        def on_window(self, records: Any, given: Any, window: Any) -> Any:
            return largest

    event = windowed("aws:kinesis", {}, kinesis("1", 1))
    assert invoke(app_of("aws:kinesis", Large), event)["state"] == largest


def test_what_on_window_raises() -> None:
    """It fails the invocation, so that the batch comes again; so does the end of a window."""

    class Failing(Kinesis):
        def on_window(self, records: Any, state: Any, window: Any) -> Any:
            raise ValueError("no sum")

        def on_window_end(self, state: Any, window: Any) -> None:
            raise ValueError("no end")

    app = app_of("aws:kinesis", Failing, partial_failures=True)
    with pytest.raises(FunctionError, match="no sum"):
        invoke(app, windowed("aws:kinesis", {}, kinesis("1", 1)))
    with pytest.raises(FunctionError, match="no end"):
        invoke(app, windowed("aws:kinesis", {}, final=True))
