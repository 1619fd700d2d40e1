"""A topic that the function is subscribed to."""

import re
from dataclasses import dataclass
from typing import Annotated

from amazon_lambda_runtime.project.key import Key
from amazon_lambda_runtime.project.values import is_json, matches

from .trigger import Owner, Trigger

_TOPIC = re.compile(r"(?=.{1,256}$)[A-Za-z0-9_-]+(\.fifo)?")


@dataclass(frozen=True, slots=True)
class SnsTrigger(Trigger):
    """A topic that the function is subscribed to; the filter policy is JSON."""

    topic: Annotated[str, Key("the topic's name; it is made if there is none")]
    filter_policy: Annotated[str | None, Key("which messages, as JSON", default="all of them")] = (
        None
    )

    @property
    def what(self) -> str:
        return f"topic {self.topic}"

    def check(self, function: Owner) -> None:
        of = f"of {function.name}"
        matches(f"topic {of}", self.topic, _TOPIC, "up to 256 letters, digits, - and _")
        is_json(f"filter_policy {of}", self.filter_policy)
