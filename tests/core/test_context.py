"""Context, beside awslambdaric's LambdaContext. Numbers are those of behaviour.md."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import Context, current_context
from amazon_lambda_runtime.core.errors import LambdaContextUnmarshalError
from amazon_lambda_runtime.protocol import CLIENT_CONTEXT, COGNITO_IDENTITY, DEADLINE_MS
from tests.harness import ACCEPTED, SERVING, Step, event, ours, run, served
from tests.harness import awslambdaric as ric
from tests.lanes import VERSIONS, python

CLIENT = {
    "client": {
        "installation_id": "i",
        "app_title": "t",
        "app_version_name": "n",
        "app_version_code": "c",
        "app_package_name": "p",
    },
    "custom": {"city": "Łódź"},
    "env": {"locale": "pl"},
    "w3c": {"traceparent": "00-1", "tracestate": 7, "other": "x", "baggage": "b"},
}
FULL = (
    "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:1:function:f:live\r\n"
    "Lambda-Runtime-Trace-Id: Root=1-2;Parent=3;Sampled=1\r\n"
    "Lambda-Runtime-Aws-Tenant-Id: tenant-1\r\n"
    f"Lambda-Runtime-Client-Context: {json.dumps(CLIENT, ensure_ascii=False)}\r\n"
    'Lambda-Runtime-Cognito-Identity: {"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}\r\n'
)
EMPTY = (
    "Lambda-Runtime-Trace-Id: \r\nLambda-Runtime-Aws-Tenant-Id: \r\n"
    "Lambda-Runtime-Client-Context: \r\nLambda-Runtime-Cognito-Identity: \r\n"
)
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "f",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/24/[7]abc",
}
# Everything that awslambdaric's context has, read through it.
TELL = """
def told(value):
    if value is None or isinstance(value, (str, int, dict)):
        return value
    names = getattr(type(value), "__slots__")
    return {name: told(getattr(value, name)) for name in sorted(names)}

def handler(event, context):
    names = ["aws_request_id", "invoked_function_arn", "tenant_id", "function_name",
             "function_version", "memory_limit_in_mb", "log_group_name", "log_stream_name",
             "client_context", "identity"]
    return [{name: told(getattr(context, name)) for name in names}, context.w3c(), repr(context)]
"""


def seen_by(command: Any, directory: Path, headers: str, **env: str) -> Any:
    directory.joinpath("h.py").write_text(TELL)
    script: list[Step] = [event(headers=headers), ACCEPTED]
    done = run(command("h.handler"), script, directory, env)
    return json.loads(done.posts[0].body)


def test_everything(tmp_path: Path) -> None:
    """27, 28, 32, 33: every attribute, as it came."""
    told, w3c, _ = seen_by(ours, tmp_path, FULL, **ENVIRONMENT)
    assert told == {
        "aws_request_id": "id-1",
        "invoked_function_arn": "arn:aws:lambda:eu-west-1:1:function:f:live",
        "tenant_id": "tenant-1",
        "function_name": "f",
        "function_version": "7",
        "memory_limit_in_mb": "256",
        "log_group_name": "/aws/lambda/f",
        "log_stream_name": "2026/11/24/[7]abc",
        "client_context": {k: CLIENT[k] for k in ("client", "custom", "env")},
        "identity": {"cognito_identity_id": "id", "cognito_identity_pool_id": "pool"},
    }
    assert w3c == {"traceparent": "00-1", "baggage": "b"}


@pytest.mark.parametrize("name", ["traceparent", "tracestate", "baggage"])
def test_trace_context(name: str, tmp_path: Path) -> None:
    """33: each part of a W3C trace context is there if it was sent, and as a text only."""
    sent = {"w3c": {name: "a=1", "other": "x"}}
    header = f"Lambda-Runtime-Client-Context: {json.dumps(sent)}\r\n"
    assert seen_by(ours, tmp_path, header)[1] == {name: "a=1"}
    header = header.replace('"a=1"', "7")
    assert seen_by(ours, tmp_path, header)[1] == {}


@pytest.mark.parametrize("headers", [FULL, "", EMPTY], ids=["full", "none", "empty"])
def test_as_awslambdaric(headers: str, tmp_path: Path) -> None:
    """27: the same attributes with the same values, and the same repr."""
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    if headers == EMPTY:
        # awslambdaric takes an empty tenant for a tenant; the rest is the same.
        headers = EMPTY.replace("Lambda-Runtime-Aws-Tenant-Id: \r\n", "")
    env = ENVIRONMENT if headers == FULL else {}
    theirs = seen_by(ric, tmp_path, headers, **env)
    mine = seen_by(ours, tmp_path, headers, **env)
    assert mine == theirs


PLAIN = """
import copy, pickle
from amazon_lambda_runtime import Runtime
class H(Runtime):
    def __init__(self, **options):
        super().__init__(**options)
        self.greeting = "hello"
    def handler(self, event, context):
        names = sorted(name for name in vars(context) if not name.startswith("_"))
        self.logger.info("so that there is one")
        twins = [pickle.loads(pickle.dumps(context)), copy.deepcopy(context)]
        mine = [pickle.loads(pickle.dumps(self)), copy.deepcopy(self)]
        return [
            names,
            [vars(twin)[name] for twin in twins for name in ("aws_request_id", "function_name")],
            [twin.identity.cognito_identity_id for twin in twins],
            [twin.client_context.client.app_title for twin in twins],
            [twin.greeting for twin in mine],
        ]
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_plain_object(version: str, tmp_path: Path) -> None:
    """98: pickle and deepcopy take the context and the Runtime; vars() has every attribute."""
    done = served(PLAIN, [event(headers=FULL)], tmp_path, "h.H", python(version), **ENVIRONMENT)
    names, *others = json.loads(done.posts[0].body)
    assert names == [
        "aws_request_id",
        "client_context",
        "deadline_ms",
        "function_name",
        "function_version",
        "identity",
        "invoked_function_arn",
        "log_group_name",
        "log_stream_name",
        "memory_limit_in_mb",
        "tenant_id",
        "trace_id",
    ]
    assert others == [["id-1", "f"] * 2, ["id"] * 2, ["t"] * 2, ["hello"] * 2]


def test_jsonpickle(tmp_path: Path) -> None:
    """98: AWS's own sample prints its context this way; the event is not in it."""
    pytest.importorskip("jsonpickle", reason="jsonpickle is not installed")
    source = """
import jsonpickle
def handler(event, context):
    return jsonpickle.encode(context)
"""
    events = [event(b'{"card": "4111"}', headers=FULL)]
    text = json.loads(served(source, events, tmp_path, **ENVIRONMENT).posts[0].body)
    told = json.loads(text)
    assert "4111" not in text
    assert (told["aws_request_id"], told["function_name"]) == ("id-1", "f")


def test_environment_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """98: the function's attributes are what the environment says when the invocation begins."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "Łódź-\udcff")
    monkeypatch.delenv("AWS_LAMBDA_LOG_GROUP_NAME", raising=False)
    context = Context({})
    assert context.function_name == "Łódź-\udcff"
    assert context.log_group_name is None


def test_nothing_leaks(tmp_path: Path) -> None:
    """27, 31, 32: what one invocation had the next one has not."""
    source = TELL.replace("return [", "return context.trace_id, [")
    events = [event(headers=FULL), event(), event(headers=EMPTY)]
    first, second, third = (
        json.loads(post.body) for post in served(source, events, tmp_path).posts
    )
    assert first[0] == "Root=1-2;Parent=3;Sampled=1"
    assert first[1][0]["tenant_id"] == "tenant-1"
    assert second == third
    assert second[0] is None
    assert second[1][0]["tenant_id"] is None
    assert second[1][0]["client_context"] is None
    assert second[1][0]["identity"] == {
        "cognito_identity_id": None,
        "cognito_identity_pool_id": None,
    }
    assert second[1][1] == {}


@pytest.mark.parametrize(
    ("header", "value", "message"),
    [
        (CLIENT_CONTEXT, "{", "Unable to parse Client Context JSON: Expecting property name"),
        (CLIENT_CONTEXT, "[]", "Unable to parse Client Context JSON: expected object, not list"),
        pytest.param(
            CLIENT_CONTEXT,
            "[" * 100_000,
            "Unable to parse Client Context JSON: maximum recursion depth exceeded",
            id="deeply nested",
        ),
        (COGNITO_IDENTITY, "no", "Unable to parse Cognito Identity JSON: Expecting value: line 1"),
        (COGNITO_IDENTITY, "7", "Unable to parse Cognito Identity JSON: expected object, not int"),
    ],
)
def test_bad_json(header: str, value: str, message: str, tmp_path: Path) -> None:
    """26: an error to the caller, and the next event is served."""
    with pytest.raises(LambdaContextUnmarshalError) as caught:
        Context({header: value})
    assert str(caught.value).startswith(message)
    events = [event(headers=f"{header}: {value}\r\n"), event()]
    done = served("def handler(event, context): return 1\n", events, tmp_path)
    assert done.kinds == ["next", "error", "next", "response", "next"]
    document = json.loads(done.posts[0].body)
    assert document["errorType"] == "Runtime.LambdaContextUnmarshalError"
    assert document["errorMessage"].startswith(message)
    assert document["stackTrace"] == []
    assert done.status == SERVING


def test_null() -> None:
    """26: null is as good as nothing."""
    context = Context({CLIENT_CONTEXT: "null", COGNITO_IDENTITY: "null"})
    assert context.client_context is None
    assert context.identity.cognito_identity_id is None


def test_partial_client_context() -> None:
    """Whatever is missing is None; what is of another shape does no harm."""
    context = Context({CLIENT_CONTEXT: '{"client": "?", "custom": 7, "w3c": []}'})
    assert context.client_context is not None
    assert context.client_context.client is None
    assert context.client_context.custom == 7
    assert context.client_context.env is None
    assert context.w3c() == {}


@pytest.mark.parametrize(
    ("deadline", "expected"),
    [
        ("", 0),
        ("1", 0),
        ("-5", 0),
        ("soon", 0),
        ("\u0661", 0),
        ("9" * 20, 10**20 - 1),
    ],
)
def test_odd_deadline(deadline: str, expected: int) -> None:
    """29: missing, past or no number at all is no time left."""
    context = Context({DEADLINE_MS: deadline})
    remaining = context.get_remaining_time_in_millis()
    assert remaining == 0 if not expected else remaining > 10**19
    assert Context({}).get_remaining_time_in_millis() == 0


def test_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """29: right to the millisecond, never negative."""
    import amazon_lambda_runtime.core.context as module

    now = 1_700_000_000_000
    context = Context({DEADLINE_MS: str(now + 3000)})
    assert context.deadline_ms == now + 3000
    for elapsed_ns, left in ((0, 3000), (1_999_999, 2999), (3_000_000_000, 0), (4_000_000_000, 0)):
        monkeypatch.setattr(module, "time_ns", lambda ns=elapsed_ns: now * 1_000_000 + ns)
        assert context.get_remaining_time_in_millis() == left


def test_remaining_time_runs() -> None:
    """29: by the real clock."""
    context = Context({DEADLINE_MS: str(int(time.time() * 1000) + 1000)})
    first = context.get_remaining_time_in_millis()
    time.sleep(0.02)
    assert 0 < context.get_remaining_time_in_millis() <= first - 19


def test_attributes_can_be_set() -> None:
    """A test of a user's may fill in a context as it pleases."""
    context = Context({})
    context.function_name = "mine"
    context.aws_request_id = "r"
    assert (context.function_name, context.aws_request_id) == ("mine", "r")


def test_log(capsys: pytest.CaptureFixture[str]) -> None:
    """context.log() writes what it is given and nothing else."""
    Context({}).log({"a": 1})
    assert capsys.readouterr().out == "{'a': 1}"


def test_current_context(tmp_path: Path) -> None:
    """current_context() is the handler's context, in tasks and worker threads as well."""
    assert current_context() is None
    source = """
import asyncio
from amazon_lambda_runtime import current_context
AT_INIT = current_context()
def handler(event, context):
    async def task(): return await asyncio.to_thread(current_context)
    return [AT_INIT is None, current_context() is context, asyncio.run(task()) is context]
"""
    assert served(source, [event()], tmp_path).posts[0].body == b"[true, true, true]"
