"""Messages to events, and the answer to an event to the messages that have failed. No I/O.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.project.aws_limits import PAYLOAD_BYTES

from .sqs import Message

_HEAD, _BETWEEN, _TAIL = b'{"Records":[', b",", b"]}"


def record(message: Message, arn: str) -> bytes:
    """Return the message as Lambda puts it into an event."""
    document = _document(message, arn)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def filtered(message: Message, arn: str) -> dict[str, Any]:
    """Return the message as a filter sees it: a body that is a JSON object is one.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
    """
    document = _document(message, arn)
    try:
        body = json.loads(document["body"])
    except (ValueError, RecursionError):
        return document
    return {**document, "body": body} if isinstance(body, dict) else document


def _document(message: Message, arn: str) -> dict[str, Any]:
    document = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        document["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return document


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        document["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        document["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return {**document, "dataType": value["DataType"]}


def events(
    messages: Sequence[Message], arn: str, limit: int = PAYLOAD_BYTES
) -> Iterator[tuple[bytes, list[Message]]]:
    """Yield events with their messages: one, or several if one would exceed the limit (in bytes).

    A message that exceeds the limit by itself gets an event of its own.
    """
    records: list[bytes] = []
    taken: list[Message] = []
    size = len(_HEAD + _TAIL)
    for message in messages:
        data = record(message, arn)
        if records and size + len(data) > limit:
            yield _HEAD + _BETWEEN.join(records) + _TAIL, taken
            records, taken, size = [], [], len(_HEAD + _TAIL)
        records.append(data)
        taken.append(message)
        size += len(data) + len(_BETWEEN)
    if records:
        yield _HEAD + _BETWEEN.join(records) + _TAIL, taken


def failures(answer: Answer, messages: Sequence[Message], partial: bool) -> set[str]:
    """Return the ids of the messages that have failed, according to the answer to their event.

    `partial` is ReportBatchItemFailures. A malformed report fails the whole batch.
    """
    everything = {str(message["MessageId"]) for message in messages}
    if answer.failed:
        return everything
    if not partial:
        return set()
    try:
        reported = _reported(answer.payload)
    except (ValueError, RecursionError):
        return everything
    # An unknown id fails the whole batch, as on AWS.
    return reported if reported <= everything else everything


def reports_failures(answer: Answer) -> bool:
    """Return whether the answer names messages that have failed, or tries to."""
    try:
        return not answer.failed and bool(_reported(answer.payload))
    except (ValueError, RecursionError):
        return b"batchItemFailures" in answer.payload


def _reported(payload: bytes) -> set[str]:
    """Return the ids that a response names. Raises ValueError if it is malformed."""
    response = json.loads(payload.decode()) if payload.strip() else None
    if not response:
        return set()
    if not isinstance(response, dict):
        raise ValueError("no object")
    items = response.get("batchItemFailures")
    if not items:
        return set()
    if not isinstance(items, list):
        raise ValueError("no list")
    ids = set()
    for item in items:
        identifier = item.get("itemIdentifier") if isinstance(item, dict) else None
        if not isinstance(identifier, str) or not identifier:
            raise ValueError("no itemIdentifier")
        ids.add(identifier)
    return ids
