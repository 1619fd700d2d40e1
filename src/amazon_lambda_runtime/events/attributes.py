"""The items of DynamoDB as Python values."""

from binascii import a2b_base64

from amazon_lambda_runtime.core.stdlib import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# The nesting limit of DynamoDB. Deeper values are not decoded, to keep the recursion bounded.
_DEPTH = 32


def item(image: "Any") -> "dict[str, Any] | None":
    """Return the item that an image of a record holds, or None if it is not an image.

    A number is an int, or a Decimal, which keeps all its digits; a binary is bytes; a set is a set.
    Never raises: what can't be decoded comes as it is, and so does what is nested deeper than
    DynamoDB's 32 levels.
    """
    if not isinstance(image, dict):
        return None
    return {name: _plain(value, _DEPTH) for name, value in image.items()}


def _plain(attribute: "Any", depth: int) -> "Any":
    if not (isinstance(attribute, dict) and len(attribute) == 1):
        return attribute
    ((kind, value),) = attribute.items()
    try:
        if kind == "M":
            if depth == 0:
                return attribute
            return {name: _plain(member, depth - 1) for name, member in value.items()}
        if kind == "L":
            if depth == 0 or not isinstance(value, list):
                return attribute
            return [_plain(member, depth - 1) for member in value]
        return _DECODERS[kind](value)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        return attribute


def _number(text: str) -> "Any":
    try:
        return int(text)
    except ValueError:
        return load("decimal").Decimal(text)


def _binary(text: str) -> bytes:
    return a2b_base64(text, strict_mode=True)


_DECODERS: "dict[str, Any]" = {
    "S": str,
    "N": _number,
    "B": _binary,
    "BOOL": bool,
    "NULL": lambda value: None,
    "SS": set,
    "NS": lambda value: {_number(member) for member in value},
    "BS": lambda value: {_binary(member) for member in value},
}
