"""The durable operations of the Lambda API, each by boto3."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .support import Local, eventually


def refusal(work: Callable[..., Any], **parameters: Any) -> tuple[str, int, str]:
    """Return the code, the status and the message of the error that a call ends with."""
    with pytest.raises(ClientError) as refused:
        work(**parameters)
    response = refused.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


class TestNames:
    """A name is taken once for each function."""

    def test_same_input(self, server: Local) -> None:
        """The same name with the same input is the same execution, running or closed."""
        first = server.call("one_step", name="same")
        second = server.call("one_step", name="same")
        assert first["DurableExecutionArn"] == second["DurableExecutionArn"]
        assert second["Payload"] == {"n": 1}
        assert server.start("one_step", name="same") == first["DurableExecutionArn"]

    def test_other_input(self, server: Local) -> None:
        """The same name with another input is refused."""
        server.call("one_step", name="taken")
        with pytest.raises(server.client.exceptions.DurableExecutionAlreadyStartedException) as no:
            server.call("one_step", name="taken", n=2)
        assert no.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
        assert "/durable-execution/taken/" in no.value.response["Error"]["Message"]

    def test_two_at_once(self, server: Local) -> None:
        """Of starts with one name at the same time there is one execution."""
        with ThreadPoolExecutor(8) as threads:
            arns = {*threads.map(lambda _: server.start("one_step", name="race"), range(8))}
        assert len(arns) == 1
        assert server.end_of(arns.pop())["Status"] == "SUCCEEDED"

    def test_callers_attach(self, server: Local) -> None:
        """A caller with the name of an execution that runs gets its result."""
        arn = server.start("callback", name="attached")
        with ThreadPoolExecutor(2) as threads:
            callers = [threads.submit(server.call, "callback", name="attached") for _ in range(2)]
            callback = server.callback(arn)
            time.sleep(0.2)
            server.client.send_durable_execution_callback_success(
                CallbackId=callback, Result=b"yes"
            )
            assert [caller.result()["Payload"] for caller in callers] == ["yes", "yes"]

    def test_without_a_name(self, server: Local) -> None:
        """Without a name each is a new execution."""
        one, other = server.call("one_step"), server.call("one_step")
        assert one["DurableExecutionArn"] != other["DurableExecutionArn"]


class TestGet:
    def test_succeeded(self, server: Local) -> None:
        done = server.call("one_step", name="got", n=3)
        found = server.get(done["DurableExecutionArn"])
        assert found["DurableExecutionName"] == "got"
        assert found["FunctionArn"].endswith(":function:flows:$LATEST")
        assert found["Version"] == "$LATEST"
        assert json.loads(found["InputPayload"]) == {"flow": "one_step", "n": 3}
        assert json.loads(found["Result"]) == {"n": 3}
        assert found["StartTimestamp"] <= found["EndTimestamp"] <= datetime.now(UTC)
        assert found["DurableConfig"] == {"ExecutionTimeout": 900, "RetentionPeriodInDays": 14}
        assert found["ExecutionDataIncluded"]
        assert "ExpectedExecutionTimeoutTimestamp" not in found

    def test_without_data(self, server: Local) -> None:
        done = server.call("one_step")
        found = server.client.get_durable_execution(
            DurableExecutionArn=done["DurableExecutionArn"], IncludeExecutionData=False
        )
        assert not {"InputPayload", "Result", "Error"} & found.keys()
        assert not found["ExecutionDataIncluded"]

    def test_failed(self, server: Local) -> None:
        found = server.get(server.call("failing")["DurableExecutionArn"])
        assert found["Status"] == "FAILED"
        assert found["Error"] == {"ErrorType": "ValueError", "ErrorMessage": "no such order"}
        assert "Result" not in found

    def test_running(self, server: Local) -> None:
        arn = server.start("callback")
        server.callback(arn)
        found = server.get(arn)
        left = found["ExpectedExecutionTimeoutTimestamp"] - found["StartTimestamp"]
        assert (found["Status"], left) == ("RUNNING", timedelta(seconds=900))
        assert "EndTimestamp" not in found

    def test_unknown(self, server: Local) -> None:
        arn = server.call("one_step")["DurableExecutionArn"]
        code, status, message = refusal(server.get, arn=arn[:-1] + "x")
        assert (code, status) == ("ResourceNotFoundException", 404)
        assert message == "Durable Execution does not exist"


@pytest.fixture(scope="module")
def arns(server: Local) -> list[str]:
    """Executions in the order of their starts: succeeded, failed, running."""
    arns = [server.call("one_step", name="list-1")["DurableExecutionArn"]]
    arns.append(server.call("failing", name="list-2")["DurableExecutionArn"])
    arns.append(server.start("callback", name="list-3"))
    server.callback(arns[2])
    return arns


class TestList:
    def ask(self, server: Local, **options: Any) -> list[str]:
        found = server.client.list_durable_executions_by_function(FunctionName="flows", **options)
        names = (each["DurableExecutionName"] for each in found["DurableExecutions"])
        return [name for name in names if name.startswith("list-")]

    def test_order(self, server: Local, arns: list[str]) -> None:
        """The newest come first, unless it is asked for otherwise."""
        options = {"MaxItems": 1000}
        assert self.ask(server, **options) == ["list-3", "list-2", "list-1"]
        assert self.ask(server, ReverseOrder=True, **options) == ["list-1", "list-2", "list-3"]

    @pytest.mark.parametrize(
        ("statuses", "expected"),
        [
            (["SUCCEEDED"], ["list-1"]),
            (["FAILED", "RUNNING"], ["list-3", "list-2"]),
            (["PAUSED", "DELETING"], []),
        ],
    )
    def test_statuses(
        self, server: Local, arns: list[str], statuses: list[Any], expected: list[str]
    ) -> None:
        assert self.ask(server, Statuses=statuses, MaxItems=1000) == expected

    def test_filters(self, server: Local, arns: list[str]) -> None:
        """By name, by time, by qualifier."""
        assert self.ask(server, DurableExecutionName="list-2") == ["list-2"]
        begun = server.get(arns[1])["StartTimestamp"]
        assert self.ask(server, StartedAfter=begun, MaxItems=1000) == ["list-3", "list-2"]
        before = self.ask(server, StartedBefore=begun - timedelta(milliseconds=1), MaxItems=1000)
        assert before == ["list-1"]
        assert self.ask(server, Qualifier="$LATEST", MaxItems=1000)[0] == "list-3"

    def test_pages(self, server: Local, arns: list[str]) -> None:
        pages = server.client.get_paginator("list_durable_executions_by_function").paginate(
            FunctionName="flows", PaginationConfig={"PageSize": 1}
        )
        listed = [page["DurableExecutions"] for page in pages]
        assert {len(page) for page in listed} == {1}
        names = [page[0]["DurableExecutionName"] for page in listed]
        assert len(names) == len({*names})
        assert {"list-1", "list-2", "list-3"} <= {*names}

    def test_summary(self, server: Local, arns: list[str]) -> None:
        (found,) = server.client.list_durable_executions_by_function(
            FunctionName="arn:aws:lambda:us-east-1:012345678912:function:flows",
            DurableExecutionName="list-1",
        )["DurableExecutions"]
        assert found["DurableExecutionArn"] == arns[0]
        assert found["FunctionArn"].endswith(":flows:$LATEST")
        assert found["Status"] == "SUCCEEDED"
        assert found["EndTimestamp"] >= found["StartTimestamp"]

    @pytest.mark.parametrize(
        ("options", "code"),
        [
            ({"FunctionName": "gone"}, "ResourceNotFoundException"),
            ({"Qualifier": "7"}, "ResourceNotFoundException"),
            ({"Statuses": ["BUSY"]}, "InvalidParameterValueException"),
            ({"Marker": "x"}, "InvalidParameterValueException"),
            ({"DurableExecutionName": "a b"}, "InvalidParameterValueException"),
        ],
    )
    def test_refused(self, server: Local, options: Any, code: str) -> None:
        ask = server.client.list_durable_executions_by_function
        assert refusal(ask, **{"FunctionName": "flows", **options})[0] == code


class TestHistory:
    def test_pages(self, server: Local) -> None:
        """Pages have all events once, in either order."""
        arn = server.call("many_steps", count=5)["DurableExecutionArn"]
        ask = server.client.get_paginator("get_durable_execution_history").paginate
        whole = server.events(arn)
        assert [event["EventId"] for event in whole] == [*range(1, len(whole) + 1)]
        small = [
            event
            for page in ask(
                DurableExecutionArn=arn,
                IncludeExecutionData=True,
                PaginationConfig={"PageSize": 3},
            )
            for event in page["Events"]
        ]
        assert small == whole
        back = [e for p in ask(DurableExecutionArn=arn, ReverseOrder=True) for e in p["Events"]]
        assert [event["EventId"] for event in back] == [*range(len(whole), 0, -1)]

    def test_without_data(self, server: Local) -> None:
        """Without the data payloads are left out, and marked as left out."""
        arn = server.call("one_step")["DurableExecutionArn"]
        events = server.client.get_durable_execution_history(DurableExecutionArn=arn)["Events"]
        started = next(e for e in events if e["EventType"] == "ExecutionStarted")
        assert started["ExecutionStartedDetails"]["Input"] == {"Truncated": True}
        done = next(e for e in events if e["EventType"] == "StepSucceeded")
        assert done["StepSucceededDetails"]["Result"] == {"Truncated": True}

    def test_attempts(self, server: Local, tmp_path: Path) -> None:
        """Each attempt of a step is told, with the delay before the next."""
        done = server.call("retried", notes=str(tmp_path / "notes"))
        assert done["Payload"] == "at last"
        events = server.events(done["DurableExecutionArn"])
        (failed,) = [e for e in events if e["EventType"] == "StepFailed"]
        details = failed["StepFailedDetails"]
        assert details["Error"]["Payload"]["ErrorMessage"] == "not yet"
        assert details["RetryDetails"] == {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 1}
        (succeeded,) = [e for e in events if e["EventType"] == "StepSucceeded"]
        details = succeeded["StepSucceededDetails"]
        assert details["Result"] == {"Payload": '"at last"', "Truncated": False}
        assert details["RetryDetails"] == {"CurrentAttempt": 2}

    def test_polls(self, server: Local) -> None:
        """What each poll of a condition has found is told."""
        done = server.call("wait_for_condition", until=2)
        assert done["Payload"] == 2
        events = server.events(done["DurableExecutionArn"])
        polls = [
            e["StepSucceededDetails"]["Result"]["Payload"]
            for e in events
            if e["EventType"] == "StepSucceeded"
        ]
        assert polls == ["1", "2"]

    def test_callback(self, server: Local) -> None:
        """The limits of a callback are told."""
        arn = server.start("callback", timeout=60, heartbeat=30)
        details = server.has(arn, "CallbackStarted")["CallbackStartedDetails"]
        assert (details["Timeout"], details["HeartbeatTimeout"]) == (60, 30)

    def test_invocations(self, server: Local) -> None:
        """An invocation has its times and its request id, which is that of the log."""
        arn = server.call("one_step")["DurableExecutionArn"]
        details = server.has(arn, "InvocationCompleted")["InvocationCompletedDetails"]
        assert details["StartTimestamp"] < details["EndTimestamp"]
        assert f"START RequestId: {details['RequestId']}" in server.log


class TestStopAndDelete:
    def test_stop(self, server: Local) -> None:
        """A stopped execution has the error that was given, and ends at once."""
        arn = server.start("callback")
        server.callback(arn)
        stopped = server.client.stop_durable_execution(
            DurableExecutionArn=arn, Error={"ErrorType": "Cancelled", "ErrorMessage": "no more"}
        )
        found = server.get(arn)
        assert found["Status"] == "STOPPED"
        assert found["Error"] == {"ErrorType": "Cancelled", "ErrorMessage": "no more"}
        assert found["EndTimestamp"] == stopped["StopTimestamp"]
        assert server.types(arn)[-1] == "ExecutionStopped"
        # A second time nothing changes.
        again = server.client.stop_durable_execution(DurableExecutionArn=arn)
        assert again["StopTimestamp"] == stopped["StopTimestamp"]

    def test_stop_with_a_caller(self, server: Local) -> None:
        """Who waits for a stopped execution is told of it as a function error."""
        with ThreadPoolExecutor(1) as threads:
            caller = threads.submit(server.call, "callback", name="stopped")
            arn = eventually(lambda: self.find(server, "stopped"))
            server.callback(arn)
            server.client.stop_durable_execution(DurableExecutionArn=arn)
            done = caller.result()
        assert done["FunctionError"] == "Unhandled"
        assert done["Payload"]["errorMessage"] == "Execution stopped by user request"

    def test_delete(self, server: Local) -> None:
        """An execution that has ended can be deleted, and its name is free again."""
        arn = server.call("one_step", name="deleted")["DurableExecutionArn"]
        done = server.client.delete_durable_execution(DurableExecutionArn=arn)
        assert done["ResponseMetadata"]["HTTPStatusCode"] == 202
        assert done["DeletionRequestTimestamp"]
        assert refusal(server.get, arn=arn)[0] == "ResourceNotFoundException"
        assert server.call("one_step", name="deleted", n=2)["Payload"] == {"n": 2}

    def test_delete_while_it_runs(self, server: Local) -> None:
        arn = server.start("callback")
        code, status, _ = refusal(server.client.delete_durable_execution, DurableExecutionArn=arn)
        assert (code, status) == ("ResourceConflictException", 409)

    def find(self, server: Local, name: str) -> str:
        found = server.client.list_durable_executions_by_function(
            FunctionName="flows", DurableExecutionName=name
        )["DurableExecutions"]
        return found[0]["DurableExecutionArn"] if found else ""


class TestPause:
    def test_while_it_waits(self, server: Local) -> None:
        """A paused execution is not invoked though its wait is over, until it is resumed."""
        arn = server.start("step_wait_step")
        server.has(arn, "InvocationCompleted")
        done = server.client.pause_durable_execution(DurableExecutionArn=arn, Reason="lunch")
        assert done["ResponseMetadata"]["HTTPStatusCode"] == 202
        found = server.get(arn)
        assert found["Status"] == "PAUSED"
        assert found["PauseDetails"]["Reason"] == "lunch"
        assert found["PauseDetails"]["ExecutionTimeoutPaused"]
        requested = found["PauseDetails"]["PauseRequestTimestamp"]
        assert found["StartTimestamp"] <= requested <= datetime.now(UTC)
        server.has(arn, "WaitSucceeded")
        time.sleep(0.3)
        assert server.types(arn).count("InvocationCompleted") == 1
        before = found["ExpectedExecutionTimeoutTimestamp"]
        assert server.get(arn)["ExpectedExecutionTimeoutTimestamp"] > before
        server.client.resume_durable_execution(DurableExecutionArn=arn, Reason="back")
        assert server.end_of(arn)["Status"] == "SUCCEEDED"
        events = {event["EventType"]: event for event in server.events(arn)}
        details = events["ExecutionPaused"]["ExecutionPausedDetails"]
        assert details["Reason"]["Payload"] == "lunch"
        details = events["ExecutionResumed"]["ExecutionResumedDetails"]
        assert details["Reason"]["Payload"] == "back"

    def test_while_it_works(self, server: Local, tmp_path: Path) -> None:
        """A pause takes effect when the function next tells a step; the step is not run again."""
        notes, go = tmp_path / "notes", tmp_path / "go"
        arn = server.start("slow_step", notes=str(notes), go=str(go))
        eventually(notes.exists)
        server.client.pause_durable_execution(DurableExecutionArn=arn)
        assert server.get(arn)["Status"] == "PAUSING"
        go.touch()
        eventually(lambda: server.get(arn)["Status"] == "PAUSED")
        assert "ExecutionPaused" in server.types(arn)
        server.client.resume_durable_execution(DurableExecutionArn=arn)
        assert json.loads(server.end_of(arn)["Result"]) == ["done", "after"]
        assert notes.read_text() == "begun\n"

    def test_conflicts(self, server: Local) -> None:
        """What is paused can't be paused, and what is not can't be resumed, but by the token."""
        client = server.client
        arn = server.start("callback")
        server.has(arn, "InvocationCompleted")
        resume, pause = client.resume_durable_execution, client.pause_durable_execution
        conflict = ("ResourceConflictException", 409)
        assert refusal(resume, DurableExecutionArn=arn)[:2] == conflict
        pause(DurableExecutionArn=arn, ClientToken="once")
        pause(DurableExecutionArn=arn, ClientToken="once")
        assert refusal(pause, DurableExecutionArn=arn)[:2] == conflict
        resume(DurableExecutionArn=arn, ClientToken="twice")
        resume(DurableExecutionArn=arn, ClientToken="twice")
        assert server.types(arn).count("ExecutionPaused") == 1
        client.stop_durable_execution(DurableExecutionArn=arn)
        assert refusal(pause, DurableExecutionArn=arn)[:2] == conflict
        assert refusal(resume, DurableExecutionArn=arn)[:2] == conflict


class TestCallbacks:
    def test_failure(self, server: Local) -> None:
        arn = server.start("callback")
        server.client.send_durable_execution_callback_failure(
            CallbackId=server.callback(arn),
            Error={"ErrorType": "Rejected", "ErrorMessage": "too dear", "ErrorData": "42"},
        )
        found = server.end_of(arn)
        assert found["Status"] == "FAILED"
        assert found["Error"]["ErrorMessage"] == "too dear"

    def test_closed(self, server: Local) -> None:
        """A callback that is closed, or whose execution is, is told as one that has expired."""
        arn = server.start("callback")
        callback = server.callback(arn)
        send = server.client.send_durable_execution_callback_success
        send(CallbackId=callback)
        assert server.end_of(arn)["Status"] == "SUCCEEDED"
        for work in (send, server.client.send_durable_execution_callback_heartbeat):
            code, status, _ = refusal(work, CallbackId=callback)
            assert (code, status) == ("CallbackTimeoutException", 400)
        arn = server.start("callback")
        callback = server.callback(arn)
        server.client.stop_durable_execution(DurableExecutionArn=arn)
        assert refusal(send, CallbackId=callback)[0] == "CallbackTimeoutException"

    def test_unknown(self, server: Local) -> None:
        send = server.client.send_durable_execution_callback_success
        assert refusal(send, CallbackId="eHh4")[0] == "InvalidParameterValueException"
        callback = server.callback(server.start("callback"))
        assert refusal(send, CallbackId=callback, Result=b"\xff")[0] == (
            "InvalidParameterValueException"
        )

    def test_timeout(self, server: Local) -> None:
        """A callback that nobody sends ends with its time limit."""
        done = server.call("callback_caught", timeout=1)
        assert "timed out" in done["Payload"]
        assert "CallbackTimedOut" in server.types(done["DurableExecutionArn"])

    def test_heartbeat(self, server: Local) -> None:
        """Heartbeats keep a callback; without them it ends."""
        arn = server.start("callback_caught", heartbeat=2)
        callback = server.callback(arn)
        for _ in range(3):
            time.sleep(1)
            server.client.send_durable_execution_callback_heartbeat(CallbackId=callback)
        assert server.get(arn)["Status"] == "RUNNING"
        assert "heartbeat" in json.loads(server.end_of(arn)["Result"])

    def test_large(self, server: Local) -> None:
        """An event of 5 MB goes through, and a step of what AWS allows one."""
        done = server.call("large", data="x" * 5_000_000)
        assert done["Payload"] == [5_000_000, 250_000]


def test_state_and_checkpoint_have_a_token(server: Local) -> None:
    """What only a function may ask takes its token."""
    arn = server.start("callback")
    server.has(arn, "InvocationCompleted")
    ask = server.client.get_durable_execution_state
    assert refusal(ask, DurableExecutionArn=arn, CheckpointToken="eHh4")[2] == (
        "Invalid checkpoint token"
    )
    tell = server.client.checkpoint_durable_execution
    assert refusal(tell, DurableExecutionArn=arn, CheckpointToken="eHh4")[2] == (
        "Invalid checkpoint token"
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "nothing", b"", 404, "Unknown path /2025-12-01/nothing"),
        ("PUT", "durable-executions/x", b"", 405, "Cannot PUT"),
        ("POST", "durable-executions/x/pause", b"[", 400, "Could not parse"),
        ("POST", "durable-executions/x/pause", b"[]", 400, "has to be an object"),
        ("POST", "durable-executions/x/checkpoint", b"{}", 400, "CheckpointToken is required"),
        (
            "POST", "durable-executions/x/checkpoint",
            b'{"CheckpointToken": "x", "Updates": [{}]}', 400, "Invalid updates",
        ),
        ("GET", "durable-executions/x/history?MaxItems=9999", b"", 400, "MaxItems is 9999"),
        ("GET", "functions/flows/durable-executions?StartedAfter=x", b"", 400, "ISO 8601"),
    ],
)  # fmt: skip
def test_bad_requests(
    server: Local, method: str, path: str, body: bytes, status: int, words: str
) -> None:
    """What no client would send is told in words."""
    url = f"{server.base}/2025-12-01/{path}"
    asked = urllib.request.Request(url, data=body or None, method=method)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    with refused.value as error:
        assert error.code == status
        assert words in error.read().decode()


def test_foreign_pages_can_not_read_it(server: Local) -> None:
    """A web page of another host is refused, as on the rest of the port."""
    asked = urllib.request.Request(
        f"{server.base}/2025-12-01/functions/flows/durable-executions",
        headers={"Origin": "https://evil.example"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    with refused.value as error:
        assert error.code == 403
