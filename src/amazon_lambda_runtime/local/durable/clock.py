"""What time it is for durable executions: the engine's Clock."""

import time
from datetime import UTC, datetime, timedelta

# In seconds: how long the engine sleeps at most. Its timers stand still while the machine is
# suspended, and this clock does not: what is due then is seen this soon after.
_LOOK = 30.0


class SteadyClock:
    """The wall clock as it was at the start, carried on by one that nobody can set.

    So a wait takes as long as it should when the wall clock is set meanwhile, and the events of a
    history are in order.
    """

    def __init__(self) -> None:
        self._began = datetime.now(UTC) - timedelta(seconds=self._steady())

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return self._began + timedelta(seconds=self._steady())

    def arm(self, wake: datetime) -> float:
        """Return after how many seconds to look whether `wake` has come."""
        return min(max((wake - self.now()).total_seconds(), 0.0), _LOOK)

    def _steady(self) -> float:
        # It counts the time that the machine was suspended.
        return time.clock_gettime(time.CLOCK_BOOTTIME)
