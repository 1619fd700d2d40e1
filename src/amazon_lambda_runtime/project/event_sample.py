"""Sample events: a small event that a pattern takes, to begin with.

Theory: each operator has a value that it takes, which is the shortest that can be read: of a
prefix the prefix itself. Where a pattern offers several, the first one counts. Patterns that
contradict themselves have no such event, and get one that does not match.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from .event_pattern import ABSENT

_ANY = "anything"


def of(pattern: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event for a pattern that `event_pattern.parse` accepts."""
    found: dict[str, Any] = {}
    for key, value in pattern.items():
        if key == "$or":
            found = _merged(found, of(value[0]))
        elif isinstance(value, dict):
            found = _merged(found, {key: of(value)})
        elif (one := _value(value[0])) is not ABSENT:
            found[key] = one
    return found


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = {**one, **other}
    for key in one.keys() & other.keys():
        if isinstance(one[key], dict) and isinstance(other[key], dict):
            merged[key] = _merged(one[key], other[key])
    return merged


def _value(wanted: Any) -> Any:
    if not isinstance(wanted, dict):
        return wanted
    ((name, argument),) = wanted.items()
    return _VALUES[name](argument)


def _text(argument: Any) -> str:
    return str(argument["equals-ignore-case"] if isinstance(argument, dict) else argument)


def _wildcard(argument: str) -> str:
    return re.sub(r"\\(.)|\*", lambda found: found[1] or "", argument)


def _anything_but(argument: Any) -> Any:
    values = argument if isinstance(argument, list) else [argument]
    if isinstance(values[0], dict):
        return _ANY
    if isinstance(values[0], str):
        return _ANY if _ANY not in values else "".join(values) + _ANY
    return max(values) + 1


def _numeric(argument: list[Any]) -> Any:
    ends = {argument[at][0]: argument[at + 1] for at in range(0, len(argument), 2)}
    if "=" in ends:
        return ends["="]
    if len(ends) == 2:
        middle = (ends["<"] + ends[">"]) / 2
        return int(middle) if middle == int(middle) else middle
    return ends[">"] + 1 if ">" in ends else ends["<"] - 1


def _cidr(argument: str) -> str:
    network = ipaddress.ip_network(argument, strict=False)
    return str(network[1 if network.num_addresses > 1 else 0])


_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    "equals-ignore-case": _text,
    "exists": lambda argument: _ANY if argument else ABSENT,
    "numeric": _numeric,
    "prefix": _text,
    "suffix": _text,
    "wildcard": _wildcard,
}
