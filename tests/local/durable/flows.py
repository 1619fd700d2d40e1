"""Durable flows, chosen by the event: {"flow": NAME, …}. Served by the tests of this folder."""

import os
import time
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    Duration,
    StepConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision

from amazon_lambda_runtime import Runtime
from amazon_lambda_runtime.durable import durable

Flow = Any
FLOWS: dict[str, Flow] = {}


def flow(function: Flow) -> Flow:
    FLOWS[function.__name__] = function
    return function


class Flows(Runtime):
    @durable
    def handler(self, event: Any, context: DurableContext) -> Any:
        return FLOWS[event.get("flow", "from_outside")](event, context)


def note(event: Any, text: str) -> None:
    """Add a line to the file that the event names."""
    with Path(event["notes"]).open("a") as file:
        file.write(f"{text}\n")


def _retries(attempts: int, seconds: int = 1) -> StepConfig:
    strategy = create_retry_strategy(
        RetryStrategyConfig(
            max_attempts=attempts,
            initial_delay=Duration.from_seconds(seconds),
            max_delay=Duration.from_seconds(seconds),
        )
    )
    return StepConfig(retry_strategy=strategy)


@flow
def one_step(event: Any, context: DurableContext) -> Any:
    return context.step(lambda _: {"n": event.get("n", 1)}, name="one")


@flow
def no_step(event: Any, context: DurableContext) -> Any:
    return event


@flow
def step_wait_step(event: Any, context: DurableContext) -> Any:
    first = context.step(lambda _: "a", name="first")
    context.wait(Duration.from_seconds(event.get("seconds", 1)), name="pause")
    return [first, context.step(lambda _: "b", name="second")]


@flow
def failing(event: Any, context: DurableContext) -> Any:
    raise ValueError("no such order")


@flow
def failing_step(event: Any, context: DurableContext) -> Any:
    def fail(_: Any) -> Any:
        raise ValueError("declined")

    return context.step(fail, name="pay", config=_retries(1))


@flow
def retried(event: Any, context: DurableContext) -> Any:
    def work(step: Any) -> Any:
        note(event, "try")
        if len(Path(event["notes"]).read_text().splitlines()) < event.get("until", 2):
            raise ValueError("not yet")
        return "at last"

    return context.step(work, name="work", config=_retries(5))


@flow
def exhausted(event: Any, context: DurableContext) -> Any:
    def work(step: Any) -> Any:
        raise ValueError("never")

    return context.step(work, name="work", config=_retries(2))


@flow
def caught(event: Any, context: DurableContext) -> Any:
    try:
        return failing_step(event, context)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@flow
def callback(event: Any, context: DurableContext) -> Any:
    options = CallbackConfig(
        timeout=Duration.from_seconds(event.get("timeout", 0)),
        heartbeat_timeout=Duration.from_seconds(event.get("heartbeat", 0)),
    )
    approval: Any = context.create_callback(name="approval", config=options)
    return approval.result()


@flow
def callback_caught(event: Any, context: DurableContext) -> Any:
    try:
        return callback(event, context)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@flow
def wait_for_callback(event: Any, context: DurableContext) -> Any:
    def submit(callback_id: str, _: Any) -> None:
        note(event, callback_id)

    return context.wait_for_callback(submit, name="review", config=WaitForCallbackConfig())


@flow
def wait_for_condition(event: Any, context: DurableContext) -> Any:
    def decide(state: Any, attempt: int) -> Any:
        if state >= event.get("until", 3):
            return WaitForConditionDecision.stop_polling()
        return WaitForConditionDecision.continue_waiting(Duration.from_seconds(1))

    return context.wait_for_condition(
        lambda state, _: state + 1,
        WaitForConditionConfig(wait_strategy=decide, initial_state=0),
        name="poll",
    )


@flow
def child(event: Any, context: DurableContext) -> Any:
    def inner(inside: DurableContext) -> Any:
        return [inside.step(lambda _: 1, name="x"), inside.step(lambda _: 2, name="y")]

    return context.run_in_child_context(inner, name="block")


@flow
def failing_child(event: Any, context: DurableContext) -> Any:
    def inner(inside: DurableContext) -> Any:
        raise ValueError("inside")

    return context.run_in_child_context(inner, name="block")


@flow
def parallel(event: Any, context: DurableContext) -> Any:
    def branch(number: int) -> Any:
        def run(inside: DurableContext) -> Any:
            if event.get("wait"):
                inside.wait(Duration.from_seconds(1), name=f"wait-{number}")
            return inside.step(lambda _: number * 10, name=f"step-{number}")

        return run

    done: Any = context.parallel([branch(1), branch(2), branch(3)], name="both")
    return done.get_results()


@flow
def mapped(event: Any, context: DurableContext) -> Any:
    def each(inside: DurableContext, item: int, index: int, items: Any) -> Any:
        return inside.step(lambda _: item * item, name=f"square-{index}")

    done: Any = context.map(event.get("items", [1, 2, 3]), each, name="squares")
    return done.get_results()


@flow
def invoke(event: Any, context: DurableContext) -> Any:
    return context.invoke(event["target"], event.get("payload", {}), name="call")


@flow
def invoke_caught(event: Any, context: DurableContext) -> Any:
    try:
        return invoke(event, context)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@flow
def crash(event: Any, context: DurableContext) -> Any:
    """The process ends in the middle, the first times."""
    context.step(lambda _: note(event, "before"), name="before")
    if len(Path(event["notes"]).read_text().splitlines()) < event.get("until", 2):
        note(event, "crash")
        os._exit(3)
    return "survived"


@flow
def slow_step(event: Any, context: DurableContext) -> Any:
    def work(_: Any) -> Any:
        note(event, "begun")
        deadline = time.monotonic() + 30
        while not Path(event["go"]).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return "done"

    return [context.step(work, name="slow"), context.step(lambda _: "after", name="after")]


@flow
def many_steps(event: Any, context: DurableContext) -> Any:
    for number in range(event["count"]):
        context.step(lambda _: None, name=f"s{number}")
    return event["count"]


@flow
def large(event: Any, context: DurableContext) -> Any:
    kept = context.step(lambda _: event["data"][:250_000], name="copy")
    return [len(event["data"]), len(kept)]


@flow
def noted(event: Any, context: DurableContext) -> Any:
    """A step, a wait, a callback and a step, each of which leaves a note."""
    context.step(lambda _: note(event, "one"), name="one")
    context.wait(Duration.from_seconds(event.get("seconds", 1)), name="pause")
    context.step(lambda _: note(event, "two"), name="two")
    if event.get("callback"):
        waiting: Any = context.create_callback(name="approval")
        waiting.result()
    context.step(lambda _: note(event, "three"), name="three")
    return "done"


@flow
def noted_then_slow(event: Any, context: DurableContext) -> Any:
    context.step(lambda _: note(event, "one"), name="one")
    return slow_step(event, context)


@flow
def from_outside(event: Any, context: DurableContext) -> Any:
    """What queues and URLs send: the event's own records, or its path."""
    if "Records" in event:
        for record in event["Records"]:
            context.step(lambda _: print("message", record["body"]), name="print")  # noqa: B023
        return {"batchItemFailures": []}
    context.wait(Duration.from_seconds(1))
    return {"statusCode": 200, "body": context.step(lambda _: event["rawPath"], name="path")}
