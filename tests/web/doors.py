"""A model of each front door: a request over HTTP becomes its event, its answer a response.

Written after AWS's documentation, and not after the code that reads the events.
"""

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

Pairs = list[tuple[str, str]]

#: A Function URL, an HTTP API by both payload formats, a REST API, a load balancer without and with
#: multi-value headers, and VPC Lattice by both versions of its event.
DOORS = ("url", "http", "http-1", "rest", "alb", "alb-multi", "lattice", "lattice-1")
#: Those that keep several values of a header field of a response apart.
MULTI = ("http-1", "rest", "alb-multi")

TARGET_GROUP = (
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1234567890abcdef"
)
ACCOUNT = {"accountId": "123456789012", "apiId": "abc123", "requestId": "id-of-the-door"}


@dataclass
class Request:
    """A request as a client sends it: the target is percent-encoded."""

    target: str = "/"
    method: str = "GET"
    headers: Pairs = field(default_factory=list)
    body: bytes = b""
    client: str = "203.0.113.7"
    stage: str = ""
    scheme: str = "https"

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass
class Response:
    """What the client of the door gets."""

    status: int
    headers: Pairs
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each.lower() == name]


def event_of(door: str, request: Request) -> dict[str, Any]:
    """Return the event that the door makes of a request, through JSON as Lambda sends it."""
    event: dict[str, Any] = json.loads(json.dumps(_EVENTS[door](request)))
    return event


def response_of(door: str, answer: Any) -> Response:
    """Return what the door makes of an answer. What AWS refuses is an AssertionError."""
    body = answer["body"] if isinstance(answer["body"], bytes) else answer["body"].encode()
    if "isBase64Encoded" not in answer:  # streamed
        return _response(answer, body)
    if answer["isBase64Encoded"]:
        body = base64.b64decode(body, validate=True)
    if door in ("http-1", "rest"):
        assert "headers" not in answer
    if door in ("url", "http"):
        assert "multiValueHeaders" not in answer
    else:
        assert "cookies" not in answer
    if door.startswith(("alb", "lattice")):
        assert answer["statusDescription"].startswith(f"{answer['statusCode']} ")
    return _response(answer, body)


def _response(head: dict[str, Any], body: bytes) -> Response:
    headers = [*head.get("headers", {}).items()]
    for name, values in head.get("multiValueHeaders", {}).items():
        headers += [(name, value) for value in values]
    headers += [("set-cookie", value) for value in head.get("cookies", ())]
    assert all(type(value) is str for _, value in headers)
    assert type(head["statusCode"]) is int
    return Response(head["statusCode"], headers, body)


def _body(request: Request) -> dict[str, Any]:
    """Text stays text; what is not UTF-8 travels as Base64."""
    try:
        return {"body": request.body.decode() or None, "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}


def _forwarded(request: Request) -> Pairs:
    """Return the header fields with those that doors add; who came before is kept."""
    before = ", ".join(value for name, value in request.headers if name == "x-forwarded-for")
    kept = [pair for pair in request.headers if not pair[0].startswith("x-forwarded-")]
    host = [] if any(name == "host" for name, _ in kept) else [("host", "web.example")]
    hops = f"{before}, {request.client}" if before else request.client
    port = "443" if request.scheme == "https" else "80"
    added = {"for": hops, "proto": request.scheme, "port": port}
    return [*host, *kept, *((f"x-forwarded-{name}", value) for name, value in added.items())]


def _joined(pairs: Pairs) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _last(pairs: Pairs) -> dict[str, str]:
    return dict(pairs)


def _several(pairs: Pairs) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _payload_2(request: Request, path: str, domain: str) -> dict[str, Any]:
    headers = [pair for pair in _forwarded(request) if pair[0] != "cookie"]
    cookies = [
        each.strip()
        for name, value in request.headers
        if name == "cookie"
        for each in value.split(";")
    ]
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
        **({"cookies": cookies} if cookies else {}),
        "headers": _joined(headers),
        "requestContext": {
            **ACCOUNT,
            "domainName": domain,
            "stage": request.stage or "$default",
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.client,
                "userAgent": "",
            },
        },
        **_body(request),
    }


def _url(request: Request) -> dict[str, Any]:
    event = _payload_2(request, request.path, "abc123.lambda-url.us-east-1.on.aws")
    cookie = "; ".join(event.get("cookies", ()))
    if cookie:  # a Function URL sends them twice
        event["headers"]["cookie"] = cookie
    return event


def _http(request: Request) -> dict[str, Any]:
    # It decodes the path, and puts a stage that has a name before it.
    stage = f"/{request.stage}" if request.stage else ""
    return _payload_2(request, stage + unquote(request.path), "abc123.execute-api.us-east-1.aws")


def _payload_1(request: Request, path: str, whole: str) -> dict[str, Any]:
    pairs = _forwarded(request)
    query = parse_qsl(request.query, keep_blank_values=True)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": request.method,
        "headers": _last(pairs),
        "multiValueHeaders": _several(pairs),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _several(query) or None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            **ACCOUNT,
            "path": whole,
            "stage": request.stage or "$default",
            "protocol": "HTTP/1.1",
            "domainName": "abc123.execute-api.us-east-1.aws",
            "identity": {"sourceIp": request.client},
        },
        **_body(request),
    }


def _http_1(request: Request) -> dict[str, Any]:
    whole = f"/{request.stage}{request.path}" if request.stage else request.path
    return {"version": "1.0", **_payload_1(request, whole, whole)}


def _rest(request: Request) -> dict[str, Any]:
    whole = f"/{request.stage}{request.path}" if request.stage else request.path
    return _payload_1(request, request.path, whole)


def _alb(request: Request) -> dict[str, Any]:
    event = _of_load_balancer(request)
    query = [each.partition("=")[::2] for each in request.query.split("&") if each]
    return event | {"headers": _last(_forwarded(request)), "queryStringParameters": _last(query)}


def _alb_multi(request: Request) -> dict[str, Any]:
    event = _of_load_balancer(request)
    query = [each.partition("=")[::2] for each in request.query.split("&") if each]
    return event | {
        "multiValueHeaders": _several(_forwarded(request)),
        "multiValueQueryStringParameters": _several(query),
    }


def _of_load_balancer(request: Request) -> dict[str, Any]:
    return {
        "requestContext": {"elb": {"targetGroupArn": TARGET_GROUP}},
        "httpMethod": request.method,
        "path": request.path,
        **_body(request),
    }


def _lattice(request: Request) -> dict[str, Any]:
    return {
        "version": "2.0",
        "path": request.target,
        "method": request.method,
        "headers": _several(_forwarded(request)),
        "queryStringParameters": _several(parse_qsl(request.query)),
        "requestContext": {
            "serviceNetworkArn": "arn:aws:vpc-lattice:us-east-1:123456789012:servicenetwork/sn-0",
            "region": "us-east-1",
        },
        **_body(request),
    }


def _lattice_1(request: Request) -> dict[str, Any]:
    body = _body(request)
    return {
        "raw_path": request.target,
        "method": request.method,
        "headers": _last(_forwarded(request)),
        "query_string_parameters": dict(parse_qsl(request.query)),
        "body": body["body"],
        "is_base64_encoded": body["isBase64Encoded"],
    }


_EVENTS = {
    "url": _url,
    "http": _http,
    "http-1": _http_1,
    "rest": _rest,
    "alb": _alb,
    "alb-multi": _alb_multi,
    "lattice": _lattice,
    "lattice-1": _lattice_1,
}
