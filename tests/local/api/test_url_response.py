"""What a function returns to its URL: what is sent, and what is refused in which words."""

import json
from typing import Any

import pytest

from amazon_lambda_runtime.local.api.url_response import (
    Malformed,
    head_of,
    prelude_of,
    response_of,
)


def respond(**fields: Any) -> bytes:
    return json.dumps({"statusCode": 200, **fields}).encode()


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"{", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (respond(statusCode=None), "statusCode is null, not a number"),
        (respond(statusCode=True), "statusCode is true, not a number"),
        (respond(statusCode=200.5), "statusCode is the number 200.5, not a number"),
        (respond(statusCode="what"), "statusCode is the string 'what', not a number"),
        (respond(statusCode=100), "statusCode is 100, not 200 to 599"),
        (respond(statusCode=600), "statusCode is 600, not 200 to 599"),
        (respond(headers=[]), "headers is a list, not an object"),
        (respond(headers={"a b": "x"}), "headers has the name 'a b', which no header field can"),
        (
            respond(headers={"\u00e9": "x"}),
            "headers has the name '\u00e9', which no header field can",
        ),
        (respond(headers={"a": None}), "headers['a'] is null, not a string"),
        (respond(headers={"a": ["b"]}), "headers['a'] is a list, not a string"),
        (respond(headers={"a": {}}), "headers['a'] is an object, not a string"),
        (respond(headers={"a": "b\r\nc: d"}), "headers['a'] contains a line break"),
        (respond(headers={"a": "b\0"}), "headers['a'] contains a line break"),
        (respond(cookies="a=1"), "cookies is the string 'a=1', not a list of strings"),
        (respond(cookies=["a=1", None]), "cookies[1] is null, not a string"),
        (respond(body={"a": 1}), "body is an object, not a string"),
        (respond(body="\ud800"), "body contains half of a surrogate pair"),
        (respond(body="e30=!", isBase64Encoded=True), "body is not Base64"),
        (respond(isBase64Encoded="perhaps"), "isBase64Encoded is the string 'perhaps', not true"),
        (respond(isBase64Encoded=1), "isBase64Encoded is the number 1, not true"),
    ],
)
def test_refused(payload: bytes, told: str) -> None:
    """
    A response that cannot be sent is refused, and the refusal names the field.
    """
    with pytest.raises(Malformed) as refused:
        response_of(payload)
    assert str(refused.value).startswith(told)


@pytest.mark.parametrize("prelude", [b"{", b"[]", b'{"statusCode": 101}'])
def test_refused_preludes(prelude: bytes) -> None:
    """
    The head of a stream is held to the same rule.
    """
    with pytest.raises(Malformed):
        prelude_of(prelude)


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'"just text"', b"just text"),
        (b"null", b"null"),
        (b'{"a b" : [1.10, "x \\" y"],\n "c": 1e400}', b'{"a b":[1.10,"x \\" y"],"c":1e400}'),
        (respond(body="e30=", isBase64Encoded=True), b"{}"),
        (respond(body="e30=", isBase64Encoded="TRUE"), b"{}"),
        (respond(body="e30=", isBase64Encoded="false"), b"e30="),
        (respond(body="e30=", isBase64Encoded=None), b"e30="),
        (respond(body=None), b""),
        (respond(), b""),
    ],
)
def test_bodies(payload: bytes, body: bytes) -> None:
    """
    Text is sent as it is, Base64 decoded, and any other result as compact JSON of the same values.
    """
    assert response_of(payload)[1] == body


def test_head() -> None:
    """
    Fields are told apart without regard to case; each cookie is a line of its own.
    """
    head = head_of(
        {
            "statusCode": "418",
            "headers": {"x-a": 1, "X-A": True, "set-cookie": "a=1", "Content-Length": "9"},
            "cookies": ["b=2", "c=3"],
            "multiValueHeaders": {"x": ["y"]},
        }
    )
    assert head.status == 418
    assert head.headers == {
        "X-A": "true",
        "set-cookie": "a=1\r\nset-cookie: b=2\r\nset-cookie: c=3",
    }
    assert head.ignored == ("multiValueHeaders",)
