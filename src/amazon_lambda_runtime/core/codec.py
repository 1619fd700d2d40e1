"""JSON in, JSON out: what a handler may receive and return.

The C accelerators of the standard library's json are used directly. The package itself takes as
long to load as half the interpreter, so it is loaded only where an error has to be explained.

What awslambdaric serialises comes out the same here, byte for byte: ", " and ": " between things,
UTF-8 as on AWS's Python 3.12 and later, half a surrogate pair escaped, a namedtuple as an object, a
Decimal with all its digits, nested bytes as UTF-8 text. Added are datetime, date and time (ISO
8601), UUID, Enum, dataclasses and objects that have a `model_dump()`. Error documents are ASCII.
"""

import sys
from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner
from marshal import dumps as marshal
from os import urandom

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
_STYLE = (None, ": ", ", ", False, False, True)


def _without_builtins(function: "Any") -> "Any":
    """Return a function that finds no builtins, and so can't import; nor can C code that it calls.

    From Python 3.12 on the scanner imports json.decoder to say what is wrong. That would run a
    json.py of the user's.
    """
    return type(function)(function.__code__, {"_scan": _scan, "__builtins__": {}})


@_without_builtins
def _scanned(text: str) -> "tuple[Any, int]":
    return _scan(text, 0)


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
        value, end = _scanned(stripped)
        if end == len(stripped):
            return value
    except (StopIteration, ValueError, SystemError, KeyError):
        pass  # the last two because the scanner can't import its own exception
    # Not JSON: json says where it went wrong.
    try:
        from .stdlib import load

        loads = load("json").loads
    except Exception:  # it can't be loaded, or the user's module is in its place
        raise ValueError("the text is not JSON") from None
    return loads(text)


def encode(value: "Any") -> str:
    """Return the JSON text of `value`; it may hold half a surrogate pair, as `value` did.

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


def to_utf8(text: str) -> bytes:
    """Return JSON text as it is sent: half a surrogate pair becomes its escape, as in "\\ud800"."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def encode_ascii(value: "Any") -> bytes:
    """Return the JSON text of text, numbers, dicts and lists, all but ASCII escaped."""
    return "".join(_encode_to_ascii(value, 0)).encode()


def _encode(value: "Any") -> str:
    decimals = _Decimals()
    pieces = make_encoder({}, decimals.default, encode_basestring, *_STYLE)(value, 0)
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
        # pandas' NaT is a datetime, and like NaN equal to nothing.
        return value.isoformat() if value == value else None
    if _instance_of(value, "uuid", "UUID"):
        return str(value)
    if _instance_of(value, "enum", "Enum"):
        return value.value
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        return {field.name: getattr(value, field.name) for field in _fields(value)}
    if hasattr(kind, "__pydantic_serializer__"):
        # URLs, sets and secrets have a form in JSON only. There a Decimal is text.
        return _with_decimals(value.model_dump(mode="json"), value.model_dump())
    for method in ("_asdict", "model_dump"):
        as_dict: Callable[[Any], Any] | None = getattr(kind, method, None)
        if callable(as_dict):
            return as_dict(value)
    raise TypeError(f"Object of type {kind.__name__} is not JSON serializable")


def _with_decimals(dumped: "Any", python: "Any") -> "Any":
    """Return what pydantic dumped for JSON with the Decimals that it dumped for Python."""
    if isinstance(dumped, dict) and isinstance(python, dict):
        pairs = zip(dumped.items(), python.values(), strict=True)
        return {key: _with_decimals(item, twin) for (key, item), twin in pairs}
    if isinstance(dumped, list) and isinstance(python, list | tuple):
        return [_with_decimals(*pair) for pair in zip(dumped, python, strict=True)]
    # A field may have a serializer of its own for JSON.
    is_decimal = _instance_of(python, "decimal", "Decimal") and dumped == str(python)
    return python if is_decimal else dumped


def _fields(value: "Any") -> "Any":
    # Loaded already: the dataclass was made with it. And the user may have replaced __import__().
    return sys.modules["dataclasses"].fields(value)


# Without a memo, which only the check for circles needs, one encoder serves all calls.
_encode_plain = make_encoder(None, simplify, encode_basestring, *_STYLE)
_encode_to_ascii = make_encoder(None, simplify, encode_basestring_ascii, *_STYLE)


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
