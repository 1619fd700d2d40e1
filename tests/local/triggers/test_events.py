"""What hidden queues receive, as events."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import source_of
from amazon_lambda_runtime.local.triggers import events

NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "m-1",
    "TopicArn": "arn:aws:sns:us-east-1:123456789012:t",
    "Message": "hi",
    "Timestamp": "2026-11-27T04:00:00.000Z",
    "SignatureVersion": "2",
    "Signature": "s",
    "SigningCertURL": "https://cert",
    "UnsubscribeURL": "https://unsubscribe",
    "MessageAttributes": {"a": {"Type": "String", "Value": "1"}},
}
RECORD = {
    "eventVersion": "2.1",
    "eventSource": "aws:s3",
    "awsRegion": "us-east-1",
    "eventTime": "2026-11-27T04:00:00.000Z",
    "eventName": "ObjectCreated:Put",
    "s3": {
        "s3SchemaVersion": "1.0",
        "configurationId": "c",
        "bucket": {"name": "b", "arn": "arn:aws:s3:::b"},
        "object": {"key": "a+b", "size": 1, "eTag": "e"},
    },
}


def test_topic() -> None:
    """A notification is the record that Lambda makes of it, whose names of URLs differ."""
    [event] = events.of_topic("arn:sub")(json.dumps(NOTIFICATION))
    assert source_of(event) == "aws:sns"
    record = event["Records"][0]
    assert record["EventSubscriptionArn"] == "arn:sub"
    assert record["Sns"]["Message"] == "hi"
    assert record["Sns"]["Subject"] is None
    assert record["Sns"]["SigningCertUrl"] == "https://cert"
    assert record["Sns"]["MessageAttributes"] == {"a": {"Type": "String", "Value": "1"}}
    _has_keys_of(event, "sns")


def test_bucket() -> None:
    """Each record is an event; the test when the bucket was set up is none."""
    found = list(events.of_bucket(json.dumps({"Records": [RECORD, RECORD]})))
    assert [source_of(event) for event in found] == ["aws:s3", "aws:s3"]
    assert found[0]["Records"][0]["s3"]["object"]["key"] == "a+b"
    assert len(found[0]["Records"][0]["s3"]["object"]["sequencer"]) == 18
    assert list(events.of_bucket('{"Service": "Amazon S3", "Event": "s3:TestEvent"}')) == []
    _has_keys_of(found[0], "s3-put")


def _has_keys_of(event: Any, sample: str) -> None:
    """Assert that a record has the fields of the sample event, and its parts have theirs."""
    [record], [expected] = event["Records"], samples.load(sample)["Records"]
    assert record.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, dict):
            assert record[name].keys() >= value.keys(), name


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{"source": ["shop"]}', 1),
        ('{"source": [{"prefix": "sh"}], "detail": {"n": [{"numeric": [">", 1]}]}}', 1),
        ('{"source": ["other"]}', 0),
        ('{"detail": {"n": [1]}}', 0),
    ],
)
def test_bus(pattern: str, expected: int) -> None:
    """An event that the pattern does not match is none of the function's."""
    event = {"version": "0", "source": "shop", "detail-type": "paid", "detail": {"n": 2}}
    assert list(events.of_bus(pattern)(json.dumps(event))) == [event] * expected


def test_scheduled() -> None:
    """EventBridge's own event, with the time at which it was due."""
    arn = "arn:aws:events:eu-west-1:123456789012:rule/nightly"
    event = events.scheduled(arn, datetime(2026, 11, 27, 3, tzinfo=UTC))
    assert (event["time"], event["region"]) == ("2026-11-27T03:00:00Z", "eu-west-1")
    assert (event["resources"], event["detail"]) == ([arn], {})
    assert source_of(event) == source_of(samples.load("scheduled"))
    assert event.keys() == samples.load("scheduled").keys()
