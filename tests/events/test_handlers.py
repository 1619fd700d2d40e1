"""The hooks of the handler classes, and what they are given."""

import base64
import json
import logging
from decimal import Decimal
from typing import Any

import pytest

from amazon_lambda_runtime import HttpResponse, samples
from amazon_lambda_runtime.events import (
    ALB,
    S3,
    SNS,
    SQS,
    DynamoDB,
    EventBridge,
    EventHandler,
    EventRuntime,
    Kafka,
    Kinesis,
)
from amazon_lambda_runtime.testing import FunctionError, invoke

from .support import (
    bridged,
    dynamodb,
    kafka,
    kinesis,
    message,
    notification,
    records,
    s3,
    sns,
)


def app_of(source: str, handler: type[EventHandler]) -> type[EventRuntime]:
    return type("App", (EventRuntime,), {}).register_event_handler(source, handler)  # type: ignore[attr-defined,no-any-return]


class Seen:
    """What the hooks of a class were called with, by their names."""

    def __init__(self, base: type[EventHandler], *hooks: str) -> None:
        self.calls: list[Any] = []
        methods = {hook: self._hook(hook) for hook in hooks}
        self.kind: type[EventHandler] = type("Handler", (base,), methods)

    def _hook(self, name: str) -> Any:
        return lambda handler, *arguments: self.calls.append((name, *arguments))


@pytest.mark.parametrize(
    ("name", "hook"),
    [
        ("ObjectCreated:Put", "on_object_created"),
        ("s3:ObjectCreated:CompleteMultipartUpload", "on_object_created"),
        ("ObjectRemoved:Delete", "on_object_removed"),
        ("ObjectRestore:Completed", "on_object_restored"),
        ("ObjectTagging:Put", "on_object_tagged"),
        ("LifecycleExpiration:Delete", "on_lifecycle_expiration"),
        ("ObjectAcl:Put", "on_s3_event"),
        ("ReducedRedundancyLostObject", "on_s3_event"),
    ],
)
def test_s3_hooks(name: str, hook: str) -> None:
    """Each family of S3's events has a hook, with the record; what has none goes to on_s3_event."""
    hooks = ["created", "removed", "restored", "tagged"]
    seen = Seen(
        S3, *(f"on_object_{each}" for each in hooks), "on_lifecycle_expiration", "on_s3_event"
    )
    assert invoke(app_of("aws:s3", seen.kind), records(s3(name=name))) == {"status": "ok"}
    assert seen.calls == [(hook, s3(name=name))]
    rest = Seen(S3, "on_s3_event")
    invoke(app_of("aws:s3", rest.kind), records(s3(name=name)))
    assert rest.calls == [("on_s3_event", s3(name=name))]


@pytest.mark.parametrize(
    ("source", "event"),
    [
        ("aws:sns", records(sns(records(s3())))),
        ("aws:sqs", records(message("1", records(s3())))),
        ("aws:sqs", records(message("1", notification(records(s3()))))),
    ],
)
def test_s3_registered_for_its_envelope(source: str, event: Any) -> None:
    """As in the original, the class may be registered for what S3's events come in."""
    seen = Seen(S3, "on_object_created")
    invoke(app_of(source, seen.kind), event)
    assert seen.calls == [("on_object_created", s3())]


@pytest.mark.parametrize(
    ("handler", "source", "event"),
    [
        (S3, "aws:sqs", records(message("1", "no event"))),
        (S3, "aws:s3", records({"eventSource": "aws:s3"})),
        (S3, "aws:s3", records({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"})),
        (EventBridge, "aws:sqs", records(message("1", {"a": 1}))),
        (Kinesis, "aws:kinesis", records(kinesis("1"))),
        (DynamoDB, "aws:dynamodb", records(dynamodb("1", "INSERT"))),
        (DynamoDB, "aws:dynamodb", records(dynamodb("1", "REMOVE"))),
        (DynamoDB, "aws:dynamodb", records(dynamodb("1", "MODIFY"))),
        (Kafka, "aws:kafka", kafka([(0, 1, "x")])),
    ],
)
def test_what_no_hook_is_for(handler: type[EventHandler], source: str, event: Any) -> None:
    """Something else in the envelope, or a hook that is not there, is no success."""
    with pytest.raises(FunctionError, match="UnhandledEvent"):
        invoke(app_of(source, handler), event)


@pytest.mark.parametrize("body", [{"a": 1}, "detail-type"])
def test_eventbridge_registered_for_its_envelope(body: Any) -> None:
    """Its hook is called for events of EventBridge alone, not for whatever else a queue has."""
    seen = Seen(EventBridge, "on_event")
    with pytest.raises(FunctionError, match="UnhandledEvent"):
        invoke(app_of("aws:sqs", seen.kind), records(message("1", body)))
    assert seen.calls == []


def test_sns_hook() -> None:
    """A notification's hook has the same, directly and through a queue."""
    for event in (records(sns({"a": 1})), records(message("1", notification({"a": 1})))):
        seen = Seen(SNS, "on_notification")
        invoke(app_of("aws:sns", seen.kind), event)
        ((_, payload, inner, _record),) = seen.calls
        assert payload == {"a": 1}
        assert inner == notification({"a": 1})


def test_eventbridge_hook() -> None:
    """The detail-type and the detail, directly and through a queue; no detail is an empty one."""
    seen = Seen(EventBridge, "on_event")
    app = app_of("aws:events", seen.kind)
    bare = {"detail-type": "Ordered"}
    assert invoke(app, bridged({"a": 1})) == {"status": "ok"}
    assert invoke(app, records(message("1", bridged({"a": 1})))) == {"batchItemFailures": []}
    invoke(app, bare)
    whole = ("on_event", "Ordered", {"a": 1}, bridged({"a": 1}))
    assert seen.calls == [whole, whole, ("on_event", "Ordered", {}, bare)]


def test_kinesis_and_kafka_hooks() -> None:
    """The data, decoded, and the record."""
    seen = Seen(Kinesis, "on_record")
    invoke(app_of("aws:kinesis", seen.kind), records(kinesis("1", {"a": 1})))
    assert seen.calls == [("on_record", {"a": 1}, kinesis("1", {"a": 1}))]
    seen = Seen(Kafka, "on_message")
    event = kafka([(0, 5, [1])])
    invoke(app_of("aws:kafka", seen.kind), event)
    assert seen.calls == [("on_message", [1], event["records"]["t-0"][0])]


ITEM = {
    "s": {"S": "x"},
    "n": {"N": "12345678901234567890"},
    "d": {"N": "1.10"},
    "b": {"B": base64.b64encode(b"\x00\xff").decode()},
    "t": {"BOOL": True},
    "z": {"NULL": True},
    "l": {"L": [{"S": "a"}, {"N": "1"}]},
    "m": {"M": {"k": {"S": "v"}}},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": ["YQ=="]},
    "odd": {"X": 1},
    "bad": {"N": "many"},
    "odd_b": {"B": "YW?I="},
    "odd_bs": {"BS": ["YQ==", "Y?Q=="]},
    "two": {"S": "a", "N": "1"},
    "not": 7,
}
VALUES = {
    "s": "x",
    "n": 12345678901234567890,
    "d": Decimal("1.10"),
    "b": b"\x00\xff",
    "t": True,
    "z": None,
    "l": ["a", 1],
    "m": {"k": "v"},
    "ss": {"a", "b"},
    "ns": {1, Decimal("2.5")},
    "bs": {b"a"},
    "odd": {"X": 1},
    "bad": {"N": "many"},
    "odd_b": {"B": "YW?I="},
    "odd_bs": {"BS": ["YQ==", "Y?Q=="]},
    "two": {"S": "a", "N": "1"},
    "not": 7,
}


def test_dynamodb_hooks() -> None:
    """Items as Python values, to the digit; what is none of DynamoDB's comes as it is."""
    seen = Seen(DynamoDB, "on_insert", "on_modify", "on_remove")
    app = app_of("aws:dynamodb", seen.kind)
    inserted = dynamodb("1", "INSERT", NewImage=ITEM)
    modified = dynamodb("2", "MODIFY", NewImage={"a": {"N": "2"}}, OldImage={"a": {"N": "1"}})
    removed = dynamodb("3", "REMOVE", OldImage={"a": {"N": "2"}})
    invoke(app, records(inserted, modified, removed))
    assert seen.calls == [
        ("on_insert", VALUES, inserted),
        ("on_modify", {"a": 2}, {"a": 1}, modified),
        ("on_remove", {"a": 2}, removed),
    ]
    rest = Seen(DynamoDB, "on_change")
    keys_only = dynamodb("4", "OTHER", NewImage=7)
    invoke(app_of("aws:dynamodb", rest.kind), records(inserted, modified, removed, keys_only))
    assert [call[1:3] for call in rest.calls] == [
        (VALUES, None),
        ({"a": 2}, {"a": 1}),
        (None, {"a": 2}),
        (None, None),
    ]


def test_the_values_are_those_of_boto3() -> None:
    """boto3 reads the same, but for its own type of binaries."""
    from boto3.dynamodb.types import TypeDeserializer

    from amazon_lambda_runtime.events.attributes import item

    known: dict[str, Any] = {
        name: ITEM[name] for name in ("s", "n", "d", "t", "z", "l", "m", "ss", "ns")
    }
    theirs = {name: TypeDeserializer().deserialize(value) for name, value in known.items()}
    assert item(known) == theirs


class Shop(ALB):
    def on_request(self, method: str, path: str, params: dict[str, Any], event: Any) -> Any:
        match path:
            case "/params":
                return params
            case "/made":
                return self.response(418, {"a": 1}, {"X-A": "b"})
            case "/text":
                return self.response(299, "hello")
            case "/http":
                return HttpResponse(201, {"X-A": "b"}, ["a=1", "b=2"], b"\xff")
            case "/stream":
                return HttpResponse(body=iter(["a"]))
            case "/fails":
                raise ValueError("secret")
            case _:
                return super().on_request(method, path, params, event)


class LateShop(Shop):
    async def on_request(self, *arguments: Any) -> Any:
        return Shop.on_request(self, *arguments)


def ask(path: str, handler: type[ALB] = Shop, **changes: Any) -> Any:
    event = {**samples.load("alb", path=path), **changes}
    return invoke(app_of("aws:alb", handler), event)


@pytest.mark.parametrize("handler", [Shop, LateShop])
def test_alb_responses(handler: type[ALB]) -> None:
    """A value is a JSON body; a response is itself; an HttpResponse becomes one."""
    answer = ask("/params", handler, queryStringParameters={"a": "1"})
    assert answer == {
        "statusCode": 200,
        "statusDescription": "200 OK",
        "headers": {"Content-Type": "application/json"},
        "body": '{"a": "1"}',
        "isBase64Encoded": False,
    }
    made = ask("/made", handler)
    assert (made["statusCode"], made["statusDescription"]) == (418, "418 I'm a Teapot")
    assert made["headers"] == {"Content-Type": "application/json", "X-A": "b"}
    text = ask("/text", handler)
    assert (text["statusDescription"], text["body"]) == ("299 Unknown", "hello")
    assert text["headers"]["Content-Type"].startswith("text/plain")
    http = ask("/http", handler, multiValueHeaders={})
    assert http["multiValueHeaders"] == {"X-A": ["b"], "Set-Cookie": ["a=1", "b=2"]}
    assert (http["body"], http["isBase64Encoded"]) == ("/w==", True)
    assert "headers" not in http
    assert ask("/else", handler)["statusCode"] == 404


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"content-type": "text/html"}, {"content-type": "text/html"}),
        ({"CONTENT-TYPE": "a/b", "X": "y"}, {"CONTENT-TYPE": "a/b", "X": "y"}),
        ({"X-A": "1", "x-a": "2"}, {"Content-Type": "application/json", "X-A": "2"}),
        ({}, {"Content-Type": "application/json"}),
        (None, {"Content-Type": "application/json"}),
    ],
)
def test_alb_headers_are_one_in_any_case(given: Any, expected: Any) -> None:
    """A name that is there in two spellings is one header: the last value counts, or all do."""
    from amazon_lambda_runtime.events.alb import response

    assert response({}, 200, [], given)["headers"] == expected
    several = response({"multiValueHeaders": {}}, 200, [], given)["multiValueHeaders"]
    assert {name: values[-1] for name, values in several.items()} == expected
    assert several.get("X-A", ["1", "2"]) == ["1", "2"]


@pytest.mark.parametrize("path", ["/fails", "/stream"])
def test_alb_failures(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """An exception is a 500 that does not say what it was; the log has the traceback."""
    answer = ask(path)
    assert (answer["statusCode"], "secret" in json.dumps(answer)) == (500, False)
    assert json.loads(answer["body"]) == {"error": "Internal Server Error"}
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info


def parsed(**changes: Any) -> Any:
    return json.loads(ask("/params", **changes)["body"])


FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def test_alb_params() -> None:
    """The query's fields, decoded, and over them those of a form or of a JSON body."""
    assert parsed(queryStringParameters={"a%20b": "c+d%C3%BC"}) == {"a b": "c dü"}
    several = {"a": ["1", "2", "3"], "b": ["x"]}
    assert parsed(multiValueQueryStringParameters=several) == {"a": ["1", "2", "3"], "b": "x"}
    query = {"a": "0", "q": "1"}
    form = parsed(queryStringParameters=query, headers=FORM, body="a=1+2&a=%33&&b")
    assert form == {"a": ["1 2", "3"], "b": "", "q": "1"}
    body = base64.b64encode(b"a=1").decode()
    assert parsed(headers=FORM, body=body, isBase64Encoded=True) == {"a": "1"}
    odd_text = base64.b64encode(b"a=\xff1").decode()
    assert parsed(headers=FORM, body=odd_text, isBase64Encoded=True) == {"a": "\ufffd1"}
    multi = {"Content-Type": ["application/json"], "X": []}
    event = {"headers": None, "multiValueHeaders": multi, "queryStringParameters": query}
    assert parsed(**event, body='{"a": [1]}') == {"a": [1], "q": "1"}
    for odd in ("[1]", "{", ""):
        assert parsed(**event, body=odd) == query
    assert parsed(headers={}, body="a=1", queryStringParameters=None) == {}


def test_alb_asks_about_nothing_else() -> None:
    """A class for requests is no class for records."""

    class Queue(SQS):
        def on_message(self, body: Any, record: Any) -> None: ...

    app = app_of("aws:alb", Shop)
    app.register_event_handler("aws:sqs", Queue)
    assert invoke(app, records(message("1"))) == {"batchItemFailures": []}


def test_a_record_handler_says_its_call() -> None:
    """A class between EventHandler and the sources' is to say what it calls."""
    from amazon_lambda_runtime.events.handlers import RecordHandler

    with pytest.raises(FunctionError, match="NotImplementedError"):
        invoke(app_of("aws:sqs", RecordHandler), records(message("1")))
