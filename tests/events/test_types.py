"""The types say what is documented; the type checker sees them, and nothing else loads them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import types, unwrap

from .support import TEST_EVENT


def first(name: str) -> Any:
    return samples.load(name)["Records"][0]


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
]


@pytest.mark.parametrize(("kind", "record"), RECORDS)
def test_the_samples_are_of_these_types(kind: Any, record: Any) -> None:
    """What is required is in the documented record, and what is there is known."""
    assert kind.__required_keys__ <= set(record)
    assert set(record) <= kind.__required_keys__ | kind.__optional_keys__


def test_a_notification_has_two_spellings() -> None:
    """What is required of a notification is there in a record and in a message of a queue."""
    import json

    queued = json.loads(first("sqs-sns")["body"])
    for notification in (first("sns")["Sns"], queued):
        assert types.SNSNotification.__required_keys__ <= set(notification)
    assert unwrap(TEST_EVENT) == []


USER = """
from typing import TYPE_CHECKING, Any

from amazon_lambda_runtime.events import S3, SQS, EventRuntime

if TYPE_CHECKING:
    from amazon_lambda_runtime.events.types import S3Record, SQSRecord

app = EventRuntime()


@app.on("aws:sqs", queue="orders")
def take(body: Any, record: "SQSRecord") -> str:
    reveal_type(record["attributes"]["SentTimestamp"])
    return record["messageld"]


class Files(S3):
    async def on_object_created(self, record: "S3Record") -> None:
        reveal_type(record["s3"]["object"]["key"])


reveal_type(take)
"""


def test_a_type_checker_sees_them(tmp_path: Path) -> None:
    """mypy --strict knows the fields, finds a typing error, and leaves the function its type."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    tmp_path.joinpath("user.py").write_text(USER)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert all(line.startswith("user.py:15:") for line in errors), done.stdout
    assert 'TypedDict "SQSRecord" has no key "messageld"' in done.stdout
    assert done.stdout.count('Revealed type is "str"') + done.stdout.count('"builtins.str"') == 2
    assert "def (body: Any, record: " in done.stdout
