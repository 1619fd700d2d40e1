"""A function URL, as a browser or curl sees it."""

import base64
import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.events import source_of
from tests.local.serving import Served, python_function, served

SOURCE = """
import base64, json, time
from pathlib import Path
from amazon_lambda_runtime import HttpResponse


def handler(event, context):
    path = event["rawPath"]
    if path.startswith("/echo"):
        return event
    if path == "/page":
        return {
            "statusCode": 201,
            "headers": {"Content-Type": "text/html", "X-Number": 7},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "<p>h\u00e9</p>",
        }
    if path == "/binary":
        body = base64.b64encode(bytes(range(256))).decode()
        return {"statusCode": 200, "body": body, "isBase64Encoded": True}
    if path == "/plain":
        return HttpResponse(202, {"Content-Type": "text/plain"}, ["c=3"], "short")
    if path == "/stream":
        return HttpResponse(200, {"Content-Type": "text/event-stream"}, ["d=4"], pieces(event))
    if path == "/bare":
        return bare()
    if path == "/bad":
        return {"statusCode": "what"}
    if path == "/malformed":
        return {"statusCode": 200, "headers": json.loads(event["body"])}
    if path == "/text":
        return "just text"
    if path == "/object":
        return {"a": 1, "b": ["x y", 1.5]}
    if path == "/result":
        return json.loads(event["body"])
    if path.startswith("/status/"):
        status = int(path[8:])
        if "streamed" in event["queryStringParameters"]:
            return HttpResponse(status, {}, [], iter([b"some ", b"body"]))
        return {"statusCode": status, "body": "some body"}
    raise ValueError(path)


def pieces(event):
    yield "one\\n"
    go_on = event["queryStringParameters"].get("go_on")
    deadline = time.monotonic() + 20
    while go_on and not Path(go_on).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(go_on)
        time.sleep(0.005)
    yield "two\\n"
    if "break" in event["queryStringParameters"]:
        raise RuntimeError("half way")


def bare():
    yield b"raw "
    yield b"bytes"
"""


@pytest.fixture(scope="module", params=["buffered", "streamed"])
def here(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Served]:
    function = python_function(tmp_path_factory.mktemp("url"), SOURCE)
    with served(function, url=True, streams=request.param == "streamed") as it:
        yield it


def ask(
    here: Served, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", here.url_port, timeout=20)
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, fields)
        with closing(connection.getresponse()) as response:
            return response, response.read()
    finally:
        connection.close()


def test_event(here: Served) -> None:
    """
    A request becomes an event in payload format 2.0.
    """
    path = "/echo?a=1&a=2&b=x%20y"
    _, body = ask(here, path, "POST", b"{}", Cookie="c=1; d=2", Content_Type="application/json")

    event = json.loads(body)
    assert event["version"] == "2.0"
    assert event["routeKey"] == "$default"
    assert event["rawPath"] == "/echo"
    assert event["rawQueryString"] == "a=1&a=2&b=x%20y"
    assert event["queryStringParameters"] == {"a": "1,2", "b": "x y"}
    assert event["cookies"] == ["c=1", "d=2"]
    assert event["headers"]["cookie"] == "c=1; d=2"
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)
    asked = event["requestContext"]["http"]
    assert (asked["method"], asked["path"], asked["protocol"]) == ("POST", "/echo", "HTTP/1.1")
    assert abs(event["requestContext"]["timeEpoch"] / 1000 - time.time()) < 60


@pytest.mark.parametrize(("path", "status"), [("/echo?a=1", 200), ("/fail", 502), ("/page", 201)])
def test_told_as_request(here: Served, path: str, status: int) -> None:
    """
    The journal has the request and the status that the client got.
    """
    here.reset()
    response, _ = ask(here, path)
    assert response.status == status
    told = here.entries[-1].summary()
    assert (told["kind"], told["method"], told["path"]) == ("url", "GET", path)
    assert told["status"] == status


def test_path(here: Served) -> None:
    """
    The raw path stays as it was sent, the path is decoded; a proxy's form of it is a path, too.
    """
    with socket.create_connection(("127.0.0.1", here.url_port), 20) as connection:
        connection.sendall(
            b"GET http://localhost/echo%2Fa%20b HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: close\r\n\r\n"
        )
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    event = json.loads(received.partition(b"\r\n\r\n")[2])
    assert event["rawPath"] == "/echo%2Fa%20b"
    assert event["requestContext"]["http"]["path"] == "/echo/a b"


def test_who_asks(here: Served) -> None:
    """
    What tells who the client is, is the server's: a client's own fields are overwritten.
    """
    _, body = ask(
        here,
        "/echo",
        X_Forwarded_For="6.6.6.6",
        X_Forwarded_Proto="gopher",
        X_Forwarded_Port="1",
        X_Amzn_Trace_Id="Root=mine",
        Connection="keep-alive",
    )
    event = json.loads(body)
    headers, context = event["headers"], event["requestContext"]
    assert headers["x-forwarded-for"] == context["http"]["sourceIp"] == "127.0.0.1"
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == (
        "http",
        str(here.url_port),
    )
    assert headers["x-amzn-trace-id"].startswith("Root=1-")
    assert "connection" not in headers


def test_source(here: Served) -> None:
    """
    The event is recognised as one of a function URL, by its domain name.
    """
    event = json.loads(ask(here, "/echo")[1])
    assert source_of(event) == "aws:lambda-url"
    context = event["requestContext"]
    assert context["domainName"] == f"{context['apiId']}.lambda-url.us-east-1.on.aws"
    assert context["domainPrefix"] == context["apiId"]


@pytest.mark.parametrize("kind", ["image/png", "text/plain"])
def test_binary_in(here: Served, kind: str) -> None:
    """
    A body that is no text comes in Base64.
    """
    _, body = ask(here, "/echo", "POST", b"\xff\x00", Content_Type=kind)
    event = json.loads(body)
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\xff\x00"


def test_response(here: Served) -> None:
    """
    A result with a statusCode is the response: status, headers, cookies, body.
    """
    response, body = ask(here, "/page")
    assert (response.status, body.decode()) == (201, "<p>hé</p>")
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["X-Number"] == "7"
    assert response.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2"]


def test_binary_out(here: Served) -> None:
    """
    A body in Base64 is sent as the bytes that it stands for.
    """
    assert ask(here, "/binary")[1] == bytes(range(256))


def test_text(here: Served) -> None:
    """
    Any other result is the body of a 200, as JSON; text as it is.
    """
    response, body = ask(here, "/text")
    assert (response.status, body) == (200, b"just text")
    assert response.headers["Content-Type"] == "application/json"


def test_http_response(here: Served) -> None:
    """
    Our runtime's HttpResponse is one, whole or in pieces.
    """
    response, body = ask(here, "/plain")
    assert (response.status, body) == (202, b"short")
    assert response.headers["Set-Cookie"] == "c=3"
    response, body = ask(here, "/stream?x=1")
    assert (response.status, body) == (200, b"one\ntwo\n")
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Set-Cookie"] == "d=4"


def test_bare_stream(here: Served) -> None:
    """
    A stream without a head is the body of a 200.
    """
    response, body = ask(here, "/bare")
    if here.streams:
        assert (response.status, body) == (200, b"raw bytes")
        assert response.headers["Content-Type"] == "application/octet-stream"
    else:
        assert response.status == 502  # it is not JSON


@pytest.mark.parametrize("path", ["/nothing", "/bad"])
def test_failure(here: Served, path: str) -> None:
    """
    A function that fails, and a malformed response, are a 502 without details.
    """
    response, body = ask(here, path)
    assert (response.status, body) == (502, b"Internal Server Error")
    assert response.headers["x-amzn-RequestId"] == here.entries[-1].id


@pytest.mark.parametrize("status", [204, 304, 200])
@pytest.mark.parametrize("how", ["whole", "streamed"])
def test_no_body_where_there_is_none(here: Served, status: int, how: str) -> None:
    """
    204, 304 and HEAD have no body and no framing of one: the connection goes on.
    """
    method = b"HEAD" if status == 200 else b"GET"
    with socket.create_connection(("127.0.0.1", here.url_port), 20) as connection:
        connection.sendall(
            b"%s /status/%d?%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
            % (method, status, f"{how}=1".encode())
            + b"GET /object HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    first, _, rest = received.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d " % status)
    assert b"Transfer-Encoding" not in first
    assert status == 200 or b"Content-Length" not in first
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest.endswith(b'\r\n\r\n{"a":1,"b":["x y",1.5]}')


def test_identity(here: Served) -> None:
    """
    Each response has a date, and the id of its invocation: the server's, not the function's.
    """
    result = {"statusCode": 200, "headers": {"date": "1", "X-AMZN-REQUESTID": "mine"}}
    response, _ = ask(here, "/result", "POST", json.dumps(result).encode())
    assert response.headers.get_all("x-amzn-RequestId") == [here.entries[-1].id]
    (date,) = response.headers.get_all("Date") or []
    assert abs(parsedate_to_datetime(date).timestamp() - time.time()) < 60


def test_one_content_type(here: Served) -> None:
    """
    A content type counts whatever the case of its name, and the last of two.
    """
    result = {"statusCode": 200, "headers": {"content-type": "text/html"}, "body": "<p>"}
    response, _ = ask(here, "/result", "POST", json.dumps(result).encode())
    assert response.headers.get_all("Content-Type") == ["text/html"]
    result["headers"] = {"content-type": "text/html", "Content-Type": "text/plain"}
    response, _ = ask(here, "/result", "POST", json.dumps(result).encode())
    assert response.headers.get_all("Content-Type") == ["text/plain"]


def test_refusal_is_told(here: Served) -> None:
    """
    The log says which field of a response was refused, and which was ignored.
    """
    result: dict[str, Any] = {"statusCode": 200, "headers": {"X-List": ["a", "b"]}}
    response, body = ask(here, "/result", "POST", json.dumps(result).encode())
    assert (response.status, body) == (502, b"Internal Server Error")
    line = "function URL: 502, the response cannot be sent: headers['X-List'] is a list"
    assert [each for each in here.log if each.startswith(line)]
    result = {"statusCode": 200, "multiValueHeaders": {"X-List": ["a", "b"]}}
    response, _ = ask(here, "/result", "POST", json.dumps(result).encode())
    assert (response.status, response.headers["X-List"]) == (200, None)
    told = [each for each in here.log if "multiValueHeaders is ignored" in each]
    assert len(told) == 1


def test_stream_to_a_buffered_url_is_told(here: Served) -> None:
    """
    A streamed response at a buffered URL is sent, and the log says that the URL should stream.
    """
    before = len(here.log)
    assert ask(here, "/stream?x=1")[1] == b"one\ntwo\n"
    told = [line for line in here.log[before:] if "RESPONSE_STREAM" in line]
    assert len(told) == (0 if here.streams else 1)


def test_prelude_that_is_malformed(here: Served) -> None:
    """
    A stream with a status that cannot be sent is a 502, and the connection goes on.
    """
    connection = http.client.HTTPConnection("127.0.0.1", here.url_port, timeout=20)
    with closing(connection):
        connection.request("GET", "/status/103?streamed=1")
        response = connection.getresponse()
        assert (response.status, response.read()) == (502, b"Internal Server Error")
        connection.request("GET", "/text")
        assert connection.getresponse().read() == b"just text"
    assert [line for line in here.log if "statusCode is 103, not 200 to 599" in line]


@pytest.mark.parametrize(
    "headers", [{"": "x"}, {"a:b": "x"}, {"a b": "x"}, {"a\r\nb": "x"}, {"a": "x\r\nb: y"}, 1, "x"]
)
def test_header_that_is_malformed(here: Served, headers: Any) -> None:
    """
    A header field that would break the response is a 502.
    """
    body = json.dumps(headers).encode()
    response, _ = ask(here, "/malformed", "POST", body, Content_Type="application/json")
    assert response.status == 502


def test_pieces_come_as_they_are_written(here: Served, tmp_path: Path) -> None:
    """
    The first piece is there before the second is written.
    """
    if not here.streams:
        pytest.skip("a buffered URL sends no pieces")
    go_on = tmp_path / "go-on"
    connection = http.client.HTTPConnection("127.0.0.1", here.url_port, timeout=20)
    connection.request("GET", f"/stream?go_on={go_on}")
    response = connection.getresponse()
    assert response.read1(100) == b"one\n"
    go_on.touch()
    assert response.read() == b"two\n"
    connection.close()


def test_stream_that_breaks(here: Served) -> None:
    """
    A stream that breaks off is cut, so that the client can tell; buffered, it is a 502.
    """
    if here.streams:
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            ask(here, "/stream?break=1")
    else:
        assert ask(here, "/stream?break=1")[0].status == 502


@pytest.mark.parametrize("streams", [False, True])
def test_throttled(tmp_path: Path, streams: bool) -> None:
    """
    A function at its concurrency is a 429, and the next request is answered again.
    """
    function = python_function(tmp_path, SOURCE, concurrency=1)
    go_on = tmp_path / "go-on"
    with served(function, url=True, streams=streams) as here, ThreadPoolExecutor() as threads:
        held = threads.submit(ask, here, f"/stream?go_on={go_on}")
        deadline = time.monotonic() + 20
        while not here.entries or here.entries[0].started_at is None:
            assert time.monotonic() < deadline, "the function is not invoked"
            time.sleep(0.01)
        response, body = ask(here, "/text")
        assert (response.status, body) == (429, b'{"Message":"Rate Exceeded."}\n')
        go_on.touch()
        assert held.result(20)[0].status == 200
        assert ask(here, "/text")[0].status == 200


def test_stranger(here: Served) -> None:
    """
    A web page elsewhere is refused.
    """
    assert ask(here, "/echo", Host="evil.example")[0].status == 403
    assert ask(here, "/echo", Origin="https://evil.example")[0].status == 403


def test_too_large(here: Served) -> None:
    """
    A body of more than 6 MiB is refused.
    """
    assert ask(here, "/echo", "POST", b"x" * (6 * 1024 * 1024 + 1))[0].status == 413


def test_too_large_in_base64(here: Served) -> None:
    """
    A binary body of more than 4.5 MiB is refused: in Base64 it is more than 6 MiB.
    """
    limit = 9 * 1024 * 1024 // 2
    kind = "application/octet-stream"
    assert ask(here, "/text", "POST", b"\xff" * limit, Content_Type=kind)[0].status == 200
    assert ask(here, "/text", "POST", b"\xff" * (limit + 1), Content_Type=kind)[0].status == 413
