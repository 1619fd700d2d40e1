"""The settings of a queue and of its polling, within the limits of Lambda and SQS.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
"""

from dataclasses import dataclass

from amazon_lambda_runtime.project.aws_limits import (
    BATCH_SIZE,
    BATCH_WINDOW,
    FIFO_BATCH_SIZE,
    FIFO_SUFFIX,
    MAX_RECEIVE_COUNT,
    QUEUE_NAME,
    SQS_BATCH,
    VISIBILITY_TIMEOUT,
)

# How often a message is received before it goes to the DLQ, if only a DLQ is given.
_MAX_RECEIVE_COUNT = 3


class SettingsError(ValueError):
    """Raised for a setting that AWS would refuse; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A queue, by its URL or its name, and how Lambda polls it.

    `batch_size` is in messages, `window` in seconds; `partial` is ReportBatchItemFailures. The
    others are for a queue that is made here: `dlq` is the name of its dead-letter queue, to which
    a message goes when it has been received `max_receive_count` times; `visibility` is its
    visibility timeout in seconds. Messages that match none of the `filters`, if there are any, are
    deleted; `max_concurrency` is in batches. What has failed comes again after `redeliver_after`
    seconds, None: when its visibility timeout expires, as on AWS.

    Raises SettingsError for what AWS would refuse.
    """

    queue: str
    batch_size: int = SQS_BATCH
    window: int = 0
    partial: bool = False
    dlq: str | None = None
    max_receive_count: int | None = None
    visibility: int | None = None
    filters: tuple[str, ...] = ()
    max_concurrency: int | None = None
    redeliver_after: int | None = None

    def __post_init__(self) -> None:
        self._check_polling()
        if self.is_url:
            for name in ("dlq", "max_receive_count", "visibility"):
                if getattr(self, name) is not None:
                    raise SettingsError(
                        f"{name}: only for a queue that is made here; {self.queue} exists already. "
                        f"Leave {name} out"
                    )
        else:
            self._check_new_queue()

    def _check_polling(self) -> None:
        _within("window", self.window, BATCH_WINDOW)
        if self.is_fifo:
            _within("batch_size of a FIFO queue", self.batch_size, FIFO_BATCH_SIZE)
            if self.window:
                raise SettingsError("window: Lambda has none for a FIFO queue: leave it out")
            return
        _within("batch_size", self.batch_size, BATCH_SIZE)
        if self.batch_size > SQS_BATCH and not self.window:
            raise SettingsError(
                f"batch_size={self.batch_size}: more than {SQS_BATCH} needs a window (in seconds)"
            )

    def _check_new_queue(self) -> None:
        _check_name("queue", self.queue)
        _within("visibility", self.visibility, VISIBILITY_TIMEOUT)
        _within("max_receive_count", self.max_receive_count, MAX_RECEIVE_COUNT)
        if self.dlq is not None:
            _check_name("dlq", self.dlq)
            if self.dlq.endswith(FIFO_SUFFIX) != self.is_fifo:
                raise SettingsError(
                    f"dlq={self.dlq}: the queue and its DLQ are both FIFO (.fifo) or neither is"
                )

    @property
    def is_url(self) -> bool:
        return "://" in self.queue

    @property
    def is_fifo(self) -> bool:
        return self.queue.endswith(FIFO_SUFFIX)

    @property
    def redrive(self) -> tuple[str, int] | None:
        """The dead-letter queue's name and the maximum receive count; None if there is none."""
        if self.dlq is None and self.max_receive_count is None:
            return None
        fifo = FIFO_SUFFIX if self.is_fifo else ""
        dlq = self.dlq or f"{self.queue.removesuffix(FIFO_SUFFIX)}-dlq{fifo}"
        return dlq, self.max_receive_count or _MAX_RECEIVE_COUNT


def _within(name: str, value: int | None, bounds: tuple[int, int]) -> None:
    least, most = bounds
    if value is not None and not least <= value <= most:
        raise SettingsError(f"{name}={value}: the range is {least} to {most}")


def _check_name(what: str, name: str) -> None:
    if not QUEUE_NAME.fullmatch(name):
        raise SettingsError(
            f"{what} {name!r}: give a URL, or a name of up to 80 letters, digits, - and _, "
            "which may end in .fifo"
        )
