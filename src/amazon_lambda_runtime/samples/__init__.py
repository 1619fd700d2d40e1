"""Events as AWS documents them, with fields to fill in.

Each is a file of JSON: `about` and `source` say what it is, `fields` are the fields and their
defaults, `event` is the event with the fields in it. In its strings "${bucket}" is the value of a
field, "${key|url}" as it is in a URL. A string that is nothing else becomes the value itself,
whatever it is. An object {"$text": x} becomes text, JSON if x is no string; {"$base64": x} that
text in base64; {"$gzip": x} packed before, too.
"""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

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
    found: dict[str, object] = _read(name)["fields"]
    return found


def load(name: str, /, **fields: object) -> dict[str, Any]:
    """Return a new event of that name, with these fields set.

    A field whose place is text, a message's body for one, may be of any type that has a JSON form.
    Raises UnknownSample, UnknownField.
    """
    sample = _read(name)
    for field in fields:
        if field not in sample["fields"]:
            choice = ", ".join(sample["fields"]) or "none"
            raise UnknownField(f"the event {name} has no field {field!r}; it has: {choice}")
    event: dict[str, Any] = _filled(sample["event"], sample["fields"] | fields)
    return event


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
    found = {_filled_text(name, values): _filled(member, values) for name, member in part.items()}
    match found:
        case {"$text": value}:
            return _text(value)
        case {"$base64": value}:
            return _base64(_text(value).encode())
        case {"$gzip": value}:
            return _base64(gzip.compress(_text(value).encode(), mtime=0))
    return found


def _filled_text(text: str, values: dict[str, Any]) -> Any:
    whole = _FIELD.fullmatch(text)
    if whole and not whole[2]:
        return json.loads(json.dumps(values[whole[1]]))  # a new one each time

    def value(match: re.Match[str]) -> str:
        found = _text(values[match[1]])
        # S3 leaves slashes alone.
        return quote_plus(found, safe="/") if match[2] else found

    return _FIELD.sub(value, text)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
