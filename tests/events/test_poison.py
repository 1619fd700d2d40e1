"""Poison messages: each fails itself at most, and none of its neighbours."""

import gzip
import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.core import serving
from amazon_lambda_runtime.events import SQS, DynamoDB, EventRuntime, item, source_of, unwrap
from amazon_lambda_runtime.testing import invoke, make_context

from .support import (
    CONTROL_MESSAGE,
    TEST_EVENT,
    bridged,
    dynamodb,
    encoded,
    failures,
    kinesis,
    message,
    notification,
    poison,
    records,
    s3,
    sampled,
    sns,
)

DEPTHS = [9, 100, 600, 5000]


@pytest.mark.parametrize("depth", DEPTHS)
def test_nested_notifications(depth: int) -> None:
    """A body of notifications in each other is a body, and its neighbours are handled."""
    app = EventRuntime(partial_failures=True)
    seen: list[Any] = []
    app.on("aws:sqs")(lambda body, record: seen.append(body))
    event = records(message("1", "a"), message("2", poison(depth)), message("3", "b"))
    assert failures(invoke(app, event)) == []
    assert (seen[0], seen[2]) == ("a", "b")
    assert unwrap(message("1", poison(depth))) == [seen[1]]


def test_eight_levels_are_opened() -> None:
    """A payload in eight envelopes comes out; what is deeper stays text."""
    payload: Any = {"order": 7}
    for _ in range(7):
        payload = notification(payload)
    assert unwrap(message("1", payload)) == ['{"order": 7}']
    assert unwrap(message("1", json.loads(payload["Message"]))) == [{"order": 7}]
    (deeper,) = unwrap(message("1", notification(payload)))
    assert json.loads(deeper)["Message"] == '{"order": 7}'


@pytest.mark.parametrize(
    ("source", "deep"),
    [
        ("aws:sqs", message("2", "[" * 100_000)),
        ("aws:sqs", message("2", '{"Records":' * 5000)),
        ("aws:sqs", message("2", '{"Records":[' * 900 + "]}" * 900)),
        ("aws:kinesis", kinesis("2", poison())),
        ("aws:sns", sns(poison())),
    ],
)
def test_deep_text(source: Any, deep: Any) -> None:
    """Text that nests deeper than JSON may is the payload, as text."""
    app: Any = EventRuntime()
    seen: list[Any] = []
    app.on(source)(lambda payload, *rest: seen.append(payload))
    healthy: dict[str, Any] = {"aws:sqs": message, "aws:kinesis": kinesis}
    make = healthy.get(source, lambda name, payload: sns(payload))
    invoke(app, records(make("1", "a"), deep, make("3", "b")))
    assert (len(seen), seen[0], seen[2]) == (3, "a", "b")


@pytest.mark.parametrize("kind", ["L", "M"])
@pytest.mark.parametrize("depth", [32, 33, 300])
def test_deep_items(depth: int, kind: str) -> None:
    """An item that nests deeper than DynamoDB's 32 levels comes as it is from there on."""
    image: Any = {"N": "1"}
    for _ in range(depth):
        image = {kind: [image] if kind == "L" else {"m": image}}
    found = item({"a": image})
    assert found is not None
    value, levels = found["a"], 0
    while isinstance(value, list) or (isinstance(value, dict) and "m" in value):
        value, levels = value[0] if isinstance(value, list) else value["m"], levels + 1
    assert levels == min(depth, 32)
    assert value == 1 if depth == 32 else kind in value
    app = type("App", (EventRuntime,), {"partial_failures": True})
    seen: list[Any] = []

    class Changes(DynamoDB):
        def on_change(self, new: Any, old: Any, record: Any) -> None:
            seen.append(new)

    app.register_event_handler("aws:dynamodb", Changes)  # type: ignore[attr-defined]
    healthy = dynamodb("1", NewImage={"a": {"N": "1"}})
    deep = dynamodb("2", NewImage={"a": image})
    assert failures(invoke(app, records(healthy, deep))) == []
    assert seen[0] == {"a": 1}


def test_what_fails_on_the_way_fails_its_record() -> None:
    """An exception before a hook is called fails the record that it is about, and no other."""
    made = 0

    class Odd(SQS):
        def __init__(self, *arguments: Any) -> None:
            nonlocal made
            made += 1
            if made == 1:
                raise KeyError("no configuration")
            super().__init__(*arguments)

        def on_message(self, body: Any, record: Any) -> None: ...

        def call(self, payload: Any, record: Any) -> Any:
            if payload == "odd":
                raise LookupError(payload)
            return super().call(payload, record)

    class App(EventRuntime):
        partial_failures = True

    App.register_event_handler("aws:sqs", Odd)
    event = records(*(message(n, b) for n, b in [("1", "a"), ("2", "b"), ("3", "odd"), ("4", "c")]))
    assert failures(invoke(App, event)) == ["1", "3"]


def bomb(size: int, head: bytes = b"") -> bytes:
    return gzip.compress(head + b" " * size, 1)


# Made when they are wanted: each worker of a run collects all tests.
PACKED: dict[str, Callable[[], bytes]] = {
    "spaces": lambda: bomb(50_000_000),
    "log data without end": lambda: bomb(80_000_000, b'{"logEvents": ['),
    "zeros": lambda: zlib.compress(b"\0" * 50_000_000, 1),
    "cut off": lambda: gzip.compress(json.dumps({"logEvents": []}).encode())[:-9],
    "no events": lambda: gzip.compress(b'{"logEvents": 7}'),
    "no object": lambda: gzip.compress(b'["logEvents"]'),
}


@pytest.mark.parametrize("kind", PACKED)
def test_packed_data_that_is_no_log_data(kind: str) -> None:
    """It stays packed, and takes little time and memory to be found out."""
    data = PACKED[kind]()
    start = time.process_time()
    assert unwrap(kinesis("1", data)) == [data]
    assert time.process_time() - start < 5


def test_text_that_begins_as_packed_data() -> None:
    """ "x^2" begins as zlib does, and is text."""
    for text in ("x^2 + 1", "x\x01", "x"):
        assert unwrap(kinesis("1", text)) == [text]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_log_data_of_either_packer(pack: Callable[[bytes], bytes]) -> None:
    """Log data is packed by gzip; by way of Firehose and Kinesis it was seen from zlib, too."""
    document = {"messageType": "DATA_MESSAGE", "logEvents": [{"message": "x" * 5000}]}
    assert unwrap(kinesis("1", pack(json.dumps(document).encode()))) == [document]
    assert unwrap(kinesis("1", pack(json.dumps(CONTROL_MESSAGE).encode()))) == []


def test_large_batches() -> None:
    """10,000 records, and a record of 6 MB, are handled as any other."""
    app = EventRuntime(partial_failures=True)
    seen: list[int] = []
    app.on("aws:kinesis")(lambda data, record: seen.append(data))
    event = records(*(kinesis(str(number), number) for number in range(10_000)))
    context = make_context(remaining_ms=600_000)
    assert failures(app.handler(event, context)) == []
    assert seen == list(range(10_000))
    large = {"text": "x" * 6_000_000}
    assert unwrap(message("1", notification(large))) == [large]


# The user's own data

OWN: list[Any] = [
    {"awslogs": {"level": "debug"}},
    {"awslogs": {"data": "not packed"}},
    {"awslogs": {"data": encoded(gzip.compress(b"{}", mtime=0))}},
    {"awslogs": {"data": {"logEvents": []}}},
    {"awslogs": 7},
    {"Event": "s3:TestEvent"},
    {"Event": "s3:TestEvent", "Bucket": "b"},
    {"Event": "s3:TestEvent", "Service": "Amazon S3"},
    {"Event": "Signup", "Service": "a", "Bucket": "b"},
    {"Type": "Notification"},
    {"Type": "Notification", "Message": "hi"},
    {"Type": "Notification", "Message": {"a": 1}, "TopicArn": "t"},
    {"Type": "Notification", "Message": None, "MessageId": "m"},
    {"Type": "Other", "Message": "hi", "TopicArn": "t"},
    {"messageType": "CONTROL_MESSAGE", "logEvents": []},
    {"Records": []},
    {"Records": [{"eventSource": "aws:s3"}]},
    {"Records": [{"eventSource": "aws:sqs", "body": {"a": 1}}]},
    {"Records": [{"EventSource": "aws:sns", "Sns": "text"}]},
    {"Records": [{"eventSource": "aws:kinesis", "kinesis": []}]},
    {"Records": [{"eventSource": "mine", "s3": {}}]},
    {"detail-type": "Ordered", "detail": {}},
    {"detail-type": 7, "source": "x", "detail": {}},
    {"detail-type": "Ordered", "source": "x"},
]


@pytest.mark.parametrize("own", OWN, ids=repr)
def test_the_users_own_data(own: Any) -> None:
    """What only looks like an envelope is handed on unchanged, to the hook of the queue."""
    app = EventRuntime()
    seen: list[Any] = []
    app.on("aws:sqs")(lambda body, record: seen.append(body))
    app.on("aws:logs")(lambda document, record: seen.append("logs"))
    app.on("aws:events")(lambda kind, detail, event: seen.append("events"))
    app.on("aws:sns")(lambda payload, sns, record: seen.append("sns"))
    app.on("aws:s3")(lambda record: seen.append("s3"))
    invoke(app, records(message("1", own)))
    assert seen == [own]
    assert unwrap(message("1", own)) == unwrap(sns(own)) == unwrap(kinesis("1", own)) == [own]


@pytest.mark.parametrize(
    "envelope",
    [
        {"Type": "Notification", "Message": "hi", "MessageId": "m-1"},
        {"Type": "Notification", "Message": "hi", "TopicArn": "t"},
    ],
)
def test_a_notification_as_people_write_it(envelope: Any) -> None:
    """A topic or an id is enough, as in fixtures written by hand."""
    assert unwrap(message("1", envelope)) == ["hi"]


def test_log_data_in_a_message() -> None:
    """An event of CloudWatch Logs that was sent on through a queue is one."""
    app = EventRuntime()
    seen: list[Any] = []
    app.on("aws:logs")(lambda document, record: seen.append((document, record)))
    event = samples.load("cloudwatch-logs", message="hello")
    invoke(app, records(message("1", event)))
    (found,) = seen
    assert found[0]["logEvents"][0]["message"] == "hello"
    assert found[1] == event


# Anything in any place

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NAMES = """
    eventSource EventSource eventName eventSourceARN body messageId attributes Sns Message Type
    TopicArn MessageId Records Event Service Bucket data kinesis awslogs detail detail-type
    source s3 object key dynamodb NewImage L M S recordId topic partition offset value records
    messages rmqMessagesByQueue window state info fieldName requestContext
"""
KEYS = st.sampled_from(NAMES.split())
TEXTS = st.sampled_from(
    [
        *("aws:sqs", "aws:sns", "aws:s3", "aws:kinesis", "aws:dynamodb", "aws:kafka", "aws:mq"),
        *("Notification", "s3:TestEvent", "SelfManagedKafka", "CONTROL_MESSAGE", "INSERT"),
    ]
)
ANYTHING = st.recursive(
    LEAVES | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=5)
        | inner.map(lambda value: json.dumps(value))
        | inner.map(lambda value: encoded(json.dumps(value)))
        | inner.map(lambda value: encoded(gzip.compress(json.dumps(value).encode())))
    ),
    max_leaves=20,
)
REAL = st.sampled_from(
    [
        message("2", notification(records(s3()))),
        message("2", bridged(1)),
        message("2", TEST_EVENT),
        sns(records(s3())),
        kinesis("2", {"a": 1}),
        dynamodb("2", NewImage={"a": {"L": [{"N": "1"}]}}),
        samples.load("kafka")["records"]["mytopic-0"][0],
        samples.load("mq-rabbitmq"),
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all that is inside of a value."""
    if not isinstance(value, dict | list):
        return [path]
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(place for key, each in pairs for place in places(each, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """Return a copy of a value with something else in one place."""
    if not path:
        return other
    copy = value.copy()
    copy[path[0]] = put(value[path[0]], path[1:], other)
    return copy


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """Draw a real record with anything in one of its places."""
    record = draw(REAL)
    return put(record, draw(st.sampled_from(places(record))), draw(ANYTHING))


@sampled(200)
@given(record=ANYTHING | damaged())
def test_anything_is_unwrapped(record: Any) -> None:
    """Whatever a record is, unwrapping it and naming its source come to an end."""
    assert isinstance(unwrap(record), list)
    assert isinstance(source_of(record), str)
    assert isinstance(item(record), dict | None)


@sampled(200)
@given(
    odd=ANYTHING | damaged() | ANYTHING.map(lambda body: message("2", body)),
    is_async=st.booleans(),
)
def test_the_neighbours_are_handled(odd: Any, is_async: bool) -> None:
    """Whatever is between two messages, both are handled."""
    app: Any = EventRuntime(partial_failures=True)
    seen: list[Any] = []

    async def later(body: Any, record: Any) -> None:
        seen.append(body)

    app.on("aws:sqs")(later if is_async else lambda body, record: seen.append(body))
    for source in ("aws:s3", "aws:events", "aws:sns", "aws:dynamodb", "aws:kinesis", "aws:logs"):
        app.on(source)(lambda *arguments: None)
    app.handler(
        records(message("1", "first"), odd, message("3", "last")),
        make_context(remaining_ms=900_000),
    )
    serving.of(app).close()
    assert (seen[0], seen[-1]) == ("first", "last")


@sampled(200)
@given(event=ANYTHING | damaged().map(lambda record: records(record)))
def test_anything_is_answered(event: Any) -> None:
    """Whatever an event is, it is handled or refused as an event that nothing is there for."""

    class App(EventRuntime):
        def on_unhandled(self, source: str, record: Any) -> Any:
            return None

    app = App(partial_failures=True)
    answer = app.handler(event, make_context(remaining_ms=900_000))
    assert answer is None or isinstance(answer, dict | list)
