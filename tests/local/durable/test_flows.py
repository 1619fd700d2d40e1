"""Forty flows of all kinds of operations: how each ends, and what its history tells.

They are of the kinds that AWS's conformance tests have (`test_conformance`). All run at the same
time in one local Lambda, before the first is looked at.
"""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from .support import Local, eventually, local

# Events of a history in short: S for a step's, and so on; + begins, . succeeds, ! fails, ? is a
# time limit, | the end of an invocation.
_LETTERS = {"Step": "S", "Wait": "W", "Callback": "B", "Context": "C", "ChainedInvoke": "I"}
_ENDS = {"Started": "+", "Succeeded": ".", "Failed": "!", "TimedOut": "?"}


@dataclass(frozen=True)
class Case:
    """A flow with its event; what it returns, or the message that it fails with; its history.

    `send` is done with its callback: an operation and what is given to it.
    """

    flow: str
    event: dict[str, Any]
    result: Any = None
    error: str = ""
    history: str = ""
    send: tuple[str, Any] | None = None


REJECTED = {"ErrorType": "Rejected", "ErrorMessage": "too dear"}
SELF = "flows:$LATEST"


def call(flow: str, target: str = SELF, **event: Any) -> dict[str, Any]:
    return {"target": target, "payload": {"flow": flow, **event}}


CASES = {
    "nothing": Case("no_step", {"a": [1]}, {"flow": "no_step", "a": [1]}, history="|"),
    "step": Case("one_step", {}, {"n": 1}, history="S+S.|"),
    "step of text": Case("one_step", {"n": "ä€😀"}, {"n": "ä€😀"}, history="S+S.|"),
    "step of null": Case("one_step", {"n": None}, {"n": None}, history="S+S.|"),
    "step of a list": Case("one_step", {"n": [1, {"a": 0.5}]}, {"n": [1, {"a": 0.5}]}),
    "five steps": Case("many_steps", {"count": 5}, 5, history="S+S." * 5 + "|"),
    "error": Case("failing", {}, error="no such order", history="|"),
    "error in a step": Case("failing_step", {}, error="declined", history="S+S!|"),
    "error that is caught": Case("caught", {}, "StepError: declined", history="S+S!|"),
    "retry": Case("retried", {}, "at last", history="S+S!|S+S.|"),
    "two retries": Case("retried", {"until": 3}, "at last", history="S+S!|S+S!|S+S.|"),
    "retries in vain": Case("exhausted", {}, error="never", history="S+S!|S+S!|"),
    "wait": Case("step_wait_step", {}, ["a", "b"], history="S+S.W+|W.S+S.|"),
    "longer wait": Case("step_wait_step", {"seconds": 2}, ["a", "b"], history="S+S.W+|W.S+S.|"),
    "poll": Case("wait_for_condition", {"until": 1}, 1, history="S+S.|"),
    "three polls": Case("wait_for_condition", {}, 3, history="S+S.|S+S.|S+S.|"),
    "child": Case("child", {}, [1, 2], history="C+S+S.S+S.C.|"),
    "child that fails": Case("failing_child", {}, error="inside", history="C+C!|"),
    "parallel": Case("parallel", {}, [10, 20, 30]),
    "parallel with waits": Case("parallel", {"wait": True}, [10, 20, 30]),
    "map": Case("mapped", {}, [1, 4, 9]),
    "map of nothing": Case("mapped", {"items": []}, []),
    "map of one": Case("mapped", {"items": [5]}, [25]),
    "callback": Case("callback", {}, "yes", history="B+|B.|", send=("success", b"yes")),
    "callback without a result": Case("callback", {}, None, send=("success", b"")),
    "callback of JSON": Case("callback", {}, '{"a":1}', send=("success", b'{"a":1}')),
    "callback with a limit": Case("callback", {"timeout": 60}, "yes", send=("success", b"yes")),
    "callback that fails": Case(
        "callback", {}, error="too dear", history="B+|B!|", send=("failure", REJECTED)
    ),
    "failure that is caught": Case(
        "callback_caught", {}, "CallbackExternalError: too dear", send=("failure", REJECTED)
    ),
    "callback that is late": Case("callback", {"timeout": 1}, error="timed out", history="B+|B?|"),
    "no heartbeat": Case("callback", {"heartbeat": 1}, error="heartbeat", history="B+|B?|"),
    "wait for a callback": Case("wait_for_callback", {}, "yes", send=("success", b"yes")),
    "invoke": Case("invoke", call("one_step"), {"n": 1}, history="I+|I.|"),
    "invoke with a wait": Case("invoke", call("step_wait_step"), ["a", "b"], history="I+|I.|"),
    "invoke that fails": Case("invoke", call("failing"), error="no such order", history="I+|I!|"),
    "invoke that fails, caught": Case(
        "invoke_caught", call("failing"), "InvokeError: no such order", history="I+|I!|"
    ),
    "invoke of what invokes": Case(
        "invoke", {"target": SELF, "payload": {"flow": "invoke", **call("one_step")}}, {"n": 1}
    ),
    "invoke of nothing": Case(
        "invoke", call("x", "gone"), error="Function not found: gone", history="I+I!|"
    ),
    "invoke without a qualifier": Case(
        "invoke", call("one_step", "flows"), error="unqualified ARN", history="I+I!|"
    ),
    "invoke by ARN": Case(
        "invoke",
        call("one_step", "arn:aws:lambda:us-east-1:012345678912:function:flows:$LATEST"),
        {"n": 1},
    ),
    "crash": Case("crash", {}, "survived", history="S+S.||"),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Local, dict[str, str]]]:
    """Start them all, and send what their callbacks wait for."""
    folder = tmp_path_factory.mktemp("flows")
    with local(folder, "--concurrency", "6") as server:
        # The function loads once, and not six times side by side.
        server.call("one_step")
        arns = {
            name: server.start(
                case.flow, notes=str(folder / re.sub(r"\W", "_", name)), **case.event
            )
            for name, case in CASES.items()
        }
        with ThreadPoolExecutor(4) as threads:
            for name, case in CASES.items():
                if case.send is not None:
                    threads.submit(_send, server, arns[name], *case.send)
        yield server, arns


def _send(server: Local, arn: str, operation: str, given: Any) -> None:
    callback = server.callback(arn)
    server.has(arn, "InvocationCompleted")
    if operation == "success":
        server.client.send_durable_execution_callback_success(CallbackId=callback, Result=given)
    else:
        server.client.send_durable_execution_callback_failure(CallbackId=callback, Error=given)


@pytest.mark.parametrize("name", CASES)
def test_flow(running: tuple[Local, dict[str, str]], name: str) -> None:
    """It ends as it should, and its history says how."""
    server, arns = running
    case = CASES[name]
    found = server.end_of(arns[name])
    if case.error:
        assert found["Status"] == "FAILED"
        assert case.error in found["Error"]["ErrorMessage"]
    else:
        assert found["Status"] == "SUCCEEDED", found
        expected = dict(case.result) if isinstance(case.result, dict) else case.result
        result = json.loads(found["Result"])
        if isinstance(result, dict):
            result.pop("notes", None)
        assert result == expected
    events = eventually(lambda: server.events(arns[name]))
    assert events[0]["EventType"] == "ExecutionStarted"
    assert events[-1]["EventType"] == ("ExecutionFailed" if case.error else "ExecutionSucceeded")
    if case.history:
        assert _short(events[1:-1]) == case.history


def test_there_are_forty() -> None:
    assert len(CASES) >= 40
    assert {letter for case in CASES.values() for letter in case.history} >= set("SWBCI+.!?|")


def _short(events: list[Any]) -> str:
    found = ""
    for event in events:
        kind = event["EventType"]
        if kind == "InvocationCompleted":
            found += "|"
            continue
        end = next(end for end in _ENDS if kind.endswith(end))
        found += _LETTERS[kind.removesuffix(end)] + _ENDS[end]
    return found
