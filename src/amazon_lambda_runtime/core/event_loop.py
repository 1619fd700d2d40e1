"""The event loop of an environment: made for the first coroutine, kept until the end.

An object that one invocation made, an HTTP client or a lock, works in the next. Between invocations
the loop does not run: a task that is left over continues when the next handler awaits something.
"""

import asyncio
from contextvars import copy_context

from .errors import LambdaError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any


class CancelledError(LambdaError):
    """The handler was cancelled by its own code. It ends the invocation, not the process."""


class EventLoop:
    """Runs coroutines, one after the other, in the thread that made it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._task: asyncio.Task[Any] | None = None

    def wait(self, awaitable: "Awaitable[Any]") -> "Any":
        """Return the result of `awaitable`, or raise what it raises."""
        try:
            # The current context; the Runner would use the one in which it was made.
            return self._runner.run(self._outcome(awaitable), context=copy_context())
        except asyncio.CancelledError as exc:
            raise CancelledError("the handler was cancelled") from exc
        except SystemExit:
            self._unwind()
            raise

    def close(self) -> None:
        """Cancel the tasks that are left over and close the loop.

        Where another loop is running in this thread, the tasks are dropped instead.
        """
        if asyncio._get_running_loop() is None:
            self._runner.close()
        else:
            self._runner.get_loop().close()

    async def _outcome(self, awaitable: "Awaitable[Any]") -> "Any":
        self._task = asyncio.current_task()
        return await awaitable

    def _unwind(self) -> None:
        """End the coroutine: a signal's exception was raised past it."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            self._runner.get_loop().run_until_complete(asyncio.wait([self._task]))
