"""Many messages and failures at random: nothing is lost, and nothing is done twice."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.events import SQS, EventRuntime
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.queues import Queue
from amazon_lambda_runtime.local.server import open_pool
from amazon_lambda_runtime.testing import invoke as invoke_handler
from tests.harness import chance, examples
from tests.local.support import Recorder, source_path

from .support import FAILED, empty, place, send


async def drain(count: int, queue: Queue, enough: Callable[[], int]) -> None:
    """Send messages, a few hundred ahead of what is done, and wait until all are."""
    sent = 0
    while enough() < count:
        if sent < count and sent - enough() < 400:
            await send(queue, [str(number) for number in range(sent, sent + 10)])
            sent += 10
        else:
            await asyncio.sleep(0.02)
    await empty(queue)


@pytest.mark.slow
def test_drain() -> None:
    """
    Of 1,000 messages (EXAMPLES) and a handler that fails at random, none is lost, and none is
    processed again after its success was reported.
    """

    async def test() -> None:
        count = examples(1_000)
        lot = chance("test_drain")
        done: Counter[str] = Counter()
        attempts = 0

        class Handler(SQS):
            def on_message(self, message: Any, record: Any) -> None:
                nonlocal attempts
                attempts += 1
                if lot.random() < 0.05:
                    raise RuntimeError("at random")
                done[record["body"]] += 1

        class App(EventRuntime):
            partial_failures = True

        App.register_event_handler("aws:sqs", Handler)
        app = App()
        app.logger.disabled = True

        async def invoke(event: bytes) -> Answer:
            await asyncio.sleep(lot.random() / 200)
            if lot.random() < 0.03:
                return FAILED
            return Answer(json.dumps(invoke_handler(app, event)).encode())

        async with place(0.3) as here:
            queue = await here.make("drain,visibility=2")
            await here.poll(queue, invoke, ",partial=true")
            await drain(count, queue, lambda: len(done))
        assert len(done) == count
        assert set(done.values()) == {1}
        assert attempts > count

    asyncio.run(within(30 + examples(1_000) / 50, test()))


HANDLER = """
import random
from amazon_lambda_runtime.events import EventRuntime

app = EventRuntime()
app.partial_failures = True

@app.on("aws:sqs")
def message(body, record):
    if random.random() < 0.1:
        raise RuntimeError("at random")
    # A record of the log with a traceback has no end of line.
    print()
    print("done", record["body"])

def handler(event, context):
    if random.random() < 0.1:
        raise RuntimeError("at random")
    return app.handler(event, context)
"""


@pytest.mark.slow
def test_drain_through_a_process(tmp_path: Path) -> None:
    """The same with the real runtime in real processes."""
    tmp_path.joinpath("h.py").write_text(HANDLER)
    function = LocalFunction(
        name="h",
        handler="h.handler",
        command=[sys.executable, "-m", "amazon_lambda_runtime", "h.handler"],
        task_root=str(tmp_path),
        environment={"PYTHONPATH": source_path()},
    )

    async def test() -> None:
        log = Recorder()
        async with open_pool(function, log) as pool, place(0.5) as here:

            async def invoke(event: bytes) -> Answer:
                return await pool.invoke(event).wait()

            def done() -> list[str]:
                return [line for line in log if line.startswith("done ")]

            queue = await here.make("processes,visibility=3")
            await here.poll(queue, invoke, ",partial=true", concurrency=2)
            await drain(200, queue, lambda: len(done()))
            assert sorted(done()) == sorted(f"done {number}" for number in range(200))

    asyncio.run(within(30 + examples(1_000) / 50, test()))


async def within(seconds: float, test: Coroutine[Any, Any, None]) -> None:
    async with asyncio.timeout(seconds):
        await test
