"""One invocation: the response on stdout, the log on stderr."""

import asyncio
import sys
from typing import Any

from amazon_lambda_runtime.cli.signals import stop_signal
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.server import open_pool

from .log_lines import printer


async def invoke_once(function: LocalFunction, event: bytes) -> int:
    """Invoke the function; return the exit status: 0, 1 if it failed, 128 + N after signal N."""
    stopped = stop_signal()
    async with open_pool(function, printer(sys.stderr)) as pool:
        invocation = pool.invoke(event)
        # Closing the pool also ends the wait for the report.
        reported = asyncio.ensure_future(invocation.wait_until_reported())
        waiting: list[asyncio.Future[Any]] = [reported, stopped]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            return 128 + stopped.result()
        answer = await invocation.wait()
    sys.stdout.buffer.write(answer.payload + b"\n")
    sys.stdout.buffer.flush()
    return 1 if answer.failed else 0
