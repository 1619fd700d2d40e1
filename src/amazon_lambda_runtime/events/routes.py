"""Functions for events: their conditions, and their arguments.

Rule: the conditions and the parameters of each source are in the tables.
"""

from .attributes import item
from .envelopes import object_key
from .patterns import is_exact, matches
from .records import BY_RECORD
from .signatures import check_function, nearest
from .sources import at, check_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # A function or hook, and what it is called with.
    Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Route:
    """A function and the conditions under which it is for a record of `source`.

    Raises ValueError for a source that is not known, TypeError for a condition that it does not
    have or that is no text, and for a function that can't be called with what it will be given.
    """

    __slots__ = ("conditions", "function", "source", "weight")

    def __init__(self, source: str, conditions: "dict[str, Any]", function: "Any") -> None:
        source, conditions = check_route(source, conditions)
        check_function(
            function, PARAMETERS.get(source, ("event",)), source, source not in BY_RECORD
        )
        self.source = source
        self.conditions = conditions
        self.function = function
        # The most conditions, then those without wildcards, then the most letters.
        patterns = conditions.values()
        self.weight = (
            len(conditions),
            sum(is_exact(pattern) for pattern in patterns),
            sum(len(pattern) - pattern.count("*") for pattern in patterns),
        )

    def accepts(self, record: "Any") -> bool:
        """Say whether a record of its source meets all conditions."""
        for name, pattern in self.conditions.items():
            found = _CONDITIONS[self.source][name](record)
            if not isinstance(found, str) or not matches(pattern, found):
                return False
        return True


def check_route(source: "Any", conditions: "dict[str, Any]") -> "tuple[str, dict[str, Any]]":
    """Return a source and its conditions as Route takes them; raise as Route does."""
    if callable(source):
        raise TypeError('on() takes the name of a source: write @app.on("aws:sqs"), for example')
    if isinstance(source, str) and source.startswith("s3:"):
        check_s3_event(source)
        source, conditions = "aws:s3", {"event": source, **conditions}
    check_source(source)
    known = _CONDITIONS.get(source, {})
    for name, pattern in conditions.items():
        if name not in known:
            choice = ", ".join(known) or "none"
            raise TypeError(f"{source} has no condition {name!r}; it has: {choice}")
        if not isinstance(pattern, str):
            kind = type(pattern).__name__
            raise TypeError(f"{source}, {name}: expected a pattern of text, not {kind}")
    return source, conditions


def check_s3_event(name: str) -> None:
    """Raise ValueError for a name that is almost that of a family of S3's events."""
    family = name.removeprefix("s3:").partition(":")[0]
    if is_exact(family) and family not in _S3_FAMILIES:
        near = nearest(family, _S3_FAMILIES)
        if near:
            raise ValueError(f"{name!r}: S3 has no {family}; did you mean s3:{near[0]}:*?")


def arguments(source: str, payload: "Any", record: "Any") -> "tuple[Any, ...]":
    """Return what a function for this source is called with."""
    if source in _PAYLOAD_AND_RECORD:
        return payload, record
    make = _ARGUMENTS.get(source)
    return make(payload, record) if make else (record,)


def s3_event_name(record: "Any") -> "Any":
    """Return the name of an S3 record's event, as in a bucket's configuration: with "s3:"."""
    name = at(record, "eventName")
    return f"s3:{name}" if isinstance(name, str) and not name.startswith("s3:") else name


def notification(record: "Any") -> "Any":
    """Return the notification of an SNS record. One that came through a queue is the record."""
    return record.get("Sns", record) if isinstance(record, dict) else record


def images(record: "Any") -> "tuple[Any, Any]":
    """Return the new and the old item of a DynamoDB record, None for a missing one."""
    return item(at(record, "dynamodb.NewImage")), item(at(record, "dynamodb.OldImage"))


def event_fields(event: "Any") -> "tuple[str, Any, Any]":
    """Return the detail-type, the detail and the whole of an event of EventBridge."""
    return at(event, "detail-type") or "", at(event, "detail") or {}, event


def _end_of_arn(path: str, mark: str = ":") -> "Callable[[Any], Any]":
    def name(record: "Any") -> "Any":
        arn = at(record, path)
        return arn.rpartition(mark)[2] if isinstance(arn, str) else None

    return name


def _table(record: "Any") -> "Any":
    # arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE/stream/TIME
    arn = at(record, "eventSourceARN")
    return arn.partition("/")[2].partition("/")[0] if isinstance(arn, str) else None


def _topic(record: "Any") -> "Any":
    arn = at(notification(record), "TopicArn")
    return arn.rpartition(":")[2] if isinstance(arn, str) else None


def _path(path: str) -> "Callable[[Any], Any]":
    return lambda record: at(record, path)


#: What a function is called with, by name; the event where nothing else is said.
PARAMETERS = {
    "aws:alb": ("method", "path", "params", "event"),
    "aws:dynamodb": ("new", "old", "record"),
    "aws:events": ("detail_type", "detail", "event"),
    "aws:kafka": ("value", "record"),
    "aws:kinesis": ("data", "record"),
    "aws:logs": ("document", "record"),
    "aws:mq": ("data", "message"),
    "aws:rmq": ("data", "message"),
    "aws:s3": ("record",),
    "aws:sns": ("message", "sns", "record"),
    "aws:sqs": ("body", "record"),
}
_S3_FAMILIES = (
    "ObjectCreated",
    "ObjectRemoved",
    "ObjectRestore",
    "ObjectTagging",
    "ObjectAcl",
    "LifecycleExpiration",
    "LifecycleTransition",
    "IntelligentTiering",
    "ReducedRedundancyLostObject",
    "Replication",
    "TestEvent",
)
_PAYLOAD_AND_RECORD = frozenset(
    ("aws:kafka", "aws:kinesis", "aws:logs", "aws:mq", "aws:rmq", "aws:sqs")
)
_ARGUMENTS: "dict[str, Callable[[Any, Any], tuple[Any, ...]]]" = {
    "aws:dynamodb": lambda payload, record: (*images(record), record),
    "aws:events": lambda payload, record: event_fields(record),
    "aws:sns": lambda payload, record: (payload, notification(record), record),
}
_HTTP = {"method": _path("httpMethod"), "path": _path("path")}
_HTTP_V2 = {"method": _path("requestContext.http.method"), "path": _path("rawPath")}
_CONDITIONS: "dict[str, dict[str, Callable[[Any], Any]]]" = {
    "aws:alb": _HTTP,
    "aws:apigateway": _HTTP,
    "aws:apigateway-v2": _HTTP_V2,
    "aws:apigateway-websocket": {"route": _path("requestContext.routeKey")},
    "aws:cognito": {"trigger": _path("triggerSource")},
    "aws:dynamodb": {"table": _table, "event": _path("eventName")},
    "aws:events": {"detail_type": _path("detail-type"), "source": _path("source")},
    "aws:kafka": {"topic": _path("topic")},
    "aws:kinesis": {"stream": _end_of_arn("eventSourceARN", "/")},
    "aws:lambda-url": _HTTP_V2,
    "aws:logs": {},
    "aws:s3": {"event": s3_event_name, "bucket": _path("s3.bucket.name"), "key": object_key},
    "aws:sns": {"topic": _topic, "subject": lambda record: at(notification(record), "Subject")},
    "aws:sqs": {"queue": _end_of_arn("eventSourceARN")},
}
