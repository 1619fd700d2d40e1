"""One invocation, and its log."""

import asyncio
from typing import Any

from amazon_lambda_runtime.cli.signals import stop_signal
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.local.engine.output import Log
from amazon_lambda_runtime.local.server import open_pool


async def invoke_once(function: LocalFunction, event: bytes, log: Log) -> Answer | int:
    """Invoke the function; return its answer, or 128 + N if signal N came first."""
    stopped = stop_signal()
    async with open_pool(function, log) as pool:
        invocation = pool.invoke(event)
        # Closing the pool also ends the wait for the report.
        reported = asyncio.ensure_future(invocation.wait_until_reported())
        waiting: list[asyncio.Future[Any]] = [reported, stopped]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            return 128 + stopped.result()
        return await invocation.wait()
