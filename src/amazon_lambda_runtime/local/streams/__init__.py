"""Streams of Kinesis and of DynamoDB that invoke a function, as Lambda's event source mappings do.

Nothing here knows how the function runs: it is a callable. Needs the extra `tools`.
"""

from amazon_lambda_runtime.local.engine.invocation import TooManyRequests

from .delivery import OnFailure
from .poller import StreamPoller
from .source import DynamoDbSource, KinesisSource, Source, StreamError

__all__ = [
    "DynamoDbSource",
    "KinesisSource",
    "OnFailure",
    "Source",
    "StreamError",
    "StreamPoller",
    "TooManyRequests",
]
