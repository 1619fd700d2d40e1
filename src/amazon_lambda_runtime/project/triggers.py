"""What makes a function run: one frozen value a trigger, as the project file declares it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SqsTrigger:
    """A queue that Lambda polls. Seconds throughout; None leaves a value to its rule.

    `visibility` is six times the function's timeout, and the window on top, if it is None.
    """

    queue: str
    batch_size: int = 10
    window: int = 0
    max_concurrency: int | None = None
    report_batch_item_failures: bool = False
    visibility: int | None = None
    retention: int = 345_600
    dlq: str | None = None
    max_receive_count: int = 3
    enabled: bool = True

    @property
    def fifo(self) -> bool:
        return self.queue.endswith(".fifo")

    @property
    def dead_letter_queue(self) -> str:
        """The name of the queue for what failed `max_receive_count` times."""
        if self.dlq is not None:
            return self.dlq
        return f"{self.queue.removesuffix('.fifo')}-dlq{'.fifo' if self.fifo else ''}"


@dataclass(frozen=True, slots=True)
class S3Trigger:
    """Objects that change in a bucket, which exists: told directly, by a topic or by a queue."""

    bucket: str
    events: tuple[str, ...] = ("s3:ObjectCreated:*",)
    prefix: str = ""
    suffix: str = ""
    #: "direct", or "sns" with a `topic`, or "sqs" with a `queue` that an sqs trigger names too.
    via: str = "direct"
    topic: str | None = None
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class SnsTrigger:
    """A topic that the function is subscribed to."""

    topic: str
    filter_policy: str | None = None


@dataclass(frozen=True, slots=True)
class RuleTrigger:
    """An EventBridge rule: events that match a pattern (JSON)."""

    rule: str
    pattern: str
    bus: str = "default"
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ScheduleTrigger:
    """An EventBridge rule that fires by the clock: rate(5 minutes), cron(0 3 * * ? *)."""

    rule: str
    expression: str
    input: str | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class AlbTrigger:
    """A target group for a load balancer, and a rule of a listener that forwards to it."""

    target_group: str
    multi_value_headers: bool = False
    listener: str | None = None
    path: str = "/*"
    priority: int = 100


@dataclass(frozen=True, slots=True)
class UrlTrigger:
    """A function URL; `auth` is NONE or AWS_IAM, `mode` BUFFERED or RESPONSE_STREAM."""

    auth: str = "AWS_IAM"
    mode: str = "BUFFERED"


Trigger = (
    SqsTrigger | S3Trigger | SnsTrigger | RuleTrigger | ScheduleTrigger | AlbTrigger | UrlTrigger
)

#: `type = "…"` of the project file.
TYPES: dict[str, type[Trigger]] = {
    "sqs": SqsTrigger,
    "s3": S3Trigger,
    "sns": SnsTrigger,
    "eventbridge": RuleTrigger,
    "schedule": ScheduleTrigger,
    "alb": AlbTrigger,
    "url": UrlTrigger,
}
