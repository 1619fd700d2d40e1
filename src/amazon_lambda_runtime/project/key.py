"""What a key of the project file is: its type, its range, and what the documents say of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .aws_limits import DURABLE_RETENTION, DURABLE_TIMEOUT
from .values import one_of, within


@dataclass(frozen=True, slots=True)
class Type:
    """A type of value: how a message names it, what is of it, and its JSON schema."""

    name: str
    fits: Callable[[Any], bool]
    schema: dict[str, Any]


def _list_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(isinstance(item, kind) for item in value)


STRING = Type("a string", lambda value: isinstance(value, str), {"type": "string"})
# A bool is no whole number.
INTEGER = Type("a whole number", lambda value: type(value) is int, {"type": "integer"})
BOOLEAN = Type("true or false", lambda value: isinstance(value, bool), {"type": "boolean"})
TABLE = Type("a table", lambda value: isinstance(value, dict), {"type": "object"})
DURABLE = Type(
    "true or a table",
    lambda value: value is True or isinstance(value, dict),
    {
        "oneOf": [
            {"const": True},
            {
                "type": "object",
                "properties": {
                    "execution_timeout": {
                        "type": "integer",
                        "minimum": DURABLE_TIMEOUT[0],
                        "maximum": DURABLE_TIMEOUT[1],
                    },
                    "retention_days": {
                        "type": "integer",
                        "minimum": DURABLE_RETENTION[0],
                        "maximum": DURABLE_RETENTION[1],
                    },
                },
                "additionalProperties": False,
            },
        ]
    },
)
STRINGS = Type("a list of strings", _list_of(str), {"type": "array", "items": {"type": "string"}})
TABLES = Type("a list of tables", _list_of(dict), {"type": "array", "items": {"type": "object"}})


@dataclass(frozen=True, slots=True)
class Key:
    """A key: what it is for, and which values AWS takes. Both ends of a range are allowed."""

    text: str = ""
    #: None of a trigger's key: there it is that of the field.
    type: Type | None = None
    within: tuple[int, int | None] | None = None
    unit: str = ""
    one_of: tuple[str | int, ...] = ()
    #: The default in the words of the documents, where it is no plain value.
    default: str = ""

    def check(self, what: str, value: object) -> None:
        """Raise ConfigError if AWS would refuse a value; None stands for a key that is left out."""
        if value is None:
            return
        if self.within is not None and isinstance(value, int):
            within(what, value, self.within, f" ({self.unit})" if self.unit else "")
        if self.one_of:
            one_of(what, value, self.one_of, f" ({self.unit})" if self.unit else "")
