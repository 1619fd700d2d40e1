"""What a request may come through to a function: the event and the response of each front door.

The function URL is one of them. The others are there to see a function behind API Gateway or a load
balancer; what they do besides (routes, authorizers, rules of a listener) is not emulated.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote

from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Invocation
from amazon_lambda_runtime.local.http import Request, Response
from amazon_lambda_runtime.protocol import JSON

from . import url_event
from .url_event import body_of, headers_of, id_of
from .url_response import INTERNAL_ERROR, Head, response_of, strict_response_of

Event = dict[str, Any]

_BAD_GATEWAY = b"""<html>
<head><title>502 Bad Gateway</title></head>
<body>
<center><h1>502 Bad Gateway</h1></center>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """A kind of front door, and what the log calls it."""

    title: str
    #: Raises TooLarge.
    event_of: Callable[[Request, LocalFunction, Invocation], Event]
    #: Reads a function's result. Raises Malformed.
    response_of: Callable[[bytes], tuple[Head, bytes]]
    #: What the client gets where the function has failed, or its result can't be sent.
    error: Response
    #: Whether it can stream, and whether it has a place for several values of a header field.
    can_stream: bool = False
    several: bool = False


def _http_api(request: Request, function: LocalFunction, invocation: Invocation) -> Event:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"""
    event = url_event.event_of(request, function, invocation)
    context = event["requestContext"]
    for field in ("authentication", "authorizer"):
        del context[field]
    context["domainName"] = f"{id_of(function)}.execute-api.{function.region_name}.amazonaws.com"
    event["rawPath"] = context["http"]["path"] = unquote(request.path)
    event["headers"].pop("cookie", None)  # they stand in `cookies`
    return event


def _rest_api(request: Request, function: LocalFunction, invocation: Invocation) -> Event:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html"""
    api = id_of(function)[:10]
    headers = headers_of(request, invocation)
    query = parse_qsl(request.query, keep_blank_values=True)
    now = time.time()
    event = {
        "resource": "/{proxy+}",
        "path": request.path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _several(query) or None,
        "pathParameters": {"proxy": request.path.removeprefix("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": function.account,
            "apiId": api,
            "domainName": f"{api}.execute-api.{function.region_name}.amazonaws.com",
            "httpMethod": request.method,
            "identity": {"sourceIp": request.peer, "userAgent": headers.get("user-agent")},
            # As behind a domain of its own: the client's path has no stage.
            "path": request.path,
            "protocol": f"HTTP/{request.version}",
            "requestId": invocation.id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourcePath": "/{proxy+}",
            "stage": "local",
        },
        "body": None,
        "isBase64Encoded": False,
    }
    return event | body_of(request)


def _load_balancer(request: Request, function: LocalFunction, invocation: Invocation) -> Event:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html"""
    region, account = function.region_name, function.account
    group = f"targetgroup/{function.name[:32]}/{id_of(function)[:16]}"
    # It does not decode them; of several with one name the last counts.
    pairs = [each.partition("=")[::2] for each in request.query.split("&") if each]
    event = {
        "requestContext": {
            "elb": {"targetGroupArn": f"arn:aws:elasticloadbalancing:{region}:{account}:{group}"}
        },
        "httpMethod": request.method,
        "path": request.path,
        "queryStringParameters": dict(pairs),
        "headers": headers_of(request, invocation),
        "body": "",
        "isBase64Encoded": False,
    }
    return event | body_of(request)


def _several(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _said(status: int, message: str) -> Response:
    return Response(status, {"Content-Type": JSON}, f'{{"message":"{message}"}}'.encode())


DOORS = {
    "url": FrontDoor(
        "function URL", url_event.event_of, response_of, INTERNAL_ERROR, can_stream=True
    ),
    "http": FrontDoor("HTTP API", _http_api, response_of, _said(500, "Internal Server Error")),
    "rest": FrontDoor(
        "REST API",
        _rest_api,
        partial(strict_response_of, content_type=JSON),
        _said(502, "Internal server error"),
        can_stream=True,
        several=True,
    ),
    "alb": FrontDoor(
        "load balancer",
        _load_balancer,
        partial(strict_response_of, content_type="application/octet-stream", several=False),
        Response(502, {"Content-Type": "text/html"}, _BAD_GATEWAY),
    ),
}
