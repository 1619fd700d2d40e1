"""What an application sends, in the form that each front door takes: docs/reference/web.md."""

from collections.abc import Iterable
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.testing import invoke
from amazon_lambda_runtime.web import Web

from .doors import DOORS, MULTI, Pairs, Request, Response, event_of, response_of

each_door = pytest.mark.parametrize("door", DOORS)
each_kind = pytest.mark.parametrize("kind", ["asgi", "wsgi"])
HTML = [("content-type", "text/html")]


def application(kind: str, status: int, headers: Pairs, body: Iterable[bytes]) -> Any:
    """Return an application that always answers so."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise ValueError("there is none")
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        for piece in body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(f"{status} Told", list(headers))
        return body

    return asgi if kind == "asgi" else wsgi


def answer(
    kind: str,
    door: str,
    status: int = 200,
    headers: Pairs = HTML,
    body: Iterable[bytes] = (b"body",),
    request: Request | None = None,
    **options: Any,
) -> Any:
    site = Web(application(kind, status, headers, body), **options)
    return invoke(site, event_of(door, request or Request()))


def answered(kind: str, door: str, *arguments: Any, **options: Any) -> Response:
    return response_of(door, answer(kind, door, *arguments, **options))


@each_kind
@each_door
def test_status_headers_and_body(kind: str, door: str) -> None:
    found = answered(kind, door, 201, [*HTML, ("X-Mixed", "Case")], [b"one ", b"", b"two"])
    assert (found.status, found.body) == (201, b"one two")
    assert found.all("content-type") == ["text/html"]
    assert found.headers.count(("x-mixed", "Case")) == 1


@each_kind
@each_door
def test_header_with_several_values(kind: str, door: str) -> None:
    """They stay apart where the door has a place for each, and are joined where it has one."""
    found = answered(kind, door, 200, [("vary", "a"), ("vary", "b")])
    assert found.all("vary") == (["a", "b"] if door in MULTI else ["a, b"])


@each_kind
@each_door
def test_several_cookies(kind: str, door: str) -> None:
    """None is lost, though a load balancer has one place for each name."""
    cookies = [("set-cookie", f"c{number}=1; Path=/") for number in range(5)]
    found = answered(kind, door, 200, cookies)
    assert sorted(found.all("set-cookie")) == [value for _, value in cookies]


def test_several_cookies_of_a_load_balancer_are_warned_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Once: it is a setting of the target group."""
    site = Web(application("wsgi", 200, [("set-cookie", "a=1"), ("set-cookie", "b=2")], [b""]))
    for _ in range(2):
        invoke(site, event_of("alb", Request()))
    assert capsys.readouterr().out.count("turn on multi-value headers of the target group") == 1
    invoke(site, event_of("alb-multi", Request()))
    assert capsys.readouterr().out == ""


# Text or Base64

TEXTS = [
    "text/html; charset=utf-8",
    "text/css",
    "application/json",
    "application/problem+json",
    "application/atom+xml",
    "application/javascript",
    "application/x-ndjson",
    "image/svg+xml",
    "TEXT/PLAIN; Charset=UTF-8",
    'text/plain; charset="us-ascii"',
]


@pytest.mark.parametrize("content_type", TEXTS)
@each_kind
def test_text(kind: str, content_type: str) -> None:
    found = answer(kind, "url", 200, [("content-type", content_type)], ["é".encode()])
    assert (found["body"], found["isBase64Encoded"]) == ("é", False)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([("content-type", "image/png")], b"text"),
        ([("content-type", "application/octet-stream")], b"text"),
        ([("content-type", "text/plain")], b"\xff"),
        ([("content-type", "text/plain; charset=latin-1")], b"text"),
        ([*HTML, ("content-encoding", "gzip")], b"text"),
        ([], b"\xff"),
    ],
)
@each_door
def test_base64(door: str, headers: Pairs, body: bytes) -> None:
    found = answer("wsgi", door, 200, headers, [body])
    assert found["isBase64Encoded"] is True
    assert response_of(door, found).body == body


def test_text_of_no_type() -> None:
    """The door says what it is then; nothing is invented."""
    found = answer("asgi", "url", 200, [], [b"text"])
    assert (found["body"], found["isBase64Encoded"], found["headers"]) == ("text", False, {})


def test_text_types_of_ones_own() -> None:
    headers = [("content-type", "application/vnd.example")]
    found = answer("asgi", "url", 200, headers, text_types=["application/vnd.example"])
    assert found["isBase64Encoded"] is False


@each_kind
def test_empty_body(kind: str) -> None:
    found = answer(kind, "url", 200, [("content-type", "image/png")], [])
    assert (found["body"], found["isBase64Encoded"]) == ("", False)


# What has no body, and what is the connection's


@pytest.mark.parametrize("status", [204, 205, 304])
@each_kind
@each_door
def test_status_without_a_body(kind: str, door: str, status: int) -> None:
    found = answered(kind, door, status, [("etag", "x")], [b"not sent"])
    assert (found.status, found.body, found.headers) == (status, b"", [("etag", "x")])


@each_kind
@each_door
def test_head(kind: str, door: str) -> None:
    """Its length is that of the body that is not sent."""
    headers = [*HTML, ("content-length", "4")]
    found = answered(kind, door, 200, headers, request=Request(method="HEAD"))
    assert found.body == b""
    assert found.all("content-length") == ["4"]
    assert answered(kind, door, 200, headers).all("content-length") == []


@each_kind
@each_door
def test_hops_of_the_application(kind: str, door: str) -> None:
    hops = [
        ("connection", "close"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
    ]
    assert answered(kind, door, 200, [*hops, ("x", "1")]).headers == [("x", "1")]


def test_reason_of_a_load_balancer() -> None:
    """What the application says; or what HTTP calls the status."""
    assert answer("wsgi", "alb", 404)["statusDescription"] == "404 Told"
    assert answer("asgi", "alb", 404)["statusDescription"] == "404 Not Found"
    assert answer("asgi", "alb", 599)["statusDescription"] == "599 Unknown"


# What can't be sent is a 500, and is told


def failed(kind: str, door: str, told: str, capsys: Any, *arguments: Any, **options: Any) -> None:
    found = answered(kind, door, *arguments, **options)
    assert (found.status, found.body) == (500, b"Internal Server Error")
    assert found.all("content-type") == ["text/plain; charset=utf-8"]
    out = capsys.readouterr().out
    assert told in out
    assert out.count("[ERROR]") == 1


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\nb", "a\0b"])
@each_kind
@each_door
def test_header_that_ends_too_early(kind: str, door: str, value: str, capsys: Any) -> None:
    told = "the response's header field x has a line end or a NUL"
    failed(kind, door, told, capsys, 200, [("x", value)])


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "caf\xe9"])
@each_kind
def test_name_that_is_none(kind: str, name: str, capsys: Any) -> None:
    told = f"the response has a header field with the name {name!r}"
    failed(kind, "url", told, capsys, 200, [(name, "1")])


@pytest.mark.parametrize("status", [0, 99, 101, 600, 1000])
def test_status_that_is_none(status: int, capsys: Any) -> None:
    told = f"the response has the status {status}: expected 200 to 599"
    failed("asgi", "url", told, capsys, status)


LIMITS = {"alb": 1024 * 1024, "alb-multi": 1024 * 1024}


@each_kind
@each_door
def test_response_that_the_door_would_refuse(kind: str, door: str, capsys: Any) -> None:
    """Its size is told, before it would be sent: that would be refused with nothing in the log."""
    limit = LIMITS.get(door, 6 * 1024 * 1024 + 100)
    body = b"x" * (limit - 10)
    hint = "stream it, or send less" if door in ("url", "rest") else "send less"
    told = f"bytes as JSON; at most {limit} are taken: {hint}"
    failed(kind, door, told, capsys, 200, HTML, [body])


def test_largest_response() -> None:
    """What the document takes besides the body is counted too, and Base64 as it is sent."""
    found = answered("wsgi", "url", 200, HTML, [b"x" * (6 * 1024 * 1024 - 200)])
    assert len(found.body) == 6 * 1024 * 1024 - 200
    big = [b"\xff" * (5 * 1024 * 1024)]
    assert answered("wsgi", "url", 200, HTML, big).status == 500


# Streamed


def streamed(
    kind: str, door: str, status: int = 200, headers: Pairs = HTML, **options: Any
) -> tuple[dict[str, Any], bytes]:
    found = answer(kind, door, status, headers, stream=True, **options)
    assert is_streamed(found)
    body = found.pop("body")
    return found, body.encode() if isinstance(body, str) else body


def is_streamed(found: dict[str, Any]) -> bool:
    """Say whether there was a prelude, which `invoke` reads: it does not say how a body travels."""
    return "isBase64Encoded" not in found


@each_kind
def test_prelude(kind: str) -> None:
    headers = [*HTML, ("vary", "a"), ("vary", "b"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    head, body = streamed(kind, "url", 201, headers, body=[b"one ", b"two"])
    assert head == {
        "statusCode": 201,
        "headers": {"content-type": "text/html", "vary": "a, b"},
        "cookies": ["a=1", "b=2"],
    }
    assert body == b"one two"
    head, body = streamed(kind, "rest", 201, headers, body=[])
    assert head == {
        "statusCode": 201,
        "headers": {"content-type": "text/html"},
        "multiValueHeaders": {"vary": ["a", "b"], "set-cookie": ["a=1", "b=2"]},
    }
    assert body == b""


@each_kind
@each_door
def test_doors_that_can_stream(kind: str, door: str) -> None:
    """The others get a document, though the option says that responses are streamed."""
    assert is_streamed(answer(kind, door, stream=True)) == (door in ("url", "rest"))


@pytest.mark.parametrize(
    ("option", "doors"),
    [
        (True, {"url", "rest"}),
        (False, set()),
        ("url", {"url"}),
        ("rest", {"rest"}),
        ("url,rest", {"url", "rest"}),
        (" URL , rest ", {"url", "rest"}),
        ("no", set()),
        (None, set()),
    ],
)
def test_option_stream(option: Any, doors: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = {door for door in DOORS if is_streamed(answer("wsgi", door, stream=option))}
    assert found == doors
    if isinstance(option, str):
        monkeypatch.setenv("LAMBDA_RUNTIME_WEB_STREAM", option)
        assert {door for door in DOORS if is_streamed(answer("wsgi", door))} == doors
        # What the code says holds, whatever the deployment says.
        assert not is_streamed(answer("wsgi", "url", stream=False))


@each_kind
def test_head_and_no_body_streamed(kind: str) -> None:
    assert streamed(kind, "url", request=Request(method="HEAD"))[1] == b""
    assert streamed(kind, "url", 204, [])[1] == b""


@each_kind
def test_prelude_that_is_too_long(kind: str, capsys: Any) -> None:
    head, body = streamed(kind, "url", 200, [("x", "y" * 17_000)])
    assert (head["statusCode"], body) == (500, b"Internal Server Error")
    assert "; at most 16384 can begin a stream" in capsys.readouterr().out


@each_kind
def test_binary_is_streamed_as_it_is(kind: str) -> None:
    head, body = streamed(kind, "url", 200, [("content-type", "image/png")], body=[b"\xff\0" * 9])
    assert body == b"\xff\0" * 9
    assert head["headers"] == {"content-type": "image/png"}


def test_sample_of_each_source_that_is_http() -> None:
    """AWS's own examples are answered, by both kinds of application."""
    for name in ("alb", "apigw-v1", "apigw-v2", "function-url", "lattice"):
        for kind in ("asgi", "wsgi"):
            found = invoke(Web(application(kind, 200, HTML, [b"x"])), samples.load(name))
            assert (found["statusCode"], found["body"]) == (200, "x"), name
