"""SQS queues that invoke a function, as Lambda's event source mappings do.

Nothing here knows how the function runs: it is a callable. Needs the extra `tools`.
"""

from amazon_lambda_runtime.local.engine.invocation import TooManyRequests

from .attached import AttachedQueues
from .poller import Invoke, Poller
from .settings import QueueSettings, SettingsError
from .sqs import Queue, QueueError

__all__ = [
    "AttachedQueues",
    "Invoke",
    "Poller",
    "Queue",
    "QueueError",
    "QueueSettings",
    "SettingsError",
    "TooManyRequests",
]
