"""`@durable` on methods and functions, and the runner of unit tests."""

import json
import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("aws_durable_execution_sdk_python_testing")
from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import Duration

from amazon_lambda_runtime import Runtime
from amazon_lambda_runtime.durable import durable
from amazon_lambda_runtime.events import S3, EventRuntime
from amazon_lambda_runtime.testing import durable_runner, sample_event
from tests.harness import SOURCE, environment


class Order(Runtime):
    def __init__(self) -> None:
        super().__init__()
        self.greeting = "Hello"

    @durable
    def handler(self, event: dict[str, Any], context: DurableContext) -> str:
        """Greet."""
        return context.step(lambda _: f"{self.greeting} {event['name']}", name="greet")


class Loud(Order):
    @durable(plugins=[])
    def handler(self, event: dict[str, Any], context: DurableContext) -> str:
        return context.step(lambda _: "HELLO", name="shout")


@durable
def flow(event: dict[str, Any], context: DurableContext) -> list[Any]:
    return [event, context.step(lambda _: 1, name="one")]


def outcome(handler: Any, event: Any) -> Any:
    """Run an execution to its end; return its result."""
    with durable_runner(handler) as runner:
        done = runner.run(input=json.dumps(event), execution_timeout=20)
    assert done.status.value == "SUCCEEDED", done.error
    return json.loads(done.result or "null")


def test_method() -> None:
    """A method is bound to its instance, and has the SDK's context."""
    assert outcome(Order().handler, {"name": "Ada"}) == "Hello Ada"


def test_function() -> None:
    """The same name makes a durable function of a function."""
    assert outcome(flow, {"a": 1}) == [{"a": 1}, 1]


def test_options() -> None:
    """The options of the SDK's decorator go to it; a subclass has a handler of its own."""
    assert outcome(Loud().handler, {}) == "HELLO"


def test_once_for_each_instance() -> None:
    """An instance makes its handler once: the SDK loads its plug-ins then."""
    one, other = Order(), Order()
    assert one.handler is one.handler
    assert one.handler is not other.handler


def test_it_is_still_the_function() -> None:
    """The class has the decorated function, with its name and its text."""
    assert Order.handler.__name__ == "handler"
    assert Order.handler.__doc__ == "Greet."


def test_super_keeps_the_own_handler() -> None:
    """To look at the handler of a base class does not replace the instance's own."""

    class Quiet(Order):
        @durable
        def handler(self, event: dict[str, Any], context: DurableContext) -> str:
            assert super().handler is not None
            return "quiet"

    quiet = Quiet()
    assert outcome(quiet.handler, {}) == "quiet"
    assert outcome(quiet.handler, {}) == "quiet"


def test_events() -> None:
    """The hooks of an EventRuntime are given the durable context."""

    class Files(EventRuntime):
        @durable
        def handler(self, event: Any, context: DurableContext) -> Any:
            return super().handler(event, context)  # type: ignore[arg-type]

    class Objects(S3):
        def on_object_created(self, record: Any) -> str:
            context: Any = self.context
            context.wait(Duration.from_hours(1), name="later")
            kept: str = context.step(lambda _: record["s3"]["object"]["key"].upper(), name="upper")
            found.append(kept)
            return kept

    Files.register_event_handler("aws:s3", Objects)
    found: list[str] = []
    outcome(Files().handler, sample_event("s3-put", key="a.csv"))
    assert found == ["A.CSV"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("async def flow(event, context): ...", "flow is async, and can't be durable: the SDK"),
        (
            "def flow(event, context): yield 1",
            "flow is a generator, and can't be durable: a",
        ),
        ("async def flow(event, context): yield 1", "flow is an async generator, and can't"),
    ],
)
def test_refused(source: str, reason: str) -> None:
    """What the SDK would fail on at each invocation is refused at import, with the reason."""
    names: dict[str, Any] = {}
    exec(source, names)
    with pytest.raises(TypeError, match=reason):
        durable(names["flow"])


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (
            "aws_durable_execution_sdk_python",
            "durable functions need AWS's SDK: pip install aws-durable-execution-sdk-python",
        ),
        ("boto3", "import of boto3 halted; None in sys.modules"),
    ],
)
def test_without_the_sdk(missing: str, words: str) -> None:
    """Without the SDK the error says what to install; what the SDK lacks is told as it is."""
    source = (
        f"import sys; sys.modules['{missing}'] = None\n"
        "from amazon_lambda_runtime.durable import durable\n"
        "try: durable(lambda event, context: 1)\n"
        "except ImportError as exc: print(exc)\n"
    )
    env = environment(PYTHONPATH=str(SOURCE))
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"{words}\n"


class TestRunner:
    """The runner of unit tests, also a fixture."""

    def test_through_our_runtime(self, durable_runner: Any) -> None:
        """The handler is given our Context, and its event and its answer go through JSON."""

        class Kept(Order):
            def decode_event(self, body: bytes, content_type: str) -> Any:
                bodies.append(json.loads(body))
                return super().decode_event(body, content_type)

            @durable
            def handler(self, event: Any, context: DurableContext) -> Any:
                inner: Any = context.lambda_context
                return [type(inner).__name__, inner.get_remaining_time_in_millis() > 800_000, event]

        bodies: list[Any] = []
        done = durable_runner(Kept).run(input='{"n": [1]}')
        assert json.loads(done.result) == ["Context", True, {"n": [1]}]
        (body,) = bodies
        assert body["InitialExecutionState"]["Operations"][0]["Type"] == "EXECUTION"

    def test_callbacks_and_time(self, durable_runner: Any) -> None:
        """A wait of a year takes no time, and a callback is sent to the execution."""

        @durable
        def order(event: Any, context: DurableContext) -> Any:
            context.wait(Duration.from_days(365), name="a year")
            approval: Any = context.create_callback(name="approval")
            return approval.result()

        runner = durable_runner(order, poll_interval=0.01)
        arn = runner.run_async(input="{}")
        callback = runner.wait_for_callback(arn, name="approval")
        runner.send_callback_success(callback, b"yes")
        assert json.loads(runner.wait_for_result(arn).result) == "yes"

    def test_other_functions(self, durable_runner: Any) -> None:
        """Functions that it invokes may be Runtimes, durable or not."""

        class Plain(Runtime):
            def handler(self, event: Any, context: Any) -> Any:
                return [context.function_name, event]

        @durable
        def order(event: Any, context: DurableContext) -> Any:
            return [context.invoke("plain", {"a": 1}), context.invoke("greeter", {"name": "Ada"})]

        runner = durable_runner(order)
        runner.register_function("plain", Plain).register_durable_function("greeter", Order)
        done = runner.run(input="{}")
        assert json.loads(done.result) == [["plain", {"a": 1}], "Hello Ada"]
