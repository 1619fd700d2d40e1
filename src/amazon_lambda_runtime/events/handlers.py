"""The classes to subclass, one for each source: override the hooks that you need.

One object is made for each source and invocation, with the event and its context, so `self` may
hold what belongs to the invocation. What has to last longer belongs on `self.runtime`. A hook may
be `async def`. Hooks are checked when a class is defined: one that can't be called as its base's
is, and one whose name is almost a hook's, are a TypeError.
"""

from .dispatch import run_records
from .routes import event_fields, images, notification, s3_event_name
from .signatures import check_hook, check_init, check_names, parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from amazon_lambda_runtime.core.context import Context
    from amazon_lambda_runtime.core.logs.format import RuntimeLogger

    from .host import Host
    from .routes import Call
    from .types import (
        ALBRequest,
        CloudFormationEvent,
        DynamoDBRecord,
        EventBridgeEvent,
        KafkaRecord,
        KinesisRecord,
        MQMessage,
        S3Record,
        SNSNotification,
        SNSRecord,
        SQSRecord,
    )


class EventHandler:
    """Handles the events of a source whole: override `process`."""

    #: The sources that it may be registered for; empty for any.
    sources: "ClassVar[frozenset[str]]" = frozenset()
    # The hooks of the classes here, and the names of their parameters.
    _hooks: "ClassVar[dict[str, tuple[str, ...]]]" = {}

    def __init_subclass__(cls, **options: "Any") -> None:
        super().__init_subclass__(**options)
        if cls.__module__ == __name__:
            own = {name: parameters(hook) for name, hook in vars(cls).items() if name[:3] == "on_"}
            cls._hooks = cls._hooks | own
            return
        check_names(cls, cls._hooks)
        for name in cls._hooks.keys() & vars(cls).keys():
            check_hook(cls, name, cls._hooks[name], streams=False)
        cls.check_init()

    @classmethod
    def check_init(cls) -> None:
        """Raise TypeError if an event would find that the class's `__init__` can't be called."""
        check_init(cls, EventHandler, ("runtime", "event", "context", "source"))

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
    """Handles the records of a source, one at a time."""

    def process(self) -> "Any":
        """Have each record of `self.event` handled, and return the answer to the event.

        Override it to have the event whole; `super().process()` then goes on with its records.
        """
        return run_records(self.runtime, self.source, self.event, self.context, self)

    def call(self, payload: "Any", record: "Any") -> "Call":
        """Return the hook for one record, and its arguments."""
        raise NotImplementedError

    def _unhandled(self, record: "Any") -> "Any":
        return self.runtime.on_unhandled(self.source, record)


class StreamHandler(RecordHandler):
    """Handles the records of a stream, one at a time or a window at a time."""

    @property
    def has_windows(self) -> bool:
        """Whether it has an `on_window`, which then has the records of a window."""
        return type(self).on_window is not StreamHandler.on_window

    def on_window(self, records: "list[Any]", state: "Any", window: "dict[str, str]") -> "Any":
        """Take a batch of a tumbling window into its state, and return the new state.

        `state` is {} at the first batch of a window; it has a JSON form of 1 MB at most. `window`
        has a `start` and an `end`. Without an override the records of a window go to the other
        hooks, and the state stays as it is.
        """

    def on_window_end(self, state: "Any", window: "dict[str, str]") -> "Any":
        """Use the state of a tumbling window that has ended."""


class SQS(RecordHandler):
    """Messages of a queue."""

    sources = frozenset(("aws:sqs",))

    def on_message(self, body: "Any", record: "SQSRecord") -> "Any":
        """Handle what is in a message: the value of its JSON, or its text."""
        return self._unhandled(record)

    def call(self, payload: "Any", record: "Any") -> "Call":
        return self.on_message, (payload, record)


class SNS(RecordHandler):
    """Notifications of a topic, directly or through a queue."""

    sources = frozenset(("aws:sns",))

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

    sources = frozenset(("aws:s3", "aws:sns", "aws:sqs"))

    def on_s3_event(self, record: "S3Record") -> "Any":
        """Handle an event that has no hook of its own."""
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
        # It may be registered for a topic or a queue, whose payloads are S3's records then.
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

    sources = frozenset(("aws:events", "aws:sns", "aws:sqs"))

    def on_event(
        self, detail_type: str, detail: "dict[str, Any]", event: "EventBridgeEvent"
    ) -> "Any":
        """Handle an event by its detail-type and its detail, {} if it has none."""
        return self._unhandled(event)

    def call(self, payload: "Any", record: "Any") -> "Call":
        # It may be registered for a queue, whose payload may be something else.
        if not (isinstance(payload, dict) and "detail-type" in payload):
            return self._unhandled, (record,)
        return self.on_event, event_fields(payload)


class Kinesis(StreamHandler):
    """Records of a stream, in their order."""

    sources = frozenset(("aws:kinesis",))

    def on_record(self, data: "Any", record: "KinesisRecord") -> "Any":
        """Handle a record's data: the value of its JSON, or its text, or bytes."""
        return self._unhandled(record)

    def call(self, payload: "Any", record: "Any") -> "Call":
        return self.on_record, (payload, record)


class DynamoDB(StreamHandler):
    """Changes of a table, in their order. Items come as Python values, numbers as int or Decimal.

    An item is None where the stream's view has none of it.
    """

    sources = frozenset(("aws:dynamodb",))

    def on_change(self, new: "Any", old: "Any", record: "DynamoDBRecord") -> "Any":
        """Handle a change that has no hook of its own."""
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

    sources = frozenset(("aws:kafka",))

    def on_message(self, value: "Any", record: "KafkaRecord") -> "Any":
        """Handle a record's value: that of its JSON, or its text, or bytes; None if it has none."""
        return self._unhandled(record)

    def call(self, payload: "Any", record: "Any") -> "Call":
        return self.on_message, (payload, record)


class MQ(RecordHandler):
    """Messages of an Amazon MQ broker: ActiveMQ and RabbitMQ."""

    sources = frozenset(("aws:mq", "aws:rmq"))

    def on_message(self, data: "Any", message: "MQMessage") -> "Any":
        """Handle a message's data: the value of its JSON, or its text, or bytes."""
        return self._unhandled(message)

    def call(self, payload: "Any", record: "Any") -> "Call":
        return self.on_message, (payload, record)


class ALB(EventHandler):
    """Requests of an Application Load Balancer."""

    sources = frozenset(("aws:alb",))

    def on_request(
        self, method: str, path: str, params: "dict[str, Any]", event: "ALBRequest"
    ) -> "Any":
        """Answer a request.

        `params` are the fields of the query, and of the body if it is a form or a JSON object; a
        field that occurs twice is a list. A dict with a `statusCode`, as `response` makes it, is
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

        return alb.answer(self.runtime, self.event, self.on_request)


class CloudFormation(EventHandler):
    """A custom resource of CloudFormation: what its hooks return is sent to the stack.

    A hook returns None, or a dict with any of `PhysicalResourceId`, `Data` (a dict, for GetAtt) and
    `NoEcho`. Without a PhysicalResourceId it is that of the event, else the request's id. What a
    hook raises is sent as FAILED, with its message as the reason, and so is a hook that has not
    returned two seconds before the deadline.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
    """

    sources = frozenset(("aws:cloudformation",))

    def on_create(self, properties: "dict[str, Any]", event: "CloudFormationEvent") -> "Any":
        """Create the resource."""
        return self.runtime.on_unhandled(self.source, event)

    def on_update(
        self, properties: "dict[str, Any]", old: "dict[str, Any]", event: "CloudFormationEvent"
    ) -> "Any":
        """Change the resource, whose properties were `old`.

        To return another PhysicalResourceId is to have replaced it: the old one is deleted then.
        """
        return self.runtime.on_unhandled(self.source, event)

    def on_delete(self, properties: "dict[str, Any]", event: "CloudFormationEvent") -> "Any":
        """Delete the resource, and succeed if it is gone already."""
        return self.runtime.on_unhandled(self.source, event)

    def process(self) -> "Any":
        from . import cloudformation

        return cloudformation.answer(self.runtime, self.event, self.context, self._work)

    def _work(self) -> "Any":
        event = self.event
        properties = event.get("ResourceProperties") or {}
        match event.get("RequestType"):
            case "Create":
                return self.on_create(properties, event)
            case "Update":
                old = event.get("OldResourceProperties") or {}
                return self.on_update(properties, old, event)
            case "Delete":
                return self.on_delete(properties, event)
        return self.runtime.on_unhandled(self.source, event)
