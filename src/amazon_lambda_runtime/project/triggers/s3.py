"""Objects that change in a bucket."""

import re
from dataclasses import dataclass

from amazon_lambda_runtime.project.aws_limits import FIFO_SUFFIX
from amazon_lambda_runtime.project.errors import ConfigError
from amazon_lambda_runtime.project.values import matches, one_of, refuse

from .sqs import SqsTrigger
from .trigger import Owner, Trigger

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class S3Trigger(Trigger):
    """Objects that change in a bucket, which exists: sent directly, by a topic or by a queue."""

    bucket: str
    events: tuple[str, ...] = ("s3:ObjectCreated:*",)
    prefix: str = ""
    suffix: str = ""
    #: "direct", or "sns" with a `topic`, or "sqs" with a `queue` that an sqs trigger names too.
    via: str = "direct"
    topic: str | None = None
    queue: str | None = None

    @property
    def destination(self) -> str | None:
        """The name of the topic or queue that the bucket sends to, None for the function itself."""
        return {"sns": self.topic, "sqs": self.queue}.get(self.via)

    def check(self, function: Owner) -> None:
        of = f"of bucket {self.bucket} of {function.name}"
        matches(f"bucket of {function.name}", self.bucket, _BUCKET, "3 to 63 of a-z, 0-9, . and -")
        one_of(f"via {of}", self.via, ("direct", "sns", "sqs"))
        if self.via == "sns" and not self.topic:
            raise ConfigError(f"via {of} is sns: give its topic")
        if self.via == "sqs":
            self._check_queue(function, of)
        for event in self.events:
            if not event.startswith("s3:"):
                refuse(f"an event {of}", event, "like s3:ObjectCreated:*")

    def _check_queue(self, function: Owner, of: str) -> None:
        if self.queue not in [trigger.queue for trigger in function.triggers_of(SqsTrigger)]:
            raise ConfigError(f"via {of} is sqs: name the queue of an sqs trigger of this function")
        if str(self.queue).endswith(FIFO_SUFFIX):
            raise ConfigError(f"via {of} is sqs: S3 cannot send to a FIFO queue")
