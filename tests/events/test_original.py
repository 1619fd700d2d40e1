"""The handlers of the Perl original's documentation, written in Python, on its events.

Its dispatch table keyed on the S3 event's name with the SNS envelope, its SQS handler, and its
fan-out of SNS to SQS. Each as the original wrote it, by hand, and as one writes it here: what is
seen is the same.
"""

import json
import logging
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from amazon_lambda_runtime import Context, Runtime
from amazon_lambda_runtime.events import S3, SQS, EventRuntime
from amazon_lambda_runtime.testing import invoke

from .support import message, notification, records, s3, sns


class ByHand(Runtime):
    """package S3EventHandler, as it stands in the documentation."""

    def handler(self, event: Any, context: Context) -> Any:
        for record in event["Records"]:
            if record.get("EventSource", "") == "aws:sns":
                record = json.loads(record["Sns"]["Message"])
            name = record.get("eventName", "unknown")
            on_event: Callable[..., None] = self.DISPATCH.get(name, ByHand.on_unhandled)
            on_event(self, record)
        return {"status": "ok"}

    def on_object_created(self, record: Any) -> None:
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        self.get_logger().info(f"created: s3://{bucket}/{key}")

    def on_object_removed(self, record: Any) -> None:
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        self.get_logger().info(f"removed: s3://{bucket}/{key}")

    def on_unhandled(self, record: Any) -> None:
        self.get_logger().warn("unhandled event type: %s", record.get("eventName", "unknown"))

    DISPATCH: ClassVar[dict[str, Callable[..., None]]] = {
        "s3:ObjectCreated:Put": on_object_created,
        "s3:ObjectCreated:CompleteMultipartUpload": on_object_created,
        "s3:ObjectRemoved:Delete": on_object_removed,
    }


class Files(S3):
    """The same with the handler class."""

    def on_object_created(self, record: Any) -> None:
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        self.logger.info(f"created: s3://{bucket}/{key}")

    def on_object_removed(self, record: Any) -> None:
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        self.logger.info(f"removed: s3://{bucket}/{key}")

    def on_s3_event(self, record: Any) -> None:
        self.logger.warn("unhandled event type: %s", record.get("eventName", "unknown"))


class ByClass(EventRuntime):
    pass


ByClass.register_event_handler("aws:s3", Files)


def by_functions() -> EventRuntime:
    """The same with functions."""
    app = EventRuntime()

    def tell(word: str) -> Callable[[Any], None]:
        def log(record: Any) -> None:
            bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
            app.logger.info(f"{word}: s3://{bucket}/{key}")

        return log

    app.on("s3:ObjectCreated:Put")(tell("created"))
    app.on("s3:ObjectCreated:CompleteMultipartUpload")(tell("created"))
    app.on("s3:ObjectRemoved:Delete")(tell("removed"))

    @app.on("aws:s3")
    def unhandled(record: Any) -> None:
        app.logger.warn("unhandled event type: %s", record.get("eventName", "unknown"))

    return app


S3_NAMES = {
    "s3:ObjectCreated:Put": "created: s3://in-1/a.csv",
    "s3:ObjectCreated:CompleteMultipartUpload": "created: s3://in-1/a.csv",
    "s3:ObjectRemoved:Delete": "removed: s3://in-1/a.csv",
    "s3:ObjectAcl:Put": "unhandled event type: s3:ObjectAcl:Put",
}
MAKERS: dict[str, Callable[[], Any]] = {
    "by hand": lambda: ByHand,
    "class": lambda: ByClass,
    "functions": by_functions,
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("wrapped", [False, True], ids=["S3", "S3 in SNS"])
@pytest.mark.parametrize("name", S3_NAMES)
def test_s3_event_handler(
    maker: str, wrapped: bool, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The dispatch table and the SNS envelope."""
    caplog.set_level(logging.INFO)
    record = s3(name=name)
    if wrapped:
        # By hand, the message is taken for the record itself, which S3 never sends.
        record = sns(record if maker == "by hand" else records(record))
    assert invoke(MAKERS[maker](), records(record)) == {"status": "ok"}
    assert [each.getMessage() for each in caplog.records] == [S3_NAMES[name]]


def test_what_the_original_misses() -> None:
    """S3 writes "ObjectCreated:Put" without the s3: before it, and it is found all the same."""
    assert invoke(ByClass, records(sns(records(s3(name="ObjectCreated:Put"))))) == {"status": "ok"}


SQS_EVENT = {
    "Records": [
        {
            "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
            "receiptHandle": "AQEBwJnKyrHigUMZj...",
            "body": "your message body here",
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1545082649183",
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:my-queue",
            "awsRegion": "us-east-1",
        }
    ]
}


class QueueByHand(Runtime):
    """The original's handler of SQS: JSON is decoded, and text is put into a message."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.processed: list[Any] = []

    def handler(self, event: Any, context: Context) -> Any:
        for record in event["Records"]:
            try:
                payload = json.loads(record["body"])
            except ValueError:
                payload = {"message": record["body"]}
            # The fan-out: unwrap the notification.
            if isinstance(payload, dict) and payload.get("Type") == "Notification":
                payload = json.loads(payload["Message"])
            self.processed.append(payload)
        return {"status": "ok"}


class Queue(SQS):
    """The same with the handler class."""

    def on_message(self, body: Any, record: Any) -> None:
        payload = {"message": body} if isinstance(body, str) else body
        self.runtime.processed.append(payload)  # type: ignore[attr-defined]


class QueueByClass(EventRuntime):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.processed: list[Any] = []


QueueByClass.register_event_handler("aws:sqs", Queue)


@pytest.mark.parametrize(
    "event",
    [
        SQS_EVENT,
        records(message("1", {"order": 7}), message("2", "text")),
        records(message("1", notification({"order": 7}))),
    ],
    ids=["the documented event", "JSON and text", "fan-out"],
)
def test_sqs_handler(event: Any) -> None:
    """Both process the same payloads."""
    by_hand, by_class = QueueByHand(), QueueByClass()
    invoke(by_hand, event)
    assert invoke(by_class, event) == {"batchItemFailures": []}
    assert by_class.processed == by_hand.processed
    assert by_class.processed


@pytest.mark.parametrize("body", ["123", '"x"', "[1]"])
def test_defects_that_are_not_inherited(body: str) -> None:
    """JSON that is no object killed the whole batch in the original."""
    app = QueueByClass()
    invoke(app, records(message("1", body)))
    assert app.processed == [{"message": "x"} if body == '"x"' else json.loads(body)]
