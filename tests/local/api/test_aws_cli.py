"""The AWS CLI is the other judge of the Invoke API.

Each command takes a second of a CPU, and many on a busy machine; what boto3 can tell, it tells in
test_boto3.py.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.serving import Served, python_function, served

SOURCE = """
def handler(event, context):
    print("working")
    return {"got": event}
"""
AWS = Path(sys.executable).with_name("aws")

# In seconds.
PATIENCE = 300

pytestmark = pytest.mark.slow

Aws = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(python_function(tmp_path_factory.mktemp("cli"), SOURCE)) as here:
        yield here


@pytest.fixture(scope="module")
def aws(hello: Served) -> Aws:
    program = str(AWS) if AWS.exists() else shutil.which("aws")
    if program is None:
        pytest.skip("the AWS CLI is not installed")

    def run(operation: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }
        command = [program, "lambda", operation, "--endpoint-url", hello.endpoint, *arguments]
        return subprocess.run(
            command, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE
        )

    return run


def document(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_invoke(aws: Aws, tmp_path: Path) -> None:
    """
    `aws lambda invoke` writes the payload to its file, and shows the log if it is asked.
    """
    out = tmp_path / "out.json"
    raw = ["--cli-binary-format", "raw-in-base64-out"]
    if b"aws-cli/1" in subprocess.run([str(AWS), "--version"], capture_output=True).stdout:
        raw = []
    done = aws(
        "invoke", "--function-name", "hello", "--log-type", "Tail", *raw,
        "--payload", '{"name": "Ada"}', str(out),
    )  # fmt: skip

    told = document(done)
    assert (told["StatusCode"], told["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(out.read_text()) == {"got": {"name": "Ada"}}
    assert "working" in base64.b64decode(told["LogResult"]).decode()


def test_unknown_function(aws: Aws) -> None:
    """
    The CLI says ResourceNotFoundException, with its own exit status for it.
    """
    done = aws("invoke", "--function-name", "nope", os.devnull)
    assert done.returncode not in (0, 2)
    assert "ResourceNotFoundException" in done.stderr


def test_line_of_the_docs(aws: Aws, hello: Served) -> None:
    """
    The command in the guide works as it stands, without an account or a configuration.
    """
    guide = Path(__file__).parents[3] / "docs/guides/local.md"
    (line,) = re.findall(r"^    (AWS_.*? aws lambda invoke .*\\\n.*)$", guide.read_text(), re.M)
    command = line.replace("http://127.0.0.1:9000", hello.endpoint)
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PATH": f"{AWS.parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["sh", "-c", command],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('{"got": {}}')
