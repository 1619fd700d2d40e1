"""A request to a function URL, as an event in payload format 2.0.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-request-payload
"""

import base64
import time
from typing import Any
from urllib.parse import parse_qsl, unquote

from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Invocation
from amazon_lambda_runtime.local.http import Request
from amazon_lambda_runtime.project.aws_limits import PAYLOAD_BYTES
from amazon_lambda_runtime.protocol import JSON


class TooLarge(Exception):
    """Raised for a body that does not fit into an event."""


def event_of(request: Request, function: LocalFunction, invocation: Invocation) -> dict[str, Any]:
    """Return the event for a request. Raises TooLarge."""
    now = time.time()
    path = unquote(request.path)
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": function.name,
            "authentication": None,
            "authorizer": None,
            "domainName": headers.get("host", ""),
            "domainPrefix": function.name,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": f"HTTP/{request.version}",
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": invocation.id,
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookie := request.headers.get("cookie"):
        event["cookies"] = [part.strip() for part in cookie.split(";") if part.strip()]
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    if parameters:
        event["queryStringParameters"] = parameters
    if request.body:
        event |= _body(request)
    return event


def _body(request: Request) -> dict[str, Any]:
    if request.size > PAYLOAD_BYTES:
        raise TooLarge
    text = _as_text(request)
    if text is not None:
        return {"body": text, "isBase64Encoded": False}
    encoded = base64.b64encode(request.body).decode()
    return {"body": encoded, "isBase64Encoded": True}


def _as_text(request: Request) -> str | None:
    """Return the body if its content type is textual and it is UTF-8; None if it is binary."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    textual = (
        kind.startswith("text/")
        or kind.endswith(("+json", "+xml"))
        or kind in (JSON, "application/xml", "application/javascript", "")
    )
    if textual:
        try:
            return request.body.decode()
        except UnicodeDecodeError:
            return None
    return None
