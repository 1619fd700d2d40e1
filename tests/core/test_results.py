"""What a handler returns, and what its caller reads. Numbers are those of the list in docs/."""

import json
from typing import Any

import pytest

from tests.lanes import OURS, REFERENCE, Answer

# What awslambdaric sends as well: the case, and the body to the byte.
SAME = {
    "none": b"null",
    "str": b'"plain"',
    "int": b"42",
    "true": b"true",
    "nested": b'{"a": [1, {"b": null}]}',
    "tuple": b"[1, 2]",
    "namedtuple": b'{"sku": "x", "count": 2}',
    "namedtuple inside": b'{"lines": [{"sku": "x", "count": {"sku": "y", "count": 1}}]}',
    "_asdict": b'{"a": 1}',
    "str enum": b'"apple"',
    "int enum": b"1",
    "decimal": b"[1.10, 1E+5]",
    "decimal infinite": b"Infinity",
    "decimal nan": b"NaN",
    "decimal beside text": b'{"n": 0.10, "t": "\\"0.10\\""}',
    "float nan": b"[NaN, Infinity, -Infinity]",
    "keys": b'{"2": "a", "2.5": "b", "true": "c", "null": "d", "2": "e"}',
    "non-ascii": '"Łódź 🦆"'.encode(),
    "control": b'"\\u001f\x7f"',
    "bytes inside": b'{"b": "x"}',
    "bytes key": b'{"k": 1}',
    "bytes": b"\x00\xffraw",
    "empty bytes": b"",
}
# What awslambdaric refuses, and this runtime sends.
MORE = {
    "datetime": b'"2026-11-24T12:30:00+00:00"',
    "date and time": b'["2026-11-24", "12:30:00"]',
    "uuid": b'"12345678-1234-5678-1234-567812345678"',
    "enum": b'"red"',
    "dataclass": b'{"number": 7, "total": 9.90, "lines": [{"sku": "x", "count": 2}]}',
    "lone surrogate": b'"\\ud800"',
    "model_dump": b'{"at": "2026-11-24"}',
}
# What neither has a form for: the case, and what the message says after "Unable to marshal
# response: ".
REFUSED = {
    "bytearray": "Object of type bytearray is not JSON serializable",
    "memoryview": "Object of type memoryview is not JSON serializable",
    "bytes inside, no text": "'utf-8' codec can't decode byte 0xff in position 0",
    "set": "Object of type set is not JSON serializable",
    "object": "Object of type object is not JSON serializable",
    "class": "Object of type type is not JSON serializable",
    "circle": "Circular reference detected",
    "huge int": "Exceeds the limit",
    "tuple key": "keys must be str, int, float, bool or None, not tuple",
    "deep": "",
}
RAW = {"bytes", "empty bytes"}


def answers(serve: Any, cases: list[str]) -> dict[str, Answer]:
    found = serve("results.handler", [{"case": case} for case in cases])
    return dict(zip(cases, found, strict=True))


@pytest.fixture(scope="module", params=OURS)
def by_ours(request: pytest.FixtureRequest) -> dict[str, Answer]:
    return answers(OURS[request.param], [*SAME, *MORE, *REFUSED])


@pytest.fixture(scope="module", params=REFERENCE)
def by_reference(request: pytest.FixtureRequest) -> dict[str, Answer]:
    return answers(REFERENCE[request.param], [*SAME, *REFUSED])


@pytest.mark.parametrize("case", [*SAME, *MORE])
def test_ours_serialises(case: str, by_ours: dict[str, Answer]) -> None:
    """35-38, 41-43: the result arrives in this form, with its content type."""
    answer = by_ours[case]
    assert (answer.body, answer.failed) == ({**SAME, **MORE}[case], False)
    if answer.headers:
        expected = "application/unknown" if case in RAW else "application/json"
        assert answer.headers["content-type"] == expected


@pytest.mark.parametrize("case", REFUSED)
def test_ours_refuses(case: str, by_ours: dict[str, Answer]) -> None:
    """39, 40: what has no JSON form is a MarshalError without a stack; the loop goes on."""
    answer = by_ours[case]
    document = answer.json
    assert list(document) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert document["errorType"] == "Runtime.MarshalError"
    assert document["errorMessage"].startswith("Unable to marshal response: ")
    assert REFUSED[case] in document["errorMessage"]
    assert document["stackTrace"] == []
    if answer.headers:
        assert answer.headers["lambda-runtime-function-error-type"] == "Runtime.MarshalError"


@pytest.mark.parametrize("case", SAME)
def test_awslambdaric_serialises_the_same(case: str, by_reference: dict[str, Answer]) -> None:
    """The expectations above are awslambdaric's behaviour, not our memory of it."""
    answer = by_reference[case]
    assert (answer.body, answer.failed) == (SAME[case], False)
    if answer.headers:
        expected = "application/unknown" if case in RAW else "application/json"
        assert answer.headers["content-type"] == expected


@pytest.mark.parametrize("case", REFUSED)
def test_awslambdaric_refuses_the_same(case: str, by_reference: dict[str, Answer]) -> None:
    """awslambdaric gives the same document, but for its spelling of a bad key."""
    document = json.loads(by_reference[case].body)
    assert document["errorType"] == "Runtime.MarshalError"
    assert document["errorMessage"].startswith("Unable to marshal response: ")
    if case != "tuple key":
        assert REFUSED[case] in document["errorMessage"]
    assert document["stackTrace"] == []
