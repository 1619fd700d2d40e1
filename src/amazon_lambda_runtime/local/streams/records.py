"""Records of a stream: what Lambda makes of them, and of the answer to their event. No I/O.

https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.queues.batch import failures
from amazon_lambda_runtime.project import event_pattern
from amazon_lambda_runtime.project.aws_limits import PAYLOAD_BYTES

_HEAD, _BETWEEN, _TAIL = b'{"Records":[', b",", b"]}"
#: What an event has besides its records, in bytes.
FRAME = len(_HEAD + _TAIL)


@dataclass(frozen=True, slots=True)
class Record:
    """One record. Those with the same `key` stay in their order, also in parallel batches.

    `moment` is when the stream took it, in seconds since 1970; `data` is the record as JSON.
    """

    sequence: str
    key: str
    moment: float
    data: bytes

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.data)
        return document


def kinesis(raw: Mapping[str, Any], arn: str, shard: str) -> Record:
    """Return a record of Kinesis, as boto3 reads it, as Lambda puts it into an event."""
    sequence, arrived = raw["SequenceNumber"], raw["ApproximateArrivalTimestamp"].timestamp()
    document = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": raw["PartitionKey"],
            "sequenceNumber": sequence,
            "data": base64.b64encode(raw["Data"]).decode(),
            "approximateArrivalTimestamp": round(arrived, 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{arn.split(':')[4]}:role/lambda-role",
        "awsRegion": arn.split(":")[3],
        "eventSourceARN": arn,
    }
    return Record(sequence, raw["PartitionKey"], arrived, _encoded(document))


def dynamodb(raw: Mapping[str, Any], arn: str) -> Record:
    """Return a record of a table's stream, as boto3 reads it, as Lambda puts it into an event."""
    change = raw["dynamodb"]
    created = change["ApproximateCreationDateTime"].timestamp()
    document = {
        "eventID": raw["eventID"],
        "eventName": raw["eventName"],
        "eventVersion": raw["eventVersion"],
        "eventSource": "aws:dynamodb",
        "awsRegion": arn.split(":")[3],
        "dynamodb": _plain({**change, "ApproximateCreationDateTime": int(created)}),
        "eventSourceARN": arn,
    }
    if "userIdentity" in raw:
        # DynamoDB itself: the item has expired. Lambda writes its keys small.
        identity = raw["userIdentity"]
        document["userIdentity"] = {
            "type": identity["Type"],
            "principalId": identity["PrincipalId"],
        }
    key = json.dumps(document["dynamodb"]["Keys"], sort_keys=True)
    return Record(change["SequenceNumber"], key, created, _encoded(document))


def _plain(value: Any) -> Any:
    """Return an attribute with its bytes in Base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


class Filters:
    """Says which records an event source mapping takes: all, or those that match a pattern.

    For Kinesis a pattern sees the decoded data, which has to be JSON, under `data`. Raises
    PatternError for a text that is no pattern.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._tests = [(event_pattern.parse(text), "data" in json.loads(text)) for text in patterns]

    def take(self, record: Record) -> bool:
        if not self._tests:
            return True
        document = record.document
        has_data = True
        if "kinesis" in document:
            try:
                document["data"] = json.loads(base64.b64decode(document["kinesis"]["data"]))
            except (ValueError, RecursionError):
                has_data = False
        return any(test(document) for test, needs_data in self._tests if has_data or not needs_data)


def fill(
    records: Iterable[Record], most: int, limit: int = PAYLOAD_BYTES - FRAME
) -> tuple[int, bool]:
    """Return how many of the records, the first ones, make one batch, and whether it is full.

    It has at most so many records, and in JSON `limit` bytes; but always one.
    """
    count = size = 0
    for record in records:
        size += len(record.data) + len(_BETWEEN)
        if count == most or (count and size > limit):
            return count, True
        count += 1
    return count, count == most


def event(records: Sequence[Record], more: Mapping[str, Any] | None = None) -> bytes:
    """Return the event of a batch, with more fields behind its records."""
    tail = b"]," + _encoded(more)[1:] if more else _TAIL
    return _HEAD + _BETWEEN.join(record.data for record in records) + tail


def succeeded(answer: Answer, records: Sequence[Record], partial: bool) -> int:
    """Return how many of the records, the first ones, are done according to their answer.

    `partial` is ReportBatchItemFailures: the lowest number that is reported is where it goes on. A
    malformed report fails the whole batch, and so does a number that is none of the batch's.
    """
    failed = failures(answer, [{"MessageId": record.sequence} for record in records], partial)
    places = (place for place, record in enumerate(records) if record.sequence in failed)
    return next(places, len(records))


def discarded(
    records: Sequence[Record], context: Mapping[str, Any], *, kind: str, arn: str, shard: str
) -> str:
    """Return what Lambda sends to the on-failure destination for a batch that it gives up.

    `context` is its `requestContext` and `responseContext`; `kind` is Kinesis or DynamoDB.
    """
    first, last = records[0], records[-1]
    precision, name = "milliseconds", "KinesisBatchInfo"
    if kind == "DynamoDB":
        precision, name = "seconds", "DDBStreamBatchInfo"
    info = {
        "shardId": shard,
        "startSequenceNumber": first.sequence,
        "endSequenceNumber": last.sequence,
        "approximateArrivalOfFirstRecord": moment(first.moment, precision),
        "approximateArrivalOfLastRecord": moment(last.moment, precision),
        "batchSize": len(records),
        "streamArn": arn,
    }
    now = moment(datetime.now(UTC).timestamp(), "milliseconds")
    return json.dumps({**context, "version": "1.0", "timestamp": now, name: info})


def moment(seconds: float, precision: str = "seconds") -> str:
    """Return a moment, in seconds since 1970, as Lambda writes it."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec=precision)
    return text.replace("+00:00", "Z")
