"""Events that are a list: EventBridge Pipes, and AppSync's BatchInvoke."""

import asyncio
import json
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import MQ, EventHandler, EventRuntime, unwrap
from amazon_lambda_runtime.testing import FunctionError, invoke

from .support import dynamodb, encoded, failures, kinesis, message

ALL_DONE: dict[str, Any] = {"batchItemFailures": []}


def piped_kinesis(number: str, payload: Any) -> Any:
    """Return a record of Kinesis as a pipe sends it: its fields are not in a part of their own."""
    record = kinesis(number, payload)
    return {**record.pop("kinesis"), **record, "eventID": f"shardId-0:{number}"}


def piped_dynamodb(number: str) -> Any:
    return {**dynamodb(number, NewImage={"n": {"N": number}}), "eventID": f"e-{number}"}


def piped_kafka(offset: int, value: Any, partition: int = 0) -> Any:
    return {
        "eventSource": "aws:kafka",
        "eventSourceKey": f"t-{partition}",
        "topic": "t",
        "partition": partition,
        "offset": offset,
        "value": encoded(value),
    }


def piped_mq(name: str, payload: Any) -> Any:
    return {"eventSource": "aws:amq", "messageID": name, "data": encoded(payload)}


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("source", "event", "reported"),
    [
        ("aws:sqs", [message("1", 1), message("2", 2), message("3", 3)], ["2"]),
        (
            "aws:kinesis",
            [piped_kinesis("1", 1), piped_kinesis("2", 2), piped_kinesis("3", 3)],
            ["shardId-0:2", "shardId-0:3"],
        ),
        (
            "aws:dynamodb",
            [piped_dynamodb("1"), piped_dynamodb("2"), piped_dynamodb("3")],
            ["e-2", "e-3"],
        ),
    ],
)
def test_a_pipe(
    source: Any, event: Any, reported: list[str], is_async: bool, partial: bool
) -> None:
    """A pipe takes a report whatever the settings, of all that was not handled."""
    app: Any = EventRuntime(partial_failures=partial)
    seen: list[Any] = []

    def hook(payload: Any, *rest: Any) -> None:
        seen.append(payload["n"] if isinstance(payload, dict) else payload)
        if seen[-1] == 2:
            raise ValueError

    async def later(payload: Any, *rest: Any) -> None:
        hook(payload)

    app.on(source)(later if is_async else hook)
    assert failures(invoke(app, event)) == reported
    assert seen == ([1, 2, 3] if source == "aws:sqs" else [1, 2])
    assert failures(invoke(app, event[:1])) == []


def test_a_pipe_without_a_report() -> None:
    """Of Kafka and the brokers a pipe takes none: a failure fails the invocation."""
    app = EventRuntime()
    seen: list[Any] = []

    def hook(payload: Any, record: Any) -> None:
        seen.append(payload)
        if payload == "bad":
            raise ValueError(payload)

    app.on("aws:kafka")(hook)
    app.on("aws:mq")(hook)
    assert invoke(app, [piped_kafka(1, "a"), piped_kafka(2, "b")]) == ALL_DONE
    assert invoke(app, [piped_mq("1", "c")]) == ALL_DONE
    with pytest.raises(FunctionError, match="2 of 3 records of aws:kafka"):
        invoke(app, [piped_kafka(1, "bad"), piped_kafka(2, "x"), piped_kafka(1, "d", 1)])
    assert seen == ["a", "b", "c", "bad", "d"]


def test_unwrap_of_a_list() -> None:
    """What is inside of all records comes out."""
    assert unwrap([message("1", 1), message("2", 2)]) == [1, 2]
    assert unwrap([piped_kinesis("1", {"a": 1})]) == [{"a": 1}]
    assert unwrap([piped_kafka(1, "x"), piped_kafka(2, "y")]) == ["x", "y"]


@pytest.mark.parametrize(
    ("name", "fields", "payloads"),
    [
        ("kafka", {"value": {"a": 1}}, [{"a": 1}]),
        ("kafka-self-managed", {"value": "x"}, ["x"]),
        ("mq-activemq", {"data": "hi"}, ["hi"]),
        ("mq-rabbitmq", {"data": "hi"}, ["hi"]),
        ("firehose", {"data": "hi"}, ["hi"]),
    ],
)
def test_unwrap_of_events_with_forms_of_their_own(
    name: str, fields: dict[str, Any], payloads: list[Any]
) -> None:
    """The records of Kafka and of the brokers are found in their events, too."""
    assert unwrap(samples.load(name, **fields)) == payloads


def test_unwrap_of_kinesis_analytics() -> None:
    """Its records are those of Firehose."""
    event = {"applicationArn": "arn:x", "records": [{"recordId": "1", "data": encoded("hi")}]}
    assert unwrap(event) == ["hi"]
    assert unwrap({"invocationId": "x", "records": 7}) == [{"invocationId": "x", "records": 7}]


class Brokers(MQ):
    def on_message(self, data: Any, message: Any) -> None:
        self.runtime.seen.append((self.source, data, message["redelivered"]))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "source"), [("mq-activemq", "aws:mq"), ("mq-rabbitmq", "aws:rmq")]
)
def test_brokers_have_a_class(name: str, source: Any) -> None:
    """The class of both brokers has each message's data; without a hook it handles nothing."""

    class App(EventRuntime):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Any] = []

    App.register_event_handler(source, Brokers)
    app = App()
    assert invoke(app, samples.load(name, data={"a": 1})) == {"status": "ok"}
    assert app.seen == [(source, {"a": 1}, False)]
    App.register_event_handler(source, MQ)
    with pytest.raises(FunctionError, match=f"nothing is registered for this event of {source}"):
        invoke(App, samples.load(name))


def element(number: int) -> Any:
    return {"info": {"fieldName": "related"}, "source": {"id": number}, "arguments": {}}


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_appsync_batch_invoke(limit: int) -> None:
    """Each element has an answer, in their order; async ones run so many at a time."""
    app = EventRuntime(max_concurrency=limit)
    at_work = 0
    peak = 0

    @app.on("aws:appsync")
    async def resolve(event: Any) -> Any:
        nonlocal at_work, peak
        at_work += 1
        peak = max(peak, at_work)
        await asyncio.sleep((5 - event["source"]["id"]) / 1000)
        at_work -= 1
        return [event["source"]["id"]]

    assert invoke(app, [element(n) for n in range(5)]) == [[n] for n in range(5)]
    assert peak == min(limit, 5)
    plain = EventRuntime()
    plain.on("aws:appsync")(lambda event: event["source"]["id"] * 2)
    assert invoke(plain, [element(n) for n in range(3)]) == [0, 2, 4]
    assert invoke(plain, element(4)) == 8


def test_appsync_with_async_and_sync_functions() -> None:
    """They may be mixed; each answer is in its place."""
    app = EventRuntime()

    async def later(event: Any) -> Any:
        return "later"

    app.on("aws:appsync")(lambda event: later(event) if event["source"]["id"] % 2 else "now")
    assert invoke(app, [element(n) for n in range(3)]) == ["now", "later", "now"]


@pytest.mark.parametrize("is_async", [False, True])
def test_appsync_failures(is_async: bool) -> None:
    """All elements are tried; the first that failed fails the invocation."""
    app = EventRuntime(max_concurrency=1)
    seen: list[int] = []

    def resolve(event: Any) -> Any:
        seen.append(event["source"]["id"])
        if seen[-1] in (1, 2):
            raise ValueError(f"no {seen[-1]}")

    async def later(event: Any) -> Any:
        resolve(event)

    app.on("aws:appsync")(later if is_async else resolve)
    with pytest.raises(FunctionError, match="ValueError: no 1"):
        invoke(app, [element(n) for n in range(4)])
    assert seen == [0, 1, 2, 3]


def test_a_class_for_appsync() -> None:
    """A class is made for each element, with its event."""

    class Resolver(EventHandler):
        def process(self) -> Any:
            return self.event["source"]["id"]

    class App(EventRuntime):
        pass

    App.register_event_handler("aws:appsync", Resolver)
    assert invoke(App, [element(7), element(8)]) == [7, 8]


@pytest.mark.parametrize("event", [[], [7], [{}], ["aws:sqs"], [{"eventSource": "mine"}]])
def test_lists_of_nothing_that_is_known(event: Any) -> None:
    """A list that no service sends is no success."""
    with pytest.raises(FunctionError, match="not of a form"):
        invoke(EventRuntime, event)


def test_records_that_the_producer_library_packed(caplog: pytest.LogCaptureFixture) -> None:
    """They come as bytes, and the log says so once."""
    packed = b"\xf3\x89\x9a\xc2\x0a\x01a" + b"\0" * 16
    app = EventRuntime()
    seen: list[Any] = []
    app.on("aws:kinesis")(lambda data, record: seen.append(data))
    event = {"Records": [kinesis("1", packed), kinesis("2", packed), kinesis("3", b"\xf3\x89")]}
    invoke(app, event)
    invoke(app, event)
    assert seen == [packed, packed, b"\xf3\x89"] * 2
    (told,) = [each.getMessage() for each in caplog.records]
    assert "the Kinesis Producer Library aggregated" in told


def test_logs_by_way_of_kinesis() -> None:
    """Log data in a stream goes to what is registered for logs, and else for the stream."""
    event = samples.load("kinesis-logs", message="hello")
    app = EventRuntime()
    seen: list[Any] = []
    app.on("aws:kinesis")(lambda data, record: seen.append(("kinesis", data["logEvents"])))
    invoke(app, event)
    app.on("aws:logs")(lambda document, record: seen.append((record is document, document)))
    invoke(app, event)
    assert seen[0][0] == "kinesis"
    assert seen[1][0] is True
    assert seen[1][1]["logEvents"] == seen[0][1]
    assert json.dumps(seen[1][1])
