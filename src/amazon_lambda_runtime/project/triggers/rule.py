"""EventBridge rules: by the pattern of an event, and by the clock."""

import re
from dataclasses import dataclass
from typing import Annotated

from amazon_lambda_runtime.project.key import Key
from amazon_lambda_runtime.project.values import is_json, is_pattern, is_schedule, matches

from .trigger import Owner, Trigger

_RULE = re.compile(r"[.\w-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RuleTrigger(Trigger):
    """An EventBridge rule: events that match a pattern (JSON)."""

    rule: Annotated[str, Key("the rule's name")]
    pattern: Annotated[str, Key("of the events, as JSON")]
    bus: Annotated[str, Key("the event bus, which exists")] = "default"
    enabled: Annotated[bool, Key("whether it fires")] = True

    @property
    def what(self) -> str:
        return f"rule {self.rule}"

    def check(self, function: Owner) -> None:
        _check_name(function, self.rule)
        is_pattern(f"pattern of {function.name}", self.pattern)


@dataclass(frozen=True, slots=True)
class ScheduleTrigger(Trigger):
    """An EventBridge rule that fires by the clock: rate(5 minutes), cron(0 3 * * ? *)."""

    rule: Annotated[str, Key("the rule's name")]
    expression: Annotated[str, Key("`rate(5 minutes)`, `cron(0 3 * * ? *)`")]
    input: Annotated[str | None, Key("the event, as JSON", default="EventBridge's own")] = None
    enabled: Annotated[bool, Key("whether it fires")] = True

    @property
    def what(self) -> str:
        return f"rule {self.rule}"

    @property
    def bus(self) -> str:
        """The event bus. AWS takes schedules on the default bus only."""
        return "default"

    def check(self, function: Owner) -> None:
        _check_name(function, self.rule)
        is_schedule(f"expression of {function.name}", self.expression)
        is_json(f"input of {function.name}", self.input)


def _check_name(function: Owner, rule: str) -> None:
    matches(f"rule of {function.name}", rule, _RULE, "up to 64 letters, digits, . - and _")
