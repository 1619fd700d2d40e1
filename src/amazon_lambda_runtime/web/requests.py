"""Events of each front door, read as requests over HTTP.

Theory: a door is a reader, which picks the fields out of its event; what is the same for all doors
is done once, in `Request`. Rule: nothing of a request is taken from where a client could forge it.
Who the client is and whether it came by TLS are told by AWS's own fields, or by the end of a header
to which the door itself has added.
"""

from binascii import a2b_base64
from functools import lru_cache

from .errors import BadEvent
from .percent import PART, PATH, mended, quoted, unquoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Event = dict[str, Any]
    Pairs = list[tuple[str, str]]

# Header fields of the connection, which ends at the door.
_HOPS = frozenset(("connection", "keep-alive", "transfer-encoding", "upgrade"))
_PORTS = {"http": 80, "https": 443}
_IN_ADDRESS = frozenset("0123456789abcdefABCDEF:.")
_IN_NAME = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_")


class Request:
    """A request, in the terms that ASGI and WSGI share. Text of the wire is bytes."""

    __slots__ = (
        "body",
        "client",
        "headers",
        "http_version",
        "method",
        "path",
        "query",
        "root_path",
        "scheme",
        "server",
    )

    def __init__(self, source: str, event: "Event", root_path: bytes | None, proxies: int) -> None:
        fields = _READERS[source](event)
        self.method: str = fields.method.upper()
        #: The path as it was sent, percent-encoded, which begins with `root_path`.
        self.path, self.root_path = _mounted(fields, root_path)
        self.query: bytes = fields.query.encode("utf-8", "surrogatepass")
        self.http_version = fields.protocol.removeprefix("HTTP/")
        self.body = _body(fields.body, fields.is_base64)
        left_out, cookies = _HOPS, fields.cookies
        if cookies:
            left_out |= {"cookie"}
        if self.body:
            left_out |= {"content-length"}
        #: Name and value, the names in lower case.
        self.headers: list[tuple[bytes, bytes]] = []
        first: dict[str, str] = {}
        for spelled, value in fields.headers:
            name, wire = _name(spelled)
            first.setdefault(name, value)
            if name not in left_out:
                self.headers.append((wire, _wire(value)))
        if cookies:
            self.headers.append((b"cookie", _wire("; ".join(cookies))))
        if self.body:
            self.headers.append((b"content-length", b"%d" % len(self.body)))
        scheme = first.get("x-forwarded-proto")
        self.scheme = scheme if scheme in _PORTS and not fields.is_inside else "https"
        self.client = _client(fields, first.get("x-forwarded-for", ""), proxies)
        port = _port(first.get("x-forwarded-port", "")) or _PORTS[self.scheme]
        self.server = _server(first.get("host", ""), port) or _server(fields.domain, port)


class _Fields:
    """What a reader finds in an event."""

    def __init__(self, event: "Event", method: str, path: str) -> None:
        self.method = method
        self.path = path
        #: Whether the path is percent-encoded; else it stands for itself.
        self.is_encoded = True
        self.query = ""
        self.headers: Pairs = []
        self.cookies: list[str] = []
        #: Who the client is, where the door says it; else the last of x-forwarded-for is.
        self.source_ip = ""
        self.domain = ""
        self.protocol = "HTTP/1.1"
        #: What a client has to put before the path; and whether the path has it already.
        self.stage = ""
        self.has_stage = False
        #: Whether the request came from inside a network, always by TLS as far as is known.
        self.is_inside = False
        self.body: str | None = event.get("body")
        self.is_base64 = bool(event.get("isBase64Encoded"))


def read(source: str, event: "Event", root_path: bytes | None = None, proxies: int = 0) -> Request:
    """Return the request in an event of `source`, one of DOORS.

    `root_path` is where the application is mounted, None if the event tells. `proxies` says how
    many there are before the door, each of which has added to x-forwarded-for. Raises BadEvent.
    """
    try:
        return Request(source, event, root_path, proxies)
    except BadEvent:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        told = f"there is no {exc}" if isinstance(exc, KeyError) else exc
        raise BadEvent(f"this event of {source} can't be read as a request: {told}") from None


# The doors


def _payload_2(event: "Event") -> _Fields:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"""
    context = event["requestContext"]
    http = context["http"]
    fields = _Fields(event, http["method"], event["rawPath"])
    fields.query = event.get("rawQueryString") or ""
    fields.headers = _pairs(event)
    fields.cookies = event.get("cookies") or []
    fields.source_ip = http.get("sourceIp") or ""
    fields.domain = context.get("domainName") or ""
    fields.protocol = http.get("protocol") or fields.protocol
    return fields


def _http_api(event: "Event") -> _Fields:
    fields = _payload_2(event)
    # API Gateway has decoded it: a file named "100%25.txt" would else become "100%.txt".
    fields.is_encoded = False
    stage = event["requestContext"].get("stage") or "$default"
    fields.stage, fields.has_stage = ("" if stage == "$default" else f"/{stage}"), True
    return fields


def _payload_1(event: "Event") -> _Fields:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html"""
    context = event["requestContext"]
    path: str = event["path"] or "/"
    fields = _Fields(event, event["httpMethod"], path)
    fields.query = "&".join(
        f"{_quoted(name)}={_quoted(value)}" for name, value in _parameters(event)
    )
    fields.headers = _pairs(event)
    fields.source_ip = (context.get("identity") or {}).get("sourceIp") or ""
    fields.domain = context.get("domainName") or ""
    fields.protocol = context.get("protocol") or fields.protocol
    if event.get("version") == "1.0":  # an HTTP API, whose paths have the stage
        stage = context.get("stage") or "$default"
        fields.stage, fields.has_stage = ("" if stage == "$default" else f"/{stage}"), True
    else:
        whole = context.get("path") or path
        whole = whole if whole.endswith(path) else f"{whole}/"
        fields.stage = whole.removesuffix(path) if whole.endswith(path) else ""
    return fields


def _alb(event: "Event") -> _Fields:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html"""
    fields = _Fields(event, event["httpMethod"], event["path"] or "/")
    # The load balancer does not decode them.
    fields.query = "&".join(f"{name}={value}" for name, value in _parameters(event))
    fields.headers = _pairs(event)
    return fields


def _lattice(event: "Event") -> _Fields:
    """https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html"""
    whole: str = event["raw_path"] if "raw_path" in event else event["path"]
    path, mark, query = whole.partition("?")
    fields = _Fields(event, event["method"], path or "/")
    if not mark:
        given = event.get("queryStringParameters") or event.get("query_string_parameters") or {}
        query = "&".join(f"{_quoted(n)}={_quoted(v)}" for n, v in _each(given))
    fields.query = query
    fields.headers = _pairs(event)
    fields.is_inside = True
    fields.is_base64 = bool(event.get("isBase64Encoded") or event.get("is_base64_encoded"))
    return fields


_READERS: "dict[str, Callable[[Event], _Fields]]" = {
    "aws:alb": _alb,
    "aws:apigateway": _payload_1,
    "aws:apigateway-v2": _http_api,
    "aws:lambda-url": _payload_2,
    "aws:vpc-lattice": _lattice,
}
#: The sources whose events are requests.
DOORS = frozenset(_READERS)


# What the doors have in common


def _pairs(event: "Event") -> "Pairs":
    """Return the header fields, in their order, as far as the event has kept it."""
    return list(_each(event.get("multiValueHeaders") or event.get("headers") or {}))


def _parameters(event: "Event") -> "Iterable[tuple[str, str]]":
    several = event.get("multiValueQueryStringParameters")
    return _each(several or event.get("queryStringParameters") or {})


def _each(values: "dict[str, Any]") -> "Iterable[tuple[str, str]]":
    """Return name and value, once for each of several values."""
    for name, value in values.items():
        if isinstance(value, list):
            for each in value:
                yield name, each
        else:
            yield name, value


def _quoted(text: str) -> str:
    return quoted(text.encode("utf-8", "surrogatepass"), PART).decode()


# Clients send the same names again and again, and mostly to the same host.
@lru_cache(256)
def _name(text: str) -> tuple[str, bytes]:
    """Return the name of a header field in lower case, as text and as bytes."""
    name = text.lower()
    return name, _wire(name)


def _wire(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _mounted(fields: _Fields, root_path: bytes | None) -> tuple[bytes, bytes]:
    """Return the path as the client sees it, and the beginning of it that is the root path."""
    data = (fields.path or "/").encode("utf-8", "surrogatepass")
    path = mended(data) if fields.is_encoded else quoted(data, PATH)
    if root_path is not None:
        return (path if _is_below(path, root_path) else root_path + path), root_path
    root = quoted(fields.stage.encode("utf-8", "surrogatepass"), PATH)
    if not fields.has_stage:
        return root + path, root
    return path, root if _is_below(path, root) else b""


def _is_below(path: bytes, root: bytes) -> bool:
    return path == root or path.startswith(root + b"/")


def _body(body: str | None, is_base64: bool) -> bytes:
    if not body:
        return b""
    if not is_base64:
        return body.encode("utf-8", "surrogatepass")
    try:
        return a2b_base64(body, strict_mode=True)
    except ValueError as exc:
        raise BadEvent(f"isBase64Encoded is true, and the body is not Base64: {exc}") from None


def _client(fields: _Fields, forwarded: str, proxies: int) -> tuple[str, int] | None:
    """Return the address of the client, and 0 for its port."""
    address = fields.source_ip
    if proxies or not address:
        hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
        if hops:
            address = hops[max(0, len(hops) - 1 - proxies)]
    if address.startswith("["):  # with the port of the client, as a load balancer may write it
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    return (address, 0) if address else None


@lru_cache(64)
def _server(host: str, port: int) -> tuple[str, int] | None:
    """Return the name and the port in a host header; None if there is no name, or it is forged."""
    name, colon, last = host.rpartition(":")
    if not colon or host[-1:] == "]":
        name, last = host, ""
    if name[:1] == "[" and name[-1:] == "]":
        name, allowed = name[1:-1], _IN_ADDRESS
    else:
        allowed = _IN_NAME
    if not name or not allowed.issuperset(name):
        return None
    return name, _port(last) or port


def _port(text: str) -> int:
    """Return the number of a port; 0 for what a client may have written instead of one."""
    digits = text.lstrip("0")
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 0
    return number if number < 65536 else 0


def text_of(path: bytes) -> str:
    """Return the text that a percent-encoded path stands for."""
    return unquoted(path).decode("utf-8", "replace")
