"""A load balancer's target group with the function in it."""

import re
from dataclasses import dataclass
from typing import Annotated

from amazon_lambda_runtime.project.key import Key
from amazon_lambda_runtime.project.values import matches

from .trigger import Owner, Trigger

_TARGET_GROUP = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")


@dataclass(frozen=True, slots=True)
class AlbTrigger(Trigger):
    """A target group for a load balancer, and a rule of a listener that forwards to it."""

    target_group: Annotated[str, Key("the target group's name")]
    multi_value_headers: Annotated[bool, Key("headers as lists")] = False
    listener: Annotated[str | None, Key("its ARN; none: no rule is made")] = None
    path: Annotated[str, Key("the pattern of the listener's rule")] = "/*"
    priority: Annotated[int, Key("of the listener's rule", within=(1, 50_000))] = 100

    @property
    def what(self) -> str:
        return f"target group {self.target_group}"

    def check(self, function: Owner) -> None:
        of = f"of {function.name}"
        matches(
            f"target_group {of}", self.target_group, _TARGET_GROUP,
            "up to 32 letters, digits and -, none of them at an end",
        )  # fmt: skip
