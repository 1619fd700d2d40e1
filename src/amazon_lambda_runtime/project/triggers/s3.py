"""Objects that change in a bucket."""

import re
from dataclasses import dataclass
from typing import Annotated

from amazon_lambda_runtime.project.aws_limits import FIFO_SUFFIX
from amazon_lambda_runtime.project.errors import ConfigError
from amazon_lambda_runtime.project.key import Key
from amazon_lambda_runtime.project.values import matches, refuse

from .sqs import SqsTrigger
from .trigger import Owner, Trigger

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class S3Trigger(Trigger):
    """Objects that change in a bucket, which exists: sent directly, by a topic or by a queue."""

    bucket: Annotated[str, Key("the bucket's name; it exists")]
    events: Annotated[tuple[str, ...], Key("which changes")] = ("s3:ObjectCreated:*",)
    prefix: Annotated[str, Key("of the objects' keys")] = ""
    suffix: Annotated[str, Key("of the objects' keys")] = ""
    via: Annotated[
        str,
        Key(
            "to the function itself; sns: by a `topic`; sqs: by the `queue` of an sqs trigger",
            one_of=("direct", "sns", "sqs"),
        ),
    ] = "direct"
    topic: Annotated[str | None, Key("the topic's name, for via sns")] = None
    queue: Annotated[str | None, Key("the queue's name, for via sqs")] = None

    @property
    def what(self) -> str:
        return f"bucket {self.bucket}"

    @property
    def destination(self) -> str | None:
        """The name of the topic or queue that the bucket sends to, None for the function itself."""
        return {"sns": self.topic, "sqs": self.queue}.get(self.via)

    def check(self, function: Owner) -> None:
        of = f"of {self.what} of {function.name}"
        matches(f"bucket of {function.name}", self.bucket, _BUCKET, "3 to 63 of a-z, 0-9, . and -")
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
