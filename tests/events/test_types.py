"""The types say what is documented; the type checker sees them, and nothing else loads them."""

import inspect
import json
import subprocess
import sys
import typing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import overloads, routes, types, unwrap
from amazon_lambda_runtime.events.sources import SOURCES

from .support import TEST_EVENT


def first(name: str) -> Any:
    return samples.load(name)["Records"][0]


def message_attribute() -> Any:
    return samples.load("sqs", attributes={"a": "b"})["Records"][0]["messageAttributes"]["a"]


RECORDS: list[tuple[Any, Any]] = [
    (types.SQSRecord, first("sqs")),
    (types.SQSRecord, first("sqs-fifo")),
    (types.SQSAttributes, first("sqs")["attributes"]),
    (types.SQSAttributes, first("sqs-fifo")["attributes"]),
    (types.SNSRecord, first("sns")),
    (types.S3Record, first("s3-put")),
    (types.S3Record, first("s3-restore")),
    (types.S3Entity, first("s3-put")["s3"]),
    (types.S3Bucket, first("s3-put")["s3"]["bucket"]),
    (types.S3Object, first("s3-put")["s3"]["object"]),
    (types.S3Object, first("s3-delete")["s3"]["object"]),
    (types.EventBridgeEvent, samples.load("eventbridge")),
    (types.EventBridgeEvent, samples.load("scheduled")),
    (types.KinesisRecord, first("kinesis")),
    (types.KinesisData, first("kinesis")["kinesis"]),
    (types.DynamoDBRecord, first("dynamodb")),
    (types.DynamoDBChange, first("dynamodb")["dynamodb"]),
    (types.DynamoDBChange, first("dynamodb-remove")["dynamodb"]),
    (types.KafkaRecord, samples.load("kafka")["records"]["mytopic-0"][0]),
    (types.ALBRequest, samples.load("alb")),
    (types.SQSEvent, samples.load("sqs")),
    (types.SNSEvent, samples.load("sns")),
    (types.S3Event, samples.load("s3-put")),
    (types.KinesisEvent, samples.load("kinesis")),
    (types.DynamoDBEvent, samples.load("dynamodb")),
    (types.KafkaEvent, samples.load("kafka")),
    (types.SQSMessageAttribute, message_attribute()),
    (types.SNSNotification, first("sns")["Sns"]),
    (types.SNSNotification, json.loads(first("sqs-sns")["body"])),
    (types.MQMessage, samples.load("mq-activemq")["messages"][0]),
    (types.MQMessage, samples.load("mq-rabbitmq")["rmqMessagesByQueue"]["pizzaQueue::/"][0]),
    (types.CloudFormationEvent, samples.load("cloudformation")),
    (types.APIGatewayEvent, samples.load("apigw-v1")),
    (types.APIGatewayV2Event, samples.load("apigw-v2", query="a=1")),
    (types.APIGatewayV2Event, samples.load("apigw-v2")),
    (types.FunctionURLEvent, samples.load("function-url", query="a=1")),
]


@pytest.mark.parametrize(("kind", "record"), RECORDS)
def test_the_samples_are_of_these_types(kind: Any, record: Any) -> None:
    """What is required is in the documented record, and what is there is known."""
    assert kind.__required_keys__ <= set(record)
    assert set(record) <= kind.__required_keys__ | kind.__optional_keys__


def test_a_notification_has_two_spellings() -> None:
    """What is required of a notification is there in a record and in a message of a queue."""
    queued = json.loads(first("sqs-sns")["body"])
    for notification in (first("sns")["Sns"], queued):
        assert types.SNSNotification.__required_keys__ <= set(notification)
    assert unwrap(TEST_EVENT) == []


# What AWS sends at times, so that a type checker has to know it.
OPTIONAL = [
    (types.SNSNotification, "SigningCertUrl SigningCertURL UnsubscribeUrl UnsubscribeURL Subject"),
    (types.S3Record, "lifecycleEventData replicationEventData intelligentTieringEventData"),
    (types.KinesisData, "encryptionType"),
    (types.DynamoDBChange, "ApproximateCreationDateTimePrecision"),
    (types.KinesisEvent, "window state isFinalInvokeForWindow eventSourceARN"),
    (types.SQSRecord, "md5OfMessageAttributes"),
]


@pytest.mark.parametrize(("kind", "keys"), OPTIONAL)
def test_keys_that_are_sent_at_times(kind: Any, keys: str) -> None:
    """They are known, and not required."""
    assert set(keys.split()) <= kind.__optional_keys__


def test_the_overloads_are_what_is_known() -> None:
    """A type checker knows the sources, conditions and parameters that a registration checks."""
    assert set(typing.get_args(overloads.Source)) == SOURCES
    known = {}
    call: Any = SimpleNamespace(__module__=overloads.__name__, __qualname__="On.__call__")
    for overload in typing.get_overloads(call):
        parameters = list(inspect.signature(overload).parameters.values())[1:]
        conditions = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
        function = typing.get_args(inspect.signature(overload).return_annotation)[1]
        count = len(typing.get_args(function.__bound__)[0])
        for source in typing.get_args(parameters[0].annotation):
            known[source] = conditions, count
    names = {name for name in known if name.startswith("s3:")}
    assert known.keys() - names == SOURCES
    for source in SOURCES:
        given = len(routes.PARAMETERS.get(source, ("event",)))
        assert known[source] == (set(routes._CONDITIONS.get(source, {})), given), source
    families = {name.removeprefix("s3:").partition(":")[0] for name in names} - {"*"}
    assert families <= set(routes._S3_FAMILIES)
    assert all(known[name] == ({"bucket", "key"}, 1) for name in names)


USER = """
from typing import TYPE_CHECKING, Any

from amazon_lambda_runtime.events import S3, SQS, EventRuntime

if TYPE_CHECKING:
    from amazon_lambda_runtime.events.types import S3Record, SQSRecord

app = EventRuntime()


@app.on("aws:sqs", queue="orders")
def take(body: Any, record: "SQSRecord") -> str:
    reveal_type(record["attributes"]["SentTimestamp"])
    return record["messageld"]  # WRONG: has no key "messageld"


class Files(S3):
    async def on_object_created(self, record: "S3Record") -> None:
        reveal_type(record["s3"]["object"]["key"])


@app.on("s3:ObjectCreated:*", bucket="in-*", key="*.csv")
async def load(record: "S3Record") -> None: ...


@app.on("aws:sqs")
def anything(body: Any, record: Any) -> Any: ...


@app.on("aws:ses")
def mail(event: Any) -> Any: ...


class App(EventRuntime):
    partial_failures = True


App.register_event_handler("aws:s3", Files)
reveal_type(take)
app.on("aws:sqss")(take)  # WRONG: No overload variant
app.on("aws:sqs", bucket="b")(take)  # WRONG: No overload variant
app.on("aws:s3")(take)  # WRONG: cannot be
app.on("aws:sqs")(load)  # WRONG: cannot be
app.on("s3:ObjectCreate:*")(load)  # WRONG: No overload variant
App.register_event_handler("aws:s33", Files)  # WRONG: incompatible type
App.register_event_handler("aws:s3", int)  # WRONG: incompatible type
EventRuntime(partial_failures="False")  # WRONG: incompatible type
"""


def test_a_type_checker_sees_them(tmp_path: Path) -> None:
    """mypy --strict knows fields, sources, conditions and functions, and finds what is wrong."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    tmp_path.joinpath("user.py").write_text(USER)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    wrong = {
        number: line.partition("# WRONG: ")[2]
        for number, line in enumerate(USER.splitlines(), 1)
        if "# WRONG: " in line
    }
    errors: dict[int, str] = {}
    for line in done.stdout.splitlines():
        if ": error: " in line:
            assert line.startswith("user.py:"), line
            number = int(line.split(":")[1])
            errors[number] = errors.get(number, "") + line
    assert errors.keys() == wrong.keys(), done.stdout
    for number, expected in wrong.items():
        assert expected in errors[number]
    assert done.stdout.count('Revealed type is "str"') + done.stdout.count('"builtins.str"') == 2
    assert "def (body: Any, record: " in done.stdout
