"""`lambda-runtime executions` and `callback`, in the local Lambda and, by AWS's model, in AWS."""

import json
import re
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import boto3
import pytest
from botocore.validate import validate_parameters

from amazon_lambda_runtime.cli.deploy.project_options import load
from amazon_lambda_runtime.cli.durable import places
from tests.cli.support import run_here
from tests.harness import free_port

from .support import Local


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shell")


def command(server: Local, folder: Path, *words: str) -> "CompletedProcess[str]":
    return run_here(folder, *words, "--local", server.base.rpartition(":")[2])


def test_list(server: Local, folder: Path) -> None:
    """Executions are listed with their status, and may be chosen by it."""
    server.call("one_step", name="l-1")
    server.call("failing", name="l-2")
    done = command(server, folder, "executions", "list")
    lines = [line for line in done.stdout.splitlines() if line.endswith(("l-1", "l-2"))]
    assert re.fullmatch(r"FAILED     [\d-]{10} [\d:]{8} +[\d.]+ s  flows  l-2", lines[0])
    assert re.fullmatch(r"SUCCEEDED  [\d-]{10} [\d:]{8} +[\d.]+ s  flows  l-1", lines[1])
    done = command(server, folder, "executions", "list", "--status", "FAILED", "--json")
    (found,) = json.loads(done.stdout)
    assert found["DurableExecutionName"] == "l-2"


def test_show(server: Local, folder: Path) -> None:
    """One execution is shown by its name: what happened when, with payloads."""
    server.call("step_wait_step", name="shown")
    done = command(server, folder, "executions", "show", "shown")
    assert "/durable-execution/shown/" in done.stdout
    assert re.search(r"^SUCCEEDED  [\d.]+ s  1 replays$", done.stdout, re.M)
    assert re.search(r'^input   \{"flow": "step_wait_step"\}$', done.stdout, re.M)
    assert re.search(r'^result  \["a", "b"\]$', done.stdout, re.M)
    assert re.search(r'^ +\+\d\.\d{3} s  StepSucceeded +first  "a"$', done.stdout, re.M)
    assert re.search(r"^ +\+\d\.\d{3} s  WaitStarted +pause  1 s$", done.stdout, re.M)
    document = json.loads(command(server, folder, "executions", "show", "shown", "--json").stdout)
    assert document["Status"] == "SUCCEEDED"
    assert document["Events"][0]["EventType"] == "ExecutionStarted"


def test_every_status(server: Local, folder: Path) -> None:
    """Each status that an execution may have can be asked for."""
    every = ("RUNNING", "PAUSING", "PAUSED", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED")
    chosen = [word for status in every for word in ("--status", status)]
    done = command(server, folder, "executions", "list", *chosen)
    assert done.returncode == 0, done.stderr


def test_show_of_a_failure(server: Local, folder: Path) -> None:
    """What has failed is shown with its error in place of a result."""
    server.call("failing", name="shown-failed")
    shown = command(server, folder, "executions", "show", "shown-failed").stdout
    assert re.search(r"^FAILED  [\d.]+ s", shown, re.M)
    assert re.search(r"^error +\w+: \S", shown, re.M)
    assert not re.search(r"^result ", shown, re.M)


def test_stop_pause_and_resume(server: Local, folder: Path) -> None:
    arn = server.start("callback", name="s-1")
    server.has(arn, "InvocationCompleted")
    paused = command(server, folder, "executions", "pause", "s-1")
    assert (paused.returncode, paused.stdout) == (0, "s-1: PAUSED\n")
    assert server.get(arn)["Status"] == "PAUSED"
    resumed = command(server, folder, "executions", "resume", arn)
    assert (resumed.returncode, resumed.stdout) == (0, "s-1: RUNNING\n")
    assert server.get(arn)["Status"] == "RUNNING"
    done = command(server, folder, "executions", "stop", "s-1", "--reason", "sold out")
    assert (done.returncode, done.stdout) == (0, "s-1: STOPPED\n")
    assert server.get(arn)["Error"] == {"ErrorType": "Stopped", "ErrorMessage": "sold out"}


def test_callback(server: Local, folder: Path) -> None:
    """A callback is answered by its name, or by its id where several have the name."""
    arn = server.start("callback")
    callback = server.callback(arn)
    assert command(server, folder, "callback", "approval", "heartbeat").returncode == 0
    other = server.start("callback")
    second = server.callback(other)
    done = command(server, folder, "callback", "approval", "succeed", "-d", '{"ok": 1}')
    assert done.returncode == 2
    assert "2 callbacks are named 'approval': say which" in done.stderr
    assert callback in done.stderr
    words = ("callback", callback, "succeed", "-d", '{"ok": 1}')
    assert command(server, folder, *words).returncode == 0
    assert json.loads(json.loads(server.end_of(arn)["Result"])) == {"ok": 1}
    done = command(server, folder, "callback", "approval", "fail", "-d", '"too dear"')
    assert done.returncode == 0, done.stderr
    assert server.end_of(other)["Error"]["ErrorMessage"] == "too dear"
    assert second != callback


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("executions", "show", "gone"), "there is no execution 'gone'"),
        (("executions", "list", "--function", "gone"), "there is no durable function 'gone'"),
        (("callback", "gone", "succeed"), "no execution waits for a callback 'gone'"),
        (("callback", "x", "succeed", "-d", "{"), "-d is not JSON"),
        (("callback", "x", "heartbeat", "-d", "1"), "a heartbeat takes no data"),
        (("callback", "e" * 80, "succeed"), "Invalid callback id"),
        (("executions", "stop", "arn/durable-execution/x/y"), "Durable Execution does not exist"),
    ],
)
def test_refused(server: Local, folder: Path, words: tuple[str, ...], reason: str) -> None:
    done = command(server, folder, *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert reason in done.stderr


def test_nothing_there(folder: Path) -> None:
    """Where no local Lambda answers, that is said, with the reason."""
    port = free_port()
    done = run_here(folder, "executions", "list", "--local", str(port))
    assert done.returncode == 2
    assert f"answers at http://127.0.0.1:{port} ([Errno " in done.stderr
    assert "is `lambda-runtime local` running" in done.stderr


class FakeAws:
    """Answers as AWS would, to what AWS's own model accepts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        client = boto3.client("lambda", region_name="us-east-1", aws_access_key_id="x",
                              aws_secret_access_key="x")  # fmt: skip
        self._names = {value: key for key, value in client.meta.method_to_api_mapping.items()}
        self._names = {value: key for key, value in self._names.items()}
        self._model = client.meta.service_model

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        assert service == "lambda"
        shape = self._model.operation_model(self._names[operation]).input_shape
        validate_parameters(parameters, shape)
        self.asked.append(operation)
        arn = "arn:aws:lambda:us-east-1:012345678912:function:orders:3/durable-execution/o-7/x"
        if operation == "list_durable_executions_by_function":
            one = {
                "DurableExecutionArn": arn,
                "DurableExecutionName": "o-7",
                "Status": "RUNNING",
                "StartTimestamp": places.time_of(1_790_000_000),
            }
            return {"DurableExecutions": [one] if parameters["FunctionName"] == "orders" else []}
        if operation == "get_durable_execution_history":
            started = {
                "EventType": "CallbackStarted",
                "Id": "1",
                "Name": "approval",
                "CallbackStartedDetails": {"CallbackId": "YWJj" * 30},
            }
            return {"Events": [started]}
        if operation == "get_durable_execution":
            return {"DurableExecutionName": "o-7", "Status": "STOPPED"}
        return {}


def test_in_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --local it is the project's functions in AWS that are asked."""
    (tmp_path / "pyproject.toml").write_text(
        "[tool.lambda-runtime.functions.orders]\ndurable = true\n"
        "[tool.lambda-runtime.functions.plain]\n"
    )
    aws = FakeAws()
    monkeypatch.setattr(
        "amazon_lambda_runtime.cli.durable.places.load",
        lambda folder, **flags: (load(folder, **flags)[0], aws),
    )
    done = run_here(tmp_path, "executions", "list", AWS_REGION="us-east-1")
    assert re.fullmatch(r"RUNNING    [\d-]{10} [\d:]{8} +…  orders  o-7\n", done.stdout), done
    for words in (
        ("executions", "stop", "o-7"),
        ("callback", "approval", "succeed", "-d", "1"),
        ("callback", "approval", "fail", "-d", '{"ErrorMessage": "no"}'),
        ("callback", "approval", "heartbeat"),
    ):
        assert run_here(tmp_path, *words, AWS_REGION="us-east-1").returncode == 0
    assert [name for name in aws.asked if not name.startswith(("list", "get"))] == [
        "stop_durable_execution",
        "send_durable_execution_callback_success",
        "send_durable_execution_callback_failure",
        "send_durable_execution_callback_heartbeat",
    ]
