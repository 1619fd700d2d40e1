"""What a request may come through to a function: the event and the response of each front door.

The function URL is one of them. The others are there to see a function behind API Gateway or a load
balancer; what they do besides (routes, authorizers, rules of a listener) is not emulated.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote

from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Invocation
from amazon_lambda_runtime.local.http import Request, Response
from amazon_lambda_runtime.protocol import JSON

from . import url_event
from .url_event import body_of, headers_of, id_of
from .url_response import INTERNAL_ERROR, URL_FIELDS, Head, response_of, strict_response_of

Event = dict[str, Any]


def _said(status: int, message: str) -> Response:
    return Response(status, {"Content-Type": JSON}, f'{{"message":"{message}"}}'.encode())


NOT_FOUND = _said(404, "Not Found")
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
    event_of: Callable[..., Event]
    #: Reads a function's result. Raises Malformed.
    response_of: Callable[[bytes], tuple[Head, bytes]]
    #: What the client gets where the function has failed, or its result can't be sent.
    error: Response
    #: The fields of a response that it reads header fields from.
    fields: tuple[str, ...] = URL_FIELDS
    can_stream: bool = False
    #: What the paths of its clients begin with, "" for nothing; and what others get.
    stage: str = ""
    outside: Response = NOT_FOUND

    def has(self, request: Request) -> bool:
        """Say whether a request is for its stage."""
        first, _, _ = request.path.removeprefix("/").partition("/")
        return not self.stage or first == self.stage


def _http_api(
    request: Request, function: LocalFunction, invocation: Invocation, stage: str = ""
) -> Event:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"""
    event = url_event.event_of(request, function, invocation)
    context = event["requestContext"]
    for field in ("authentication", "authorizer"):
        del context[field]
    context |= _api(function) | {"stage": stage or "$default"}
    event["rawPath"] = context["http"]["path"] = unquote(request.path)
    event["headers"].pop("cookie", None)  # they stand in `cookies`
    return event


def _http_api_1(
    request: Request, function: LocalFunction, invocation: Invocation, stage: str = ""
) -> Event:
    """Payload format 1.0: like a REST API's, but for its version, and paths have the stage."""
    event = _rest_api(request, function, invocation, stage)
    whole = unquote(request.path)
    event["path"] = event["requestContext"]["path"] = whole
    event["resource"] = event["requestContext"]["resourcePath"] = "$default"
    event["requestContext"]["stage"] = stage or "$default"
    return {"version": "1.0", **event, "pathParameters": None}


def _rest_api(
    request: Request, function: LocalFunction, invocation: Invocation, stage: str = ""
) -> Event:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html"""
    headers = headers_of(request, invocation)
    query = parse_qsl(request.query, keep_blank_values=True)
    path = request.path.removeprefix(f"/{stage}") if stage else request.path
    now = time.time()
    event = {
        "resource": "/{proxy+}",
        "path": path or "/",
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": _each_value(request, headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _several(query) or None,
        "pathParameters": {"proxy": path.removeprefix("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": function.account,
            **_api(function),
            "httpMethod": request.method,
            "identity": {"sourceIp": request.peer, "userAgent": headers.get("user-agent")},
            # Without a stage as behind a domain of its own.
            "path": request.path,
            "protocol": f"HTTP/{request.version}",
            "requestId": invocation.id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourcePath": "/{proxy+}",
            "stage": stage or "local",
        },
        "body": None,
        "isBase64Encoded": False,
    }
    return event | body_of(request)


def _load_balancer(request: Request, function: LocalFunction, invocation: Invocation) -> Event:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html"""
    event = _balanced(request, function) | {
        # It does not decode them; of several with one name the last counts.
        "queryStringParameters": dict(_undecoded(request)),
        "headers": headers_of(request, invocation),
    }
    return event | body_of(request)


def _load_balancer_multi(
    request: Request, function: LocalFunction, invocation: Invocation
) -> Event:
    """What it sends with lambda.multi_value_headers.enabled: lists, and no other fields."""
    event = _balanced(request, function) | {
        "multiValueQueryStringParameters": _several(_undecoded(request)),
        "multiValueHeaders": _each_value(request, headers_of(request, invocation)),
    }
    return event | body_of(request)


def _balanced(request: Request, function: LocalFunction) -> Event:
    region, account = function.region_name, function.account
    group = f"targetgroup/{function.name[:32]}/{id_of(function)[:16]}"
    arn = f"arn:aws:elasticloadbalancing:{region}:{account}:{group}"
    return {
        "requestContext": {"elb": {"targetGroupArn": arn}},
        "httpMethod": request.method,
        "path": request.path,
        "body": "",
        "isBase64Encoded": False,
    }


def _lattice(request: Request, function: LocalFunction, invocation: Invocation) -> Event:
    """Event structure version 2. https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html"""
    region, account, odd = function.region_name, function.account, id_of(function)[:17]
    arn = f"arn:aws:vpc-lattice:{region}:{account}"
    event = {
        "version": "2.0",
        "path": request.target,
        "method": request.method,
        "headers": _each_value(request, headers_of(request, invocation)),
        "queryStringParameters": _several(parse_qsl(request.query, keep_blank_values=True)),
        "requestContext": {
            "serviceNetworkArn": f"{arn}:servicenetwork/sn-{odd}",
            "serviceArn": f"{arn}:service/svc-{odd}",
            "targetGroupArn": f"{arn}:targetgroup/tg-{odd}",
            "region": region,
            "timeEpoch": str(time.time_ns() // 1000),  # in microseconds
        },
        "body": None,
        "isBase64Encoded": False,
    }
    return event | body_of(request)


def _api(function: LocalFunction) -> dict[str, str]:
    """Return the fields that say which API of API Gateway it is."""
    api = id_of(function)[:10]
    domain = f"{api}.execute-api.{function.region_name}.amazonaws.com"
    return {"apiId": api, "domainName": domain, "domainPrefix": api}


def _undecoded(request: Request) -> list[tuple[str, str]]:
    parts = [each.partition("=") for each in request.query.split("&") if each]
    return [(name, value) for name, _, value in parts]


def _each_value(request: Request, headers: dict[str, str]) -> dict[str, list[str]]:
    """Return the header fields with each of their values; those that the door adds have one."""
    repeated = request.repeated
    return {
        name: repeated[name] if name in repeated and value == request.headers[name] else [value]
        for name, value in headers.items()
    }


def _several(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _strict(
    title: str,
    event_of: Callable[..., Event],
    error: Response,
    fields: tuple[str, ...],
    content_type: str = JSON,
    *,
    can_stream: bool = False,
    outside: Response = NOT_FOUND,
) -> FrontDoor:
    """Return a door that takes a response, and no other result."""
    read = partial(strict_response_of, content_type=content_type, fields=fields)
    return FrontDoor(title, event_of, read, error, fields, can_stream, outside=outside)


_GATEWAY_ERROR = _said(500, "Internal Server Error")
_BALANCER_ERROR = Response(502, {"Content-Type": "text/html"}, _BAD_GATEWAY)
_BOTH = ("headers", "multiValueHeaders")
_BYTES = "application/octet-stream"

DOORS = {
    "url": FrontDoor(
        "function URL", url_event.event_of, response_of, INTERNAL_ERROR, can_stream=True
    ),
    "http": FrontDoor("HTTP API", _http_api, response_of, _GATEWAY_ERROR),
    "http-1.0": _strict("HTTP API", _http_api_1, _GATEWAY_ERROR, _BOTH),
    "rest": _strict(
        "REST API",
        _rest_api,
        _said(502, "Internal server error"),
        _BOTH,
        can_stream=True,
        outside=_said(403, "Forbidden"),
    ),
    "alb": _strict("load balancer", _load_balancer, _BALANCER_ERROR, ("headers",), _BYTES),
    "alb-multi": _strict(
        "load balancer", _load_balancer_multi, _BALANCER_ERROR, ("multiValueHeaders",), _BYTES
    ),
    "lattice": _strict(
        "VPC Lattice", _lattice, _said(500, "Internal Server Error"), ("headers",), _BYTES
    ),
}
#: Those of API Gateway, which have stages.
STAGED = ("http", "http-1.0", "rest")


def front_door(name: str, stage: str = "") -> FrontDoor:
    """Return the door of this name, one of DOORS; with a stage of API Gateway, one of STAGED."""
    door = DOORS[name]
    if not stage:
        return door
    return replace(door, stage=stage, event_of=partial(door.event_of, stage=stage))
