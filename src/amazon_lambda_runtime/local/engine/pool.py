"""The execution environments of one function, and which of them gets which event.

An invocation goes to an idle environment, the one that was busy last first, as on Lambda. If there
is none, but one will be free in a moment (it has answered), the invocation is queued for that
moment. Otherwise a new environment is started for it; and if there are as many as the function's
concurrency allows, it is throttled. So the queue is short and short-lived, and nothing in it waits
for a whole invocation. An environment that fails to initialise, or takes more than 10 s, is started
once more as a part of the invocation that waits for it (Lambda calls that a suppressed init): under
the function's timeout and within its Duration, and what comes of it is the answer. So is one that
takes the place of an environment that has crashed or timed out. This file only schedules:
`environment` runs the process, `upkeep` freezes and ends what is idle, `telling` writes the log.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from amazon_lambda_runtime.local.closing import Closing

from . import report
from .environment import ENDS_WITHIN, Environment, Listen
from .function import LocalFunction
from .invocation import Caller, Invocation
from .journal import Journal
from .managed import ManagedEnvironment
from .output import Log, to_stderr
from .reaper import Reaper
from .states import FINAL, State
from .telling import Telling
from .timeouts import Timeouts
from .upkeep import Upkeep

# In seconds.
INIT_LIMIT = 10


@dataclass(slots=True)
class _Start:
    """An environment that starts: for which invocation, and whether it is a part of that."""

    first: Invocation | None
    within: bool
    timer: asyncio.TimerHandle | None = None

    def cancel(self) -> Invocation | None:
        """Stop its timer; return the invocation that waits for it."""
        if self.timer is not None:
            self.timer.cancel()
        return self.first


class Pool(Closing):
    """Runs the invocations of one function. An async context manager: its end is their end.

    `listen` opens an environment's Runtime API. `log` gets every line that the function writes or
    that Lambda writes about it; `journal` is told everything. Environments get their numbers from
    `numbers`, which pools may share. Without `retries_init`, the first init that fails is the
    answer: for a single invocation, so that a mistake is told once. A `reaper` that is given is
    shared with other pools, and theirs to dismiss.
    """

    def __init__(
        self,
        function: LocalFunction,
        listen: Listen,
        log: Log = to_stderr,
        journal: Journal | None = None,
        numbers: Iterator[int] | None = None,
        retries_init: bool = True,
        reaper: Reaper | None = None,
    ) -> None:
        self.function = function
        self.environments: dict[int, Environment] = {}
        self._listen = listen
        self._telling = Telling(function, log, journal)
        self._upkeep = Upkeep(function, self.environments, self._retire)
        self._timeouts = Timeouts(function.timeout, self._timed_out)
        self._reaper = reaper or Reaper()
        self._shares_reaper = reaper is not None
        self._idle: list[Environment] = []
        self._queue: deque[Invocation] = deque()
        self._starts: dict[int, _Start] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._numbers = numbers or count(1)
        #: How many environments have crashed or timed out, and have not been replaced.
        self._lost = 0
        self._retries_init = retries_init
        #: Called when the code is loaded anew.
        self.on_renewal: Callable[[], None] = lambda: None
        self._closed = False

    def invoke(
        self, event: bytes, client_context: str = "", caller: Caller | None = None
    ) -> Invocation:
        """Start an invocation and return it. It runs to its end whether it is awaited or not.

        `event` is JSON and is passed on as it is; so is `client_context`, "" for none.
        """
        invocation = Invocation(event, client_context, caller=caller)
        self.submit(invocation)
        return invocation

    def submit(self, invocation: Invocation, kind: str = "RequestResponse") -> None:
        """Run the invocation, or throttle it. `kind` is for the journal."""
        invocation.kind = kind
        while self._idle:
            environment = self._idle.pop()
            if environment.is_free:
                self._begin(environment, invocation)
                self.free(environment)  # a managed instance may have room for more
                return
        environments = [e for e in self.environments.values() if not e.is_stale]
        seconds = max([e.soon for e in environments], default=0)
        if not self._has_room and any(e.may_be_ending for e in environments):
            seconds = ENDS_WITHIN
        if seconds:
            self._telling.accepted(invocation)
            self._queue.append(invocation)
            loop = asyncio.get_running_loop()
            invocation.timer = loop.call_later(seconds, self._overdue, invocation)
        else:
            self._find_room(invocation)

    @property
    def in_flight(self) -> int:
        """How many invocations wait or run."""
        starting = sum(start.first is not None for start in self._starts.values())
        running = sum(len(e.invocations) for e in self.environments.values())
        return len(self._queue) + starting + running

    def renew(self) -> None:
        """Load the code anew: start an environment at once, and give the others no more events.

        What they run, they run to its end. Those that are still starting are ended, and what waits
        for them waits for new ones; only a second attempt, whose time is running, goes on.
        """
        waiting: list[Invocation] = []
        for environment in list(self.environments.values()):
            environment.is_stale = True
            start = self._starts.get(environment.number)
            if start is not None and not start.within:
                if (first := start.cancel()) is not None:
                    waiting.append(first)
                del self._starts[environment.number]
                environment.kill()
                self._stop(environment, "spindown")
            if environment.state in (State.IDLE, State.FROZEN):
                self._stop(environment, "spindown")
        self._idle.clear()
        self._lost = 0
        for invocation in waiting:
            self._start(invocation)
        if not waiting:
            self._start(None)
        self.on_renewal()

    async def close(self) -> None:
        """End the invocations that run and the processes of all environments."""
        self._closed = True
        await self._upkeep.close()
        self._timeouts.close()
        firsts = [start.cancel() for start in self._starts.values()]
        waiting = [*self._queue, *(first for first in firsts if first is not None)]
        running = [i for e in self.environments.values() for i in e.invocations]
        for invocation in (*waiting, *running):
            if invocation.timer is not None:
                invocation.timer.cancel()
            if invocation.stage not in FINAL:
                invocation.abandon()
        await asyncio.gather(*(e.stop() for e in list(self.environments.values())))
        await asyncio.gather(*self._stopping)
        self.environments.clear()
        self._idle.clear()
        self._queue.clear()
        if not self._shares_reaper:
            self._reaper.dismiss()

    # What environments tell: this is their Owner.

    def changed(self, environment: Environment) -> None:
        self._upkeep.stir()
        self._telling.state(environment.number, environment.state.name.lower())

    def initialised(self, environment: Environment) -> None:
        start = self._starts.pop(environment.number, None)
        first = start.cancel() if start is not None else None
        if start is not None and first is not None:
            if start.within:
                environment.invoke(first)
                self._telling.start(first)
            else:
                self._begin(environment, first, environment.init_ms)
        self.free(environment)

    def over(self, environment: Environment, invocation: Invocation) -> None:
        # The next invocation first: what there is to tell can be told while the function works.
        following = None
        if self._queue and environment.is_free and not environment.is_stale:
            following = self._dequeue()
            following.begin(self.function.timeout)
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
            self._init_failed(environment, start.cancel(), start.within)
        elif environment.has_crashed:
            self._lose(environment)
        if not self._closed:
            self._serve_queue()

    def wrote(self, invocation: Invocation | None, line: str) -> None:
        self._telling.line(invocation, line)

    def _retire(self, environment: Environment) -> None:
        """End an idle environment."""
        if environment in self._idle:
            self._idle.remove(environment)
        self._stop(environment, "spindown")

    # From the queue to an environment.

    def _find_room(self, invocation: Invocation) -> None:
        for number, start in self._starts.items():
            # One that was started when the code was saved, for no invocation yet.
            if start.first is None and not self.environments[number].is_stale:
                start.first = invocation
                return
        if self._has_room:
            self._telling.accepted(invocation)
            self._start_for(invocation)
        else:
            invocation.throttle()

    def _start_for(self, invocation: Invocation) -> None:
        if self._lost:
            self._lost -= 1
            self._start_within(invocation)
        else:
            self._start(invocation)

    def _start_within(self, invocation: Invocation) -> None:
        """Start an environment as a part of the invocation, whose time begins."""
        invocation.begin(self.function.timeout)
        environment = self._start(invocation, within=True)
        self._telling.assigned(invocation, environment.number, cold=True)
        self._timeouts.begin(invocation, environment)

    def _lose(self, environment: Environment) -> None:
        # A managed instance is always initialised on its own, and new code is a new start.
        if not (environment.is_stale or self.function.max_concurrency):
            self._lost += 1

    @property
    def _has_room(self) -> bool:
        # One that is ending has no invocation any more.
        count = sum(not (e.is_stale or e.is_ending) for e in self.environments.values())
        return count < self.function.concurrency and not self._closed

    def _start(self, invocation: Invocation | None, within: bool = False) -> Environment:
        number = next(self._numbers)
        kind = ManagedEnvironment if self.function.max_concurrency else Environment
        environment = kind(self.function, number, self, self._listen, self._reaper)
        self.environments[number] = environment
        start = self._starts[number] = _Start(invocation, within)
        if self.function.timeout and not within:
            loop = asyncio.get_running_loop()
            start.timer = loop.call_later(INIT_LIMIT, self._init_late, environment)
        environment.start()
        return environment

    def _dequeue(self) -> Invocation:
        invocation = self._queue.popleft()
        if invocation.timer is not None:
            invocation.timer.cancel()
        return invocation

    def _serve_queue(self) -> None:
        while self._queue and self._has_room:
            self._start_for(self._dequeue())

    def _overdue(self, invocation: Invocation) -> None:
        self._queue.remove(invocation)
        self._find_room(invocation)

    def _begin(
        self, environment: Environment, invocation: Invocation, init_ms: float | None = None
    ) -> None:
        invocation.init_ms = init_ms
        invocation.begin(self.function.timeout)
        # Telling comes after, while the function works.
        environment.invoke(invocation)
        self._announce(environment, invocation)

    def _announce(self, environment: Environment, invocation: Invocation) -> None:
        """Tell that the invocation's time has begun, and watch it."""
        cold = invocation.init_ms is not None or not environment.is_initialised
        self._telling.started(invocation, environment.number, cold)
        self._timeouts.begin(invocation, environment)

    # What may go wrong.

    def _init_late(self, environment: Environment) -> None:
        environment.init_failure = "Sandbox.Timedout"
        environment.exit_reason = report.reason(INIT_LIMIT)
        environment.kill()

    def _init_failed(
        self, environment: Environment, invocation: Invocation | None, within: bool
    ) -> None:
        """Start once more for the invocation that waits, or tell it what went wrong."""
        if self._closed:
            return
        error_type, reason = environment.init_failure, environment.exit_reason
        phase = "invoke" if within else "init"
        self._telling.init_failed(invocation, environment.init_ms, phase, error_type)
        if invocation is None:
            return
        # A command that cannot be run fails the same way a second time.
        retries = self._retries_init and error_type != "Runtime.InvalidEntrypoint"
        if retries and not within:
            self._start_within(invocation)
            return
        if not within:
            invocation.begin(self.function.timeout)
            self._telling.assigned(invocation, environment.number, cold=True)
        self._telling.start(invocation)
        if environment.init_answer is not None:
            invocation.settle(environment.init_answer)
            reason = ""  # the runtime has told it
        invocation.break_off(error_type, reason)
        invocation.end()
        self._report(environment, invocation)

    def _timed_out(self, environment: Environment, invocation: Invocation) -> None:
        invocation.timed_out = True
        environment.flush()
        invocation.fail("Sandbox.Timedout", report.reason(self.function.timeout))
        if environment.give_up(invocation):
            return
        self._lose(environment)
        start = self._starts.pop(environment.number, None)
        if not environment.invocations:
            # The environment is still being initialised, as a part of this invocation.
            if start is not None:
                took = environment.age_ms
                self._telling.init_failed(invocation, took, "invoke", "Sandbox.Timedout")
            self._telling.start(invocation)
            invocation.end()
            self._report(environment, invocation)
        self._stop(environment, "timeout")

    def _stop(self, environment: Environment, reason: str) -> None:
        task = asyncio.create_task(environment.stop(reason))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    def _report(self, environment: Environment, invocation: Invocation) -> None:
        if invocation.stage in FINAL:
            return  # the pool has closed meanwhile
        self._timeouts.end(invocation)
        self._telling.reported(invocation, environment.peak_mb(), environment.out_of_memory)
        invocation.report()
