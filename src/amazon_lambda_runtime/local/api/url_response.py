"""What a function returns, to the HTTP response of its URL.

Rule: what AWS documents is sent, and what no client could read is refused with a Malformed that
names the field. Nothing is repaired in silence: what is left out is in `Head.ignored`.
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amazon_lambda_runtime.local.http import Response
from amazon_lambda_runtime.protocol import JSON

# Header fields that are not passed on: the server frames, dates and names the response itself.
_OURS = {
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-amzn-requestid",
    "x-amzn-trace-id",
}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BOOLEANS = {"true": True, "false": False}
# A string, or the blanks between two tokens.
_STRING_OR_BLANKS = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\r\n]+')

INTERNAL_ERROR = Response(502, {"Content-Type": JSON}, b"Internal Server Error")


class Malformed(Exception):
    """Raised for a response that cannot be sent; the message names the field."""


@dataclass(frozen=True, slots=True)
class Head:
    """The status and header fields of a response; `ignored` are the fields that were left out."""

    status: int
    headers: Mapping[str, str]
    ignored: tuple[str, ...] = ()


#: The fields of a response that have header fields: those that a function URL reads.
URL_FIELDS = ("headers", "cookies")
_HEADER_FIELDS = ("headers", "multiValueHeaders", "cookies")


def response_of(payload: bytes) -> tuple[Head, bytes]:
    """Return the response for a function's result. Raises Malformed.

    An object with a statusCode is a response. Anything else is the body of a 200: a string as it
    is, any other value as compact JSON.
    """
    result = _decoded(payload)
    if not (isinstance(result, dict) and "statusCode" in result):
        body = _text(result) if isinstance(result, str) else _compact(payload)
        return Head(200, {"Content-Type": JSON}), body
    return _with_type(head_of(result), JSON), _body(result)


def strict_response_of(
    payload: bytes, content_type: str, fields: Sequence[str]
) -> tuple[Head, bytes]:
    """Return the response of a door that takes nothing else.

    `content_type` is what it calls a body that has none; `fields` are those that it reads header
    fields from. Raises Malformed.
    """
    result = _decoded(payload)
    if not (isinstance(result, dict) and "statusCode" in result):
        raise Malformed("it is not an object with a statusCode")
    return _with_type(head_of(result, fields), content_type), _body(result)


def _decoded(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        raise Malformed("it is not JSON") from None


def _with_type(head: Head, content_type: str) -> Head:
    if any(name.lower() == "content-type" for name in head.headers):
        return head
    return Head(head.status, {**head.headers, "Content-Type": content_type}, head.ignored)


def prelude_of(prelude: bytes, fields: Sequence[str] = URL_FIELDS) -> Head:
    """Return the status and headers that a stream begins with; cookies count at each door.

    Raises Malformed.
    """
    try:
        document = json.loads(prelude)
    except (ValueError, RecursionError):
        raise Malformed("its prelude is not JSON") from None
    if not isinstance(document, dict):
        raise Malformed("its prelude is not an object")
    return head_of(document, (*fields, "cookies"))


def head_of(document: dict[str, Any], fields: Sequence[str] = URL_FIELDS) -> Head:
    """Return the status and the header fields of a response. Raises Malformed.

    They are read from these `fields` of it. What multiValueHeaders has a name for is not taken from
    `headers`.
    """
    status = _status(document.get("statusCode", 200))
    # By lower-case names: of two that differ in case only, the last one counts.
    found: dict[str, tuple[str, str]] = {}
    for name, value in _fields_of(document, "headers") if "headers" in fields else ():
        found[name.lower()] = name, _value(f"headers[{name!r}]", value)
    several = "multiValueHeaders" in fields
    for name, values in _fields_of(document, "multiValueHeaders") if several else ():
        where = f"multiValueHeaders[{name!r}]"
        if not isinstance(values, list):
            raise Malformed(f"{where} is {_kind(values)}, not a list of strings")
        lines = [_value(f"{where}[{number}]", value) for number, value in enumerate(values)]
        found[name.lower()] = name, f"\r\n{name}: ".join(lines)
    headers = dict(found.values())
    if "cookies" in fields and (cookies := _cookies(document.get("cookies"))):
        name = found.get("set-cookie", ("Set-Cookie", ""))[0]
        lines = [headers[name], *cookies] if name in headers else cookies
        # A line of its own for each: a cookie may contain a comma.
        headers[name] = f"\r\n{name}: ".join(lines)
    ignored = [each for each in _HEADER_FIELDS if each not in fields and document.get(each)]
    return Head(status, headers, tuple(ignored))


def _fields_of(document: dict[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    """Give the names and values of an object of header fields, without those that are ours."""
    given = document.get(key)
    if not isinstance(given, dict | None):
        raise Malformed(f"{key} is {_kind(given)}, not an object")
    for name, value in (given or {}).items():
        if not _NAME.fullmatch(name):
            raise Malformed(f"{key} has the name {name!r}, which no header field can have")
        if name.lower() not in _OURS:
            yield name, value


def _status(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:4])
    if isinstance(value, bool) or not isinstance(value, int):
        raise Malformed(f"statusCode is {_kind(value)}, not a number")
    if not 200 <= value <= 599:
        raise Malformed(f"statusCode is {value}, not 200 to 599")
    return value


def _cookies(cookies: object) -> list[str]:
    if cookies is None:
        return []
    if not isinstance(cookies, list):
        raise Malformed(f"cookies is {_kind(cookies)}, not a list of strings")
    return [_value(f"cookies[{number}]", cookie) for number, cookie in enumerate(cookies)]


def _value(field: str, value: object) -> str:
    if not isinstance(value, str | int | float):
        raise Malformed(f"{field} is {_kind(value)}, not a string")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if _CONTROL.search(text):
        raise Malformed(f"{field} contains a line break or another control character")
    return text


def _body(result: dict[str, Any]) -> bytes:
    body = result.get("body")
    encoded = result.get("isBase64Encoded")
    if isinstance(encoded, str):
        encoded = _BOOLEANS.get(encoded.lower(), encoded)
    if not isinstance(encoded, bool | None):
        raise Malformed(f"isBase64Encoded is {_kind(encoded)}, not true or false")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise Malformed(f"body is {_kind(body)}, not a string")
    if not encoded:
        return _text(body)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("body is not Base64, and isBase64Encoded is true") from None


def _text(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Malformed("body contains half of a surrogate pair") from None


def _compact(payload: bytes) -> bytes:
    """Return JSON without blanks between its tokens, and with everything else as it is."""
    return _STRING_OR_BLANKS.sub(rb"\1", payload)


def _kind(value: object) -> str:
    """Return JSON's name for the type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return json.dumps(value)
        case list():
            return "a list"
        case dict():
            return "an object"
        case str():
            return f"the string {value[:40]!r}"
    return f"the number {value}"
