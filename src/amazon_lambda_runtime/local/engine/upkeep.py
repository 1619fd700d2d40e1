"""The upkeep of a function's environments, beside its invocations.

Between invocations an environment is frozen, as on Lambda; after a long idle time it is ended; and
one that uses more memory than the function has is killed. All of it is one loop that looks at every
environment, often while something runs, and rests while all are frozen.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from amazon_lambda_runtime.local.closing import Closing

from .environment import Environment
from .function import LocalFunction
from .states import State

# In seconds: how long an environment has been idle when it is frozen. A client that invokes one
# event after the other finds it running.
FREEZES_AFTER = 0.02
# In seconds: the pause between two looks, while there is something to freeze or to measure.
_OFTEN = 0.025
# In seconds: the pause while there is only the idle time to look at.
_SELDOM = 0.25


class Upkeep(Closing):
    """Looks after these environments from `begin` to `close`; `retire` ends an idle one."""

    def __init__(
        self,
        function: LocalFunction,
        environments: Mapping[int, Environment],
        retire: Callable[[Environment], None],
    ) -> None:
        self._function = function
        self._environments = environments
        self._retire = retire
        # Managed instances are never frozen.
        self._freezes = function.freeze and not function.max_concurrency
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look after them from now on. To call it again does nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def stir(self) -> None:
        """Look at once: an environment has changed its state."""
        self._stirred.set()

    async def close(self) -> None:
        """Look after them no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._pause()
            now = time.perf_counter()
            for environment in list(self._environments.values()):
                if environment.state is State.BUSY:
                    self._measure(environment)
                elif environment.state in (State.IDLE, State.FROZEN):
                    self._rest(environment, now - environment.idle_since)

    async def _pause(self) -> None:
        self._stirred.clear()
        states = {environment.state for environment in self._environments.values()}
        if State.BUSY in states or (self._freezes and State.IDLE in states):
            await asyncio.sleep(_OFTEN)
        else:
            # Not wait_for: Python 3.11's loses a cancellation that comes with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(_SELDOM):
                    await self._stirred.wait()

    def _measure(self, environment: Environment) -> None:
        memory = self._function.memory
        if memory and environment.resident_mb() > memory:
            environment.out_of_memory = True
            environment.kill()

    def _rest(self, environment: Environment, idle: float) -> None:
        if idle > self._function.idle:
            self._retire(environment)
        elif idle > FREEZES_AFTER and self._freezes:
            environment.freeze()
