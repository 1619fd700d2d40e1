"""What a value of the project file may be: each check raises ConfigError, in one wording."""

import json
import re
from collections.abc import Sequence
from typing import NoReturn

from . import event_pattern, schedule
from .errors import ConfigError
from .event_pattern import PatternError
from .schedule import ScheduleError


def matches(what: str, value: str, pattern: re.Pattern[str], allowed: str) -> None:
    """Refuse a value that the pattern does not match as a whole; `allowed` says it in words."""
    if not pattern.fullmatch(value):
        refuse(what, value, allowed)


def one_of(what: str, value: object, allowed: Sequence[object], unit: str = "") -> None:
    """Refuse a value that is none of these."""
    if value not in allowed:
        *first, last = map(str, allowed)
        refuse(what, value, f"{', '.join(first)} or {last}{unit}")


def within(what: str, value: int, limits: tuple[int, int | None], unit: str = "") -> None:
    """Refuse a value outside of a range, whose ends are both allowed; None is no end."""
    low, high = limits
    if value < low or (high is not None and value > high):
        refuse(what, value, (f"{low} or more" if high is None else f"{low} to {high}") + unit)


def is_json(what: str, text: str | None) -> None:
    """Refuse a text that is not JSON; None is allowed."""
    if text is not None:
        try:
            json.loads(text)
        except ValueError as error:
            raise ConfigError(f"{what} is not JSON: {error}") from None


def is_pattern(what: str, text: str) -> None:
    """Refuse a text that is no event pattern, with AWS's reason."""
    try:
        event_pattern.parse(text)
    except PatternError as error:
        raise ConfigError(f"{what} is refused by AWS: {error}") from None


def is_schedule(what: str, text: str) -> None:
    """Refuse a text that is no schedule expression, with AWS's reason."""
    try:
        schedule.parse(text)
    except ScheduleError as error:
        raise ConfigError(f"{what} is {text!r}, which EventBridge refuses: {error}") from None


def refuse(what: str, value: object, allowed: str) -> NoReturn:
    """Raise the ConfigError of a value that is not allowed."""
    raise ConfigError(f"{what} is {value!r}: it has to be {allowed}")
