"""Each operation of the API, by the AWS CLI and by boto3, on a function that uses no SDK.

Its handler is held until the test lets it go, so that the test can use the token of its invocation.
"""

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

from tests.cli.support import PATIENCE

from .support import Local, eventually, local

HANDLER = """
import json, pathlib, time

def handler(event, context):
    name = event["DurableExecutionArn"].split("/")[-2]
    told = pathlib.Path(name + ".json")
    told.with_suffix(".part").write_text(json.dumps(event))
    told.with_suffix(".part").rename(told)
    while not pathlib.Path(name + ".go").exists():
        time.sleep(0.02)
    return {"Status": "SUCCEEDED", "Result": "7"}
"""
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clients")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Local]:
    (folder / "plain.py").write_text(HANDLER)
    with local(folder, "--durable", "900", "--timeout", "900", file="plain.py") as running:
        yield running


def by_boto3(server: Local) -> Ask:
    def ask(operation: str, **given: Any) -> Any:
        told = getattr(server.client, operation.replace("-", "_"))(**given)
        del told["ResponseMetadata"]
        return told

    return ask


def by_cli(server: Local) -> Ask:
    program = shutil.which("aws", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        pytest.skip("the AWS CLI is not installed")
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
    }

    def ask(operation: str, **given: Any) -> Any:
        command = [program, "lambda", operation, "--endpoint-url", server.base]
        for name, value in given.items():
            option = re.sub("(?<!^)([A-Z])", r"-\1", name).lower()
            text = value.decode() if isinstance(value, bytes) else value
            command += [f"--{option}", text if isinstance(text, str) else json.dumps(text)]
        command += [os.devnull] if operation == "invoke" else []
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if "Found invalid choice" in done.stderr or "argument operation" in done.stderr:
            pytest.skip(f"this AWS CLI does not know {operation}")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "{}")

    return ask


def held(folder: Path, ask: Ask, name: str) -> dict[str, Any]:
    """Start an execution, and return the event of its invocation, which goes on."""
    done = ask(
        "invoke", FunctionName="plain", Qualifier="$LATEST", InvocationType="Event",
        DurableExecutionName=name, Payload=b"{}",
    )  # fmt: skip
    assert done["StatusCode"] == 202
    file = folder / f"{name}.json"
    eventually(file.exists, "the invocation")
    event: dict[str, Any] = json.loads(file.read_text())
    assert event["DurableExecutionArn"] == done["DurableExecutionArn"]
    return event


@pytest.mark.parametrize("client", [by_boto3, pytest.param(by_cli, marks=pytest.mark.slow)])
def test_operations(server: Local, folder: Path, client: Callable[[Local], Ask]) -> None:
    """State, checkpoint, the three of a callback, get, history, list and stop."""
    ask, kind = client(server), client.__name__
    event = held(folder, ask, kind)
    arn, token = event["DurableExecutionArn"], event["CheckpointToken"]

    state = ask("get-durable-execution-state", DurableExecutionArn=arn, CheckpointToken=token)
    assert [each["Type"] for each in state["Operations"]] == ["EXECUTION"]
    ids = {}
    for each in ("ok", "bad"):
        told = ask(
            "checkpoint-durable-execution", DurableExecutionArn=arn, CheckpointToken=token,
            Updates=[{
                "Id": each, "Name": each, "Type": "CALLBACK", "Action": "START",
                "CallbackOptions": {"TimeoutSeconds": 300, "HeartbeatTimeoutSeconds": 200},
            }],
        )  # fmt: skip
        token = told["CheckpointToken"]
        for operation in told["NewExecutionState"]["Operations"]:
            if operation["Id"] == each:
                ids[each] = operation["CallbackDetails"]["CallbackId"]

    heartbeat = "send-durable-execution-callback-heartbeat"
    assert ask(heartbeat, CallbackId=ids["ok"]) == {}
    success = "send-durable-execution-callback-success"
    assert ask(success, CallbackId=ids["ok"], Result=b'"yes"') == {}
    failure = "send-durable-execution-callback-failure"
    error = {"ErrorType": "No", "ErrorMessage": "not today"}
    assert ask(failure, CallbackId=ids["bad"], Error=error) == {}

    (folder / f"{kind}.go").touch()
    eventually(lambda: server.get(arn)["Status"] == "SUCCEEDED", "the end")
    got = ask("get-durable-execution", DurableExecutionArn=arn)
    assert (got["DurableExecutionName"], got["Status"], got["Result"]) == (kind, "SUCCEEDED", "7")
    history = ask("get-durable-execution-history", DurableExecutionArn=arn)
    assert sorted(each["EventType"] for each in history["Events"]) == [
        "CallbackFailed", "CallbackStarted", "CallbackStarted", "CallbackSucceeded",
        "ExecutionStarted", "ExecutionSucceeded", "InvocationCompleted",
    ]  # fmt: skip
    listed = ask(
        "list-durable-executions-by-function", FunctionName="plain",
        DurableExecutionName=kind, Statuses=["SUCCEEDED"],
    )  # fmt: skip
    assert [each["DurableExecutionArn"] for each in listed["DurableExecutions"]] == [arn]

    other = held(folder, ask, f"{kind}-2")["DurableExecutionArn"]
    stopped = ask("stop-durable-execution", DurableExecutionArn=other, Error=error)
    assert "StopTimestamp" in stopped
    assert ask("get-durable-execution", DurableExecutionArn=other)["Status"] == "STOPPED"
    (folder / f"{kind}-2.go").touch()


@pytest.mark.parametrize("client", [by_boto3, pytest.param(by_cli, marks=pytest.mark.slow)])
def test_newer_operations(server: Local, folder: Path, client: Callable[[Local], Ask]) -> None:
    """Pause, resume and delete, which came later to the clients."""
    ask, kind = client(server), f"{client.__name__}-3"
    arn = held(folder, by_boto3(server), kind)["DurableExecutionArn"]
    ask("pause-durable-execution", DurableExecutionArn=arn)
    assert server.get(arn)["Status"] in ("PAUSING", "PAUSED")
    ask("resume-durable-execution", DurableExecutionArn=arn)
    (folder / f"{kind}.go").touch()
    assert server.end_of(arn)["Status"] == "SUCCEEDED"
    ask("delete-durable-execution", DurableExecutionArn=arn)
    with pytest.raises(server.client.exceptions.ResourceNotFoundException):
        server.get(arn)
