"""The JSON schema of the project file, for editors: made from the table of keys."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from .key import Key
from .keys import FUNCTION_KEYS, PROJECT_KEYS, of_trigger
from .triggers import TYPES, Trigger

_STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}


def schema() -> dict[str, Any]:
    """Return the schema of a pyproject.toml; of other tools' tables it says nothing."""
    own = _table({**PROJECT_KEYS, **FUNCTION_KEYS})
    own["properties"]["functions"]["additionalProperties"] = _table(FUNCTION_KEYS)
    tool = {"type": "object", "properties": {"lambda-runtime": own}}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "pyproject.toml with [tool.lambda-runtime]",
        "type": "object",
        "properties": {"tool": tool},
    }


def _table(keys: Mapping[str, Key]) -> dict[str, Any]:
    properties = {name: _of(key) for name, key in keys.items()}
    if "triggers" in properties:
        kinds = [_trigger(word, kind) for word, kind in TYPES.items()]
        properties["triggers"]["items"] = {"oneOf": kinds}
        properties["environment"] |= _STRINGS
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _trigger(word: str, kind: type[Trigger]) -> dict[str, Any]:
    found = _table(of_trigger(kind))
    found["properties"] = {"type": {"const": word}, **found["properties"]}
    found["required"] = ["type", *required(kind)]
    return found


def required(kind: type[Trigger]) -> list[str]:
    """Return the keys that a trigger of this kind has to have."""
    fields = dataclasses.fields(kind)
    return [field.name for field in fields if field.default is dataclasses.MISSING]


def _of(key: Key) -> dict[str, Any]:
    found: dict[str, Any] = dict(key.type.schema) if key.type is not None else {}
    described = "; ".join(part for part in (key.text, key.unit) if part)
    if described:
        found["description"] = described
    if key.within is not None:
        low, high = key.within
        found |= {"minimum": low, **({} if high is None else {"maximum": high})}
    if key.one_of:
        found["enum"] = list(key.one_of)
    return found
