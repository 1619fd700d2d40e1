"""The event loop of an environment: made for the first coroutine, kept until the end.

What was made in one invocation, an HTTP client or a lock, works in the next. Between invocations
the loop stands still, as the whole environment may: a task that is left over goes on when the next
handler awaits something.
"""

import asyncio
from contextvars import copy_context

from .errors import LambdaError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any


class CancelledError(LambdaError):
    """The handler was cancelled by one of its own. It ends the invocation, not the process."""


class EventLoop:
    """Runs coroutines, one after the other, from the thread that has made it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._task: asyncio.Task[Any] | None = None

    def wait(self, awaitable: "Awaitable[Any]") -> "Any":
        """Return what `awaitable` comes to, or raise what it raises."""
        try:
            # The context that is current now, where Runner would use the one it was made in.
            return self._runner.run(self._outcome(awaitable), context=copy_context())
        except asyncio.CancelledError as exc:
            raise CancelledError("the handler was cancelled") from exc
        except SystemExit:
            self._unwind()
            raise

    def close(self) -> None:
        """Cancel what is left over and close the loop."""
        self._runner.close()

    async def _outcome(self, awaitable: "Awaitable[Any]") -> "Any":
        self._task = asyncio.current_task()
        return await awaitable

    def _unwind(self) -> None:
        """Have a coroutine end that a signal's exception has passed by."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            self._runner.get_loop().run_until_complete(asyncio.wait([self._task]))
