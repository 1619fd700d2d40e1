"""The Runtime API as a runtime sees it: over its socket, from its process."""

import json
import sys

import pytest

from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.server import open_pool
from amazon_lambda_runtime.protocol import RESPONSE_LIMIT
from tests.local.support import Recorder, invoke, obedient, outcome, respond, run

NOT_ALLOWED = (
    '{{"errorMessage":"State transition from {} to {} failed for runtime. '
    'Error: State transition is not allowed","errorType":"InvalidStateTransition"}}'
)


def test_headers_of_next() -> None:
    """
    An event comes with its id, deadline, ARN and trace, and as JSON.
    """
    answer, log = run(outcome(obedient(), ["headers"], respond()))

    headers = json.loads(log.own[0])
    assert answer == 1
    assert headers["content-type"] == "application/json"
    assert headers["lambda-runtime-invoked-function-arn"] == (
        "arn:aws:lambda:us-east-1:012345678912:function:hello"
    )
    assert log[0] == f"START RequestId: {headers['lambda-runtime-aws-request-id']} Version: $LATEST"
    assert headers["lambda-runtime-deadline-ms"].isdigit()
    root, parent, sampled = headers["lambda-runtime-trace-id"].split(";")
    assert (len(root), len(parent), sampled) == (
        len("Root=1-") + 33,
        len("Parent=") + 16,
        "Sampled=1",
    )
    assert "lambda-runtime-client-context" not in headers


def test_answer_is_passed_on_as_it_is() -> None:
    """
    The caller gets the bytes of the response, JSON or not, with 202 for the runtime.
    """

    async def test() -> tuple[Answer, list[str]]:
        log = Recorder()
        async with open_pool(obedient(), log) as pool:
            invocation = invoke(pool, respond("not json"))
            await invocation.wait_until_reported()
            return await invocation.wait(), log.own

    assert run(test()) == (Answer(b"not json"), ['202 {"status":"OK"}'])


def test_error_answer() -> None:
    """
    What is posted to /error is a failure, passed on as it is.
    """

    async def test() -> Answer:
        async with open_pool(obedient(), Recorder()) as pool:
            invocation = invoke(pool, ["POST", "/invocation/{id}/error", '{"errorType": "X"}'])
            return await invocation.wait()

    assert run(test()) == Answer(b'{"errorType": "X"}', failed=True)


@pytest.mark.parametrize("kind", ["response", "error"])
def test_wrong_id(kind: str) -> None:
    """
    An answer to an invocation that is not there is 400, and changes nothing.
    """
    answer, log = run(outcome(obedient(), ["POST", f"/invocation/nope/{kind}", "2"], respond()))

    assert answer == 1
    assert log.own[0] == '400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}'


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("response", "InvocationResponse"), ("error", "InvocationErrorResponse")],
)
def test_second_answer(kind: str, wanted: str) -> None:
    """
    A second answer of either kind is 403; the caller has the first.
    """
    second = ["POST", f"/invocation/{{id}}/{kind}", "2"]
    answer, log = run(outcome(obedient(), respond(), second))

    assert answer == 1
    assert log.own[1] == "403 " + NOT_ALLOWED.format("RuntimeResponseSentState", wanted)


def test_response_mode_that_is_none() -> None:
    """
    A response mode other than streaming is 400, and the invocation still waits for its answer.
    """
    wrong = ["stream", "/invocation/{id}/response", [], "Streaming"]
    answer, log = run(outcome(obedient(), wrong, respond()))

    assert answer == 1
    assert log.own[0] == (
        '400 {"errorMessage":"Invalid function response mode",'
        '"errorType":"InvalidFunctionResponseMode"}'
    )


def test_next_before_the_answer() -> None:
    """
    Who asks for the next event without having answered gets the same one again.
    """
    answer, log = run(outcome(obedient(), ["next"], ["next"], respond()))

    assert answer == 1
    assert log.own[:2] == ["200 True", "200 True"]
    assert sum(line.startswith("START") for line in log) == 1


def test_init_error_after_init() -> None:
    """
    An init error is 403 once there has been an event.
    """
    late = ["POST", "/init/error", "{}"]
    _, log = run(outcome(obedient(), late, respond(), late))

    assert log.own[0] == "403 " + NOT_ALLOWED.format("Running", "InitError")
    assert log.own[2] == "403 " + NOT_ALLOWED.format("RuntimeResponseSentState", "InitError")


def test_answer_before_any_event() -> None:
    """
    There is no invocation to answer before /next.
    """
    init = ["POST", "/invocation/nope/response", "1"]
    _, log = run(outcome(obedient(init), respond()))

    assert log[0].startswith("400 ")


def test_next_after_init_error() -> None:
    """
    A runtime that has reported an init error gets no event.
    """
    steps = ["POST", "/init/error", '{"errorType": "X"}'], ["next"]
    answer, log = run(outcome(obedient(*steps)))

    assert answer == {"errorType": "X"}
    assert log.own[:2] == ['202 {"status":"OK"}', "403 False"]
    assert log.own[2].startswith("no event: 403 ")
    assert "State transition from InitError to Ready failed" in log.own[2]


@pytest.mark.parametrize(("excess", "status"), [(0, 202), (1, 413)])
def test_size_of_a_response(excess: int, status: int) -> None:
    """
    A response of 6 291 556 bytes is passed on; one byte more is 413, and the caller learns why.
    """

    async def test() -> tuple[Answer, Recorder]:
        log = Recorder()
        fill = ["fill", "/invocation/{id}/response", RESPONSE_LIMIT + excess]
        async with open_pool(obedient(), log) as pool:
            invocation = invoke(pool, fill, respond())
            await invocation.wait_until_reported()
            assert len(pool.environments.values()) == 1, "it goes on"
            return await invocation.wait(), log

    answer, log = run(test())

    assert log.own[0].startswith(f"{status} ")
    assert log.own[1].startswith("403 ")
    if not excess:
        assert answer == Answer(b"x" * RESPONSE_LIMIT)
    else:
        assert log.own[0].endswith(
            '{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).",'
            '"errorType":"RequestEntityTooLarge"}'
        )
        assert json.loads(answer.payload) == {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size exceeded maximum allowed "
            "payload size (6291556 bytes).",
        }


def test_ping_and_unknown_paths() -> None:
    """
    Ping is answered; a wrong method is 405 and an unknown path 404.
    """
    steps = [
        ["GET", "/../ping"],
        ["PUT", "/invocation/next"],
        ["GET", "/invocation/{id}/response"],
        ["GET", "/invocation/{id}/nothing"],
        ["GET", "/restore/next"],
    ]
    # The path of ping is not below /runtime, and nothing resolves dots here.
    _, log = run(outcome(obedient(), *steps, respond()))

    assert [line[:3] for line in log.own[:5]] == ["404", "405", "405", "404", "404"]


def asking(path: str, **headers: str) -> list[str]:
    """
    Return the command of a "runtime" that asks for this, prints what it gets, and ends.
    """
    code = f"""
import http.client, os
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
connection.request("GET", {path!r}, headers={headers!r})
response = connection.getresponse()
print(response.status, response.read().decode())
"""
    return [sys.executable, "-c", code]


def test_ping() -> None:
    """
    Ping is answered with pong.
    """
    _, log = run(outcome(obedient(command=asking("/2018-06-01/ping"))))

    assert log[0] == "200 pong"


def test_host_of_a_stranger() -> None:
    """
    A request with a foreign name for this machine is refused: it comes from a web page.
    """
    path = "/2018-06-01/runtime/invocation/next"
    _, log = run(outcome(obedient(command=asking(path, Host="evil.example"))))

    assert log[0].startswith("403 ")


def test_client_context() -> None:
    """
    The client context reaches the runtime as it is, in UTF-8.
    """

    async def test() -> str:
        log = Recorder()
        async with open_pool(obedient(), log) as pool:
            event = json.dumps([["headers"], respond()]).encode()
            invocation = pool.invoke(event, client_context='{"custom":{"name":"Ünal"}}')
            await invocation.wait_until_reported()
        context: str = json.loads(log.own[0])["lambda-runtime-client-context"]
        return context

    # http.client takes header bytes for latin-1.
    assert run(test()).encode("latin-1").decode() == '{"custom":{"name":"Ünal"}}'
