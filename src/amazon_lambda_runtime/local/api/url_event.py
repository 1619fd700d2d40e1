"""A request to a function URL, as an event in payload format 2.0.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-request-payload
"""

import base64
import hashlib
import time
from typing import Any
from urllib.parse import parse_qsl, unquote

from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Invocation
from amazon_lambda_runtime.local.http import Request
from amazon_lambda_runtime.project.aws_limits import PAYLOAD_BYTES
from amazon_lambda_runtime.protocol import JSON

# Header fields of the connection: they end at the server.
_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}


class TooLarge(Exception):
    """Raised for a body that does not fit into an event."""


def event_of(request: Request, function: LocalFunction, invocation: Invocation) -> dict[str, Any]:
    """Return the event for a request. Raises TooLarge.

    The fields that tell who the client is are the server's, whatever the client sends.
    """
    now = time.time()
    url_id = id_of(function)
    headers = headers_of(request, invocation)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": url_id,
            "authentication": None,
            "authorizer": None,
            "domainName": f"{url_id}.lambda-url.{function.region_name}.on.aws",
            "domainPrefix": url_id,
            "http": {
                "method": request.method,
                "path": unquote(request.path),
                "protocol": f"HTTP/{request.version}",
                "sourceIp": request.peer,
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
    if cookie := headers.get("cookie"):
        event["cookies"] = [part.strip() for part in cookie.split(";") if part.strip()]
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    if parameters:
        event["queryStringParameters"] = parameters
    return event | body_of(request)


def body_of(request: Request) -> dict[str, Any]:
    """Return the fields of an event that have the body; none if there is none. Raises TooLarge."""
    return _body(request) if request.body else {}


def headers_of(request: Request, invocation: Invocation) -> dict[str, str]:
    """Return the header fields of an event: who the client is, is for the server to say."""
    headers = {n: value for n, value in request.headers.items() if n not in _HOP_BY_HOP}
    return headers | {
        "x-amzn-trace-id": invocation.trace_id,
        "x-forwarded-for": request.peer,
        "x-forwarded-port": str(request.port),
        "x-forwarded-proto": "http",
    }


def _body(request: Request) -> dict[str, Any]:
    if request.size > PAYLOAD_BYTES:
        raise TooLarge
    text = _as_text(request)
    if text is not None:
        return {"body": text, "isBase64Encoded": False}
    encoded = base64.b64encode(request.body).decode()
    # The limit is that of the event: in Base64, 4.5 MiB are 6 MiB.
    if len(encoded) > PAYLOAD_BYTES:
        raise TooLarge
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


def id_of(function: LocalFunction) -> str:
    """Return an id in the form of AWS's: 32 letters and digits, the same for the same function."""
    return hashlib.sha256(function.arn.encode()).hexdigest()[:32]
