"""Events: a Runtime that knows where an event comes from, and calls what you registered for it."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .attributes import item
    from .envelopes import object_key, unwrap
    from .errors import BatchFailed, ResponseNotSent, UnhandledEvent
    from .handlers import (
        ALB,
        MQ,
        S3,
        SNS,
        SQS,
        CloudFormation,
        DynamoDB,
        EventBridge,
        EventHandler,
        Kafka,
        Kinesis,
    )
    from .runtime import EventRuntime
    from .sources import source_of

__all__ = [
    "ALB",
    "MQ",
    "S3",
    "SNS",
    "SQS",
    "BatchFailed",
    "CloudFormation",
    "DynamoDB",
    "EventBridge",
    "EventHandler",
    "EventRuntime",
    "Kafka",
    "Kinesis",
    "ResponseNotSent",
    "UnhandledEvent",
    "item",
    "object_key",
    "source_of",
    "unwrap",
]

# Where a name comes from, if not from `handlers`.
_PLACES = {
    "BatchFailed": "errors",
    "EventRuntime": "runtime",
    "ResponseNotSent": "errors",
    "UnhandledEvent": "errors",
    "item": "attributes",
    "object_key": "envelopes",
    "source_of": "sources",
    "unwrap": "envelopes",
}


def __getattr__(name: str) -> object:
    """Load a name when it is used: a web application needs `sources` and nothing else."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = f"{__name__}.{_PLACES.get(name, 'handlers')}"
    return getattr(__import__(place, fromlist=[name]), name)
