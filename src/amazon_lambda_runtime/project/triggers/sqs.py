"""A queue that Lambda polls."""

from dataclasses import dataclass
from typing import Annotated

from amazon_lambda_runtime.project import aws_limits
from amazon_lambda_runtime.project.errors import ConfigError
from amazon_lambda_runtime.project.key import Key
from amazon_lambda_runtime.project.values import is_pattern, matches, within

from .trigger import Owner, Trigger


@dataclass(frozen=True, slots=True)
class SqsTrigger(Trigger):
    """A queue that Lambda polls. Times are in seconds.

    `visibility` None is what AWS advises: six times the function's timeout, and the window.
    """

    queue: Annotated[str, Key("the queue's name; it is made if there is none")]
    batch_size: Annotated[int, Key("above 10 with a window", within=aws_limits.BATCH_SIZE)] = 10
    window: Annotated[int, Key("", within=aws_limits.BATCH_WINDOW, unit="seconds")] = 0
    max_concurrency: Annotated[int | None, Key("", within=aws_limits.MAX_CONCURRENCY)] = None
    report_batch_item_failures: Annotated[bool, Key("the handler tells which have failed")] = False
    visibility: Annotated[
        int | None, Key("", unit="seconds", default="six times the timeout, and the window")
    ] = None
    retention: Annotated[int, Key("", within=aws_limits.MESSAGE_RETENTION, unit="seconds")] = (
        345_600
    )
    dlq: Annotated[str | None, Key("the queue of failed messages", default="NAME-dlq")] = None
    max_receive_count: Annotated[int, Key("", within=aws_limits.MAX_RECEIVE_COUNT)] = 3
    filters: Annotated[
        tuple[str, ...], Key("which messages, each as JSON; others are deleted")
    ] = ()
    enabled: Annotated[bool, Key("whether it is polled")] = True

    @property
    def what(self) -> str:
        return f"queue {self.queue}"

    @property
    def fifo(self) -> bool:
        return self.queue.endswith(aws_limits.FIFO_SUFFIX)

    @property
    def dead_letter_queue(self) -> str:
        """The name of the queue for messages that failed `max_receive_count` times."""
        if self.dlq is not None:
            return self.dlq
        suffix = aws_limits.FIFO_SUFFIX if self.fifo else ""
        return f"{self.queue.removesuffix(aws_limits.FIFO_SUFFIX)}-dlq{suffix}"

    def check(self, function: Owner) -> None:
        of = f"of {self.what} of {function.name}"
        self._check_queues(function, of)
        for pattern in self.filters:
            is_pattern(f"a filter {of}", pattern)
        self._check_batches(of)
        self._check_times(function, of)
        self._check_concurrency(function, of)

    def _check_queues(self, function: Owner, of: str) -> None:
        for name in (self.queue, self.dead_letter_queue):
            matches(
                f"queue of {function.name}", name, aws_limits.QUEUE_NAME,
                "up to 80 letters, digits, - and _, .fifo",
            )  # fmt: skip
        if self.fifo != self.dead_letter_queue.endswith(aws_limits.FIFO_SUFFIX):
            raise ConfigError(f"dlq {of}: the queue and its dlq are both .fifo, or neither is")

    def _check_batches(self, of: str) -> None:
        if self.fifo:
            within(f"batch_size {of}", self.batch_size, aws_limits.FIFO_BATCH_SIZE)
        if self.fifo and self.window:
            raise ConfigError(f"window {of}: a FIFO queue takes none")
        if self.batch_size > aws_limits.SQS_BATCH and not self.window:
            raise ConfigError(
                f"batch_size {of} is above {aws_limits.SQS_BATCH}: that takes a window of at least "
                "1 second"
            )

    def _check_times(self, function: Owner, of: str) -> None:
        if self.visibility is not None:
            least = aws_limits.VISIBILITY_FACTOR * function.timeout
            limits = (least, aws_limits.VISIBILITY_TIMEOUT[1])
            within(f"visibility {of}", self.visibility, limits, " (six times the timeout, up)")

    def _check_concurrency(self, function: Owner, of: str) -> None:
        reserved = function.reserved_concurrency
        if not reserved:
            return  # 0 switches the function off: then nothing is received
        if self.max_concurrency is None:
            raise ConfigError(
                f"reserved_concurrency of {function.name} throttles its queue, and a throttled "
                "message counts as received until it is in the dlq: set max_concurrency "
                f"{of}, up to {reserved}"
            )
        if self.max_concurrency > reserved:
            raise ConfigError(f"max_concurrency {of} is above reserved_concurrency, {reserved}")
