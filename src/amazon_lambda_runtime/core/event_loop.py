"""The event loop of an environment: adopted or made for the first coroutine, kept until the end.

An object that one invocation made, an HTTP client or a lock, works in the next. Between invocations
the loop does not run: a task that is left over continues when the next handler awaits something.

`asyncio.Runner` makes the loop and closes it, but does not run it: `Runner.run` sets a handler of
SIGINT before each coroutine and resets it after, which takes as long as an invocation. Here the
handler is set once, and does what the Runner's does.
"""

import asyncio
import queue
import signal
import sys
import threading
from contextlib import suppress

from .errors import LambdaError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from concurrent.futures import Future
    from types import FrameType
    from typing import Any

    Outcome = tuple[Any, BaseException | None]
    Pump = Callable[..., Coroutine[Any, Any, None]]
    Handler = Callable[[int, FrameType | None], Any]

# How long (seconds) a coroutine is left to the thread that runs the loop, before it is looked
# whether the loop still runs.
_PATIENCE = 0.05


class CancelledError(LambdaError):
    """The handler was cancelled by its own code. It ends the invocation, not the process."""


class EventLoop:
    """Runs coroutines for the thread that asks, one after the other.

    It is the loop that the function's module has set, so that what was awaited at import works in
    the handler; else a new one, which is then set.
    """

    def __init__(self) -> None:
        found = _set_by_the_module()
        #: Whether the loop was there before.
        self.is_adopted = found is not None
        self._runner = asyncio.Runner(loop_factory=None if found is None else lambda: found)
        #: The loop itself.
        self.loop = self._runner.get_loop()
        # Held by the thread that runs the loop.
        # One thread may take it twice: a signal may have come before it was given back.
        self._turn = threading.RLock()
        self._thread: threading.Thread | None = None
        self._task: asyncio.Task[Any] | None = None
        self._interrupted = False
        _replace_handler(signal.default_int_handler, self._interrupt)

    def wait(self, awaitable: "Awaitable[Any]") -> "Any":
        """Return the result of `awaitable`, or raise what it raises.

        It runs in a copy of the caller's context. Raises RuntimeError in a thread in which a loop
        is running.
        """
        coroutine = awaitable if asyncio.iscoroutine(awaitable) else _outcome(awaitable)
        _refuse_where_one_runs(coroutine)
        try:
            if not self._turn.acquire(blocking=False):
                return self._wait_for_another_thread(coroutine)
            try:
                return self._run(coroutine)
            finally:
                self._turn.release()
        except asyncio.CancelledError as exc:
            raise CancelledError("a task cancelled the handler") from exc

    def pump(self, pump: "Pump", source: "Any", stream: "Any") -> None:
        """Have `pump` write what an async iterator yields to a stream.

        Where the loop runs in a thread of its own, the pieces are written in this thread, so that
        one who reads slowly does not hold up what else is on the loop.
        """
        if self._thread is None:
            self.wait(pump(source, stream))
            return
        relay = Relay(stream, self.loop)

        async def relayed() -> None:
            try:
                await pump(source, relay, relay.drained)
            finally:
                relay.pieces.put(None)

        future = self._submit(relayed())
        relay.run()
        try:
            _raise_or_return(future.result())
        except asyncio.CancelledError as exc:
            raise CancelledError("a task cancelled the handler") from exc
        stream.close()

    def run(self) -> None:
        """Run the loop until it is stopped, for the coroutines of all threads."""
        with self._turn:
            self.loop.run_forever()

    def run_in_thread(self) -> None:
        """Run the loop in a thread of its own from now on."""
        running = threading.Event()
        self.loop.call_soon(running.set)
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()
        running.wait()

    def close(self) -> None:
        """Cancel the tasks that are left over and close the loop.

        Where a loop is running in this thread, the tasks are dropped instead. One that runs in a
        thread of its own is stopped and left as it is.
        """
        self.leave()
        if self._thread is not None:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(1)
        elif asyncio._get_running_loop() is None:
            current = _current()
            self._runner.close()
            if current is not self.loop:
                asyncio.set_event_loop(current)  # the Runner has unset it, whichever it was
        else:
            self.loop.close()

    def leave(self) -> None:
        """Leave the loop to others, as it is: another EventLoop would adopt it."""
        _replace_handler(self._interrupt, signal.default_int_handler)

    def _run(self, coroutine: "Coroutine[Any, Any, Any]") -> "Any":
        self._interrupted = False
        task = self._task = self.loop.create_task(coroutine)
        try:
            return self._run_until_done(task)
        except asyncio.CancelledError:
            if self._interrupted and not task.uncancel():
                raise KeyboardInterrupt from None
            raise
        except (KeyboardInterrupt, SystemExit) as exc:
            if task.done() and not task.cancelled():
                task.exception()  # it is this one; asyncio would log that it was never retrieved
            elif isinstance(exc, SystemExit):
                # A signal's exception was raised past the coroutine: the coroutine has to end.
                task.cancel()
                self.loop.run_until_complete(asyncio.wait([task]))
            raise

    def _run_until_done(self, task: "asyncio.Task[Any]") -> "Any":
        """Run the loop until a task is done, also if the handler's code stops the loop."""
        while True:
            try:
                return self.loop.run_until_complete(task)
            except RuntimeError:
                # stop() may even take effect in the next invocation.
                if task.done() or self.loop.is_running() or self.loop.is_closed():
                    raise

    def _wait_for_another_thread(self, coroutine: "Coroutine[Any, Any, Any]") -> "Any":
        future = self._submit(coroutine)
        while True:
            try:
                return _raise_or_return(future.result(_PATIENCE))
            except TimeoutError:
                # The thread that ran the loop may be done, and nothing would run this coroutine.
                if self._turn.acquire(blocking=False):
                    try:
                        self.loop.run_until_complete(asyncio.wrap_future(future, loop=self.loop))
                    finally:
                        self._turn.release()

    def _submit(self, coroutine: "Coroutine[Any, Any, Any]") -> "Future[Outcome]":
        """Have the loop, which runs in another thread, run a coroutine."""

        async def outcome() -> "Outcome":
            try:
                return await coroutine, None
            except BaseException as exc:  # a SystemExit would stop the loop of all threads
                return None, exc

        return asyncio.run_coroutine_threadsafe(outcome(), self.loop)

    def _interrupt(self, number: int, frame: "FrameType | None") -> None:
        """Take Ctrl-C as asyncio does: the first cancels the coroutine that is being waited for."""
        if asyncio._get_running_loop() is not self.loop or self._interrupted or self._task is None:
            raise KeyboardInterrupt
        self._interrupted = True
        self._task.cancel()
        self.loop.call_soon_threadsafe(lambda: None)  # the loop may be asleep


def wait_during_init(coroutine: "Coroutine[Any, Any, Any]") -> "Any":
    """Run a coroutine on the loop that will be the environment's; return its result."""
    _refuse_where_one_runs(coroutine)
    loop = EventLoop()
    try:
        return loop.wait(coroutine)
    finally:
        loop.leave()  # the loop stays set, and is adopted


def _refuse_where_one_runs(coroutine: "Coroutine[Any, Any, Any]") -> None:
    if asyncio._get_running_loop() is not None:
        coroutine.close()
        raise RuntimeError("an event loop is running in this thread: await it instead")


class Relay:
    """Stands for a ResponseStream on a loop: another thread writes what is written to it."""

    def __init__(self, stream: "Any", loop: asyncio.AbstractEventLoop) -> None:
        self._stream = stream
        self._loop = loop
        self._written: asyncio.Future[None] | None = None
        #: The pieces to write, each with what is told when it is written; then None.
        self.pieces: queue.SimpleQueue[tuple[Any, asyncio.Future[None]] | None]
        self.pieces = queue.SimpleQueue()
        #: Whether the answer is complete, or was before it began.
        self.closed: bool = stream.closed

    def write(self, piece: "Any") -> None:
        """Have a piece written."""
        self._written = self._loop.create_future()
        self.pieces.put((piece, self._written))

    async def drained(self) -> None:
        """Wait until it is written. Raises what that raised."""
        assert self._written is not None
        await self._written

    def close(self) -> None:
        """Do nothing: the stream is closed by its own thread."""

    def run(self) -> None:
        """Write the pieces, until there are no more."""
        while (item := self.pieces.get()) is not None:
            piece, written = item
            failure = None
            try:
                self._stream.write(piece)
            except BaseException as exc:
                failure = exc
            self._loop.call_soon_threadsafe(resolve, written, failure)


def resolve(
    future: "asyncio.Future[Any]", failure: BaseException | None, result: "Any" = None
) -> None:
    """Have `future` end, unless it has been cancelled."""
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)


def _raise_or_return(outcome: "Outcome") -> "Any":
    result, exc = outcome
    if exc is not None:
        raise exc
    return result


def _replace_handler(old: "Handler", new: "Handler") -> None:
    """Replace the handler of SIGINT if it is `old`. Only the main thread may do it."""
    if signal.getsignal(signal.SIGINT) == old:
        with suppress(ValueError):
            signal.signal(signal.SIGINT, new)


def _current() -> "asyncio.AbstractEventLoop | None":
    """Return the loop that is set for this thread."""
    if sys.version_info >= (3, 14):  # pragma: no cover
        try:
            return asyncio.get_event_loop()
        except RuntimeError:
            return None
    # get_event_loop() would make one where there is none, with a warning from 3.12 on.
    policy = asyncio.get_event_loop_policy()
    loop: asyncio.AbstractEventLoop | None
    loop = getattr(getattr(policy, "_local", None), "_loop", None)
    return loop


def _set_by_the_module() -> "asyncio.AbstractEventLoop | None":
    """Return the loop that the function's code has set for this thread, if it can be run here."""
    loop = _current()
    # It may be closed by now, or run in a thread of the function's own.
    return None if loop is None or loop.is_closed() or loop.is_running() else loop


async def _outcome(awaitable: "Awaitable[Any]") -> "Any":
    return await awaitable
