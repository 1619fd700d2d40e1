"""The upkeep of a function's environments, beside its invocations.

Between invocations an environment is frozen, as on Lambda; after a long idle time it is ended; and
one that uses more memory than the function has is killed. All of it is one timer. It runs often
while something is busy, and once every environment is frozen, only when the first of them has been
idle for too long: a server that nobody uses takes no time.
"""

import asyncio
import time
from collections.abc import Callable, Mapping

from amazon_lambda_runtime.local.closing import Closing

from .environment import Environment
from .function import LocalFunction
from .states import State

# In seconds: how long an environment has been idle when it is frozen. A client that invokes one
# event after the other finds it running.
FREEZES_AFTER = 0.02
# In seconds: the pause between two looks, while there is something to freeze or to measure.
_OFTEN = 0.025


class Upkeep(Closing):
    """Looks after these environments until `close`; `retire` ends an idle one."""

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
        self._timer: asyncio.TimerHandle | None = None
        # Whether the timer is about to run. Each change of a state asks for that.
        self._is_near = False
        self._is_closed = False

    def stir(self) -> None:
        """Look in a moment: an environment has changed its state."""
        if not self._is_near:
            self._look_in(_OFTEN)

    async def close(self) -> None:
        """Look after them no more."""
        self._is_closed = True
        self._look_in(None)

    def _look_in(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._is_near = False
        if seconds is not None and not self._is_closed:
            self._is_near = seconds <= _OFTEN
            self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        pauses = [self._tend(environment) for environment in list(self._environments.values())]
        self._look_in(min((pause for pause in pauses if pause is not None), default=None))

    def _tend(self, environment: Environment) -> float | None:
        """Do what is due; return in how many seconds there may be more, None for no such time."""
        if environment.state is State.BUSY:
            return self._measure(environment)
        if environment.state in (State.IDLE, State.FROZEN):
            return self._rest(environment, time.perf_counter() - environment.idle_since)
        return None

    def _measure(self, environment: Environment) -> float | None:
        memory = self._function.memory
        if not memory:
            return None
        if environment.resident_mb() > memory:
            environment.out_of_memory = True
            environment.kill()
        return _OFTEN

    def _rest(self, environment: Environment, idle: float) -> float | None:
        left = self._function.idle - idle
        if left <= 0:
            self._retire(environment)
            return None
        if self._freezes and environment.state is State.IDLE:
            if idle <= FREEZES_AFTER:
                return _OFTEN
            environment.freeze()
        return left
