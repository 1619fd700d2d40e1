"""Events: a Runtime that knows where an event comes from, and calls what you registered for it."""

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
