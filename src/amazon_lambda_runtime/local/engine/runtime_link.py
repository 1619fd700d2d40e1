"""What an environment knows of the connection to its runtime: a request that waits, and a listener.

The Runtime API has both; how they come by their bytes is not known here.
"""

from collections.abc import Callable
from typing import Protocol

from .invocation import Invocation


class NextRequest(Protocol):
    """A runtime's request for its next event, kept until there is one."""

    def deliver(self, invocation: Invocation) -> None:
        """Answer it with this invocation."""

    def when_gone(self, callback: Callable[[], None]) -> None:
        """Have this called if the connection is lost before it is answered."""


class Listener(Protocol):
    """A Runtime API that listens."""

    @property
    def address(self) -> str:
        """Its HOST:PORT."""

    async def close(self) -> None: ...
