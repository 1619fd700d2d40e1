"""The local Lambda answers what AWS Lambda has been recorded to answer: the table is `recorded`."""

import http.client
import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from amazon_lambda_runtime.local.engine.function import ACCOUNT, REGION
from tests.local.serving import Served, orders, python_function, served

from .recorded import (
    ALIAS,
    ALIAS_FIELDS,
    BAD_PAYLOAD,
    CONFIGURATION,
    CONFIGURATION_FIELDS,
    FACTS,
    GET,
    INVOKE,
    THROTTLED,
    URL_CONFIG,
    URL_CONFIGURATION_FIELDS,
    URL_FACTS,
    URL_HEADERS,
    Fact,
    UrlFact,
)

SOURCE = """
import json, os, time

def handler(event, context):
    if "rawPath" in event:
        event = json.loads(event["body"]) if event["rawPath"] == "/" else {"echo": event}
        if isinstance(event, dict) and "raise" in event:
            raise ValueError("as asked")
        return event
    match event:
        case {"none": _}:
            return None
        case {"exit": status}:
            os._exit(status)
        case {"size": size}:
            return "x" * (size - 2)
        case {"hold": file}:
            deadline = time.monotonic() + 20
            while not os.path.exists(file) and time.monotonic() < deadline:
                time.sleep(0.005)
        case {"sleep": seconds}:
            time.sleep(seconds)
    return event
"""


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("recorded")
    function = python_function(folder, SOURCE, timeout=1, region=REGION, aliases=("live",))
    # With a second one, since an only function is also known as `function`.
    with served(function, orders(region=REGION), url=True) as here:
        yield here


def ask(
    port: int, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response, response.read()


def filled(value: Any, request_id: str) -> Any:
    """Return what was recorded with this machine's values in the place of the placeholders."""
    if isinstance(value, dict):
        return {name: filled(each, request_id) for name, each in value.items()}
    if isinstance(value, str):
        for name, text in (("region", REGION), ("account", ACCOUNT), ("id", request_id)):
            value = value.replace(f"{{{name}}}", text)
    return value


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_lambda_api(hello: Served, fact: Fact) -> None:
    """
    Status, error, header fields and body are those of the recording.
    """
    request = fact.request
    path = request.path.format(quote(filled(request.function, ""), safe=""))
    if request.qualifier:
        path += f"?{urlencode({'Qualifier': request.qualifier})}"
    method, body = ("POST", request.body.encode()) if request.path == INVOKE else ("GET", None)
    response, got = ask(hello.port, method, path, body, request.headers)

    assert response.status == fact.status
    assert response.headers.get("x-amzn-ErrorType", "") == fact.error
    assert uuid.UUID(response.headers["X-Amzn-RequestId"])
    expected = filled(fact.body, response.headers["X-Amzn-RequestId"])
    assert (json.loads(got) if got else "") == expected
    for name, value in fact.headers.items():
        assert response.headers[name] == value


@pytest.mark.parametrize("fact", URL_FACTS, ids=lambda fact: fact.name)
def test_function_url(hello: Served, fact: UrlFact) -> None:
    """
    A function URL answers a function's result as recorded, with the id of the invocation.
    """
    kind = {"Content-Type": "application/json"}
    response, got = ask(hello.url_port, "POST", "/", json.dumps(fact.result).encode(), kind)
    assert (response.status, got) == (fact.status, fact.body)
    for name, value in fact.headers.items():
        assert response.headers.get_all(name) == [value]
    assert response.headers["x-amzn-RequestId"] == hello.entries[-1].id


def test_header_fields_of_a_url(hello: Served) -> None:
    """
    The event has the header fields of the recording, and those of the connection are left out.
    """
    headers = {
        "User-Agent": "test/echo",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
        "Connection": "keep-alive",
        "Content-Type": "application/json",
        "ExTrA-HeadErs": "With WeiRd CapS",
    }
    path = "/pa2%25Fth/1?q=query&multiQuery=foo&multiQuery=%2Fbar"
    _, got = ask(hello.url_port, "POST", path, b'{"foo": "bar"}', headers)
    event = json.loads(got)["echo"]
    assert set(event["headers"]) == URL_HEADERS
    assert event["headers"]["extra-headers"] == "With WeiRd CapS"
    assert event["queryStringParameters"] == {"q": "query", "multiQuery": "foo,/bar"}


def test_multipart_form_of_a_url(hello: Served) -> None:
    """
    A form in parts comes in Base64: localstack/localstack tests/aws/services/lambda_/
    test_lambda.snapshot.json TestLambdaURL::test_lambda_url_form_payload.
    """
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    event = json.loads(ask(hello.url_port, "POST", "/test/value", b"--x--", kind)[1])["echo"]
    assert event["isBase64Encoded"] is True


def test_configuration(hello: Served) -> None:
    """
    GetFunctionConfiguration has every field of the recording.
    """
    _, got = ask(hello.port, "GET", CONFIGURATION.format("hello"), None, {})
    assert set(json.loads(got)) >= CONFIGURATION_FIELDS


def test_url_configuration(hello: Served) -> None:
    """
    GetFunctionUrlConfig has the fields of the recording, and no other.
    """
    _, got = ask(hello.port, "GET", URL_CONFIG.format("hello"), None, {})
    assert set(json.loads(got)) == URL_CONFIGURATION_FIELDS


def test_alias(hello: Served) -> None:
    """
    GetAlias has the fields of the recording, and no other.
    """
    _, got = ask(hello.port, "GET", f"{ALIAS}live".format("hello"), None, {})
    document = json.loads(got)
    assert set(document) == ALIAS_FIELDS
    assert document["AliasArn"].endswith(":function:hello:live")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/2015-03-31/functions/", 200),
        ("GET", GET.format("hello"), 200),
        ("GET", CONFIGURATION.format("hello"), 200),
        ("GET", "/2015-03-31/functions/hello/aliases", 200),
        ("GET", "/2015-03-31/event-source-mappings/", 200),
        ("GET", "/no/such/path", 404),
        ("GET", INVOKE.format("hello"), 405),
        ("POST", GET.format("hello"), 405),
        ("GET", f"{ALIAS}2024".format("hello"), 400),
    ],
)
def test_every_answer_has_an_id(hello: Served, method: str, path: str, status: int) -> None:
    """
    Every answer of the API has an id, also where nothing is invoked and where it is refused.
    """
    response, _ = ask(hello.port, method, path, None, {})
    assert response.status == status
    assert uuid.UUID(response.headers["X-Amzn-RequestId"])


@pytest.mark.parametrize("payload", [b"n\x87r", b"\x99\xeb", b"{"])
def test_payload_that_is_not_json(hello: Served, payload: bytes) -> None:
    """
    A payload that is not JSON is refused in the words of the recording.
    """
    response, got = ask(hello.port, "POST", INVOKE.format("hello"), payload, {})
    assert response.status == 400
    assert response.headers["x-amzn-ErrorType"] == "InvalidRequestContentException"
    document = json.loads(got)
    assert set(document) == {"Type", "message"}
    assert document["message"].startswith(BAD_PAYLOAD)


def test_throttled(tmp_path: Path) -> None:
    """
    Beyond the function's concurrency the answer is that of the recording.
    """
    go_on = tmp_path / "go-on"
    function = python_function(tmp_path, SOURCE, concurrency=1)
    held = json.dumps({"hold": str(go_on)}).encode()
    path = INVOKE.format("hello")
    with served(function) as here, ThreadPoolExecutor() as threads:
        first = threads.submit(ask, here.port, "POST", path, held, {})
        deadline = time.monotonic() + 20
        while not here.entries or here.entries[0].started_at is None:
            assert time.monotonic() < deadline, "the function is not invoked"
            time.sleep(0.01)
        response, got = ask(here.port, "POST", path, b"{}", {})
        go_on.touch()
        assert first.result(20)[0].status == 200
    assert (response.status, json.loads(got)) == (429, THROTTLED)
    assert response.headers["x-amzn-ErrorType"] == "TooManyRequestsException"


def test_every_fact_names_its_source() -> None:
    """
    Each row of the table says where it was recorded, and has a name of its own.
    """
    rows: list[Fact | UrlFact] = [*FACTS, *URL_FACTS]
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        repository, file, test = row.source.split(" ", 2)
        assert repository.count("/") == 1
        assert "/" in file
        assert "::" in test
