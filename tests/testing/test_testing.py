"""What the tests of functions get."""

import asyncio
import contextvars
import gc
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import Context, HttpResponse, Runtime, current_context, samples
from amazon_lambda_runtime.core.logs import sink
from amazon_lambda_runtime.events import EventRuntime
from amazon_lambda_runtime.testing import (
    FunctionError,
    invocation,
    invoke,
    make_context,
    sample_event,
)


def test_make_context() -> None:
    """It is as Lambda gives it, with a new id each time and the time that is asked for."""
    context = make_context()
    assert context.aws_request_id != make_context().aws_request_id
    assert 2000 < context.get_remaining_time_in_millis() <= 3000
    assert (context.function_name, context.memory_limit_in_mb) == ("function", "128")
    assert context.invoked_function_arn.endswith(":function:function")
    assert context.log_group_name == "/aws/lambda/function"
    assert (context.tenant_id, context.trace_id, context.client_context) == (None, None, None)
    assert context.identity.cognito_identity_id is None


def test_make_context_with_all() -> None:
    """Whatever a context has can be set."""
    context = make_context(
        aws_request_id="id-1",
        function_name="orders",
        function_version="7",
        invoked_function_arn="arn:x",
        memory_limit_in_mb="256",
        log_group_name="/x",
        log_stream_name="s",
        remaining_ms=60_000,
        tenant_id="t",
        trace_id="Root=1",
        client_context={"client": {"app_title": "a"}, "custom": {"b": 1}},
        cognito_identity_id="i",
        cognito_identity_pool_id="p",
    )
    assert (context.aws_request_id, context.function_version) == ("id-1", "7")
    assert (context.invoked_function_arn, context.memory_limit_in_mb) == ("arn:x", "256")
    assert (context.log_group_name, context.log_stream_name) == ("/x", "s")
    assert context.get_remaining_time_in_millis() > 50_000
    assert (context.tenant_id, context.trace_id) == ("t", "Root=1")
    assert context.client_context is not None
    assert context.client_context.client is not None
    assert context.client_context.client.app_title == "a"
    assert context.identity.cognito_identity_id == "i"
    with pytest.raises(TypeError, match="remaining"):
        make_context(remaining=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(("identity", "pool"), [("i", None), (None, "p"), ("i", "p"), (None, None)])
def test_half_an_identity(identity: str | None, pool: str | None) -> None:
    """Either half of the caller's identity can be given alone."""
    found = make_context(cognito_identity_id=identity, cognito_identity_pool_id=pool).identity
    assert (found.cognito_identity_id, found.cognito_identity_pool_id) == (identity, pool)


class Hello(Runtime):
    def handler(self, event: Any, context: Context) -> Any:
        match event:
            case "answer early":
                self.send_invocation_response({"early": True})
                raise ValueError("in the log only")
            case "fail":
                raise ValueError("no")
            case "told":
                return self.send_invocation_error("there is none", "Order.NotFound")
            case "exit":
                raise SystemExit(3)
            case "interrupt":
                raise KeyboardInterrupt
            case "no form":
                return object()
            case "stream":
                return iter(["a", b"", b"b"])
            case "cut":
                return self.cut()
            case "http":
                return HttpResponse(201, {"X": "y"}, body="hi")
            case "http stream":
                return HttpResponse(201, {"X": "y"}, ["c=d"], iter(["h", "i"]))
            case "bytes":
                return b"\xff"
        return {"event": event, "id": context.aws_request_id}

    def cut(self) -> Any:
        yield "a"
        raise ValueError("half of it")


def test_invoke_a_class_an_instance_a_method_a_function() -> None:
    """Whatever the bootstrap takes for a handler."""
    context = make_context(aws_request_id="id-1")
    expected = {"event": [1, None], "id": "id-1"}
    hello = Hello()
    plain: list[Any] = [
        Hello,
        hello,
        hello.handler,
        lambda event, context: hello.handler(event, context),
    ]
    for handler in plain:
        # By way of JSON: a tuple arrives as a list.
        assert invoke(handler, (1, None), context) == expected
    with pytest.raises(TypeError, match="handler is str: expected a Runtime"):
        invoke("hello.handler", {})


def test_the_context_is_current() -> None:
    """current_context() is the invocation's, and is gone after it."""
    context = make_context()
    before = current_context()
    assert invoke(lambda event, got: got is current_context() is context, {}, context) is True
    assert current_context() is before


def test_results() -> None:
    """The caller reads JSON's value, bytes, a stream's bytes, or an HTTP response."""
    assert invoke(Hello, "answer early") == {"early": True}
    assert invoke(Hello, "bytes") == b"\xff"
    assert invoke(Hello, "stream") == b"ab"
    assert invoke(Hello, "http")["body"] == "hi"
    assert invoke(Hello, "http stream") == {
        "statusCode": 201,
        "headers": {"X": "y"},
        "cookies": ["c=d"],
        "body": b"hi",
    }
    assert invoke(Hello, b'"raw"')["event"] == "raw"


@pytest.mark.parametrize(
    ("event", "error_type", "message", "cause"),
    [
        ("fail", "ValueError", "no", ValueError),
        ("cut", "ValueError", "half of it", ValueError),
        ("told", "Order.NotFound", "there is none", type(None)),
        ("exit", "SystemExit", "3", SystemExit),
        ("no form", "Runtime.MarshalError", "Unable to marshal response", Exception),
        (b"nope", "Runtime.UnmarshalError", "Unable to unmarshal input", Exception),
    ],
)
def test_failures(event: Any, error_type: str, message: str, cause: type) -> None:
    """A failure is a FunctionError with what the caller reads, and with what caused it."""
    with pytest.raises(FunctionError) as raised:
        invoke(Hello, event)
    assert raised.value.error_type == error_type
    assert raised.value.message.startswith(message)
    assert str(raised.value) == f"{error_type}: {raised.value.message}"
    assert isinstance(raised.value.__cause__, cause)
    if error_type == "ValueError":
        assert raised.value.stack[0].startswith(f'  File "{__file__}"')


def test_ctrl_c_ends_the_test() -> None:
    """What the user presses is the user's."""
    with pytest.raises(KeyboardInterrupt):
        invoke(Hello, "interrupt")


class Loop(Runtime):
    async def handler(self, event: Any, context: Context) -> Any:
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        same = getattr(self, "loop", loop) is loop
        self.loop = loop
        return same


def test_an_instance_keeps_its_event_loop() -> None:
    """As in an environment: what was made in one invocation works in the next. It is closed."""
    app = Loop()
    assert invoke(app, {}) is True
    assert invoke(app, {}) is True
    loop = app.loop
    assert not loop.is_closed()
    del app
    gc.collect()
    assert loop.is_closed()


def test_the_loop_is_closed_while_another_runs() -> None:
    """The garbage may be collected at any time."""
    app = Loop()
    invoke(app, {})
    loop = app.loop

    async def collect(app: Any) -> None:
        del app
        gc.collect()

    holder = [app]
    del app
    asyncio.run(collect(holder.pop()))
    gc.collect()
    assert loop.is_closed()


def test_a_class_leaves_no_loop_open() -> None:
    """Nor does a function: pytest would say so, where warnings are errors."""

    async def function(event: Any, context: Context) -> Any:
        return asyncio.get_running_loop()

    with pytest.raises(FunctionError, match="MarshalError"):
        invoke(function, {})
    assert invoke(Loop, {}) is True
    gc.collect()


def test_sample_event() -> None:
    """It is the bundle of `lambda-runtime events`."""
    assert sample_event("s3-put", bucket="b") == samples.load("s3-put", bucket="b")


PLUGIN_TEST = """
import json


def handler(event, context):
    return {"key": event["Records"][0]["s3"]["object"]["key"], "left": context.deadline_ms > 0}


def test_it(invoke, sample_event, lambda_context, make_context):
    event = sample_event("s3-put", key="a b.csv")
    assert invoke(handler, event, lambda_context) == {"key": "a+b.csv", "left": True}
    assert invoke(handler, event, make_context(remaining_ms=1)) == {"key": "a+b.csv", "left": True}
"""


def test_the_fixtures(tmp_path: Path) -> None:
    """pytest finds the plugin by itself, where the package is installed."""
    tmp_path.joinpath("test_it.py").write_text(PLUGIN_TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_documented_test(tmp_path: Path) -> None:
    """The example of testing.md passes."""
    example = Path(__file__).parents[2] / "examples/files"
    shutil.copytree(example, tmp_path / "files")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path / "files", capture_output=True, text=True)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_fixtures_here(
    invoke: Any, sample_event: Any, lambda_context: Context, make_context: Any
) -> None:
    """They are the functions of the module."""
    assert lambda_context.deadline_ms
    assert invoke(Hello, sample_event("sqs"), make_context(aws_request_id="id-2"))["id"] == "id-2"


def test_the_plugin_is_light() -> None:
    """Every run of pytest loads it, so it loads nothing but the package's core."""
    code = (
        "import sys, pytest\nimport amazon_lambda_runtime.testing.pytest_plugin\n"
        "import json; print(json.dumps([n for n in sys.modules if n.startswith('amazon')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert "amazon_lambda_runtime.testing.invocation" not in loaded
    assert "amazon_lambda_runtime.samples" not in loaded


class Later(Runtime):
    async def handler(self, event: Any, context: Context) -> Any:
        await asyncio.sleep(0)
        if event == "fail":
            raise ValueError("no")
        if event == "exit":
            raise SystemExit(3)
        return {"event": event, "variable": VARIABLE.get(), "id": context.aws_request_id}


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")


def test_invoke_inside_of_a_running_loop() -> None:
    """An async test may invoke an async handler, a class or an instance, as often as it likes."""

    async def test() -> None:
        VARIABLE.set("mine")
        instance = Later()
        for handler in (Later, instance, instance, instance.handler, Hello):
            context = make_context()
            answer = invoke(handler, 7, context)
            assert (answer["event"], answer["id"]) == (7, context.aws_request_id)
            assert answer.get("variable", "mine") == "mine"
        with pytest.raises(FunctionError, match="ValueError: no") as raised:
            invoke(instance, "fail")
        assert isinstance(raised.value.__cause__, ValueError)
        with pytest.raises(FunctionError, match="SystemExit"):
            invoke(instance, "exit")
        with pytest.raises(TypeError, match="expected a Runtime"):
            invoke("hello.handler", {})
        with pytest.raises(TypeError, match="not JSON serializable"):
            invoke(instance, object())
        await asyncio.sleep(0)

    asyncio.run(test())


def test_async_hooks_inside_of_a_running_loop() -> None:
    """So may it invoke async hooks of events."""
    app = EventRuntime(partial_failures=True)
    seen: list[Any] = []

    @app.on("aws:sqs")
    async def take(body: Any, record: Any) -> None:
        await asyncio.sleep(0)
        seen.append(body)

    async def test() -> Any:
        return invoke(app, sample_event("sqs", body="a", records=2))

    assert asyncio.run(test()) == {"batchItemFailures": []}
    assert invoke(app, sample_event("sqs", body="b")) == {"batchItemFailures": []}
    assert seen == ["a", "a", "b"]


def test_content_type() -> None:
    """An event is JSON, as Lambda says of it, also to a decoder of the function's own."""

    class Own(Runtime):
        def decode_event(self, body: bytes, content_type: str) -> Any:
            return [body, content_type]

        def handler(self, event: Any, context: Context) -> Any:
            return repr(event)

    assert invoke(Own, {"a": 1}) == repr([b'{"a": 1}', "application/json"])


def test_what_ends_in_an_odd_way_is_logged_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a record only line ends are taken off, and it is taken once."""
    assert invocation._Lines().send("one\rtwo X\n\n") is True
    assert capsys.readouterr().out == "one\ntwo X\n"


def test_what_is_logged_reads_as_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback, which is one record on Lambda, has a line for each of its lines in a test."""
    with pytest.raises(FunctionError):
        invoke(Hello, "fail")
    told = capsys.readouterr().out
    assert "\r" not in told
    lines = told.splitlines()
    assert lines[0] == "[ERROR] ValueError: no"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1].strip() == 'raise ValueError("no")'
    assert told.count("ValueError: no") == 1
    assert sink.Telemetry.current is None


def test_a_log_of_ones_own_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where records have a descriptor of their own, they go there."""
    records: list[str] = []

    class Telemetry:
        def send(self, text: str, frame_type: int = 0) -> bool:
            records.append(text)
            return True

    monkeypatch.setattr(sink.Telemetry, "current", Telemetry())
    with pytest.raises(FunctionError):
        invoke(Hello, "fail")
    assert records[0].startswith("[ERROR] ValueError: no")
    assert isinstance(sink.Telemetry.current, Telemetry)
