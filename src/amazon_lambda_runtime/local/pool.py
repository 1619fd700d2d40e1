"""The execution environments of one function: as many as there are invocations at a time.

An idle environment is used again, the one that was busy last first, as Lambda does. On Lambda, an
init that takes longer than 10 s is done again under the function's timeout. Here the two together
are its limit, and it is done once.
"""

import asyncio
import time
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from . import report
from .environment import Environment
from .function import Function
from .invocation import Invocation
from .output import Log, to_stderr
from .states import State

# In seconds.
INIT_LIMIT = 10
# How long an invocation waits for an environment that has answered and has not asked again yet.
# That is a matter of a millisecond, unless the handler goes on working after its answer.
ASKS_AGAIN = 0.1


class Pool:
    """Runs the invocations of one function. An async context manager: its end is their end.

    `log` gets every line that the function writes or that Lambda writes about it.
    """

    def __init__(self, function: Function, log: Log = to_stderr) -> None:
        self.function = function
        self._log = log
        self._environments: set[Environment] = set()
        self._idle: list[Environment] = []
        self._running: dict[asyncio.Task[None], Invocation] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def invoke(self, event: bytes, client_context: str = "") -> Invocation:
        """Start an invocation and return it. It runs to its end whether somebody waits or not.

        The event is passed on as it is; `client_context` is JSON.
        """
        invocation = Invocation(event, client_context)
        task = asyncio.create_task(self._run(invocation))
        self._running[task] = invocation
        task.add_done_callback(self._running.pop)
        return invocation

    async def close(self) -> None:
        """End the invocations that run and the processes of all environments."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.gather(*(environment.stop() for environment in self._environments))
        self._environments.clear()
        self._idle.clear()

    async def _run(self, invocation: Invocation) -> None:
        try:
            environment = await self._idle_environment()
            if environment is None:
                environment = Environment(self.function, invocation, self._log)
                self._environments.add(environment)
                await environment.start()
                limit = INIT_LIMIT + self.function.timeout
                in_time = await _within(limit, environment.initialised.wait())
                await self._invoke(invocation, environment, in_time, environment.init_ms)
            else:
                await self._invoke(invocation, environment, True, None)
        finally:
            # Nobody shall wait for what does not come any more.
            invocation.abandon()
            invocation.reported.set()

    async def _invoke(
        self,
        invocation: Invocation,
        environment: Environment,
        in_time: bool,
        init_ms: float | None,
    ) -> None:
        self._write(invocation, report.start(invocation.id))
        begun = time.perf_counter()
        if environment.state is State.IDLE:
            environment.invoke(invocation)
            in_time = await _within(self.function.timeout, invocation.over.wait())
        duration_ms = (time.perf_counter() - begun) * 1000
        memory_used = environment.peak_memory()
        if not in_time:
            reason = f"Task timed out after {self.function.timeout:.2f} seconds"
            invocation.fail("Sandbox.Timedout", reason)
            await environment.stop(grace=0)
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            self._write(invocation, f"{now} {invocation.id} {reason}")
        if environment.state is State.IDLE:
            self._idle.append(environment)
        else:
            await environment.stop()
            self._environments.discard(environment)
        self._write(invocation, report.end(invocation.id))
        memory = self.function.memory
        self._write(
            invocation, report.report(invocation.id, duration_ms, memory, memory_used, init_ms)
        )

    async def _idle_environment(self) -> Environment | None:
        about_to_ask = [task for task, other in self._running.items() if other.answered]
        if about_to_ask and not self._idle:
            await asyncio.wait(
                about_to_ask, timeout=ASKS_AGAIN, return_when=asyncio.FIRST_COMPLETED
            )
        while self._idle:
            environment = self._idle.pop()
            if environment.state is State.IDLE:
                return environment
            self._environments.discard(environment)
        return None

    def _write(self, invocation: Invocation, line: str) -> None:
        invocation.record(line)
        self._log(line)


async def _within(seconds: float, awaitable: Coroutine[Any, Any, object]) -> bool:
    """Say whether the awaitable came to its end in this time."""
    try:
        async with asyncio.timeout(seconds):
            await awaitable
    except TimeoutError:
        return False
    return True
