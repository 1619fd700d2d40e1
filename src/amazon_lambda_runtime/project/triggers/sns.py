"""A topic that the function is subscribed to."""

import re
from dataclasses import dataclass

from amazon_lambda_runtime.project.values import is_json, matches

from .trigger import Owner, Trigger

_TOPIC = re.compile(r"(?=.{1,256}$)[A-Za-z0-9_-]+(\.fifo)?")


@dataclass(frozen=True, slots=True)
class SnsTrigger(Trigger):
    """A topic that the function is subscribed to; the filter policy is JSON."""

    topic: str
    filter_policy: str | None = None

    def check(self, function: Owner) -> None:
        of = f"of {function.name}"
        matches(f"topic {of}", self.topic, _TOPIC, "up to 256 letters, digits, - and _")
        is_json(f"filter_policy {of}", self.filter_policy)
