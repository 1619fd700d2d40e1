"""The keys of the project file, and the type that each takes."""

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError
from .triggers import TYPES, Trigger


@dataclass(frozen=True, slots=True)
class Type:
    """A type of value: how a message names it, and what is of it."""

    name: str
    fits: Callable[[Any], bool]


def _list_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(isinstance(item, kind) for item in value)


_STRING = Type("a string", lambda value: isinstance(value, str))
_INTEGER = Type("a whole number", lambda value: type(value) is int)  # a bool is none
_BOOLEAN = Type("true or false", lambda value: isinstance(value, bool))
_TABLE = Type("a table", lambda value: isinstance(value, dict))
_STRINGS = Type("a list of strings", _list_of(str))
_TABLES = Type("a list of tables", _list_of(dict))

#: Keys of [tool.lambda-runtime] itself.
PROJECT_KEYS: Mapping[str, Type] = {
    "name": _STRING,
    "repository": _STRING,
    "image": _STRING,
    "image_uri": _STRING,
    "module": _STRING,
    "engine": _STRING,
    "architecture": _STRING,
    "dockerfile": _STRING,
    "base": _STRING,
    "requirements": _STRING,
    "include": _STRINGS,
    "keep": _INTEGER,
    "region": _STRING,
    "profile": _STRING,
    "account": _STRING,
    "function": _STRING,
    "functions": _TABLE,
}
#: Keys of a function's table; in [tool.lambda-runtime] they are for all functions.
FUNCTION_KEYS: Mapping[str, Type] = {
    "role": _STRING,
    "handler": _STRING,
    "web": _BOOLEAN,
    "memory": _INTEGER,
    "timeout": _INTEGER,
    "description": _STRING,
    "ephemeral_storage": _INTEGER,
    "environment": _TABLE,
    "environment_file": _STRING,
    "subnets": _STRINGS,
    "security_groups": _STRINGS,
    "tags": _TABLE,
    "retention": _INTEGER,
    "reserved_concurrency": _INTEGER,
    "policies": _STRINGS,
    "policies_file": _STRING,
    "statements": _TABLES,
    "payload": _STRING,
    "triggers": _TABLES,
}
# The type of a trigger's key is that of its field.
_OF_FIELDS: Mapping[Any, Type] = {
    str: _STRING,
    str | None: _STRING,
    int: _INTEGER,
    int | None: _INTEGER,
    bool: _BOOLEAN,
    tuple[str, ...]: _STRINGS,
}


def check(table: Mapping[str, Any], known: Mapping[str, Type], where: str) -> None:
    """Raise ConfigError for the first key of a table that is unknown or of another type."""
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{where} has an unknown key {key!r}{nearest(key, known)}")
        if not known[key].fits(value):
            raise ConfigError(f"{where}: {key} is {known[key].name}, not {value!r}")


def trigger(where: str, table: Mapping[str, Any]) -> Trigger:
    """Return the trigger that a table declares; raise ConfigError if it is none."""
    name = table.get("type")
    if name not in TYPES:
        raise ConfigError(f"{where} has type {name!r}: it is one of {', '.join(TYPES)}")
    fields = dataclasses.fields(TYPES[name])
    known = {field.name: _OF_FIELDS[field.type] for field in fields}
    check(table, {"type": _STRING, **known}, where)
    for field in fields:
        if field.default is dataclasses.MISSING and field.name not in table:
            raise ConfigError(f"{where} ({name}) has no {field.name}")
    return TYPES[name](**{key: frozen(table[key]) for key in known if key in table})


def frozen(value: Any) -> Any:
    """Return a value as our dataclasses hold it: a list as a tuple."""
    return tuple(value) if isinstance(value, list) else value


def nearest(key: str, known: Iterable[str]) -> str:
    """Return ": did you mean …" for a word that is not known, or else all that are."""
    near = difflib.get_close_matches(key, list(known), 1, 0.5)
    return f": did you mean {near[0]!r}?" if near else f": there is {', '.join(sorted(known))}"
