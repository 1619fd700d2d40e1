"""Requests of an Application Load Balancer, and the responses that it takes.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from binascii import a2b_base64

from amazon_lambda_runtime.core import codec
from amazon_lambda_runtime.core.stdlib import load
from amazon_lambda_runtime.core.streaming import HttpResponse

from .envelopes import unquoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .host import Host


def answer(host: "Host", event: "Any", on_request: "Callable[..., Any]") -> "dict[str, Any]":
    """Call `on_request` and return a response that the load balancer accepts.

    An exception is logged and answered with 500.
    """
    try:
        result = on_request(
            event.get("httpMethod", ""), event.get("path", ""), params(event), event
        )
        if hasattr(type(result), "__await__"):
            result = host.wait(result)
        return document(event, result)
    except Exception as exc:
        host.logger.error("the request failed", exc_info=exc)
        return response(event, 500, {"error": "Internal Server Error"})


def response(
    event: "dict[str, Any]", status: int, body: "Any", headers: "dict[str, str] | None" = None
) -> "dict[str, Any]":
    """Return the response to `event`; the body is text, or sent as JSON."""
    kind = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
    text = body if isinstance(body, str) else codec.encode(body)
    given = headers or {}
    if any(name.lower() == "content-type" for name in given):
        return _response(event, status, given.items(), text, False)
    return _response(event, status, [("Content-Type", kind), *given.items()], text, False)


def params(event: "dict[str, Any]") -> "dict[str, Any]":
    """Return the fields of the query, and over them those of a form or of a JSON object."""
    # The load balancer does not decode them.
    pairs = [(unquoted(name), unquoted(value)) for name, value in _query(event)]
    found = _gathered(pairs)
    body = _body(event)
    kind = _header(event, "content-type").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        fields = (field.partition("=") for field in body.split("&") if field)
        found |= _gathered((unquoted(name), unquoted(value)) for name, _, value in fields)
    elif kind == "application/json":
        try:
            value = codec.decode(body.encode())
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            found |= value
    return found


def _query(event: "dict[str, Any]") -> "Iterable[tuple[str, str]]":
    several = event.get("multiValueQueryStringParameters")
    if several:
        return [(name, value) for name, values in several.items() for value in values]
    return (event.get("queryStringParameters") or {}).items()


def _gathered(pairs: "Iterable[tuple[str, str]]") -> "dict[str, Any]":
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _body(event: "dict[str, Any]") -> str:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        return a2b_base64(body).decode("utf-8", "replace")
    return str(body)


def _header(event: "dict[str, Any]", name: str) -> str:
    several = event.get("multiValueHeaders") or {}
    headers = {key: values[-1] for key, values in several.items() if values}
    headers |= event.get("headers") or {}
    return next((str(value) for key, value in headers.items() if key.lower() == name), "")


def document(event: "dict[str, Any]", result: "Any") -> "dict[str, Any]":
    """Return a hook's result as a response to `event`."""
    if isinstance(result, dict) and "statusCode" in result:
        return result
    if isinstance(result, HttpResponse):
        whole = result.document()
        pairs = [*result.headers.items(), *(("Set-Cookie", each) for each in result.cookies)]
        return _response(event, result.status, pairs, whole["body"], whole["isBase64Encoded"])
    return _response(
        event, 200, [("Content-Type", "application/json")], codec.encode(result), False
    )


def _response(
    event: "dict[str, Any]",
    status: int,
    headers: "Iterable[tuple[str, str]]",
    body: str,
    encoded: bool,
) -> "dict[str, Any]":
    try:
        phrase = load("http").HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    document: dict[str, Any] = {
        "statusCode": status,
        "statusDescription": f"{status} {phrase}",
        "isBase64Encoded": encoded,
        "body": body,
    }
    # Names that differ in case only are one header.
    spelled: dict[str, str] = {}
    several: dict[str, list[str]] = {}
    for name, value in headers:
        several.setdefault(spelled.setdefault(name.lower(), name), []).append(value)
    # A target group with multi-value headers requires them in the response.
    if "multiValueHeaders" in event:
        document["multiValueHeaders"] = several
    else:
        document["headers"] = {name: values[-1] for name, values in several.items()}
    return document
