"""What a hidden queue receives, as the events that the function would get. No I/O."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from amazon_lambda_runtime.project import event_pattern, event_sample

Event = dict[str, Any]
#: From the body of a message to the events that it has in it; none if the function gets none.
Unwrap = Callable[[str], Iterator[Event]]


def of_topic(subscription: str) -> Unwrap:
    """Unwrap what a topic sends to this subscription.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    """

    def unwrap(body: str) -> Iterator[Event]:
        notification = json.loads(body)
        message = {
            "Type": "Notification",
            "MessageId": notification["MessageId"],
            "TopicArn": notification["TopicArn"],
            "Subject": notification.get("Subject"),
            "Message": notification["Message"],
            "Timestamp": notification["Timestamp"],
            "SignatureVersion": notification.get("SignatureVersion", "1"),
            "Signature": notification.get("Signature", ""),
            "SigningCertUrl": notification.get("SigningCertURL", ""),
            "UnsubscribeUrl": notification.get("UnsubscribeURL", ""),
            "MessageAttributes": notification.get("MessageAttributes", {}),
        }
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription,
            "Sns": message,
        }
        yield {"Records": [record]}

    return unwrap


def of_bucket(body: str) -> Iterator[Event]:
    """Unwrap what a bucket sends, as S3 itself would; not the test when it was set up.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    found = json.loads(body)
    for record in found.get("Records", ()):
        at = record["eventTime"]
        yield {
            "Records": [
                {
                    **record,
                    "userIdentity": {"principalId": "local"},
                    "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                    "responseElements": {
                        "x-amz-request-id": uuid.uuid4().hex[:16].upper(),
                        "x-amz-id-2": uuid.uuid4().hex,
                    },
                    "s3": _bucket(record["s3"], at),
                }
            ]
        }


def _bucket(s3: Event, at: str) -> Event:
    bucket = {**s3["bucket"], "ownerIdentity": {"principalId": "local"}}
    moment = int(datetime.fromisoformat(at).timestamp() * 1000)
    return {**s3, "bucket": bucket, "object": {**s3["object"], "sequencer": f"{moment:018X}"}}


def of_bus(pattern: str) -> Unwrap:
    """Unwrap what a bus sends, where it matches the pattern. Raises PatternError."""
    matches = event_pattern.parse(pattern)

    def unwrap(body: str) -> Iterator[Event]:
        event = json.loads(body)
        if matches(event):
            yield event

    return unwrap


def to_put(pattern: str) -> Event:
    """Return what to put on a bus for an event that matches the pattern, to begin with."""
    found = event_sample.of(json.loads(pattern))
    return {
        "source": found.get("source", "my.application"),
        "detailType": found.get("detail-type", "Example"),
        "detail": json.dumps(found.get("detail", {}), indent=2),
    }


def scheduled(rule_arn: str, at: datetime) -> Event:
    """Return the event of a schedule that fires at this time.

    https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html
    """
    _, _, _, region, account, _ = rule_arn.split(":", 5)
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": account,
        "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [rule_arn],
        "detail": {},
    }
