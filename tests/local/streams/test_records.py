"""What Lambda makes of the records of a stream, and of the answers to them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import EventRuntime, source_of
from amazon_lambda_runtime.events.records import Records
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.streams import records
from amazon_lambda_runtime.local.streams.records import Filters, Record, event, fill, succeeded
from amazon_lambda_runtime.project.event_pattern import PatternError
from amazon_lambda_runtime.testing import invoke

from .support import ARN, FAILED, FIRST, raw, record

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/ExampleTable/stream/2015-06-27T00:48:05.899"


def change(number: int = 222, **fields: Any) -> dict[str, Any]:
    """Return a record as boto3 reads it from a table's stream."""
    return {
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": datetime.fromtimestamp(1479499740, UTC),
            "Keys": {"Id": {"N": "101"}},
            "NewImage": {"Id": {"N": "101"}, "Message": {"S": "This item has changed"}},
            "OldImage": {"Id": {"N": "101"}, "Message": {"S": "New item!"}},
            "SequenceNumber": str(number),
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        **fields,
    }


def test_record_of_kinesis() -> None:
    """The event is the one of AWS's documentation, key for key."""
    expected = samples.load("kinesis")
    [sample] = expected["Records"]
    kinesis = sample["kinesis"]
    given = {
        "SequenceNumber": kinesis["sequenceNumber"],
        "PartitionKey": kinesis["partitionKey"],
        "Data": b"Hello, this is a test.",
        "ApproximateArrivalTimestamp": datetime.fromtimestamp(1545084650.987, UTC),
    }
    found = records.kinesis(given, sample["eventSourceARN"], "shardId-000000000006")
    assert json.loads(event([found])) == expected


def test_record_of_dynamodb() -> None:
    """The event is the one of AWS's documentation, key for key."""
    assert json.loads(event([records.dynamodb(change(), TABLE)])) == samples.load("dynamodb")


def test_attributes_of_dynamodb() -> None:
    """Bytes are in Base64 wherever they are; the other types are as they came."""
    image = {
        "b": {"B": b"\0\1"},
        "bs": {"BS": [b"\0", b"\1"]},
        "l": {"L": [{"B": b"\2"}, {"NULL": True}, {"BOOL": False}]},
        "m": {"M": {"n": {"N": "1.50"}, "ss": {"SS": ["é"]}}},
    }
    given = change()
    given["dynamodb"]["NewImage"] = image
    assert records.dynamodb(given, TABLE).document["dynamodb"]["NewImage"] == {
        "b": {"B": "AAE="},
        "bs": {"BS": ["AA==", "AQ=="]},
        "l": {"L": [{"B": "Ag=="}, {"NULL": True}, {"BOOL": False}]},
        "m": {"M": {"n": {"N": "1.50"}, "ss": {"SS": ["é"]}}},
    }


def test_item_that_has_expired() -> None:
    """DynamoDB's own deletions name it, as a filter for them asks."""
    identity = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    found = records.dynamodb(change(userIdentity=identity), TABLE)
    pattern = {"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}
    assert Filters([json.dumps(pattern)]).take(found)
    assert not Filters([json.dumps(pattern)]).take(records.dynamodb(change(), TABLE))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("aws:kinesis", [record(1), record(2)]),
        ("aws:dynamodb", [records.dynamodb(change(number), TABLE) for number in (1, 2)]),
    ],
)
def test_events_take_them(source: str, found: list[Record]) -> None:
    """Our runtime knows what it gets and what a report calls it, and hands it on as it is."""
    document = json.loads(event(found))
    assert source_of(document) == source
    read = Records(source, document)
    assert [read.name(index) for index in range(2)] == ["1", "2"]
    seen: list[Any] = []

    app: Any = EventRuntime()
    app.on(source)(lambda *parts: seen.append(parts[-1]))
    assert invoke(app, document) in (None, {"batchItemFailures": []})
    assert seen == document["Records"]


def test_filters_of_kinesis() -> None:
    """A pattern sees the data as JSON; data that is none is taken only if no pattern needs it."""
    buy, sell = record(1, b'{"kind": "buy"}'), record(2, b'{"kind": "sell"}')
    text = record(3, b"\xff")
    for patterns, expected in [
        ([], [True, True, True]),
        (['{"data": {"kind": ["buy"]}}'], [True, False, False]),
        (['{"data": {"kind": ["buy"]}}', '{"data": {"kind": ["sell"]}}'], [True, True, False]),
        (['{"data": {"other": [{"exists": false}]}}'], [True, True, False]),
        (['{"eventName": ["aws:kinesis:record"]}'], [True, True, True]),
    ]:
        filters = Filters(patterns)
        assert [filters.take(each) for each in (buy, sell, text)] == expected, patterns
    with pytest.raises(PatternError):
        Filters(["{"])


def test_filters_of_dynamodb() -> None:
    """A pattern sees the record."""
    found = records.dynamodb(change(), TABLE)
    for pattern, expected in [
        ('{"eventName": ["INSERT", "MODIFY"]}', True),
        ('{"eventName": ["REMOVE"]}', False),
        ('{"dynamodb": {"NewImage": {"Message": {"S": [{"prefix": "This"}]}}}}', True),
        ('{"dynamodb": {"Keys": {"Id": {"N": ["102"]}}}}', False),
    ]:
        assert Filters([pattern]).take(found) is expected


def test_fill() -> None:
    """A batch has at most so many records and so many bytes, but always one."""
    found = [record(number, moment=1.0) for number in range(1, 5)]
    size = len(found[0].data) + 1
    assert fill(found, 10) == (4, False)
    assert fill(found, 4) == (4, True)
    assert fill(found, 3) == (3, True)
    assert fill(found, 10, 2 * size) == (2, True)
    assert fill(found, 10, 2 * size - 1) == (1, True)
    assert fill(found, 10, 1) == (1, True)
    assert fill([], 10) == (0, False)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{"batchItemFailures":[{"itemIdentifier":"2"}]}', 1),
        ('{"batchItemFailures":[{"itemIdentifier":"10"},{"itemIdentifier":"9"}]}', 2),
        ('{"batchItemFailures":[]}', 4),
        ('{"batchItemFailures":null}', 4),
        ("{}", 4),
        ("null", 4),
        ("", 4),
        ('{"batchItemFailures":[{"itemIdentifier":"3"}]}', 0),
        ('{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}', 0),
        ('{"batchItemFailures":[{"itemIdentifier":""}]}', 0),
        ('{"batchItemFailures":[{"itemIdentifier":null}]}', 0),
        ('{"batchItemFailures":[{"itemIdentifier":2}]}', 0),
        ('{"batchItemFailures":[{"id":"2"}]}', 0),
        ('{"batchItemFailures":', 0),
        ('"done"', 0),
    ],
)
def test_succeeded(payload: str, expected: int) -> None:
    """The lowest number of a report is where it goes on; a malformed report fails everything."""
    found = [record(number) for number in (1, 2, 9, 10)]
    answer = Answer(payload.encode())
    assert succeeded(answer, found, partial=True) == expected
    assert succeeded(answer, found, partial=False) == 4
    assert succeeded(FAILED, found, partial=True) == 0


def test_discarded() -> None:
    """The record of a batch that is given up is the one of AWS's documentation."""
    context = {"requestContext": {"condition": "RetryAttemptsExhausted"}}
    found = [
        records.kinesis(raw(number, moment=1573691884.835 + number), ARN, FIRST)
        for number in range(3)
    ]
    document = json.loads(records.discarded(found, context, kind="Kinesis", arn=ARN, shard=FIRST))
    moment = document.pop("timestamp")
    assert abs(datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds() < 60
    assert document == {
        **context,
        "version": "1.0",
        "KinesisBatchInfo": {
            "shardId": FIRST,
            "startSequenceNumber": "0",
            "endSequenceNumber": "2",
            "approximateArrivalOfFirstRecord": "2019-11-14T00:38:04.835Z",
            "approximateArrivalOfLastRecord": "2019-11-14T00:38:06.835Z",
            "batchSize": 3,
            "streamArn": ARN,
        },
    }
    changes = [records.dynamodb(change(), TABLE)]
    document = json.loads(records.discarded(changes, {}, kind="DynamoDB", arn=TABLE, shard=FIRST))
    assert document["DDBStreamBatchInfo"] == {
        "shardId": FIRST,
        "startSequenceNumber": "222",
        "endSequenceNumber": "222",
        "approximateArrivalOfFirstRecord": "2016-11-18T20:09:00Z",
        "approximateArrivalOfLastRecord": "2016-11-18T20:09:00Z",
        "batchSize": 1,
        "streamArn": TABLE,
    }
