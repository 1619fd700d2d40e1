"""JSON in, JSON out: what a handler may receive and return.

The C accelerators of the standard library's json are used directly. The package itself takes as
long to load as half the interpreter, so it is loaded only where an error has to be explained.

What awslambdaric serialises comes out the same here, byte for byte: ", " and ": " between things,
everything outside ASCII escaped, a namedtuple as an object, a Decimal with all its digits, nested
bytes as UTF-8 text. Added are datetime, date and time (ISO 8601), UUID, Enum, dataclasses and
objects that have a `model_dump()`.
"""

import sys
from _json import encode_basestring_ascii, make_encoder, make_scanner
from marshal import dumps as marshal

from .stdlib import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Scan:
    """The options of a JSON decoder, as `make_scanner` reads them."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {
        "NaN": float("nan"),
        "Infinity": float("inf"),
        "-Infinity": float("-inf"),
    }.__getitem__


_scan = make_scanner(_Scan)  # type: ignore[arg-type]
# indent, separators, sort_keys, skipkeys, allow_nan: those of json.dumps().
_STYLE = (encode_basestring_ascii, None, ": ", ", ", False, False, True)


def decode(body: bytes) -> "Any":
    """Return the value of a JSON text in UTF-8, with or without a byte order mark.

    NaN and the infinities pass, as they do in the standard library. Raises ValueError (a
    json.JSONDecodeError or a UnicodeDecodeError) and, for absurd nesting, RecursionError.
    """
    return decode_text(str(body, "utf-8").removeprefix("\ufeff"))


def decode_text(text: str) -> "Any":
    """Return the value of a JSON text, without a byte order mark; otherwise as `decode`."""
    stripped = text.strip(" \t\n\r")
    try:
        value, end = _scan(stripped, 0)
        if end == len(stripped):
            return value
    except (StopIteration, ValueError, SystemError):
        pass  # a SystemError, because the scanner's own exception is in json, which is not loaded
    # Not JSON: json says where it went wrong.
    return load("json").loads(text)


def encode(value: "Any") -> str:
    """Return the JSON text of `value`, in ASCII.

    Raises TypeError for a value that has no JSON form, ValueError for a circular reference and
    RecursionError for absurd nesting.
    """
    try:
        # The encoder takes a namedtuple for a list without asking. Marshal knows exact built-in
        # types only and is far faster than the encoder, so nearly every result ends here.
        marshal(value)
        return "".join(_encode_plain(value, 0))
    except (ValueError, TypeError, RecursionError):
        # It holds other types or a key of bytes, or it is circular, or it has no JSON form.
        return _encode(_open(value))


def _encode(value: "Any") -> str:
    decimals = _Decimals()
    pieces = make_encoder({}, decimals.default, *_STYLE)(value, 0)
    text = "".join(pieces)
    return decimals.put_back(text) if decimals.found else text


class _Decimals:
    """The Decimals of one encoding. They are never converted to float.

    The encoder accepts strings from us, not numbers of our own spelling. So each Decimal is encoded
    as a random string, which is replaced by its digits in the finished text.
    """

    __slots__ = ("found", "token")

    def __init__(self) -> None:
        self.found: list[str] = []
        self.token = ""

    def default(self, value: "Any") -> "Any":
        """Return a simpler value in place of `value`. Raises TypeError if it has no JSON form."""
        decimal = sys.modules.get("decimal")
        if decimal is None or not isinstance(value, decimal.Decimal):
            return _open(simplify(value))
        if not self.token:
            from os import urandom

            self.token = urandom(16).hex()
        self.found.append("NaN" if value.is_nan() else str(value))
        return self.token

    def put_back(self, text: str) -> str:
        first, *others = text.split(f'"{self.token}"')
        return first + "".join(f"{n}{s}" for n, s in zip(self.found, others, strict=True))


def _instance_of(value: object, module: str, *names: str) -> bool:
    """Return whether `value` is an instance of a class whose module may not even be loaded."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, tuple(getattr(loaded, n) for n in names))


def has_form(value: object) -> bool:
    """Return whether an instance of a user's class has a JSON form."""
    kind = type(value)
    names = ("__dataclass_fields__", "_asdict", "model_dump")
    return any(hasattr(kind, name) for name in names) or _instance_of(value, "enum", "Enum")


def simplify(value: "Any") -> "Any":
    """Return the value that represents `value` in JSON. Raises TypeError if there is none."""
    if isinstance(value, bytes):
        return value.decode()
    if _instance_of(value, "datetime", "date", "time"):
        return value.isoformat()
    if _instance_of(value, "uuid", "UUID"):
        return str(value)
    if _instance_of(value, "enum", "Enum"):
        return value.value
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        return {field.name: getattr(value, field.name) for field in _fields(value)}
    for method in ("_asdict", "model_dump"):
        as_dict: Callable[[Any], Any] | None = getattr(kind, method, None)
        if callable(as_dict):
            return as_dict(value)
    raise TypeError(f"Object of type {kind.__name__} is not JSON serializable")


def _fields(value: "Any") -> "Any":
    from dataclasses import fields  # loaded already: the dataclass was made with it

    return fields(value)


# Without a memo, which only the check for circles needs, one encoder serves all calls.
_encode_plain = make_encoder(None, simplify, *_STYLE)


def _open(value: "Any") -> "Any":
    """Return `value` with each namedtuple in it as a dict and each key of bytes as a str."""
    try:
        return _opened(value)
    except RecursionError:
        return value  # the encoder tells a circle from deep nesting


def _opened(value: "Any") -> "Any":
    if isinstance(value, tuple | list | dict) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {
            key.decode() if isinstance(key, bytes) else key: _opened(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_opened(item) for item in value]
    return value
