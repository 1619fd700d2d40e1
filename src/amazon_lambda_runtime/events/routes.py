"""Which function is for which event, and what it is called with.

Rule: what can be asked of a record, and what a function is given of it, is in the tables.
"""

from .attributes import item
from .envelopes import object_key
from .patterns import is_exact, matches
from .sources import SOURCES, at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # A function or hook, and what it is called with.
    Call = tuple[Callable[..., Any], tuple[Any, ...]]

# What inspect calls CO_COROUTINE.
_COROUTINE = 0x80


def is_async(function: "Any") -> bool:
    """Say whether a function or method is `async def`."""
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & _COROUTINE)


class Route:
    """A function and the conditions under which it is for a record of `source`.

    Raises ValueError for a source that is not known, TypeError for a condition that it does not
    have, or that is no text.
    """

    __slots__ = ("conditions", "function", "source", "weight")

    def __init__(self, source: str, conditions: "dict[str, Any]", function: "Any") -> None:
        if source.startswith("s3:"):
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


def check_source(source: str) -> None:
    """Raise ValueError for a name that `source_of` does not give."""
    if source not in SOURCES:
        choice = ", ".join(sorted(SOURCES))
        raise ValueError(f"{source!r} is no source that is known; these are: {choice}")


def arguments(source: str, payload: "Any", record: "Any") -> "tuple[Any, ...]":
    """Return what a function for this source is called with."""
    if source in _PAYLOAD_AND_RECORD:
        return payload, record
    make = _ARGUMENTS.get(source)
    return make(payload, record) if make else (record,)


def s3_event_name(record: "Any") -> "Any":
    """Return the name of an S3 record's event as one writes it in a bucket's configuration."""
    name = at(record, "eventName")
    return f"s3:{name}" if isinstance(name, str) and not name.startswith("s3:") else name


def notification(record: "Any") -> "Any":
    """Return the notification that is in an SNS record, or is one if it came through a queue."""
    return record.get("Sns", record) if isinstance(record, dict) else record


def images(record: "Any") -> "tuple[Any, Any]":
    """Return the new and the old item of a DynamoDB record, each None if it is not there."""
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
