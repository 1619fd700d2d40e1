"""A load balancer's target group with the function in it."""

import re
from dataclasses import dataclass

from amazon_lambda_runtime.project.values import matches, within

from .trigger import Owner, Trigger

_TARGET_GROUP = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")
_PRIORITY = (1, 50_000)


@dataclass(frozen=True, slots=True)
class AlbTrigger(Trigger):
    """A target group for a load balancer, and a rule of a listener that forwards to it."""

    target_group: str
    multi_value_headers: bool = False
    listener: str | None = None
    path: str = "/*"
    priority: int = 100

    def check(self, function: Owner) -> None:
        of = f"of {function.name}"
        matches(
            f"target_group {of}", self.target_group, _TARGET_GROUP,
            "up to 32 letters, digits and -, none of them at an end",
        )  # fmt: skip
        within(f"priority {of}", self.priority, _PRIORITY)
