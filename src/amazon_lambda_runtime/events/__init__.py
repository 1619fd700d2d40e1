"""Events: a Runtime that knows where an event comes from, and calls what you have for it."""

from .envelopes import object_key, unwrap
from .errors import BatchFailed, UnhandledEvent
from .handlers import ALB, S3, SNS, SQS, DynamoDB, EventBridge, EventHandler, Kafka, Kinesis
from .runtime import EventRuntime
from .sources import source_of

__all__ = [
    "ALB",
    "S3",
    "SNS",
    "SQS",
    "BatchFailed",
    "DynamoDB",
    "EventBridge",
    "EventHandler",
    "EventRuntime",
    "Kafka",
    "Kinesis",
    "UnhandledEvent",
    "object_key",
    "source_of",
    "unwrap",
]
