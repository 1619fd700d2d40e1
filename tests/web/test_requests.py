"""Events of each front door as the requests that they stand for: docs/reference/web.md."""

import json
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events.sources import source_of
from amazon_lambda_runtime.testing import make_context
from amazon_lambda_runtime.web import BadEvent
from amazon_lambda_runtime.web.asgi import scope_of
from amazon_lambda_runtime.web.requests import DOORS as SOURCES
from amazon_lambda_runtime.web.requests import Request as Read
from amazon_lambda_runtime.web.requests import read

from .doors import DOORS, Pairs, Request, event_of

each_door = pytest.mark.parametrize("door", DOORS)


def seen(door: str, request: Request, root: bytes | None = None, proxies: int = 0) -> Read:
    event = event_of(door, request)
    return read(source_of(event), event, root, proxies)


def sent(door: str, *pairs: tuple[str, str], body: bytes = b"") -> Pairs:
    """Return the header fields that the application sees, as text."""
    headers = seen(door, Request(headers=[*pairs], body=body)).headers
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def values(pairs: Pairs, name: str) -> list[str]:
    return [value for each, value in pairs if each == name]


def scope(door: str, request: Request, root: bytes | None = None) -> dict[str, Any]:
    return scope_of(seen(door, request, root), {}, make_context(), {})


@each_door
def test_every_door_is_known(door: str) -> None:
    assert source_of(event_of(door, Request())) in SOURCES


@each_door
def test_method_and_protocol(door: str) -> None:
    found = seen(door, Request(method="PATCH"))
    assert (found.method, found.http_version) == ("PATCH", "1.1")


# The path that the client has sent, and what it stands for.
PATHS = {
    "/": "/",
    "/items/1": "/items/1",
    "/a%20b": "/a b",
    "/caf%C3%A9": "/café",
    "/100%2525.txt": "/100%25.txt",
    "//evil.example/x": "//evil.example/x",
    "/a+b;c=d/@:!$&'()*,~": "/a+b;c=d/@:!$&'()*,~",
    "/%E2%82%AC": "/€",
}


@pytest.mark.parametrize("path", PATHS)
@each_door
def test_path(door: str, path: str) -> None:
    """It is decoded once, whichever end of the door does that."""
    found = scope(door, Request(path))
    assert found["path"] == PATHS[path]
    assert found["raw_path"].decode() == path
    assert found["root_path"] == ""


@pytest.mark.parametrize("door", [door for door in DOORS if door != "http"])
def test_encoded_slash(door: str) -> None:
    """It stays apart from others in `raw_path`, but through an HTTP API, which decodes it."""
    found = scope(door, Request("/a%2Fb"))
    assert (found["path"], found["raw_path"]) == ("/a/b", b"/a%2Fb")


@pytest.mark.parametrize(
    ("path", "raw", "text"),
    [
        ("", b"/", "/"),
        ("/a b", b"/a%20b", "/a b"),
        ("/é", b"/%C3%A9", "/é"),
        ("/50%", b"/50%25", "/50%"),
        ("/%zz%4", b"/%25zz%254", "/%zz%4"),
        ("/%ff", b"/%ff", "/\N{REPLACEMENT CHARACTER}"),
        ("/a\ud800", b"/a%ED%A0%80", "/a" + "\N{REPLACEMENT CHARACTER}" * 3),
        ("/a\nb", b"/a%0Ab", "/a\nb"),
    ],
)
def test_path_that_no_client_can_send(path: str, raw: bytes, text: str) -> None:
    event = samples.load("function-url") | {"rawPath": path}
    found = scope_of(read("aws:lambda-url", event), event, make_context(), {})
    assert (found["raw_path"], found["path"]) == (raw, text)


QUERIES = ["", "a=1", "a=1&b=2", "q=caf%C3%A9+au%20lait", "a=%26%3D%25", "e="]


@pytest.mark.parametrize("query", QUERIES)
@each_door
def test_query(door: str, query: str) -> None:
    """What it stands for is what the client meant; as it was sent, where the door tells."""
    from urllib.parse import parse_qsl

    found = seen(door, Request(f"/?{query}")).query.decode()
    expected = parse_qsl(query, keep_blank_values=True)
    assert parse_qsl(found, keep_blank_values=True) == expected
    if door in ("url", "http", "alb", "alb-multi", "lattice", "lattice-1"):
        assert found == query


@pytest.mark.parametrize("door", [door for door in DOORS if door != "alb"])
def test_query_with_several_values(door: str) -> None:
    assert seen(door, Request("/?a=1&a=2&b=3")).query == b"a=1&a=2&b=3"


def test_query_of_lattice_without_one_in_its_path() -> None:
    event = event_of("lattice", Request("/x?a=1")) | {"path": "/x"}
    event["queryStringParameters"] = {"a": ["1", "2 3"]}
    assert read("aws:vpc-lattice", event).query == b"a=1&a=2%203"


@each_door
def test_headers(door: str) -> None:
    found = sent(door, ("accept", "text/html"), ("x-one", "1"), ("x-one", "2"))
    assert values(found, "accept") == ["text/html"]
    together = {"url": ["1,2"], "http": ["1,2"], "alb": ["2"], "lattice-1": ["2"]}
    assert values(found, "x-one") == together.get(door, ["1", "2"])


@each_door
def test_names_are_in_lower_case(door: str) -> None:
    found = sent(door, ("X-Mixed", "Case"))
    assert values(found, "x-mixed") == ["Case"]


@each_door
def test_hops_end_at_the_door(door: str) -> None:
    hops = [("connection", "upgrade"), ("upgrade", "websocket"), ("transfer-encoding", "chunked")]
    assert {"connection", "upgrade", "transfer-encoding"}.isdisjoint(dict(sent(door, *hops)))


@each_door
def test_header_values_of_other_characters(door: str) -> None:
    """Those of latin-1 are one byte each, as a server would give them; others are UTF-8."""
    found = dict(
        seen(door, Request(headers=[("x-a", "caf\xe9"), ("x-b", "\N{EURO SIGN}")])).headers
    )
    assert found[b"x-a"] == b"caf\xe9"
    assert found[b"x-b"] == "\N{EURO SIGN}".encode()


@each_door
def test_cookies(door: str) -> None:
    """One header field, with all of them, though a Function URL sends them twice."""
    assert values(sent(door, ("cookie", "a=1; b=2")), "cookie") == ["a=1; b=2"]


def test_console_sends_no_headers() -> None:
    event = samples.load("apigw-v1") | {"headers": None, "multiValueHeaders": None}
    found = read("aws:apigateway", event)
    assert found.headers == []
    assert found.server == (event["requestContext"]["domainName"], 443)


@each_door
def test_body(door: str) -> None:
    for body in (b"", b"text", '{"é": 1}'.encode(), b"\x00\xff"):
        found = seen(door, Request(method="POST", body=body))
        assert found.body == body
        lengths = [value for name, value in found.headers if name == b"content-length"]
        assert lengths == ([str(len(body)).encode()] if body else [])


@each_door
def test_content_length_is_that_of_the_body(door: str) -> None:
    """A client can't make the application wait for more than there is, or stop too early."""
    request = Request(method="POST", headers=[("content-length", "99")], body=b"body")
    assert (b"content-length", b"4") in seen(door, request).headers
    assert [n for n, _ in seen(door, request).headers].count(b"content-length") == 1


@each_door
def test_client(door: str) -> None:
    """Whom the door has seen, and not whom the client says that it is."""
    forged = Request(headers=[("x-forwarded-for", "6.6.6.6, 7.7.7.7")])
    assert seen(door, forged).client == ("203.0.113.7", 0)
    assert seen(door, Request(client="2001:db8::7")).client == ("2001:db8::7", 0)


@each_door
def test_client_behind_proxies(door: str) -> None:
    request = Request(headers=[("x-forwarded-for", "6.6.6.6, 198.51.100.9")])
    assert seen(door, request, proxies=1).client == ("198.51.100.9", 0)
    assert seen(door, request, proxies=2).client == ("6.6.6.6", 0)
    assert seen(door, request, proxies=9).client == ("6.6.6.6", 0)


@pytest.mark.parametrize(
    ("hop", "address"),
    [("198.51.100.9:4711", "198.51.100.9"), ("[2001:db8::7]:4711", "2001:db8::7")],
)
def test_client_with_a_port(hop: str, address: str) -> None:
    """A load balancer can be set to write the client's port, too."""
    event = event_of("alb", Request())
    event["headers"]["x-forwarded-for"] = f"6.6.6.6, {hop}"
    assert read("aws:alb", event).client == (address, 0)


def test_health_check_of_a_load_balancer() -> None:
    event = event_of("alb", Request("/health"))
    event["headers"] = {"user-agent": "ELB-HealthChecker/2.0"}
    found = read("aws:alb", event)
    assert (found.client, found.server, found.scheme) == (None, None, "https")
    assert found.headers == [(b"user-agent", b"ELB-HealthChecker/2.0")]


@pytest.mark.parametrize("door", [door for door in DOORS if not door.startswith("lattice")])
def test_scheme(door: str) -> None:
    event = event_of(door, Request())
    for key in ("headers", "multiValueHeaders"):
        if event.get(key):
            event[key]["x-forwarded-proto"] = ["http"] if key != "headers" else "http"
    assert read(source_of(event), event).scheme == "http"
    for key in ("headers", "multiValueHeaders"):
        if event.get(key):
            event[key]["x-forwarded-proto"] = ["gopher"] if key != "headers" else "gopher"
    assert read(source_of(event), event).scheme == "https"


@each_door
def test_scheme_is_https(door: str) -> None:
    assert seen(door, Request()).scheme == "https"


HOSTS = {
    "web.example": ("web.example", 443),
    "web.example:8443": ("web.example", 8443),
    "[2001:db8::1]": ("2001:db8::1", 443),
    "[2001:db8::1]:8080": ("2001:db8::1", 8080),
    # What is no port is passed over, and is no reason to fail.
    "web.example:port": ("web.example", 443),
    "web.example:65536": ("web.example", 443),
    "web.example:000080": ("web.example", 80),
    "web.example:0": ("web.example", 443),
    "web.example:": ("web.example", 443),
    f"web.example:{'9' * 5000}": ("web.example", 443),
}


@pytest.mark.parametrize("host", HOSTS)
@each_door
def test_server(door: str, host: str) -> None:
    assert seen(door, Request(headers=[("host", host)])).server == HOSTS[host]


@pytest.mark.parametrize("host", [":::", "a b", "[x]", "[]", "a/b", "2001:db8::1", "caf\xe9", ""])
def test_host_that_is_none(host: str) -> None:
    """The door's own name is known; behind a load balancer there is none."""
    request = Request(headers=[("host", host)])
    assert seen("url", request).server == ("abc123.lambda-url.us-east-1.on.aws", 443)
    assert seen("alb", request).server is None
    assert (b"host", host.encode("latin-1")) in seen("url", request).headers


def test_port_that_is_forwarded() -> None:
    event = event_of("url", Request())
    event["headers"]["x-forwarded-port"] = "8443"
    assert read("aws:lambda-url", event).server == ("web.example", 8443)
    for forged in ("²", "", "-1", "65536", "9" * 5000):
        event["headers"]["x-forwarded-port"] = forged
        assert read("aws:lambda-url", event).server == ("web.example", 443)


# Where the application is mounted


def mounted(door: str, path: str, stage: str = "", root: bytes | None = None) -> tuple[str, str]:
    found = scope(door, Request(path, stage=stage), root)
    assert found["path"].startswith(found["root_path"])
    return found["root_path"], found["path"]


@pytest.mark.parametrize("door", ["http", "http-1", "rest"])
def test_stage(door: str) -> None:
    """The client has to put it before the path, and so do links that the application makes."""
    assert mounted(door, "/items", "prod") == ("/prod", "/prod/items")
    assert mounted(door, "/", "prod") == ("/prod", "/prod/")
    assert mounted(door, "/items") == ("", "/items")


@pytest.mark.parametrize("door", ["http", "http-1"])
def test_default_stage(door: str) -> None:
    """The stage of an HTTP API that has no name in its URLs is no part of a path."""
    assert mounted(door, "/$default/items") == ("", "/$default/items")


@pytest.mark.parametrize("door", ["http-1", "rest", "alb"])
def test_no_path(door: str) -> None:
    """An empty path is that of the root."""
    event = event_of(door, Request("/"))
    event["path"] = ""
    assert read(source_of(event), event).path == b"/"


def test_stage_behind_a_domain_of_its_own() -> None:
    """The path that the client sent has no stage, so there is none."""
    event = event_of("rest", Request("/items", stage="prod"))
    event["requestContext"]["path"] = "/items"
    found = read("aws:apigateway", event)
    assert (found.root_path, found.path) == (b"", b"/items")
    event["requestContext"]["path"] = "/shop/items"
    found = read("aws:apigateway", event)
    assert (found.root_path, found.path) == (b"/shop", b"/shop/items")
    event["requestContext"]["path"] = "/other"
    assert read("aws:apigateway", event).root_path == b""


@each_door
def test_root_path(door: str) -> None:
    """It is before the path, whether the door has taken it off or not; "/" ends a name."""
    assert mounted(door, "/api/items", root=b"/api") == ("/api", "/api/items")
    assert mounted(door, "/api", root=b"/api") == ("/api", "/api")
    assert mounted(door, "/items", root=b"/api") == ("/api", "/api/items")
    assert mounted(door, "/apiary", root=b"/api") == ("/api", "/api/apiary")
    assert mounted(door, "/api/api/x", root=b"/api") == ("/api", "/api/api/x")
    assert mounted(door, "/items", root=b"") == ("", "/items")


# What can't be read


@each_door
def test_body_that_is_no_base64(door: str) -> None:
    event = event_of(door, Request(method="POST", body=b"\xff"))
    event["body"] = "not Base64!"
    with pytest.raises(BadEvent, match="isBase64Encoded is true, and the body is not Base64: "):
        read(source_of(event), event)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rawPath": 5}, r"can't be read as a request: "),
        ({"headers": "text"}, r"can't be read as a request: "),
        ({"headers": {"x": 5}}, r"can't be read as a request: "),
        ({"cookies": [5]}, r"can't be read as a request: "),
        ({"requestContext": {"domainName": "x.lambda-url.y", "http": {}}}, "there is no 'method'"),
    ],
)
def test_event_of_another_form(change: dict[str, Any], told: str) -> None:
    event = json.loads(json.dumps(samples.load("function-url"))) | change
    with pytest.raises(BadEvent, match=told):
        read("aws:lambda-url", event)
