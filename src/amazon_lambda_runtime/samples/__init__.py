"""Events as AWS documents them, with fields to fill in.

Each is a file of JSON: `about` and `source` say what it is, `fields` are the fields and their
defaults, `event` is the event with the fields in it. In its strings "${bucket}" is the value of a
field, "${key|url}" as it is in a URL. A string that is nothing else becomes the value itself,
whatever it is. An object of one key {"$text": x} becomes what the function of that name makes of x:
see `filling`.
"""

import copy
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from . import filling, numbering

_FOLDER = Path(__file__).parent
_FIELD = re.compile(r"\$\{(\w+)(\|url)?\}")


class UnknownSample(LookupError):
    """There is no sample of that name."""


class UnknownField(TypeError):
    """The sample has no such field."""


def names() -> list[str]:
    """Return the names of all samples, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*.json"))


def describe(name: str) -> str:
    """Return what a sample is, in one line. Raises UnknownSample."""
    about: str = _read(name)["about"]
    return about


def source(name: str) -> str:
    """Return the name of the source that sends it, as `events.source_of` gives it.

    Raises UnknownSample.
    """
    found: str = _read(name)["source"]
    return found


def fields(name: str) -> dict[str, object]:
    """Return the fields of a sample that can be set, and their defaults. Raises UnknownSample."""
    return _fields(_read(name))


def load(name: str, /, **fields: object) -> dict[str, Any]:
    """Return a new event of that name, with these fields set.

    A field whose place is text, a message's body for one, may be of any type that has a JSON form;
    bytes are allowed in place of base64, and in the body of a request. `records=3` makes three
    records that differ in their ids and sequence numbers only. Raises UnknownSample,
    UnknownField, and ValueError for fewer than one record.
    """
    sample = _read(name)
    known = _fields(sample)
    for field in fields:
        if field not in known:
            choice = ", ".join(known)
            raise UnknownField(f"the event {name} has no field {field!r}; it has: {choice}")
    values = known | fields
    count = values.get("records", 1)
    if type(count) is not int or count < 1:
        raise ValueError(f"the event {name} has one record or more, not {count!r}")
    event: dict[str, Any] = _filled(sample["event"], values)
    if sample["source"] == "aws:alb" and values["multi_value"]:
        _have_several_values(event, values["query"])
    return numbering.repeated(event, count) if count > 1 else event


def _fields(sample: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = sample["fields"]
    return {**found, "records": 1} if numbering.has_records(sample["event"]) else found


def _have_several_values(event: dict[str, Any], query: Any) -> None:
    """Turn a load balancer's request into that of a target group with multi-value headers."""
    del event["queryStringParameters"]
    event["multiValueQueryStringParameters"] = filling.undecoded_lists(query)
    event["multiValueHeaders"] = {name: [value] for name, value in event.pop("headers").items()}


def _read(name: str) -> dict[str, Any]:
    if name not in names():
        raise UnknownSample(f"there is no event {name!r}; there are: {', '.join(names())}")
    sample: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text())
    return sample


def _filled(part: Any, values: dict[str, Any]) -> Any:
    """Return a part of an event with the fields filled in."""
    if isinstance(part, str):
        return _filled_text(part, values)
    if isinstance(part, list):
        return [_filled(member, values) for member in part]
    if not isinstance(part, dict):
        return part
    found = {_filled_text(name, values): _filled(each, values) for name, each in part.items()}
    if len(found) == 1:
        ((name, value),) = found.items()
        if name in filling.FUNCTIONS:
            return filling.FUNCTIONS[name](value)
    return _finished(found)


def _finished(found: dict[str, Any]) -> dict[str, Any]:
    """Fill in the fields that depend on other fields of an object."""
    for name, value in list(found.items()):
        if value is filling.ABSENT:
            del found[name]
        elif isinstance(value, filling.Md5):
            body = found[value.field]
            if not isinstance(body, str):
                raise TypeError(f"the {value.field} of a message is text, not bytes")
            found[name] = filling.md5(body)
    if found.get("messageAttributes"):
        digest = filling.md5_of_attributes(found["messageAttributes"])
        found["md5OfMessageAttributes"] = digest
    if isinstance(found.get("body"), bytes):  # of a request
        found |= {"body": filling.encoded(found["body"]), "isBase64Encoded": True}
    return found


def _filled_text(text: str, values: dict[str, Any]) -> Any:
    whole = _FIELD.fullmatch(text)
    if whole and not whole[2]:
        value = values[whole[1]]
        # A new one each time, as JSON has it.
        return value if isinstance(value, bytes) else _copied(value)

    def value_of(match: re.Match[str]) -> str:
        found = filling.text(values[match[1]])
        if isinstance(found, bytes):
            raise TypeError(f"{match[1]} is a part of text here: it can't be bytes")
        # S3 leaves slashes alone.
        return quote_plus(found, safe="/") if match[2] else found

    return _FIELD.sub(value_of, text)


def _copied(value: Any) -> Any:
    try:
        return json.loads(json.dumps(value))
    except TypeError:  # attributes of bytes
        return copy.deepcopy(value)
