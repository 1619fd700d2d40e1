"""Event patterns: which events a rule of EventBridge takes, and which records a filter of an event
source mapping.

Theory: a pattern is parsed once into a tree of tests. An object tests that each of its keys is
there and matches; a list, that one of its values does. What stands in an array of the event matches
if one of its elements does, for all of the pattern's keys below.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

Test = Callable[[Any], bool]

#: Numbers have to be between this and its negative.
LARGEST = 5_000_000_000
#: What a field is that is not there.
ABSENT: Any = object()
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda one, other: one == other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


class PatternError(Exception):
    """Raised for a pattern that AWS refuses; the message says where, and why."""


def parse(text: str) -> Test:
    """Return what says whether an event matches a pattern, which is JSON. Raises PatternError."""
    try:
        pattern = json.loads(text)
        if not isinstance(pattern, dict):
            raise PatternError("it has to be a JSON object")
        return _object(pattern, "")
    except ValueError as error:
        raise PatternError(f"it is not JSON: {error}") from None
    except RecursionError:
        raise PatternError("it is nested too deeply") from None


def _object(pattern: dict[str, Any], place: str) -> Test:
    if not pattern:
        raise PatternError(f"{place or 'the pattern'} is an empty object")
    fields = {
        key: _field(value, f"{place}.{key}" if place else key)
        for key, value in pattern.items()
        if key != "$or"
    }
    choices = _choices(pattern["$or"], place) if "$or" in pattern else ()

    def test(value: Any) -> bool:
        if isinstance(value, list):
            return any(test(each) for each in value)
        inner = value if isinstance(value, dict) else {}
        return all(match(inner.get(key, ABSENT)) for key, match in fields.items()) and (
            not choices or any(choice(value) for choice in choices)
        )

    return test


def _choices(value: Any, place: str) -> tuple[Test, ...]:
    where = f"{place}.$or" if place else "$or"
    if not isinstance(value, list) or len(value) < 2:
        raise PatternError(f"{where} has to be a list of two objects or more")
    if not all(isinstance(each, dict) for each in value):
        raise PatternError(f"{where} has to be a list of objects")
    return tuple(_object(each, place) for each in value)


def _field(value: Any, place: str) -> Test:
    if isinstance(value, dict):
        return _object(value, place)
    if not isinstance(value, list):
        raise PatternError(f"{place} has to be an object or a list: write [{json.dumps(value)}]")
    if not value:
        raise PatternError(f"{place} is an empty list")
    tests = [_operator(each, place) if isinstance(each, dict) else _exact(each, place)
             for each in value]  # fmt: skip

    def test(found: Any) -> bool:
        if isinstance(found, list):
            return any(test(each) for each in found) or (
                not found and any(match(ABSENT) for match in tests)
            )
        return any(match(found) for match in tests)

    return test


def _operator(matcher: dict[str, Any], place: str) -> Test:
    """Return the test of an object with one key, which names what it does."""
    if len(matcher) != 1:
        raise PatternError(f"{place}: an object in a list has one key, the name of its operator")
    ((name, argument),) = matcher.items()
    make = _OPERATORS.get(name)
    if make is None:
        raise PatternError(
            f"{place}: {name!r} is not an operator: the operators are {', '.join(_OPERATORS)}"
        )
    return make(argument, f"{place}: {name}")


def _exact(wanted: Any, place: str) -> Test:
    if isinstance(wanted, list):
        raise PatternError(f"{place} has a list in its list")
    if _is_number(wanted):
        return lambda found: _is_number(found) and found == wanted
    return lambda found: type(found) is type(wanted) and found == wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(argument: Any, place: str) -> str:
    if not isinstance(argument, str) or not argument:
        raise PatternError(f"{place} takes a string that is not empty")
    return argument


def _texts(found: Any, holds: Callable[[str], bool]) -> bool:
    return isinstance(found, str) and holds(found)


def _at_an_end(holds: Callable[[str, str], bool], argument: Any, place: str) -> Test:
    """Return the test of a prefix or a suffix: `holds` is str.startswith or str.endswith."""
    if isinstance(argument, dict):
        wanted = _ignoring_case(argument, place)
        return lambda found: _texts(found, lambda text: holds(text.lower(), wanted))
    given = _text(argument, place)
    return lambda found: _texts(found, lambda text: holds(text, given))


def _ignoring_case(argument: dict[str, Any], place: str) -> str:
    if argument.keys() != {"equals-ignore-case"}:
        raise PatternError(f'{place} takes a string, or {{"equals-ignore-case": string}}')
    return _text(argument["equals-ignore-case"], place).lower()


def _equals_ignore_case(argument: Any, place: str) -> Test:
    wanted = _text(argument, place).lower()
    return lambda found: _texts(found, lambda text: text.lower() == wanted)


def _wildcard(argument: Any, place: str) -> Test:
    text = _text(argument, place)
    parts = re.findall(r"\\[*\\]|\*+|[^*\\]+|\\", text)
    if "\\" in parts:
        raise PatternError(f"{place}: a \\ may stand only before * or \\")
    if any(part.startswith("**") for part in parts):
        raise PatternError(f"{place}: there are two * in a row")
    regex = "".join(
        ".*" if part == "*" else re.escape(part[1:] if part[0] == "\\" else part) for part in parts
    )
    matches = re.compile(regex, re.DOTALL).fullmatch
    return lambda found: _texts(found, lambda text: matches(text) is not None)


def _exists(argument: Any, place: str) -> Test:
    if not isinstance(argument, bool):
        raise PatternError(f"{place} takes true or false")
    # An object is no leaf: AWS looks at what stands in the end.
    return lambda found: (found is not ABSENT and not isinstance(found, dict)) == argument


def _numeric(argument: Any, place: str) -> Test:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise PatternError(f'{place} takes a list: [">", 0] or [">", 0, "<=", 5]')
    pairs = [(argument[at], argument[at + 1]) for at in range(0, len(argument), 2)]
    for sign, number in pairs:
        if sign not in _COMPARISONS:
            raise PatternError(f"{place}: {sign!r} is none of {' '.join(_COMPARISONS)}")
        if not _is_number(number) or abs(number) > LARGEST:
            raise PatternError(f"{place}: {number!r} is not a number between -5e9 and 5e9")
    if len(pairs) == 2 and [sign[0] for sign, _ in pairs] not in (["<", ">"], [">", "<"]):
        raise PatternError(f"{place}: a range has a lower end and an upper end")
    return lambda found: (
        _is_number(found) and all(_COMPARISONS[sign](found, number) for sign, number in pairs)
    )


def _cidr(argument: Any, place: str) -> Test:
    try:
        network = ipaddress.ip_network(_text(argument, place), strict=False)
    except ValueError:
        raise PatternError(
            f"{place}: {argument!r} is not an IP range, such as 10.0.0.0/24"
        ) from None

    def holds(text: str) -> bool:
        try:
            return ipaddress.ip_address(text) in network
        except ValueError:
            return False

    return lambda found: _texts(found, holds)


def _anything_but(argument: Any, place: str) -> Test:
    if isinstance(argument, dict):
        if len(argument) != 1 or not argument.keys() <= _NEGATED.keys():
            raise PatternError(f"{place} takes values, or one of {', '.join(_NEGATED)}")
        ((name, value),) = argument.items()
        each = value if isinstance(value, list) else [value]
        tests = [_NEGATED[name](one, f"{place} {name}") for one in each]
    else:
        each = argument if isinstance(argument, list) else [argument]
        if not all(isinstance(one, str) for one in each) and not all(map(_is_number, each)):
            raise PatternError(f"{place} takes strings only, or numbers only")
        tests = [_exact(one, place) for one in each]
    if not tests:
        raise PatternError(f"{place} has an empty list")
    return lambda found: (
        found is not ABSENT
        and not isinstance(found, dict)
        and not any(match(found) for match in tests)
    )


_NEGATED: Mapping[str, Callable[[Any, str], Test]] = {
    "prefix": partial(_at_an_end, str.startswith),
    "suffix": partial(_at_an_end, str.endswith),
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
}
_OPERATORS: Mapping[str, Callable[[Any, str], Test]] = {
    **_NEGATED,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "cidr": _cidr,
}
