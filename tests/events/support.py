"""Records as the sources send them, for events of as many as a test needs."""

import base64
import json
import os
import random
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from hypothesis import HealthCheck, seed, settings

Test = TypeVar("Test", bound=Callable[..., Any])

# What the random tests draw follows from it. It is printed with each of them that fails.
SEED = int(os.environ.setdefault("SEED", str(random.randrange(2**32))))


def sampled(sample: int = 50) -> Callable[[Test], Test]:
    """Have a random test try `sample` examples, or as many as the variable EXAMPLES says."""
    count = int(os.environ.get("EXAMPLES") or sample)
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.large_base_example]
    options = settings(deadline=None, max_examples=count, suppress_health_check=slow, database=None)

    def decorate(test: Test) -> Test:
        return options(seed(SEED)(test))

    return decorate


REGION = "us-east-1:123456789012"


def as_text(payload: Any) -> str:
    return payload if isinstance(payload, str) else json.dumps(payload)


def encoded(payload: Any) -> str:
    data = payload if isinstance(payload, bytes) else as_text(payload).encode()
    return base64.b64encode(data).decode()


def message(name: str, body: Any = "", group: str | None = None, fifo: bool = True) -> Any:
    """Return a message of SQS; with a group it is of a FIFO queue."""
    queue = "orders.fifo" if group is not None and fifo else "orders"
    attributes = {"ApproximateReceiveCount": "1"}
    if group is not None:
        attributes["MessageGroupId"] = group
    return {
        "messageId": name,
        "body": as_text(body),
        "attributes": attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{queue}",
    }


def notification(payload: Any, topic: str = "news") -> Any:
    """Return a notification of SNS as a queue gets it."""
    return {
        "Type": "Notification",
        "MessageId": "n-1",
        "TopicArn": f"arn:aws:sns:{REGION}:{topic}",
        "Message": as_text(payload),
    }


def sns(payload: Any, topic: str = "news") -> Any:
    """Return a record of SNS."""
    return {"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": notification(payload, topic)}


def s3(key: str = "a.csv", name: str = "ObjectCreated:Put", bucket: str = "in-1") -> Any:
    """Return a record of S3; `key` as it is in the record."""
    entity = {"bucket": {"name": bucket}, "object": {"key": key}}
    return {"eventSource": "aws:s3", "eventName": name, "s3": entity}


def kinesis(number: str, payload: Any = "", stream: str = "clicks") -> Any:
    return {
        "eventSource": "aws:kinesis",
        "eventSourceARN": f"arn:aws:kinesis:{REGION}:stream/{stream}",
        "kinesis": {"sequenceNumber": number, "partitionKey": "p", "data": encoded(payload)},
    }


def dynamodb(number: str, name: str = "MODIFY", table: str = "t", **images: Any) -> Any:
    """Return a record of a table's stream; `NewImage` and `OldImage` as DynamoDB writes them."""
    return {
        "eventSource": "aws:dynamodb",
        "eventSourceARN": f"arn:aws:dynamodb:{REGION}:table/{table}/stream/2026",
        "eventName": name,
        "dynamodb": {"SequenceNumber": number, **images},
    }


def kafka(records: Iterable[tuple[int, int, Any]], topic: str = "t") -> Any:
    """Return an event of Kafka with these: partition, offset, value."""
    partitions: dict[str, list[Any]] = {}
    for partition, offset, value in records:
        record = {"topic": topic, "partition": partition, "offset": offset, "headers": []}
        record["value"] = encoded(value)
        partitions.setdefault(f"{topic}-{partition}", []).append(record)
    return {"eventSource": "aws:kafka", "records": partitions}


def bridged(detail: Any, detail_type: str = "Ordered", source: str = "shop") -> Any:
    return {"detail-type": detail_type, "source": source, "id": "e-1", "detail": detail}


def records(*members: Any) -> Any:
    return {"Records": list(members)}


TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "in-1"}
CONTROL_MESSAGE = {"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL CONTROL"}]}


def failures(answer: Any) -> list[Any]:
    """Return what an answer reports."""
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def poison(depth: int = 600) -> str:
    """Return a body of notifications in each other, each of which is no text: 29 KB at 600."""
    layer = '{"Type":"Notification","TopicArn":"t","Message":'
    return layer * depth + "1" + "}" * depth
