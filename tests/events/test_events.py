"""What arrives, and what the handler is given. Numbers are those of behaviour.md."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness import ACCEPTED, SERVING, Run, Step, event, ours, reply, run, served
from tests.harness import awslambdaric as ric
from tests.lanes import Rie

ECHO = "def handler(event, context): return repr(event)\n"


def echoed(directory: Path, *events: bytes) -> list[Any]:
    done = served(ECHO, list(events), directory)
    assert done.status == SERVING, done.stderr
    return [json.loads(post.body) for post in done.posts]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b'\xef\xbb\xbf{"a": 1}', "{'a': 1}", id="17: a byte order mark"),
        pytest.param(b' \r\n\t{"a": 1} \n', "{'a': 1}", id="white space"),
        pytest.param(b"[NaN, Infinity, -Infinity]", "[nan, inf, -inf]", id="19: NaN"),
        pytest.param(b"1e400", "inf", id="20: a huge float"),
        pytest.param(b"1" + b"0" * 30, "1" + "0" * 30, id="20: a huge int"),
        pytest.param(b'{"a": 1, "a": 2}', "{'a': 2}", id="20: the last of equal keys"),
        pytest.param('"Łódź"'.encode(), "'Łódź'", id="UTF-8"),
        pytest.param(b'"\\ud83e\\udd86"', "'🦆'", id="a surrogate pair"),
        pytest.param(b"null", "None", id="null"),
    ],
)
def test_json(body: bytes, expected: str, tmp_path: Path) -> None:
    """17, 19, 20: JSON as the standard library reads it."""
    assert echoed(tmp_path, event(body)) == [expected]


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        pytest.param("application/json", "{'a': 1}", id="21: JSON"),
        pytest.param("application/json; charset=utf-8", "{'a': 1}", id="21: with a parameter"),
        pytest.param("Application/JSON", "{'a': 1}", id="21: in capitals"),
        pytest.param("application/cloudevents+json", "{'a': 1}", id="21: of that family"),
        pytest.param("application/octet-stream", "b'{\"a\": 1}'", id="22: bytes"),
        pytest.param("application/x-www-form-urlencoded", "b'{\"a\": 1}'", id="22: a form"),
        pytest.param(None, "{'a': 1}", id="23: none"),
        pytest.param("", "{'a': 1}", id="23: empty"),
    ],
)
def test_content_type(content_type: str | None, expected: str, tmp_path: Path) -> None:
    """21-23: JSON where it says so or says nothing, else the bytes."""
    assert echoed(tmp_path, event(b'{"a": 1}', content_type=content_type)) == [expected]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"", "Expecting value: line 1 column 1 (char 0)", id="empty"),
        pytest.param(b"{'a': 1}", "Expecting property name enclosed", id="single quotes"),
        pytest.param(b'{"a": 1} x', "Extra data: line 1 column 10 (char 9)", id="extra data"),
        pytest.param(b"nope", "Expecting value: line 1 column 1 (char 0)", id="a word"),
        pytest.param(b'["', "Unterminated string starting at", id="unterminated"),
        pytest.param(
            b'"\xff"', "'utf-8' codec can't decode byte 0xff in position 1", id="no UTF-8"
        ),
        pytest.param(b"[" * 100_000, "recursion", id="nested too deep"),
        pytest.param(b"1" * 5000, "Exceeds the limit", id="an int without end"),
    ],
)
def test_bad_json(body: bytes, message: str, tmp_path: Path) -> None:
    """18: Runtime.UnmarshalError, and the next event is served."""
    done = served(ECHO, [event(body), event(b"7", "id-2")], tmp_path)
    assert done.kinds == ["next", "error", "next", "response", "next"]
    document = json.loads(done.posts[0].body)
    assert document["errorType"] == "Runtime.UnmarshalError"
    assert document["errorMessage"].startswith("Unable to unmarshal input: ")
    assert message in document["errorMessage"]
    assert document["requestId"] == "id-1"
    assert document["stackTrace"] == []
    assert done.status == SERVING


@pytest.mark.parametrize("body", [b"", b"nope", b'["', b'"\xff"'])
def test_bad_json_is_the_same_to_awslambdaric(body: bytes, tmp_path: Path) -> None:
    """18: the same document, to the byte; the record has no line that announces an empty stack."""
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    tmp_path.joinpath("h.py").write_text(ECHO)
    script: list[Step] = [event(body), ACCEPTED]
    first, second = (run(command("h.handler"), script, tmp_path) for command in (ours, ric))
    assert first.posts[0].body == second.posts[0].body
    assert first.stdout == second.stdout.replace("\rTraceback (most recent call last):", "")


def test_rie_passes_bad_json_on(tmp_path: Path) -> None:
    """18: AWS's own emulator hands the caller our document."""
    tmp_path.joinpath("h.py").write_text(ECHO)
    with Rie(ours("h.handler"), tmp_path) as rie:
        assert json.loads(rie.invoke(b"nope"))["errorType"] == "Runtime.UnmarshalError"
        assert json.loads(rie.invoke(b"7")) == "7"


def test_chunked_event(tmp_path: Path) -> None:
    """24: a chunked body, its headers in lower case, its chunks cut anywhere."""
    chunked = (
        b"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: id-1\r\ntransfer-encoding: chunked\r\n"
        b'content-type: application/json\r\n\r\n4;x=y\r\n{"a"\r\n3\r\n: 1\r\n1\r\n}\r\n0\r\n\r\n'
    )
    tmp_path.joinpath("h.py").write_text(ECHO)
    cut: Step = [chunked[i : i + 7] for i in range(0, len(chunked), 7)]
    for step in (chunked, cut):
        done = run(ours("h.handler"), [step, ACCEPTED], tmp_path)
        assert json.loads(done.posts[0].body) == "{'a': 1}"


def test_largest_event(tmp_path: Path) -> None:
    """25: an event of 6 291 556 bytes."""
    body = b'"' + b"x" * (6_291_556 - 2) + b'"'
    source = "def handler(event, context): return len(event)\n"
    done = served(source, [event(body)], tmp_path)
    assert done.posts[0].body == b"6291554"


def bounced(*steps: Step, directory: Path) -> Run:
    directory.joinpath("h.py").write_text(ECHO)
    return run(ours("h.handler"), list(steps), directory)


def test_no_request_id(tmp_path: Path) -> None:
    """30: an event that can't be answered ends the environment with one line."""
    done = bounced(reply("200 OK", b"{}"), directory=tmp_path)
    assert done.status == 1
    assert done.stdout.count("\n") == 1
    assert "without Lambda-Runtime-Aws-Request-Id" in done.stdout
    assert done.stderr == ""
