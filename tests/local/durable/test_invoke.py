"""Invoke starts an execution of a durable function: by boto3, with the real command."""

import json
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from .support import Local, eventually, execution_name, local


def test_waits_for_the_result(server: Local) -> None:
    """A caller gets the result of the whole execution, and its ARN, whose form is AWS's."""
    done = server.call("step_wait_step")
    assert done["Payload"] == ["a", "b"]
    assert done["StatusCode"] == 200
    assert "FunctionError" not in done
    arn = done["DurableExecutionArn"]
    assert arn.startswith("arn:aws:lambda:us-east-1:012345678912:function:flows:$LATEST/durable-")
    assert server.types(arn) == [
        "ExecutionStarted",
        "StepStarted",
        "StepSucceeded",
        "WaitStarted",
        "InvocationCompleted",
        "WaitSucceeded",
        "StepStarted",
        "StepSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]


def test_the_log_tells_it(server: Local) -> None:
    """The log says that it has started, what it waits for, and how it ended."""
    server.call("step_wait_step", name="told")
    server.wait_for(r"execution told started: arn:aws:lambda:")
    server.wait_for(r"execution told waits until [\d:]+ UTC \(pause\)\n")
    server.wait_for(r"execution told SUCCEEDED after [\d.]+ s, 2 invocations\n")


def test_failure(server: Local) -> None:
    """A failed execution is a function error, with type and message."""
    done = server.call("failing")
    assert done["FunctionError"] == "Unhandled"
    assert done["Payload"]["errorType"] == "ValueError"
    assert done["Payload"]["errorMessage"] == "no such order"


def test_event(server: Local) -> None:
    """An asynchronous caller has the ARN at once."""
    arn = server.start("one_step", name="later", n=7)
    assert execution_name(arn) == "later"
    found = server.end_of(arn)
    assert (found["Status"], json.loads(found["Result"])) == ("SUCCEEDED", {"n": 7})


def test_callback(server: Local) -> None:
    """A callback goes to the execution that waits for it."""
    arn = server.start("callback")
    server.client.send_durable_execution_callback_success(
        CallbackId=server.callback(arn), Result=b"approved"
    )
    assert json.loads(server.end_of(arn)["Result"]) == "approved"


@pytest.mark.parametrize("qualifier", ["", "gone"])
def test_qualifier(server: Local, qualifier: str) -> None:
    """AWS refuses a durable function without a qualifier; the message says what to write."""
    path = f"flows:{qualifier}" if qualifier else "flows"
    with pytest.raises(ClientError) as refused:
        server.client.invoke(FunctionName=path, Payload=b"{}")
    error = refused.value.response["Error"]
    if qualifier:
        assert error["Code"] == "ResourceNotFoundException"
    else:
        assert error["Code"] == "InvalidParameterValueException"
        assert error["Message"] == (
            "You cannot invoke a durable function using an unqualified ARN. Here it is "
            "flows:$LATEST"
        )


def test_name_that_is_none(server: Local) -> None:
    """A name has up to 64 letters, digits, - and _."""
    request = urllib.request.Request(
        f"{server.base}/2015-03-31/functions/flows:$LATEST/invocations",
        data=b"{}",
        headers={"X-Amz-Durable-Execution-Name": "a b"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as error:
        assert error.code == 400
        assert "durableExecutionName" in json.load(error)["message"]


def test_dry_run(server: Local) -> None:
    done = server.client.invoke(
        FunctionName="flows", Qualifier="$LATEST", InvocationType="DryRun", Payload=b"{}"
    )
    assert done["StatusCode"] == 204


def test_stream(server: Local) -> None:
    """What streams can't wait for an execution."""
    with pytest.raises(ClientError, match="response streaming"):
        server.client.invoke_with_response_stream(FunctionName="flows", Qualifier="$LATEST")


def test_single_run(server: Local) -> None:
    """With the header of AWS's own engine the handler runs once, with the payload as it is."""
    request = urllib.request.Request(
        f"{server.base}/2015-03-31/functions/flows/invocations",
        data=b'{"flow": "one_step"}',
        headers={"X-Dex-Handler-Invoke": "true"},
    )
    with urllib.request.urlopen(request) as response:
        assert response.headers["X-Amz-Function-Error"] == "Unhandled"
        assert "confirm the durability is set" in response.read().decode()


def test_configuration(server: Local) -> None:
    """Clients are told that the function is durable."""
    found = server.client.get_function_configuration(FunctionName="flows")
    assert found["DurableConfig"] == {"ExecutionTimeout": 900, "RetentionPeriodInDays": 14}


def test_crash(server: Local, tmp_path: Path) -> None:
    """A crashed invocation is told in the history, and tried again after five seconds."""
    notes = tmp_path / "notes"
    done = server.call("crash", notes=str(notes))
    assert done["Payload"] == "survived"
    assert notes.read_text().splitlines() == ["before", "crash"]
    events = server.events(done["DurableExecutionArn"])
    first, second = [e for e in events if e["EventType"] == "InvocationCompleted"]
    error = first["InvocationCompletedDetails"]["Error"]["Payload"]
    assert error["ErrorType"] == "Runtime.ExitError"
    assert "exit status 3" in error["ErrorMessage"]
    assert "Error" not in second["InvocationCompletedDetails"]
    assert first["InvocationCompletedDetails"]["RequestId"]


def test_long_executions_have_no_waiting_caller(tmp_path: Path) -> None:
    """More than 15 minutes: only asynchronously. URLs of the durable function wait, too."""
    with local(tmp_path, "--durable", "901") as server:
        with pytest.raises(ClientError) as refused:
            server.call("one_step")
        assert refused.value.response["Error"]["Message"] == (
            "You cannot synchronously invoke a durable function with an executionTimeout greater "
            "than 15 minutes."
        )
        found = server.end_of(server.start("one_step"))
        assert found["DurableConfig"]["ExecutionTimeout"] == 901


def test_caller_that_hangs_up(server: Local) -> None:
    """The execution goes on without its caller."""
    import socket
    from urllib.parse import urlsplit

    where = urlsplit(server.base)
    body = b'{"flow": "callback"}'
    head = (
        "POST /2015-03-31/functions/flows:$LATEST/invocations HTTP/1.1\r\nHost: localhost\r\n"
        f"X-Amz-Durable-Execution-Name: hung-up\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port)) as connection:
        connection.sendall(head.encode() + body)

        def started() -> str:
            listed = server.client.list_durable_executions_by_function(
                FunctionName="flows", DurableExecutionName="hung-up"
            )["DurableExecutions"]
            return listed[0]["DurableExecutionArn"] if listed else ""

        arn = eventually(started)
    server.client.send_durable_execution_callback_success(CallbackId=server.callback(arn))
    assert server.end_of(arn)["Status"] == "SUCCEEDED"
