"""The event loop of an environment: made for the first coroutine, kept until the end.

An object that one invocation made, an HTTP client or a lock, works in the next. Between invocations
the loop does not run: a task that is left over continues when the next handler awaits something.

`asyncio.Runner` makes the loop and closes it, but does not run it: `Runner.run` sets a handler of
SIGINT before each coroutine and resets it after, which takes as long as an invocation. Here the
handler is set once, and does what the Runner's does.
"""

import asyncio
import signal
from contextlib import suppress

from .errors import LambdaError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType
    from typing import Any

    Handler = Callable[[int, FrameType | None], Any]


class CancelledError(LambdaError):
    """The handler was cancelled by its own code. It ends the invocation, not the process."""


class EventLoop:
    """Runs coroutines, one after the other, in the thread that made it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._loop = self._runner.get_loop()
        self._task: asyncio.Task[Any] | None = None
        self._interrupted = False
        _replace_handler(signal.default_int_handler, self._interrupt)

    def wait(self, awaitable: "Awaitable[Any]") -> "Any":
        """Return the result of `awaitable`, or raise what it raises.

        It runs in a copy of the caller's context.
        """
        coroutine = awaitable if asyncio.iscoroutine(awaitable) else _outcome(awaitable)
        self._interrupted = False
        task = self._task = self._loop.create_task(coroutine)
        try:
            return self._loop.run_until_complete(task)
        except asyncio.CancelledError as exc:
            if self._interrupted and not task.uncancel():
                raise KeyboardInterrupt from None
            raise CancelledError("the handler was cancelled") from exc
        except (KeyboardInterrupt, SystemExit) as exc:
            if task.done() and not task.cancelled():
                task.exception()  # it is this one; asyncio would log that it was never retrieved
            elif isinstance(exc, SystemExit):
                # A signal's exception was raised past the coroutine: the coroutine has to end.
                task.cancel()
                self._loop.run_until_complete(asyncio.wait([task]))
            raise

    def close(self) -> None:
        """Cancel the tasks that are left over and close the loop.

        Where another loop is running in this thread, the tasks are dropped instead.
        """
        _replace_handler(self._interrupt, signal.default_int_handler)
        if asyncio._get_running_loop() is None:
            self._runner.close()
        else:
            self._loop.close()

    def _interrupt(self, number: int, frame: "FrameType | None") -> None:
        """Take Ctrl-C as asyncio does: the first cancels the coroutine that is being waited for."""
        if asyncio._get_running_loop() is not self._loop or self._interrupted or self._task is None:
            raise KeyboardInterrupt
        self._interrupted = True
        self._task.cancel()
        self._loop.call_soon_threadsafe(lambda: None)  # the loop may be asleep


def _replace_handler(old: "Handler", new: "Handler") -> None:
    """Replace the handler of SIGINT if it is `old`. Only the main thread may do it."""
    if signal.getsignal(signal.SIGINT) == old:
        with suppress(ValueError):
            signal.signal(signal.SIGINT, new)


async def _outcome(awaitable: "Awaitable[Any]") -> "Any":
    return await awaitable
