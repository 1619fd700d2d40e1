"""What Lambda makes of messages, and of the answers to them."""

import json
from typing import Any

import pytest

from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.queues.batch import events, failures, reports_failures

from .support import FAILED

ARN = "arn:aws:sqs:eu-north-1:123456789012:orders"


def message(number: int = 1, body: str = "b", **fields: Any) -> dict[str, Any]:
    return {
        "MessageId": f"id-{number}",
        "ReceiptHandle": f"r-{number}",
        "Body": body,
        "MD5OfBody": "md5",
        "Attributes": {"ApproximateReceiveCount": "1", "SenderId": "A"},
        **fields,
    }


def test_event() -> None:
    """The event is the one of AWS's documentation, key for key."""
    attributes = {
        "text": {"StringValue": "é", "DataType": "String"},
        "bytes": {"BinaryValue": b"\0\1", "DataType": "Binary"},
    }
    given = message(MessageAttributes=attributes, MD5OfMessageAttributes="md5-2")
    [(event, messages)] = events([given, message(2)], ARN)
    assert messages == [given, message(2)]
    first, second = json.loads(event)["Records"]
    assert first == {
        "messageId": "id-1",
        "receiptHandle": "r-1",
        "body": "b",
        "attributes": {"ApproximateReceiveCount": "1", "SenderId": "A"},
        "messageAttributes": {
            "text": {
                "stringValue": "é",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            },
            "bytes": {
                "binaryValue": "AAE=",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "Binary",
            },
        },
        "md5OfBody": "md5",
        "md5OfMessageAttributes": "md5-2",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": "eu-north-1",
    }
    assert second["messageAttributes"] == {}
    assert "md5OfMessageAttributes" not in second


def test_payload_limit_splits_a_batch() -> None:
    """No event is over 6 MiB, unless one message is, and none is lost or out of order."""
    batch = [message(number, "x" * 1_000_000) for number in range(10)]
    parts = list(events(batch, ARN))
    assert [len(messages) for _, messages in parts] == [6, 4]
    assert all(len(event) <= 6 * 1024 * 1024 for event, _ in parts)
    assert [each for _, messages in parts for each in messages] == batch
    for event, messages in parts:
        ids = [record["messageId"] for record in json.loads(event)["Records"]]
        assert ids == [each["MessageId"] for each in messages]
    exact = len(next(events(batch[:2], ARN))[0])
    assert [len(some) for _, some in events(batch[:2], ARN, limit=exact)] == [2]
    assert [len(some) for _, some in events(batch[:2], ARN, limit=exact - 1)] == [1, 1]
    assert [len(some) for _, some in events(batch[:2], ARN, limit=1)] == [1, 1]


NONE: set[str] = set()
BOTH = {"id-1", "id-2"}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{"batchItemFailures":[{"itemIdentifier":"id-2"}]}', {"id-2"}),
        ('{"batchItemFailures":[{"itemIdentifier":"id-2"},{"itemIdentifier":"id-1"}]}', BOTH),
        ('{"batchItemFailures":[]}', NONE),
        ('{"batchItemFailures":null}', NONE),
        ("{}", NONE),
        ("null", NONE),
        ("", NONE),
        ('""', NONE),
        ('{"statusCode":200}', NONE),
        ('{"batchItemFailures":[{"itemIdentifier":"id-3"}]}', BOTH),
        ('{"batchItemFailures":[{"itemIdentifier":"id-1"},{"itemIdentifier":"x"}]}', BOTH),
        ('{"batchItemFailures":[{"itemIdentifier":""}]}', BOTH),
        ('{"batchItemFailures":[{"itemIdentifier":null}]}', BOTH),
        ('{"batchItemFailures":[{"itemIdentifier":1}]}', BOTH),
        ('{"batchItemFailures":[{"messageId":"id-1"}]}', BOTH),
        ('{"batchItemFailures":["id-1"]}', BOTH),
        ('{"batchItemFailures":"id-1"}', BOTH),
        ('{"batchItemFailures":', BOTH),
        ('"done"', BOTH),
        ("[1]", BOTH),
        ("[" * 100_000, BOTH),
    ],
)
def test_partial_failures(payload: str, expected: set[str]) -> None:
    """ReportBatchItemFailures: what names no messages of the batch fails all of it."""
    answer = Answer(payload.encode())
    batch = [message(1), message(2)]
    assert failures(answer, batch, partial=True) == expected
    assert failures(answer, batch, partial=False) == NONE
    assert failures(Answer(payload.encode(), failed=True), batch, partial=True) == BOTH


def test_what_reports_failures() -> None:
    """A response that names failed messages is known where that is not asked for."""
    assert reports_failures(Answer(b'{"batchItemFailures":[{"itemIdentifier":"1"}]}'))
    assert reports_failures(Answer(b'{"batchItemFailures":[{"id":"1"}]}'))
    for payload in (b'{"batchItemFailures":[]}', b"null", b'"ok"', b"\xff"):
        assert not reports_failures(Answer(payload))
    assert not reports_failures(FAILED)
