"""AWS's SDK for JavaScript is another judge: what it reads from the answers is in js_sdk.cjs."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.harness import TESTS, environment
from tests.local.serving import python_function, served

SDK = TESTS.parent / ".cache" / "js-sdk"
PROGRAM = Path(__file__).with_name("js_sdk.cjs")
SOURCE = """
def handler(event, context):
    if "fail" in event:
        raise ValueError(event["fail"])
    return pieces() if "stream" in event else event

def pieces():
    yield "one "
    yield "two"
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        not SDK.exists(), reason="the SDK for JavaScript is not there: make .cache/js-sdk"
    ),
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the SDK has seen."""
    function = python_function(tmp_path_factory.mktemp("js"), SOURCE, aliases=["live"])
    with served(function) as here:
        done = subprocess.run(
            ["node", str(PROGRAM), str(SDK), here.endpoint],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_invoke(seen: Any) -> None:
    """
    Answers, failures, logs and the other kinds of invocation are read as those of AWS.
    """
    log = seen["invoke"].pop("log")
    assert seen["invoke"] == {
        "payload": '{"a": "ü"}',
        "status": 200,
        "version": "$LATEST",
        "error": None,
    }
    assert log.startswith("START RequestId: ")
    assert "\nREPORT RequestId: " in log
    assert seen["failed"]["error"] == "Unhandled"
    assert json.loads(seen["failed"]["payload"])["errorMessage"] == "as asked"
    assert seen["event"] == {"status": 202, "version": None}
    assert seen["dry"] == 204


def test_stream(seen: Any) -> None:
    """
    A stream is read piece by piece, to its end.
    """
    assert "".join(seen["stream"]) == "one two"
    assert seen["complete"] is None


def test_functions(seen: Any) -> None:
    """
    Waiters end, and what there is to read has an id.
    """
    assert seen["waited"] == ["SUCCESS", "SUCCESS", "SUCCESS"]
    arn = "arn:aws:lambda:us-east-1:012345678912:function:hello"
    assert seen["read"] == {"id": True, "arn": arn}
    assert seen["alias"] == f"{arn}:live"


def test_errors(seen: Any) -> None:
    """
    Errors have the names that programs catch, and an id.
    """
    for case in ("unknown", "qualifier"):
        error = seen[case]
        assert (error["name"], error["status"]) == ("ResourceNotFoundException", 404)
        assert error["message"].startswith("Function not found: arn:aws:lambda:us-east-1:")
        assert error["id"]
    assert (seen["malformed"]["name"], seen["malformed"]["status"]) == (
        "InvalidRequestContentException",
        400,
    )
