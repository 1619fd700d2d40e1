"""The execution environments of one function: as many as there are invocations at a time.

An idle environment is used again, the one that was busy last first, as Lambda does. An environment
that fails to initialise in 10 s is started once more, as a part of the invocation that waits for
it (Lambda calls the first one suppressed), and what comes of that is the answer.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from amazon_lambda_runtime.local.closing import Closing

from . import report
from .environment import Environment
from .function import LocalFunction
from .invocation import Caller, Invocation
from .journal import Journal
from .managed import ManagedEnvironment
from .output import Log, to_stderr
from .reaper import Reaper
from .states import State

# In seconds.
INIT_LIMIT = 10
# How long an environment must have been idle to be frozen, and how often that is looked after.
FREEZES_AFTER = 0.02
_SWEEP = 0.025
# And how often it is looked whether an environment has been idle for long.
_REST = 0.25


@dataclass(slots=True)
class _Start:
    """An environment on its way: who waits for it, and whether it is the second attempt."""

    first: Invocation | None
    again: bool
    timer: asyncio.TimerHandle | None = None

    def cancel(self) -> Invocation | None:
        """Wait no longer for its end; return who does."""
        if self.timer is not None:
            self.timer.cancel()
        return self.first


class Pool(Closing):
    """Runs the invocations of one function. An async context manager: its end is their end.

    `log` gets every line that the function writes or that Lambda writes about it; `journal` is
    told what happens. Environments get their numbers from `numbers`, which pools may share.
    """

    def __init__(
        self,
        function: LocalFunction,
        log: Log = to_stderr,
        journal: Journal | None = None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self.function = function
        self.environments: dict[int, Environment] = {}
        self._log = log
        self._journal = journal
        self._reaper = Reaper()
        self._idle: list[Environment] = []
        self._queue: deque[Invocation] = deque()
        self._starts: dict[int, _Start] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        # Set when there may be something to look after.
        self._stir = asyncio.Event()
        self._numbers = numbers or count(1)
        self._closed = False

    def invoke(
        self, event: bytes, client_context: str = "", caller: Caller | None = None
    ) -> Invocation:
        """Start an invocation and return it. It runs to its end whether somebody waits or not.

        The event is passed on as it is; `client_context` is JSON.
        """
        invocation = Invocation(event, client_context, caller=caller)
        self.submit(invocation)
        return invocation

    def submit(self, invocation: Invocation, kind: str = "RequestResponse") -> None:
        """Run the invocation, or tell it that it is throttled. `kind` is for the journal."""
        invocation.kind = kind
        while self._idle:
            environment = self._idle.pop()
            if environment.is_free:
                self._begin(environment, invocation)
                self.free(environment)  # a managed instance may have room for more
                return
        seconds = max([e.soon for e in self.environments.values() if not e.is_stale], default=0)
        if seconds:
            self._accepted(invocation)
            self._queue.append(invocation)
            loop = asyncio.get_running_loop()
            invocation.timer = loop.call_later(seconds, self._overdue, invocation)
        else:
            self._find_room(invocation)

    def renew(self) -> None:
        """Have the code loaded anew: by a new environment, and this one at once.

        What an environment is at, it comes to the end of; it gets no more events.
        """
        for environment in list(self.environments.values()):
            environment.is_stale = True
            if environment.state in (State.IDLE, State.FROZEN):
                self._stop(environment, "spindown")
        self._idle.clear()
        self._start(None)

    async def close(self) -> None:
        """End the invocations that run and the processes of all environments."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        firsts = [start.cancel() for start in self._starts.values()]
        waiting = [*self._queue, *(first for first in firsts if first is not None)]
        running = [i for e in self.environments.values() for i in e.invocations]
        for invocation in (*waiting, *running):
            if invocation.timer is not None:
                invocation.timer.cancel()
            invocation.report()  # nobody shall wait for what does not come any more
        await asyncio.gather(*(e.stop() for e in list(self.environments.values())))
        await asyncio.gather(*self._stopping)
        self.environments.clear()
        self._idle.clear()
        self._queue.clear()
        self._reaper.dismiss()

    # What environments tell: this is their Owner.

    def changed(self, environment: Environment) -> None:
        self._stir.set()
        if self._journal is not None:
            self._journal.environment(environment.number, environment.state.name.lower())

    def initialised(self, environment: Environment) -> None:
        environment.idle_since = time.perf_counter()
        start = self._starts.pop(environment.number, None)
        first = start.cancel() if start is not None else None
        if start is not None and first is not None:
            if start.again:
                environment.invoke(first)
            else:
                self._begin(environment, first, environment.init_ms)
        self.free(environment)

    def over(self, environment: Environment, invocation: Invocation) -> None:
        # Who waits is served first: what there is to tell can be told while the function works.
        following = None
        if self._queue and environment.is_free and not environment.is_stale:
            following = self._dequeue()
            self._set_deadline(following)
            environment.invoke(following)
        self._report(environment, invocation)
        if following is not None:
            self._announce(environment, following)

    def free(self, environment: Environment) -> None:
        if environment.is_stale:
            if environment.is_free and not environment.invocations:
                self._stop(environment, "spindown")
            return
        while self._queue and environment.is_free:
            self._begin(environment, self._dequeue())
        if environment.is_free and environment not in self._idle:
            self._idle.append(environment)

    def gone(self, environment: Environment) -> None:
        self.environments.pop(environment.number, None)
        start = self._starts.pop(environment.number, None)
        if start is not None:
            self._init_failed(environment, start.cancel(), start.again)
        if not self._closed:
            self._serve_queue()

    def wrote(self, invocation: Invocation | None, line: str) -> None:
        if invocation is not None:
            invocation.record(line)
        if self._journal is not None:
            self._journal.line(invocation, line)
        self._log(line, invocation.id if invocation is not None else "")

    # From the queue to an environment.

    def _find_room(self, invocation: Invocation) -> None:
        for number, start in self._starts.items():
            # One that was started for nobody in particular, since the code was saved.
            if start.first is None and not self.environments[number].is_stale:
                start.first = invocation
                return
        if self._has_room:
            self._accepted(invocation)
            self._start(invocation)
        else:
            invocation.throttle()

    @property
    def _has_room(self) -> bool:
        count = sum(not environment.is_stale for environment in self.environments.values())
        return count < self.function.concurrency and not self._closed

    def _start(self, invocation: Invocation | None, again: bool = False) -> Environment:
        number = next(self._numbers)
        kind = ManagedEnvironment if self.function.max_concurrency else Environment
        environment = kind(self.function, number, self, self._reaper)
        self.environments[number] = environment
        start = self._starts[number] = _Start(invocation, again)
        if self.function.timeout and not again:
            loop = asyncio.get_running_loop()
            start.timer = loop.call_later(INIT_LIMIT, self._init_late, environment)
        environment.start()
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        return environment

    def _dequeue(self) -> Invocation:
        invocation = self._queue.popleft()
        if invocation.timer is not None:
            invocation.timer.cancel()
        return invocation

    def _serve_queue(self) -> None:
        while self._queue and self._has_room:
            self._start(self._dequeue())

    def _overdue(self, invocation: Invocation) -> None:
        self._queue.remove(invocation)
        self._find_room(invocation)

    def _begin(
        self, environment: Environment, invocation: Invocation, init_ms: float | None = None
    ) -> None:
        invocation.init_ms = init_ms
        self._set_deadline(invocation)
        # First things first: what else there is to do can be done while the function works.
        environment.invoke(invocation)
        self._announce(environment, invocation)

    def _accepted(self, invocation: Invocation) -> None:
        if self._journal is not None and invocation.journal is None:
            invocation.journal = self._journal
            self._journal.accepted(invocation, invocation.kind, self.function.name)

    def _set_deadline(self, invocation: Invocation) -> None:
        invocation.started = time.perf_counter()
        invocation.deadline_ms = int((time.time() + (self.function.timeout or 86400)) * 1000)

    def _announce(self, environment: Environment, invocation: Invocation) -> None:
        """Tell that the invocation's time has begun, and have it end."""
        self._accepted(invocation)
        if self._journal is not None:
            cold = invocation.init_ms is not None or not environment.is_initialised
            self._journal.started(invocation, environment.number, cold)
        self.wrote(invocation, report.start(invocation.id))
        timeout = self.function.timeout
        if timeout:
            loop = asyncio.get_running_loop()
            invocation.timer = loop.call_later(timeout, self._timed_out, environment, invocation)

    # What may go wrong.

    def _init_late(self, environment: Environment) -> None:
        environment.init_failure = "Sandbox.Timedout"
        environment.exit_reason = report.reason(INIT_LIMIT)
        environment.kill()

    def _init_failed(
        self, environment: Environment, invocation: Invocation | None, again: bool
    ) -> None:
        """Start once more for the invocation that waits, or tell it what went wrong."""
        if self._closed:
            return
        phase = "invoke" if again else "init"
        line = report.init_report(environment.init_ms, phase, environment.init_failure)
        if invocation is None:
            self.wrote(None, line)
            return
        self.wrote(invocation, line)
        # What can't be started at all is the same a second time.
        if not again and environment.init_failure != "Runtime.InvalidEntrypoint":
            self._set_deadline(invocation)
            self._announce(self._start(invocation, again=True), invocation)
            return
        if not again:
            self._set_deadline(invocation)
            self._announce(environment, invocation)
        if environment.init_answer is not None:
            invocation.settle(environment.init_answer)
        invocation.fail(environment.init_failure, environment.exit_reason)
        invocation.end()
        self._report(environment, invocation)

    def _timed_out(self, environment: Environment, invocation: Invocation) -> None:
        invocation.timed_out = True
        environment.flush()
        self.wrote(invocation, report.timed_out(invocation.id, self.function.timeout))
        invocation.fail("Sandbox.Timedout", report.reason(self.function.timeout))
        if environment.give_up(invocation):
            return
        self._starts.pop(environment.number, None)
        if not environment.invocations:
            # It was still being initialised.
            invocation.end()
            self._report(environment, invocation)
        self._stop(environment, "timeout")

    def _stop(self, environment: Environment, reason: str) -> None:
        task = asyncio.create_task(environment.stop(reason))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    def _report(self, environment: Environment, invocation: Invocation) -> None:
        if invocation.reported:
            return
        if invocation.timer is not None:
            invocation.timer.cancel()
        duration_ms = (time.perf_counter() - invocation.started) * 1000
        memory = self.function.memory or 10240
        memory_used = environment.peak_mb()
        status = ""
        if invocation.timed_out:
            status = "\tStatus: timeout"
        elif environment.out_of_memory:
            status = "\tStatus: error\tError Type: Runtime.OutOfMemory"
            memory_used = memory
        self.wrote(invocation, report.end(invocation.id))
        line = report.report(
            invocation.id, duration_ms, memory, memory_used, invocation.init_ms, status
        )
        self.wrote(invocation, line)
        if self._journal is not None:
            self._journal.reported(invocation, duration_ms, invocation.init_ms, memory_used)
        invocation.report()

    async def _sweep(self) -> None:
        """Freeze who is idle, end who was idle for long, and end who takes too much memory."""
        function = self.function
        # Managed instances are never frozen.
        freezes = function.freeze and not function.max_concurrency
        while True:
            # Between invocations, when all stand still, there is only the end of the idle to see.
            self._stir.clear()
            states = {environment.state for environment in self.environments.values()}
            if State.BUSY in states or (freezes and State.IDLE in states):
                await asyncio.sleep(_SWEEP)
            else:
                # Not wait_for: Python 3.11's loses a cancellation that comes with the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_REST):
                        await self._stir.wait()
            now = time.perf_counter()
            for environment in list(self.environments.values()):
                if environment.state is State.BUSY:
                    if function.memory and environment.resident_mb() > function.memory:
                        environment.out_of_memory = True
                        environment.kill()
                elif environment.state in (State.IDLE, State.FROZEN):
                    idle = now - environment.idle_since
                    if idle > function.idle:
                        if environment in self._idle:
                            self._idle.remove(environment)
                        self._stop(environment, "spindown")
                    elif idle > FREEZES_AFTER and freezes:
                        environment.freeze()
