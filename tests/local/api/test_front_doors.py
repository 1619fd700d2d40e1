"""The front doors besides the function URL: the event of a request, the response of a result."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from amazon_lambda_runtime.events import source_of
from tests.local.serving import Served, python_function, served

SOURCE = """
import json
from amazon_lambda_runtime import HttpResponse

def handler(event, context):
    path = event.get("rawPath") or event["path"]
    if "/echo" in path:
        return {"statusCode": 200, "body": json.dumps(event)}
    if path == "/result":
        return json.loads(event["body"])
    if path == "/stream":
        return HttpResponse(200, {"x-one": "1"}, ["a=1", "b=2"], iter(["some ", "body"]))
    raise KeyError("odd")
"""


SOURCES = {
    "http": "aws:apigateway-v2",
    "http-1.0": "aws:apigateway",
    "rest": "aws:apigateway",
    "alb": "aws:alb",
    "alb-multi": "aws:alb",
    "lattice": "aws:vpc-lattice",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(python_function(tmp_path_factory.mktemp("doors"), SOURCE)) as here:
        yield here


@pytest.fixture(scope="module")
def doors(server: Served) -> dict[str, int]:
    """Return the port of each front door of the function."""
    return {
        door: server.run(server.service.listen_url("hello", streams=door == "rest", door=door))
        for door in SOURCES
    }


def asked(
    port: int, method: str, target: str, body: bytes = b"", **headers: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, target, body or None, headers)
        with connection.getresponse() as response:
            pairs = [(name.lower(), value) for name, value in response.getheaders()]
            return response.status, pairs, response.read()


def event(port: int, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Any:
    return json.loads(asked(port, method, target, body, **headers)[2])


@pytest.mark.parametrize("door", SOURCES)
def test_source(door: str, doors: dict[str, int]) -> None:
    found = event(doors[door], "/echo", cookie="a=1; b=2")
    assert source_of(found) == SOURCES[door]
    headers = found.get("headers") or {n: v[0] for n, v in found["multiValueHeaders"].items()}
    for name, start in (("x-forwarded-for", "127.0.0.1"), ("x-amzn-trace-id", "Root=")):
        value = headers[name][0] if isinstance(headers[name], list) else headers[name]
        assert value.startswith(start)


def test_event_of_an_http_api(doors: dict[str, int]) -> None:
    """The path is decoded, and cookies stand in one place."""
    found = event(doors["http"], "/echo/a%20b?x=1&x=2", cookie="a=1; b=2")
    assert (found["version"], found["rawPath"]) == ("2.0", "/echo/a b")
    assert (found["rawQueryString"], found["queryStringParameters"]) == ("x=1&x=2", {"x": "1,2"})
    assert found["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in found["headers"]
    assert ".execute-api." in found["requestContext"]["domainName"]


def test_event_of_a_rest_api(doors: dict[str, int]) -> None:
    """Parameters are decoded, and several values stand beside the last one."""
    found = event(doors["rest"], "/echo/a%20b?x=1&x=%20", "POST", b"text", cookie="a=1")
    assert (found["path"], found["httpMethod"], found["body"]) == ("/echo/a%20b", "POST", "text")
    assert found["queryStringParameters"] == {"x": " "}
    assert found["multiValueQueryStringParameters"] == {"x": ["1", " "]}
    assert found["multiValueHeaders"]["cookie"] == ["a=1"]
    assert found["requestContext"]["path"] == found["path"]
    assert event(doors["rest"], "/echo")["queryStringParameters"] is None


def test_event_of_a_load_balancer(doors: dict[str, int]) -> None:
    """Parameters are as they were sent, and of one name the last."""
    found = event(doors["alb"], "/echo?x=1&x=%20&y", "POST", b"\xff")
    assert found["queryStringParameters"] == {"x": "%20", "y": ""}
    assert (found["body"], found["isBase64Encoded"]) == ("/w==", True)
    assert "multiValueHeaders" not in found
    assert event(doors["alb"], "/echo")["body"] == ""


def test_event_of_payload_format_1(doors: dict[str, int]) -> None:
    """A REST API's form with a version, and a decoded path; cookies stay a header field."""
    found = event(doors["http-1.0"], "/echo/a%20b?x=1&x=2", cookie="a=1; b=2")
    assert (found["version"], found["path"]) == ("1.0", "/echo/a b")
    assert found["requestContext"]["path"] == "/echo/a b"
    assert found["requestContext"]["stage"] == "$default"
    assert found["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert found["headers"]["cookie"] == "a=1; b=2"


def sent_twice(port: int, target: str) -> Any:
    """Return the event of a request whose field x-two comes twice."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.putrequest("GET", target)
        for value in ("1, a", "2"):
            connection.putheader("X-Two", value)
        connection.endheaders()
        return json.loads(connection.getresponse().read())


def test_event_of_a_load_balancer_with_multi_value_headers(doors: dict[str, int]) -> None:
    """Lists take the place of the other fields, and nothing is joined or decoded."""
    found = sent_twice(doors["alb-multi"], "/echo?x=1&x=%20&y")
    assert found["multiValueQueryStringParameters"] == {"x": ["1", "%20"], "y": [""]}
    assert found["multiValueHeaders"]["x-two"] == ["1, a", "2"]
    assert "headers" not in found
    assert "queryStringParameters" not in found
    assert sent_twice(doors["rest"], "/echo")["multiValueHeaders"]["x-two"] == ["1, a", "2"]
    assert sent_twice(doors["alb"], "/echo")["headers"]["x-two"] == "1, a,2"


def test_event_of_vpc_lattice(doors: dict[str, int]) -> None:
    """Version 2: the path has the query, and each field is a list."""
    found = event(doors["lattice"], "/echo?x=1&x=%20", "POST", b"text")
    assert (found["version"], found["path"], found["method"]) == ("2.0", "/echo?x=1&x=%20", "POST")
    assert found["queryStringParameters"] == {"x": ["1", " "]}
    assert found["headers"]["content-length"] == ["4"]
    assert found["body"] == "text"
    assert ":servicenetwork/sn-" in found["requestContext"]["serviceNetworkArn"]


@pytest.mark.parametrize("door", ["http", "http-1.0", "rest"])
def test_stage(door: str, server: Served) -> None:
    """Clients' paths begin with it; of a REST API's event, one field has it and one has not."""
    port = server.run(server.service.listen_url("hello", door=door, stage="prod"))
    found = event(port, "/prod/echo/x")
    context = found["requestContext"]
    whole = context["http"]["path"] if door == "http" else context["path"]
    path = found.get("rawPath") or found["path"]
    assert (context["stage"], whole) == ("prod", "/prod/echo/x")
    assert path == ("/echo/x" if door == "rest" else "/prod/echo/x")
    outside = (403, "Forbidden") if door == "rest" else (404, "Not Found")
    for target in ("/other/echo", "/", "/production/echo", "/echo"):
        status, _, body = asked(port, "GET", target)
        assert (status, json.loads(body)["message"]) == outside


def result(port: int, value: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    return asked(port, "POST", "/result", json.dumps(value).encode())


def test_response_with_several_values(doors: dict[str, int]) -> None:
    """A REST API has a place for them; the load balancer has none without its setting."""
    value = {
        "statusCode": 200,
        "headers": {"x-one": "1", "x-two": "single"},
        "multiValueHeaders": {"X-Two": ["a", "b"], "Set-Cookie": ["a=1", "b=2"]},
        "body": "x",
    }
    status, pairs, body = result(doors["rest"], value)
    assert (status, body) == (200, b"x")
    assert [value for name, value in pairs if name == "x-two"] == ["a", "b"]
    assert [value for name, value in pairs if name == "set-cookie"] == ["a=1", "b=2"]
    assert ("content-type", "application/json") in pairs
    status, pairs, _ = result(doors["alb"], value)
    assert [value for name, value in pairs if name == "x-two"] == ["single"]
    assert ("content-type", "application/octet-stream") in pairs
    status, pairs, _ = result(doors["alb-multi"], value)
    assert [value for name, value in pairs if name == "x-two"] == ["a", "b"]
    assert "x-one" not in dict(pairs)
    status, pairs, _ = result(doors["http-1.0"], value)
    assert [value for name, value in pairs if name == "set-cookie"] == ["a=1", "b=2"]


ADVICE = {
    "http": ("multiValueHeaders", "headers and cookies"),
    "http-1.0": ("cookies", "headers and multiValueHeaders"),
    "alb": ("multiValueHeaders", "headers"),
    "alb-multi": ("headers", "multiValueHeaders"),
    "lattice": ("cookies", "headers"),
}


@pytest.mark.parametrize("door", ADVICE)
def test_field_that_a_door_does_not_read(door: str, doors: dict[str, int], server: Served) -> None:
    """The log names it, and what the door reads in place of it."""
    field, instead = ADVICE[door]
    given: dict[str, Any] = {
        "headers": {"x-a": "1"},
        "multiValueHeaders": {"x-a": ["1"]},
        "cookies": ["a=1"],
    }
    before = len(server.log)
    result(doors[door], {"statusCode": 200, field: given[field]})
    told = f": {field} is ignored; use {instead}"
    assert [each for each in server.log[before:] if told in each]


ERRORS = {
    "http": (500, b'{"message":"Internal Server Error"}'),
    "http-1.0": (500, b'{"message":"Internal Server Error"}'),
    "lattice": (500, b'{"message":"Internal Server Error"}'),
    "rest": (502, b'{"message":"Internal server error"}'),
    "alb": (502, b"<html>\n<head><title>502 Bad Gateway</title></head>"),
}


@pytest.mark.parametrize("door", ERRORS)
def test_function_that_fails(door: str, doors: dict[str, int]) -> None:
    status, _, body = asked(doors[door], "GET", "/fails")
    assert (status, body[: len(ERRORS[door][1])]) == ERRORS[door]


MALFORMED = [
    "text",
    {"a": 1},
    {"statusCode": "x"},
    {"statusCode": 200, "multiValueHeaders": {"x": "1"}},
    {"statusCode": 200, "multiValueHeaders": 5},
    {"statusCode": 200, "multiValueHeaders": {"a b": ["1"]}},
]


@pytest.mark.parametrize("value", MALFORMED, ids=str)
def test_result_that_a_rest_api_refuses(value: Any, doors: dict[str, int], server: Served) -> None:
    """It takes nothing but a response, and the log says what was wrong."""
    status, _, body = result(doors["rest"], value)
    assert (status, body) == ERRORS["rest"]
    assert [each for each in server.log if "REST API: 502, the response cannot be sent: " in each]


def test_bare_result(doors: dict[str, int]) -> None:
    """An HTTP API makes a response of it, as a function URL does."""
    assert result(doors["http"], {"a": 1})[2] == b'{"a":1}'


def test_stream_of_a_rest_api(doors: dict[str, int]) -> None:
    status, pairs, body = asked(doors["rest"], "GET", "/stream")
    assert (status, body) == (200, b"some body")
    assert [value for name, value in pairs if name == "set-cookie"] == ["a=1", "b=2"]


def test_only_pages_of_this_machine(doors: dict[str, int]) -> None:
    """Each door checks who is calling."""
    for port in doors.values():
        assert asked(port, "GET", "/echo", host="evil.example")[0] == 403
