"""What is said of a queue and how it is polled, within the limits of Lambda and SQS.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
"""

import re
from dataclasses import dataclass

_FIFO = ".fifo"
_NAME = re.compile(r"(?=.{1,80}$)[A-Za-z0-9_-]+(?:\.fifo)?")
# How many messages one ReceiveMessage or DeleteMessageBatch takes.
SQS_BATCH = 10
# Lambda's own advice for the visibility timeout, in times of the function's: room for the
# invocation, and for attempts that are throttled.
VISIBILITY_FACTOR = 6
# How often a message is received before it is given up, where only a DLQ is asked for.
_MAX_RECEIVE_COUNT = 3


class SettingsError(ValueError):
    """Raised for a setting that AWS would refuse; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A queue, by its URL or its name, and how Lambda polls it.

    `batch_size` is in messages, `window` in seconds. `partial` is ReportBatchItemFailures. The
    others are for a queue that is made here: `dlq` is the name of its dead-letter queue, which a
    message goes to when it has been received `max_receive_count` times, and `visibility` its
    visibility timeout in seconds.

    Raises SettingsError for what AWS would refuse.
    """

    queue: str
    batch_size: int = SQS_BATCH
    window: int = 0
    partial: bool = False
    dlq: str | None = None
    max_receive_count: int | None = None
    visibility: int | None = None

    def __post_init__(self) -> None:
        _within("batch_size", self.batch_size, 1, 10_000)
        _within("window", self.window, 0, 300)
        if self.is_fifo and self.window:
            raise SettingsError("window: Lambda has none for a FIFO queue")
        if self.is_fifo:
            _within("batch_size of a FIFO queue", self.batch_size, 1, SQS_BATCH)
        if self.batch_size > SQS_BATCH and not self.window:
            raise SettingsError(
                f"batch_size={self.batch_size}: more than {SQS_BATCH} takes a window, in seconds"
            )
        if self.is_url:
            for name in ("dlq", "max_receive_count", "visibility"):
                if getattr(self, name) is not None:
                    raise SettingsError(f"{name}: {self.queue} has its own; give a name, no URL")
            return
        _check_name("queue", self.queue)
        if self.visibility is not None:
            _within("visibility", self.visibility, 0, 43_200)
        if self.max_receive_count is not None:
            _within("max_receive_count", self.max_receive_count, 1, 1000)
        if self.dlq is not None:
            _check_name("dlq", self.dlq)
            if self.dlq.endswith(_FIFO) != self.is_fifo:
                raise SettingsError(f"dlq={self.dlq}: a FIFO queue's DLQ is FIFO, and no other's")

    @property
    def is_url(self) -> bool:
        return "://" in self.queue

    @property
    def is_fifo(self) -> bool:
        return self.queue.endswith(_FIFO)

    @property
    def redrive(self) -> tuple[str, int] | None:
        """The dead-letter queue's name and the count that leads there, None if there is none."""
        if self.dlq is None and self.max_receive_count is None:
            return None
        fifo = _FIFO if self.is_fifo else ""
        dlq = self.dlq or f"{self.queue.removesuffix(_FIFO)}-dlq{fifo}"
        return dlq, self.max_receive_count or _MAX_RECEIVE_COUNT


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise SettingsError(f"{name}={value}: it is from {least} to {most}")


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{what} {name!r}: give a URL, or a name of up to 80 letters, digits, - and _, "
            "which may end in .fifo"
        )
