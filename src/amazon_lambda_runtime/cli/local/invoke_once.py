"""One invocation: the response on stdout, the log on stderr."""

import asyncio
import os
import sys
from typing import Any

from amazon_lambda_runtime.cli.signals import stop_signal
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer, Invocation
from amazon_lambda_runtime.local.server import open_pool

from .log_lines import printer


async def invoke_once(function: LocalFunction, event: bytes) -> int:
    """Invoke the function; return the exit status: 0, 1 if it failed, 128 + N after signal N.

    It is 1, too, if the response cannot be written.
    """
    stopped = stop_signal()
    output = _Output()
    async with open_pool(function, printer(sys.stderr), retries_init=False) as pool:
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
        error = answer.payload.decode("utf-8", "replace")
        print(f"the response broke off: {error}", file=sys.stderr)
    output.end()
    return 1 if answer.failed or output.is_broken else 0


class _Output:
    """The caller: a streamed response is written as it comes, any other by `invoke_once`."""

    wants_pieces = True

    def __init__(self) -> None:
        self.is_broken = False
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
        if self.is_broken or not data:
            return
        self._last = data[-1:]
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            self.is_broken = True
            print(f"cannot write the response: {error.strerror}", file=sys.stderr)
            # What is buffered must not be written again when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def end(self) -> None:
        """In a terminal, let the prompt begin on a line of its own."""
        if sys.stdout.isatty() and self._last not in (b"", b"\n"):
            self.write(b"\n")
