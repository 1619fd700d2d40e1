"""Async handlers, many at a time: each invocation is a task of one event loop.

Theory: a lane is a connection and the invocation that came on it. It asks for an event, starts a
task for it, in a context of its own, and asks again when the task is done and its answer has been
accepted. What a task sends goes out from the loop, so that a caller who reads slowly holds up that
task alone. The loop runs in the main thread: signals come as calls from it.
"""

import asyncio
import os
import signal
import threading
from contextvars import copy_context

from . import report, serving
from .async_client import AsyncClient
from .errors import RuntimeApiError, Shutdown
from .event_loop import CancelledError, EventLoop, resolve
from .logs import sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .client import Delivery
    from .serving import Serving
    from .typing import Handler

# How long (seconds) tasks may go on after a signal before they are cancelled, and then to answer:
# Lambda leaves 600 ms.
_LAST_ANSWERS = 0.5
_LAST_WORDS = 0.05


class Lane:
    """A connection, and the invocation that came on it."""

    def __init__(self, tasks: "Tasks", address: str) -> None:
        self._tasks = tasks
        self.client = AsyncClient(address, tasks.loop, self._begin, self._go_on, tasks.lose)
        #: The task of the invocation, None between two.
        self.task: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether there is an invocation that is not done and answered."""
        return self.task is not None or self.client.is_answering

    def _begin(self, delivery: "Delivery") -> None:
        tasks = self._tasks
        self.task = tasks.loop.create_task(
            tasks.answer(delivery, self.client), context=tasks.context.copy()
        )
        self.task.add_done_callback(lambda _: self._end(delivery))

    def _end(self, delivery: "Delivery") -> None:
        assert self.task is not None
        if self.task.cancelled() and not delivery.answered:
            # Before its first step.
            self._tasks.fail(delivery, asyncio.CancelledError())
        self.task = None
        self._go_on()

    def _go_on(self) -> None:
        if not self.is_busy:
            self._tasks.go_on(self)


class Tasks:
    """The lanes of one Runtime."""

    def __init__(
        self, served: "Serving", handler: "Handler", event_loop: EventLoop, count: int
    ) -> None:
        self._served = served
        self._handler = handler
        self._event_loop = event_loop
        self.loop = event_loop.loop
        #: What each invocation's context is a copy of.
        self.context = copy_context()
        self._lanes = [Lane(self, served.client.address) for _ in range(count)]
        # The exit status, once the environment is to end.
        self._status: int | None = None
        self._is_shutdown = False
        self._is_over = False

    def run(self) -> "NoReturn":
        """Serve until a task has to end the process or a signal comes."""
        os.register_at_fork(after_in_child=self._become_child)
        self._listen()
        for lane in self._lanes:
            lane.client.ask()
        while True:
            try:
                self._event_loop.run()
                break
            except KeyboardInterrupt:
                self.end(130)
            except Shutdown as exc:
                self.end(report.status_of(exc), is_shutdown=True)
                self._expire()
            except SystemExit as exc:  # of a task that the function has started
                self.end(report.status_of(exc))
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self._is_shutdown:
            raise Shutdown(self._status)
        raise SystemExit(self._status)

    # One invocation

    async def answer(self, delivery: "Delivery", client: AsyncClient) -> None:
        """Call the handler with the event of a delivery and answer it, exactly once."""
        served = self._served
        try:
            opened = served.open(delivery, alone=False)
            if opened is None:
                return
            result = self._handler(*opened)
            if hasattr(type(result), "__await__"):
                result = await result
            if type(result) not in serving.PLAIN:
                result = await self._stream(result, delivery, client)
            if delivery.pending is not None:
                await delivery.pending
            if served.is_inherited:
                raise SystemExit(0)  # pragma: no cover  in the child
            if not delivery.answered:
                body, content_type = served.encode(result)
        except BaseException as exc:
            self.fail(delivery, exc)
            return
        sink.flush()
        if not delivery.answered:
            delivery.respond(body, content_type)

    async def _stream(self, result: "Any", delivery: "Delivery", client: AsyncClient) -> "Any":
        """Stream a result that is to be streamed; return what is left to send."""
        streaming = self._served.load_streaming()
        source, stream = streaming.open_stream(result, delivery)
        if stream is None:
            return source
        if hasattr(type(source), "__aiter__"):
            await streaming.pump_async(source, stream, client.drained)
        else:
            # It may block, and so may the caller who reads what it writes.
            rest = await self._in_thread(lambda: streaming.pump(source, stream))
            if rest is not None:
                await rest
        await client.settled()
        return None

    def fail(self, delivery: "Delivery", exc: BaseException) -> None:
        """Log an exception and answer the delivery with it; end the environment if it says so."""
        if self._served.is_inherited:  # pragma: no cover  in the child
            # In a process that the handler has forked. The answer is left to its parent.
            sink.flush()
            os._exit(report.status_of(exc) if isinstance(exc, SystemExit) else 1)
        ends = not isinstance(exc, Exception)
        if isinstance(exc, asyncio.CancelledError):
            ends = False
            told: BaseException = CancelledError("a task cancelled the handler")
            told.__cause__ = exc
            exc = Shutdown(self._status) if self._is_over else told
        try:
            self._served.fail(delivery, exc)
        except RuntimeApiError as problem:
            self.lose(problem)
        if ends:
            status = 130 if isinstance(exc, KeyboardInterrupt) else 1
            self.end(
                report.status_of(exc) if isinstance(exc, SystemExit) else status,
                is_shutdown=isinstance(exc, Shutdown),
            )

    def _in_thread(self, work: "Callable[[], Any]") -> "asyncio.Future[Any]":
        """Do `work` in a thread, which does not keep the process from ending."""
        future: asyncio.Future[Any] = self.loop.create_future()

        def run() -> None:
            result, failure = None, None
            try:
                result = work()
            except BaseException as exc:
                failure = exc
            self.loop.call_soon_threadsafe(resolve, future, failure, result)

        context = copy_context()
        threading.Thread(target=context.run, args=[run], daemon=True).start()
        return future

    # The end

    def go_on(self, lane: Lane) -> None:
        """Have a lane ask for its next event, unless the environment is about to end."""
        if self._status is None:
            lane.client.ask()
        else:
            self._stop_if_done()

    def lose(self, problem: RuntimeApiError) -> None:
        """End the environment: the Runtime API is gone."""
        if self._status is None:
            sink.log_error(f"[ERROR] LAMBDA_RUNTIME {problem}\n")
        self.end(1)

    def end(self, status: int, is_shutdown: bool = False) -> None:
        """End the environment with this exit status, after the invocations that are at work."""
        if self._status is None:
            self._status = status
            self._is_shutdown = is_shutdown
            self.loop.call_later(_LAST_ANSWERS, self._expire)
        self._stop_if_done()

    def _stop_if_done(self) -> None:
        if not any(lane.is_busy for lane in self._lanes):
            self.loop.stop()

    def _expire(self) -> None:
        """Interrupt the invocations that are still at work."""
        if self._is_over:
            return
        self._is_over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        for lane in self._lanes:
            if lane.task is not None:
                lane.task.cancel()
        self.loop.call_later(_LAST_WORDS, self.loop.stop)

    def _listen(self) -> None:
        """Listen for the signals that end the environment."""
        for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                # The loop is woken for it, whichever thread the kernel gives it to.
                self.loop.add_signal_handler(number, self.end, status, True)
                signal.signal(number, self._hurry)

    def _hurry(self, number: int, frame: object) -> None:
        """See to it that a coroutine which blocks the loop is interrupted in the end."""

        def interrupt(*_: object) -> None:
            raise Shutdown(130 if number == signal.SIGINT else 0)

        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, _LAST_ANSWERS + _LAST_WORDS / 2)

    def _become_child(self) -> None:  # pragma: no cover  in the child
        for lane in self._lanes:
            # Its connection is the parent's. The loop's epoll is, too, so nothing is unregistered.
            lane.client.abandon()
