"""A schedule: invokes the function when its expression says so, by the clock of this machine."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from amazon_lambda_runtime.local.closing import Closing
from amazon_lambda_runtime.project.schedule import parse

# In seconds: the clock may be set, and the machine may sleep, while this waits.
_NAP = 30.0


class Schedule(Closing):
    """Calls `fire` with each time at which the expression fires. An async context manager.

    Times that have passed while the machine slept are one. Raises ScheduleError.
    """

    def __init__(self, expression: str, fire: Callable[[datetime], None]) -> None:
        self.expression = expression
        self._fire = fire
        self._times = parse(expression).after(datetime.now(UTC))
        #: When it fires next; None if it never does again.
        self.next = next(self._times, None)
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Fire no more."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self.next is not None:
            left = (self.next - datetime.now(UTC)).total_seconds()
            if left > 0:
                await asyncio.sleep(min(left, _NAP))
                continue
            due = self.next
            while self.next is not None and self.next <= datetime.now(UTC):
                self.next = next(self._times, None)
            self._fire(due)
