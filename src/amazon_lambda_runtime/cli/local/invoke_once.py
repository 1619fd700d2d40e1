"""One invocation: the response on stdout, streamed as it comes. The log is elsewhere."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from amazon_lambda_runtime.cli.signals import stop_signal
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer, Invocation
from amazon_lambda_runtime.local.engine.log_writer import write_all
from amazon_lambda_runtime.local.engine.output import Log
from amazon_lambda_runtime.local.server import LocalLambda, open_pool

if TYPE_CHECKING:
    from amazon_lambda_runtime.local.durable.service import DurableExecutions


async def invoke_once(
    function: LocalFunction,
    event: bytes,
    log: Log,
    say: Callable[[str], None],
    durable: "DurableExecutions | None" = None,
) -> int:
    """Invoke the function; return the exit status.

    It is 0, 1 if the function failed, 128 + N after signal N, and 2 if the response cannot be
    written; `say` tells why. A reader that has read enough is no reason.
    """
    # One that is switched off (reserved_concurrency = 0) is asked for by name here.
    function = replace(function, concurrency=max(function.concurrency, 1))
    stopped = stop_signal()
    output = _Output(say)
    if durable is not None:
        return await _execute(function, event, log, durable, output, stopped)
    async with open_pool(function, log, retries_init=False) as pool:
        invocation = pool.invoke(event, caller=output)
        # Closing the pool also ends the wait for the report.
        reported = asyncio.ensure_future(invocation.wait_until_reported())
        waiting: list[asyncio.Future[Any]] = [reported, stopped]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            return 128 + stopped.result()
        answer = await invocation.wait()
    if not invocation.is_streamed:
        output.write(answer.payload)
    elif answer.failed:
        say(f"the response was cut off: {answer.payload.decode('utf-8', 'replace')}")
    output.end()
    return 2 if output.has_failed else int(answer.failed)


async def _execute(
    function: LocalFunction,
    event: bytes,
    log: Log,
    durable: "DurableExecutions",
    output: "_Output",
    stopped: "asyncio.Future[int]",
) -> int:
    """Run one durable execution; return the exit status."""
    async with LocalLambda(function, log=log, durable=durable) as service:
        # The function tells its steps over the API.
        await service.listen()
        running = asyncio.ensure_future(durable.run(function, Invocation(event)))
        waiting: list[asyncio.Future[Any]] = [running, stopped]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
            await asyncio.wait([running])
            return 128 + stopped.result()
        answer = await running
    output.write(answer.payload)
    output.end()
    return 2 if output.has_failed else int(answer.failed)


class _Output:
    """The caller: a streamed response is written as it comes, any other by `invoke_once`."""

    wants_pieces = True

    def __init__(self, say: Callable[[str], None]) -> None:
        self.has_failed = False
        self._is_closed = sys.stdout is None
        self._say = say
        self._last = b""

    def piece(self, invocation: Invocation, data: bytes) -> None:
        self.write(data)

    def answered(self, invocation: Invocation, answer: Answer) -> None:
        """Leave a response that comes whole for after the log."""

    def reported(self, invocation: Invocation) -> None:
        """Not needed: `invoke_once` waits for it."""

    def throttled(self, invocation: Invocation) -> None:
        """Not called: there is only one."""

    def write(self, data: bytes) -> None:
        """Write bytes as they are. If that fails, say so once and write no more."""
        if self._is_closed or not data:
            return
        self._last = data[-1:]
        try:
            write_all(sys.stdout.fileno(), data)
        except BrokenPipeError:
            self._is_closed = True
        except OSError as error:
            self._is_closed = self.has_failed = True
            reason = error.strerror or error
            self._say(f"lambda-runtime: cannot write the response to stdout: {reason}")

    def end(self) -> None:
        """In a terminal, let the prompt begin on a line of its own."""
        if not self._is_closed and sys.stdout.isatty() and self._last not in (b"", b"\n"):
            self.write(b"\n")
