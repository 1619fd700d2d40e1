"""The Invoke API, over its socket."""

import asyncio
import base64
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.server import LocalLambda

from .support import RUNTIMES, Recorder, Reply, obedient, request, respond, run, until

PATH = "/2015-03-31/functions/{}/invocations"
ARN = "arn:aws:lambda:us-east-1:012345678912:function:hello"

Test = Callable[[LocalLambda, int], Awaitable[Any]]


def serving(test: Test, log: Recorder | None = None) -> Any:
    """Run the test against a server with the function `hello`."""

    async def whole() -> Any:
        function = obedient(aliases=["live"])
        async with LocalLambda(function, log=Recorder() if log is None else log) as service:
            return await test(service, await service.listen())

    return run(whole())


def ask(
    body: bytes = b"[]",
    headers: dict[str, str] | None = None,
    name: str = "hello",
    method: str = "POST",
) -> Reply:
    """Send one request to a new server, and return the answer."""

    async def test(_: LocalLambda, port: int) -> Reply:
        return await request(port, method, PATH.format(name), body, headers)

    reply: Reply = serving(test)
    return reply


def steps(*steps: list[Any]) -> bytes:
    return json.dumps(steps).encode()


def test_invoke() -> None:
    """
    An invocation is answered with the function's payload, and what SDKs look for.
    """
    reply = ask(steps(respond('{"a": 1}')))

    assert (reply.status, reply.body) == (200, b'{"a": 1}')
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-amz-executed-version"] == "$LATEST"
    assert len(reply.headers["x-amzn-requestid"]) == 36
    assert "x-amz-function-error" not in reply.headers
    assert "x-amz-log-result" not in reply.headers


@pytest.mark.parametrize(
    "name",
    [
        "function",
        "hello:$LATEST",
        "hello:live",
        "012345678912:function:hello",
        ARN,
        quote(ARN, safe=""),
        quote(ARN + ":live", safe=""),
    ],
)
def test_names_of_the_function(name: str) -> None:
    """
    A function is known by its name and by its ARN, also with an alias, and by what AWS's emulator
    calls it.
    """
    assert ask(steps(respond()), name=name).status == 200


@pytest.mark.parametrize("name", ["other", "hello.py", quote(ARN, safe="") + "s"])
def test_unknown_function(name: str) -> None:
    """
    A function that is not there is the error that SDKs raise as ResourceNotFoundException.
    """
    reply = ask(name=name)

    assert reply.status == 404
    assert reply.headers["x-amzn-errortype"] == "ResourceNotFoundException"
    document = json.loads(reply.body)
    assert document["Type"] == "User"
    assert document["Message"].startswith("Function not found: arn:aws:lambda:us-east-1:0123")


def test_function_error() -> None:
    """
    An error of the function is a success of the API, with a header that says whose error.
    """
    reply = ask(steps(["POST", "/invocation/{id}/error", '{"errorType": "X"}']))

    assert (reply.status, reply.body) == (200, b'{"errorType": "X"}')
    assert reply.headers["x-amz-function-error"] == "Unhandled"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_empty_payload(tmp_path: Path) -> None:
    """
    No payload is an empty object.
    """
    command = ["sh", str(RUNTIMES / "shell.sh")]

    async def test() -> Reply:
        async with LocalLambda(
            LocalFunction("shell", "-", command, str(tmp_path)), log=Recorder()
        ) as shell:
            return await request(await shell.listen(), "POST", PATH.format("shell"))

    assert json.loads(run(test()).body) == {"echo": {}}


@pytest.mark.parametrize("body", [b"{", b"NaN", b"\xff", b'"a" b', b"[" * 100_000])
def test_payload_that_is_not_json(body: bytes) -> None:
    """
    A payload that is not JSON never reaches the function.
    """
    reply = ask(body)

    assert reply.status == 400
    assert reply.headers["x-amzn-errortype"] == "InvalidRequestContentException"
    assert json.loads(reply.body)["message"].startswith("Could not parse request body into json: ")


def test_payload_beyond_the_limit() -> None:
    """
    A payload of more than 6 MB is 413.
    """
    reply = ask(b'"' + b"x" * 6 * 1024 * 1024 + b'"')

    assert reply.status == 413
    assert reply.headers["x-amzn-errortype"] == "RequestTooLargeException"


def test_tail() -> None:
    """
    Who asks for the tail gets the end of this invocation's log, to its REPORT line.
    """
    reply = ask(steps(["write", "hello log\n"], respond()), {"X-Amz-Log-Type": "Tail"})

    lines = base64.b64decode(reply.headers["x-amz-log-result"]).decode().splitlines()
    assert lines[0].startswith("START ")
    assert lines[1] == "hello log"
    assert lines[-1].startswith("REPORT ")


def test_event() -> None:
    """
    An Event invocation is accepted at once; its failure is in the log, and it is tried again.
    """

    async def test(_: LocalLambda, port: int) -> None:
        headers = {"X-Amz-Invocation-Type": "Event"}
        for body in (steps(respond()), steps(["exit", 3])):
            reply = await request(port, "POST", PATH.format("hello"), body, headers)
            assert (reply.status, reply.body) == (202, b"")
            await log.wait_for(f"REPORT RequestId: {reply.headers['x-amzn-requestid']}")
        failure = await log.wait_for("Event RequestId: ")
        request_id = reply.headers["x-amzn-requestid"]
        assert failure.startswith(f"Event RequestId: {request_id} failed, attempt 1 of 3")

    log = Recorder()
    serving(test, log)
    assert [line for line in log if line.startswith("Event ")][1:] == [
        line for line in log if "is dropped" in line
    ]


def test_event_when_the_server_closes(tmp_path: Path) -> None:
    """
    An Event invocation that still runs at the end ends with the server.
    """
    here = tmp_path / "here"

    async def test(_: LocalLambda, port: int) -> None:
        headers = {"X-Amz-Invocation-Type": "Event"}
        body = steps(["touch", str(here)], ["sleep", 600])
        await request(port, "POST", PATH.format("hello"), body, headers)
        await until(here.exists, "the start of the function")

    log = Recorder()
    serving(test, log)
    assert [line.split()[0] for line in log] == ["START", "Event"]
    assert "is dropped" in log[1]


def test_dry_run() -> None:
    """
    A dry run checks the request and runs nothing.
    """

    async def test(_: LocalLambda, port: int) -> None:
        headers = {"X-Amz-Invocation-Type": "DryRun"}
        path = PATH.format("hello")
        assert (await request(port, "POST", path, b"{}", headers)).status == 204
        assert (await request(port, "POST", path, b"{", headers)).status == 400
        stream = "/2021-11-15/functions/hello/response-streaming-invocations"
        assert (await request(port, "POST", stream, b"{}", headers)).status == 204

    log = Recorder()
    serving(test, log)
    assert log == []


def test_unknown_invocation_type() -> None:
    """
    An invocation type that Lambda does not know is refused.
    """
    reply = ask(headers={"X-Amz-Invocation-Type": "Later"})

    assert reply.status == 400
    assert reply.headers["x-amzn-errortype"] == "InvalidParameterValueException"


def test_client_context() -> None:
    """
    The client context reaches the function on one line, however it was written.
    """
    context = base64.b64encode(b'{\n  "custom": {"a": "\xc3\x9c\x7f\xc2\x85\\n"}\n}').decode()
    headers = {"X-Amz-Client-Context": context, "X-Amz-Log-Type": "Tail"}
    reply = ask(steps(["headers"], respond()), headers)

    log = base64.b64decode(reply.headers["x-amz-log-result"]).decode().splitlines()
    seen = json.loads(log[1])["lambda-runtime-client-context"].encode("latin-1").decode()
    assert seen == '{"custom":{"a":"Ü\x7f\x85\\n"}}'


@pytest.mark.parametrize("context", ["%%%", base64.b64encode(b"{").decode()])
def test_bad_client_context(context: str) -> None:
    """
    A client context that is not Base64 of JSON is refused.
    """
    reply = ask(headers={"X-Amz-Client-Context": context})

    assert reply.status == 400
    assert reply.headers["x-amzn-errortype"] == "InvalidRequestContentException"


def test_client_that_goes_away(tmp_path: Path) -> None:
    """
    An invocation goes on when its caller has gone, as on Lambda, and its environment is free then.
    """
    here, go_on = tmp_path / "here", tmp_path / "go-on"

    async def test(_: LocalLambda, port: int) -> None:
        path = PATH.format("hello")
        body = steps(["touch", str(here)], ["await", str(go_on)], respond())
        asking = asyncio.create_task(request(port, "POST", path, body))
        await until(here.exists, "the start of the function")
        asking.cancel()
        await asyncio.wait([asking])
        go_on.touch()
        await log.wait_for("REPORT ")
        assert (await request(port, "POST", path, steps(respond("2")))).body == b"2"

    log = Recorder()
    serving(test, log)
    assert sum("Init Duration" in line for line in log) == 1


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example:9000"}, {"Origin": "https://evil.example"}]
)
def test_request_of_a_web_page(headers: dict[str, str]) -> None:
    """
    What a web page from elsewhere sends is refused.
    """
    reply = ask(headers=headers)

    assert reply.status == 403
    assert "evil.example" in json.loads(reply.body)["Message"]


def test_other_methods_and_paths() -> None:
    """
    There is nothing here but Invoke.
    """
    assert ask(method="GET").status == 405

    async def test(_: LocalLambda, port: int) -> int:
        return (await request(port, "POST", "/2015-03-31/nothing")).status

    assert serving(test) == 404
