"""The classes to subclass, one for each source: override the hooks that you need.

One is made for each source and invocation, with the event and its context, so that it may keep on
`self` what belongs to the invocation. What is to last longer belongs on the runtime, which is
`self.runtime`. A hook may be `async def`.
"""

from .routes import event_fields, images, notification, s3_event_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from amazon_lambda_runtime.core.context import Context
    from amazon_lambda_runtime.core.logs.format import RuntimeLogger

    from .host import Host
    from .routes import Call
    from .types import (
        ALBRequest,
        DynamoDBRecord,
        EventBridgeEvent,
        KafkaRecord,
        KinesisRecord,
        S3Record,
        SNSNotification,
        SNSRecord,
        SQSRecord,
    )


class EventHandler:
    """What handles the events of a source whole: override `process`."""

    def __init__(self, runtime: "Host", event: "Any", context: "Context", source: str) -> None:
        self.runtime = runtime
        self.event = event
        self.context = context
        self.source = source

    @property
    def logger(self) -> "RuntimeLogger":
        """The runtime's logger."""
        return self.runtime.logger

    def process(self) -> "Any":
        """Handle `self.event` and return the answer."""
        return self.runtime.on_unhandled(self.source, self.event)


class RecordHandler(EventHandler):
    """What handles the records of a source, one at a time."""

    def call(self, payload: "Any", record: "Any") -> "Call":
        """Return the hook for one record, and its arguments."""
        raise NotImplementedError

    def _unhandled(self, record: "Any") -> "Any":
        return self.runtime.on_unhandled(self.source, record)


class SQS(RecordHandler):
    """Messages of a queue."""

    def on_message(self, body: "Any", record: "SQSRecord") -> "Any":
        """Handle what is in a message: the value of its JSON, or its text."""
        return self._unhandled(record)

    def call(self, payload: "Any", record: "Any") -> "Call":
        return self.on_message, (payload, record)


class SNS(RecordHandler):
    """Notifications of a topic, directly or through a queue."""

    def on_notification(
        self, message: "Any", sns: "SNSNotification", record: "SNSRecord | SNSNotification"
    ) -> "Any":
        """Handle what is in a notification, `sns`: the value of its JSON, or its text."""
        return self._unhandled(record)

    def call(self, payload: "Any", record: "Any") -> "Call":
        return self.on_notification, (payload, notification(record), record)


class S3(RecordHandler):
    """Events of a bucket, directly or through a topic, a queue or both.

    `object_key(record)` is the key as it was when the object was put.
    """

    def on_s3_event(self, record: "S3Record") -> "Any":
        """Handle an event that no other hook is for."""
        return self._unhandled(record)

    def on_object_created(self, record: "S3Record") -> "Any":
        """Handle s3:ObjectCreated:*."""
        return self.on_s3_event(record)

    def on_object_removed(self, record: "S3Record") -> "Any":
        """Handle s3:ObjectRemoved:*."""
        return self.on_s3_event(record)

    def on_object_restored(self, record: "S3Record") -> "Any":
        """Handle s3:ObjectRestore:*."""
        return self.on_s3_event(record)

    def on_object_tagged(self, record: "S3Record") -> "Any":
        """Handle s3:ObjectTagging:*."""
        return self.on_s3_event(record)

    def on_lifecycle_expiration(self, record: "S3Record") -> "Any":
        """Handle s3:LifecycleExpiration:*."""
        return self.on_s3_event(record)

    def call(self, payload: "Any", record: "Any") -> "Call":
        # Registered for a topic or a queue, it is given S3's records as well: they are inside.
        name = s3_event_name(payload)
        if not (isinstance(name, str) and "s3" in payload):
            return self._unhandled, (record,)
        hooks = {
            "ObjectCreated": self.on_object_created,
            "ObjectRemoved": self.on_object_removed,
            "ObjectRestore": self.on_object_restored,
            "ObjectTagging": self.on_object_tagged,
            "LifecycleExpiration": self.on_lifecycle_expiration,
        }
        return hooks.get(name.split(":")[1], self.on_s3_event), (payload,)


class EventBridge(RecordHandler):
    """Events of EventBridge, the scheduled ones too, directly or through a topic or a queue."""

    def on_event(
        self, detail_type: str, detail: "dict[str, Any]", event: "EventBridgeEvent"
    ) -> "Any":
        """Handle an event by its detail-type and its detail, {} if it has none."""
        return self._unhandled(event)

    def call(self, payload: "Any", record: "Any") -> "Call":
        # It, too, may be registered for a queue, with something else inside.
        if not (isinstance(payload, dict) and "detail-type" in payload):
            return self._unhandled, (record,)
        return self.on_event, event_fields(payload)


class Kinesis(RecordHandler):
    """Records of a stream, in their order."""

    def on_record(self, data: "Any", record: "KinesisRecord") -> "Any":
        """Handle a record's data: the value of its JSON, or its text, or bytes."""
        return self._unhandled(record)

    def call(self, payload: "Any", record: "Any") -> "Call":
        return self.on_record, (payload, record)


class DynamoDB(RecordHandler):
    """Changes of a table, in their order. Items come as Python values, numbers as int or Decimal.

    An item is None where the stream's view has none of it.
    """

    def on_change(self, new: "Any", old: "Any", record: "DynamoDBRecord") -> "Any":
        """Handle a change that no other hook is for."""
        return self._unhandled(record)

    def on_insert(self, new: "Any", record: "DynamoDBRecord") -> "Any":
        """Handle a new item."""
        return self.on_change(new, None, record)

    def on_modify(self, new: "Any", old: "Any", record: "DynamoDBRecord") -> "Any":
        """Handle an item that was changed."""
        return self.on_change(new, old, record)

    def on_remove(self, old: "Any", record: "DynamoDBRecord") -> "Any":
        """Handle an item that was removed, or has expired."""
        return self.on_change(None, old, record)

    def call(self, payload: "Any", record: "Any") -> "Call":
        new, old = images(payload)
        name = payload.get("eventName") if isinstance(payload, dict) else None
        if name == "INSERT":
            return self.on_insert, (new, payload)
        if name == "MODIFY":
            return self.on_modify, (new, old, payload)
        if name == "REMOVE":
            return self.on_remove, (old, payload)
        return self.on_change, (new, old, payload)


class Kafka(RecordHandler):
    """Records of a topic, those of a partition in their order."""

    def on_message(self, value: "Any", record: "KafkaRecord") -> "Any":
        """Handle a record's value: that of its JSON, or its text, or bytes; None if it has none."""
        return self._unhandled(record)

    def call(self, payload: "Any", record: "Any") -> "Call":
        return self.on_message, (payload, record)


class ALB(EventHandler):
    """Requests of an Application Load Balancer."""

    def on_request(
        self, method: str, path: str, params: "dict[str, Any]", event: "ALBRequest"
    ) -> "Any":
        """Answer a request.

        `params` are the fields of the query, and of the body if it is a form or an object of JSON;
        one that is there twice is a list. A dict with a `statusCode`, as `response` makes it, is
        the response; so is an HttpResponse that does not stream. Anything else is its JSON body. An
        exception is logged and answered with 500.
        """
        return self.response(404, {"error": "Not Found"})

    def response(
        self, status: int, body: "Any", headers: "dict[str, str] | None" = None
    ) -> "dict[str, Any]":
        """Return a response with this body, in JSON unless it is text."""
        from . import alb

        return alb.response(self.event, status, body, headers)

    def process(self) -> "Any":
        from . import alb

        event = self.event
        try:
            method, path = event.get("httpMethod", ""), event.get("path", "")
            result = self.on_request(method, path, alb.params(event), event)
            if hasattr(type(result), "__await__"):
                result = self.runtime.wait(result)
            return alb.document(event, result)
        except Exception as exc:
            self.logger.error("the request failed", exc_info=exc)
            return alb.response(event, 500, {"error": "Internal Server Error"})
