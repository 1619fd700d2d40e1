"""When the time of a function's invocations is up.

All of them have the same time, so the first to begin is the first that is late. One timer of the
event loop does for all: one for each, set and cancelled, is a thirtieth of a warm invocation.
"""

import asyncio
import time
from collections.abc import Callable

from .environment import Environment
from .invocation import Invocation


class Timeouts:
    """Calls `late` for each invocation that has not ended so many seconds after its beginning.

    With 0 seconds there is no limit.
    """

    def __init__(self, seconds: float, late: Callable[[Environment, Invocation], None]) -> None:
        self._seconds = seconds
        self._late = late
        #: In the order of their beginning.
        self._running: dict[Invocation, tuple[float, Environment]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, invocation: Invocation, environment: Environment) -> None:
        """Let the time of an invocation begin, in this environment."""
        if not self._seconds:
            return
        self._running[invocation] = time.monotonic() + self._seconds, environment
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def end(self, invocation: Invocation) -> None:
        """Take note that an invocation has ended, in time or late."""
        self._running.pop(invocation, None)

    def close(self) -> None:
        """Call for none of them any more."""
        self._running.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        now = time.monotonic()
        for invocation, (due, environment) in list(self._running.items()):
            if due > now:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(due - now, self._look)
                return
            del self._running[invocation]
            self._late(environment, invocation)
