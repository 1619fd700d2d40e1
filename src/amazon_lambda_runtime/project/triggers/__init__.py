"""What invokes a function: one kind a file, with its keys and with what AWS takes for them.

`TYPES` is the registry: the kinds that a project file can name. What each does in AWS is in
`deploy.resources.triggers`.
"""

from .alb import AlbTrigger
from .api import HttpApiTrigger, RestApiTrigger
from .rule import RuleTrigger, ScheduleTrigger
from .s3 import S3Trigger
from .sns import SnsTrigger
from .sqs import SqsTrigger
from .stream import DynamoDbTrigger, KinesisTrigger, StreamTrigger
from .trigger import Trigger
from .url import UrlTrigger

__all__ = [
    "TYPES",
    "AlbTrigger",
    "DynamoDbTrigger",
    "HttpApiTrigger",
    "KinesisTrigger",
    "RestApiTrigger",
    "RuleTrigger",
    "S3Trigger",
    "ScheduleTrigger",
    "SnsTrigger",
    "SqsTrigger",
    "StreamTrigger",
    "Trigger",
    "UrlTrigger",
]

#: `type = "…"` of the project file.
TYPES: dict[str, type[Trigger]] = {
    "sqs": SqsTrigger,
    "kinesis": KinesisTrigger,
    "dynamodb": DynamoDbTrigger,
    "s3": S3Trigger,
    "sns": SnsTrigger,
    "eventbridge": RuleTrigger,
    "schedule": ScheduleTrigger,
    "alb": AlbTrigger,
    "http-api": HttpApiTrigger,
    "rest-api": RestApiTrigger,
    "url": UrlTrigger,
}
