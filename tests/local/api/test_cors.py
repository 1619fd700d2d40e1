"""CORS of a function URL, as a browser asks for it, and as a page in a browser sees it."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.local.api.cors import ANY, Cors, OriginError, parse_origin
from tests.local.serving import Served, python_function, served

PAGE = "https://app.example"
SOURCE = """
def handler(event, context):
    path = event["rawPath"]
    if path == "/own":
        headers = {"access-control-allow-origin": "https://own.example", "Vary": "Cookie"}
        return {"statusCode": 200, "headers": headers, "body": "own"}
    if path == "/stream":
        return (piece for piece in (b"one ", b"two"))
    if path == "/fail":
        raise ValueError("as asked")
    return {"statusCode": 200, "body": event["requestContext"]["http"]["method"]}
"""


@pytest.fixture(scope="module", params=["buffered", "streamed"])
def here(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Served]:
    function = python_function(tmp_path_factory.mktemp("cors"), SOURCE)
    cors = Cors([PAGE, "http://localhost:3000"])
    with served(function, url=True, streams=request.param == "streamed", cors=cors) as it:
        yield it


def ask(
    here: Served, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", here.url_port, timeout=20)
    with closing(connection):
        connection.request(method, path, body, fields)
        response = connection.getresponse()
        return response, response.read()


def cors_fields(response: http.client.HTTPResponse) -> dict[str, str]:
    """Return the header fields that a browser looks at, by their names in lower case."""
    return {
        name.lower(): value
        for name, value in response.headers.items()
        if name.lower().startswith("access-control-")
    }


def test_preflight(here: Served) -> None:
    """
    A preflight of an allowed origin is answered, and invokes nothing.
    """
    before = len(here.entries)
    response, body = ask(
        here,
        "OPTIONS",
        "/x",
        Origin=PAGE,
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="content-type,x-mine",
        Sec_Fetch_Site="cross-site",
    )
    assert (response.status, body, response.headers["Vary"]) == (200, b"", "Origin")
    assert cors_fields(response) == {
        "access-control-allow-origin": PAGE,
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "content-type,x-mine",
        "access-control-max-age": "0",
    }
    assert len(here.entries) == before


def test_preflight_of_another_page(here: Served) -> None:
    """
    Nor does one of an origin that is not allowed, which is told nothing.
    """
    before = len(here.entries)
    for origin, status in (("http://localhost:4000", 200), ("https://evil.example", 403)):
        response, _ = ask(here, "OPTIONS", "/", Origin=origin, Access_Control_Request_Method="GET")
        assert (response.status, cors_fields(response)) == (status, {})
    assert len(here.entries) == before


def test_options_that_is_no_preflight(here: Served) -> None:
    """
    Any other OPTIONS is the function's.
    """
    assert ask(here, "OPTIONS", "/")[1] == b"OPTIONS"
    response, body = ask(here, "OPTIONS", "/", Origin=PAGE)
    assert (body, response.headers["Access-Control-Allow-Origin"]) == (b"OPTIONS", PAGE)


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/stream", 200), ("/fail", 502), ("/too-large", 413)]
)
def test_every_response(here: Served, path: str, status: int) -> None:
    """
    A response to a page of an allowed origin says so, whatever the response.
    """
    if path == "/stream" and not here.streams:
        status = 502  # bytes that are no JSON
    body = b"x" * (6 * 1024 * 1024 + 1) if path == "/too-large" else b"{}"
    response, _ = ask(here, "POST", path, body, Origin=PAGE, Sec_Fetch_Site="cross-site")
    assert response.status == status
    assert cors_fields(response) == {"access-control-allow-origin": PAGE}
    assert response.headers["Vary"] == "Origin"


def test_another_page(here: Served) -> None:
    """
    A page of this machine invokes the function, and its browser shows it nothing; one of elsewhere
    is refused, as is an image of it.
    """
    response, body = ask(here, "GET", "/", Origin="http://localhost:4000")
    assert (response.status, body, cors_fields(response)) == (200, b"GET", {})
    before = len(here.entries)
    assert ask(here, "GET", "/", Origin="https://evil.example")[0].status == 403
    assert ask(here, "GET", "/", Sec_Fetch_Site="cross-site")[0].status == 403
    assert ask(here, "GET", "/", Origin=PAGE, Host="evil.example")[0].status == 403
    assert len(here.entries) == before


def test_fields_of_the_function(here: Served) -> None:
    """
    What the function sets stands beside what the URL sets, doubled: a browser refuses it, as that
    of AWS (recorded in github.com/aws-powertools/powertools-lambda-python, issue #4163).
    """
    response, _ = ask(here, "GET", "/own", Origin=PAGE)
    name = "Access-Control-Allow-Origin"
    assert response.headers.get_all(name) == ["https://own.example", PAGE]
    assert response.headers.get_all("Vary") == ["Cookie", "Origin"]


def test_any_origin_with_credentials(tmp_path: Path) -> None:
    """
    Where any origin is allowed, the answer names it: recorded in github.com/LeanerCloud/CUDly,
    issue #390.
    """
    cors = Cors([ANY], credentials=True)
    with served(python_function(tmp_path, SOURCE), url=True, cors=cors) as here:
        for origin in ("https://any.example", "null"):
            response, _ = ask(here, "GET", "/", Origin=origin)
            assert cors_fields(response) == {
                "access-control-allow-origin": origin,
                "access-control-allow-credentials": "true",
            }
        assert cors_fields(ask(here, "GET", "/")[0]) == {}


def test_configuration(here: Served) -> None:
    """
    GetFunctionUrlConfig tells what is allowed.
    """
    with closing(http.client.HTTPConnection("127.0.0.1", here.port, timeout=20)) as connection:
        connection.request("GET", "/2021-10-31/functions/hello/url")
        document = json.loads(connection.getresponse().read())
    assert document["Cors"]["AllowOrigins"] == [PAGE, "http://localhost:3000"]
    assert document["Cors"]["AllowCredentials"] is False


def test_without_the_option(tmp_path: Path) -> None:
    """
    Without CORS, everything is the function's, and a page elsewhere is refused.
    """
    with served(python_function(tmp_path, SOURCE), url=True) as here:
        for origin, status in (("http://localhost:3000", 200), (PAGE, 403)):
            response, body = ask(
                here, "OPTIONS", "/", Origin=origin, Access_Control_Request_Method="GET"
            )
            assert response.status == status
            assert (cors_fields(response), response.headers["Vary"]) == ({}, None)
            assert (body == b"OPTIONS") == (status == 200)


@pytest.mark.parametrize(
    ("text", "origin"),
    [("*", "*"), ("null", "null"), ("HTTP://Localhost:3000", "http://localhost:3000")],
)
def test_origin(text: str, origin: str) -> None:
    """
    An origin is compared as browsers send it.
    """
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("http://localhost:3000/", "write http://localhost:3000"),
        ("https://app.example/page?x", "write https://app.example"),
        ("localhost:3000", "is not an origin"),
        ("", "is not an origin"),
        ("http://", "is not an origin"),
        ("http://a b", "is not an origin"),
        ("http://[", "is not an origin"),
        ("http://a:99999999", "is not an origin"),
        ("http://a\r\nX: y", "is not an origin"),
    ],
)
def test_no_origin(text: str, advice: str) -> None:
    """
    What no browser sends is refused, with what to write instead.
    """
    with pytest.raises(OriginError, match=advice.replace("?", r"\?")):
        parse_origin(text)


CHROMIUM = Path("/usr/bin/chromium")


class Site(BaseHTTPRequestHandler):
    """A web site with an empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}")
def test_in_a_browser(tmp_path: Path) -> None:
    """
    A page of an allowed origin reads the answer, one of another origin does not, and neither does
    any page where the function has a field of its own.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    sites = [ThreadingHTTPServer(("127.0.0.1", 0), Site) for _ in range(2)]
    for site in sites:
        threading.Thread(target=site.serve_forever).start()
    allowed, other = [f"http://localhost:{site.server_port}" for site in sites]
    ask_it = """async path => {
        const asked = {method: "PUT", body: "{}", headers: {"X-Mine": "1"}};
        try { return await (await fetch(path, asked)).text() } catch (error) { return "refused" }
    }"""
    try:
        function = python_function(tmp_path, SOURCE)
        with served(function, url=True, cors=Cors([allowed])) as here:
            with playwright.sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                page = browser.new_page()
                seen = []
                for origin, path in ((allowed, ""), (other, ""), (allowed, "own")):
                    page.goto(f"{origin}/")
                    seen.append(page.evaluate(ask_it, f"{here.function_url}{path}"))
                browser.close()
        assert seen == ["PUT", "refused", "refused"]
    finally:
        for site in sites:
            site.shutdown()
            site.server_close()
