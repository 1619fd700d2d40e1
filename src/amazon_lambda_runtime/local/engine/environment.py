"""One execution environment: a process, the Runtime API that only it talks to, and a state.

Everything here happens at once in the event loop, except for starting and stopping processes. A
runtime's request for an event is kept until there is one; to answer it is to invoke the function.
How a request comes and is answered is not known here: see `NextRequest` and `Listen`.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Protocol

from .extensions import Extensions
from .function import LocalFunction
from .invocation import Answer, Invocation, exit_reason
from .output import Output
from .process import Process
from .reaper import Reaper
from .runtime_link import Listener, NextRequest
from .shutdown import shut_down
from .states import TRANSITIONS, Event, State, TransitionError, UnknownInvocationError

# In seconds: how long the pool waits for an environment that has answered. It asks for its next
# event a millisecond later, unless the handler goes on working after its answer.
ASKS_AGAIN = 0.1
# In seconds: how long the pool waits, at its concurrency, for one that has answered with a failure:
# its process may be ending, and another takes its place.
ENDS_WITHIN = 2.0
# In seconds: how long a runtime that has reported an init error may go on.
_LAST_WORDS = 0.5


#: Opens the Runtime API of an environment. Raises OSError if there is no port.
Listen = Callable[["Environment"], Awaitable[Listener]]


class Owner(Protocol):
    """Is told what happens to an environment."""

    def changed(self, environment: "Environment") -> None:
        """Its state has changed."""

    def initialised(self, environment: "Environment") -> None:
        """Its runtime has asked for its first event."""

    def over(self, environment: "Environment", invocation: Invocation) -> None:
        """It is done with this invocation."""

    def free(self, environment: "Environment") -> None:
        """It can be given an event."""

    def wrote(self, invocation: Invocation | None, line: str) -> None:
        """Its processes have written a line, for this invocation or for none in particular."""

    def gone(self, environment: "Environment") -> None:
        """Its process has ended, or could not be started."""


class Environment:
    """One process that takes one invocation at a time."""

    def __init__(
        self,
        function: LocalFunction,
        number: int,
        owner: Owner,
        listen: Listen,
        reaper: Reaper,
    ) -> None:
        self.function = function
        self.number = number
        self.state = State.STARTING
        #: time.perf_counter() when it was last idle.
        self.idle_since = 0.0
        #: Whether the code has been saved since it was started.
        self.is_stale = False
        #: How long the runtime took to ask for its first event.
        self.init_ms = 0.0
        self.is_initialised = False
        #: The error type of an init that failed, and what the runtime has reported.
        self.init_failure = ""
        self.init_answer: Answer | None = None
        #: Whether it was killed because it used too much memory.
        self.out_of_memory = False
        #: Whether its process has ended without having been told to.
        self.has_crashed = False
        #: Why the process has ended, or could not be started.
        self.exit_reason = ""
        self.process: Process | None = None
        self.extensions = Extensions(function, reaper, self.settle, self._extension_ended)
        self._owner = owner
        self._listen = listen
        self._reaper = reaper
        self._invocation: Invocation | None = None
        self._waiting: NextRequest | None = None
        self._started = time.perf_counter()
        self._starting: asyncio.Task[None] | None = None
        self._exit: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._told: asyncio.Event | None = None
        self._output: Output | None = None
        self._peak_mb = 0
        self._doomed = False

    # What the pool asks for.

    def start(self) -> None:
        """Start the process."""
        self._owner.changed(self)
        self._starting = asyncio.create_task(self._start())

    @property
    def invocations(self) -> list[Invocation]:
        """The invocations that it has."""
        return [self._invocation] if self._invocation is not None else []

    @property
    def is_ending(self) -> bool:
        """Whether its process has ended or is about to."""
        return self._doomed or self.state in (State.STOPPING, State.GONE)

    @property
    def is_free(self) -> bool:
        """Whether it can take an event now."""
        return self._waiting is not None and self.state in (State.IDLE, State.FROZEN)

    @property
    def soon(self) -> float:
        """How long it is worth waiting for it, in seconds; 0 if it is not."""
        return ASKS_AGAIN if self.has_answered else 0

    @property
    def may_be_ending(self) -> bool:
        """Whether its last answer was a failure, after which a runtime may exit."""
        invocation = self._invocation
        return invocation is not None and invocation.answer is not None and invocation.answer.failed

    @property
    def has_answered(self) -> bool:
        """Whether its runtime has answered and has not asked for the next event."""
        return self._invocation is not None and self._invocation.answered

    def invoke(self, invocation: Invocation) -> None:
        """Give the runtime an event. It must be free."""
        if self.state is State.FROZEN:
            assert self.process is not None
            self.process.thaw()
            self._move(Event.THAW)
        self._move(Event.INVOKE)
        self._invocation = invocation
        self._deliver(invocation)

    def freeze(self) -> None:
        """Stop the processes of an idle environment (SIGSTOP) until the next event."""
        if self.state is State.IDLE and self.process is not None:
            self.process.freeze()
            self._move(Event.FREEZE)

    def give_up(self, invocation: Invocation) -> bool:
        """Take a timed-out invocation away from it; return whether its process goes on."""
        return False

    def kill(self) -> None:
        """End the processes at once."""
        if self._exit is None:
            self._doomed = True  # its process is being started
        elif not self.is_ending:
            self._move(Event.STOP)
        if self.process is not None:
            self.process.kill()

    async def stop(self, reason: str = "spindown") -> None:
        """End the processes as Lambda does; it is gone when this returns.

        Without an extension that is SIGKILL. With one, the runtime gets SIGTERM, external
        extensions get the event SHUTDOWN with this reason, and SIGKILL follows half a second
        later, or two seconds if there is an external one.
        """
        if self._starting is not None:
            # Not cancelled: a process that has just been started would be left behind.
            await asyncio.wait([self._starting])
        if self._exit is None:
            return
        process = self.process
        if self.extensions.shutdown_window and process is not None and self.state is not State.GONE:
            is_frozen = self.state is State.FROZEN
            if not self.is_ending:
                self._move(Event.STOP)
            # The Runtime API stays open until the extensions have been told.
            self._told = asyncio.Event()
            await shut_down(process, is_frozen, self._ended, self.extensions, reason)
            self._told.set()
        self.kill()
        await asyncio.wait([self._exit])

    @property
    def age_ms(self) -> float:
        """How long ago it was started."""
        return (time.perf_counter() - self._started) * 1000

    def flush(self) -> None:
        """Pass on everything that the processes have written so far."""
        if self._output is not None:
            self._output.flush()

    def peak_mb(self) -> int:
        """Return the most memory that the processes have been seen to use, in MB."""
        if self.process is not None:
            self._peak_mb = max(self._peak_mb, self.process.peak_mb())
        return self._peak_mb

    def resident_mb(self) -> int:
        """Return the memory that the processes use now, in MB."""
        return self.process.resident_mb() if self.process is not None else 0

    # What the runtime asks for, through its Runtime API.

    def next(self, request: NextRequest) -> None:
        """Keep the request until there is an event for it. Raises TransitionError."""
        self.flush()
        invocation = self._invocation
        if self.state is State.BUSY and invocation is not None and not invocation.answered:
            # It may have lost the connection before it had read the event.
            self._ask(request)
            self._deliver(invocation)
            return
        if self.state not in (State.STARTING, State.BUSY):
            self._move(Event.NEXT)
        self._ask(request)
        self.settle()

    def settle(self) -> None:
        """Go on if the runtime and all extensions have asked for their next event."""
        if self._waiting is None or not self.extensions.are_ready:
            return
        if self.state is State.STARTING:
            self._move(Event.NEXT)
            self.idle_since = time.perf_counter()
            self._initialised()
            self._owner.initialised(self)
        elif self.state is State.BUSY and self.has_answered:
            for invocation in self.invocations:
                self._over(invocation)

    def unanswered(self, request_id: str, wanted: str) -> Invocation:
        """Return the invocation that the runtime is about to answer.

        `wanted` is the API's name for this step.

        Raises UnknownInvocationError if the environment does not have it, and TransitionError if
        it has been answered.
        """
        invocation = self._invocation
        if invocation is None or request_id != invocation.id:
            raise UnknownInvocationError(request_id)
        if self.state is not State.BUSY or invocation.answered:
            raise TransitionError(self.state_name, wanted)
        return invocation

    def answered(self, invocation: Invocation) -> None:
        """Take note that the runtime has answered; it will ask for its next event."""

    def fail_init(self, answer: Answer, error_type: str) -> None:
        """Take the runtime's init error. Raises TransitionError if it has been initialised."""
        self._move(Event.INIT_ERROR)
        self.flush()
        self.init_answer = answer
        self.init_failure = error_type or "Runtime.Unknown"
        self._initialised()
        # It may have more to log before it ends, but not for long.
        asyncio.get_running_loop().call_later(_LAST_WORDS, self.kill)

    @property
    def state_name(self) -> str:
        """The Runtime API's name for its state."""
        if self.state is State.BUSY and self.has_answered:
            return "RuntimeResponseSentState"
        return self.state.value

    def _extension_ended(self, reason: str) -> None:
        if not self.is_ending:
            self.exit_reason = reason
            self.kill()

    def _ask(self, request: NextRequest) -> None:
        self._waiting = request
        request.when_gone(lambda: self._hang_up(request))

    def _hang_up(self, request: NextRequest) -> None:
        # It will ask again, and get the same event.
        if self._waiting is request:
            self._waiting = None

    def _deliver(self, invocation: Invocation) -> None:
        request, self._waiting = self._waiting, None
        if request is not None:
            self._hand_over(request, invocation)

    def _hand_over(self, request: NextRequest, invocation: Invocation) -> None:
        self.extensions.invoke(invocation)
        request.deliver(invocation)

    def _forget(self, invocation: Invocation) -> None:
        """Take an invocation off `invocations`."""
        self._invocation = None

    def _over(self, invocation: Invocation) -> None:
        self._forget(invocation)
        if self.state is State.BUSY and not self.invocations:
            self._move(Event.DONE)
            self.idle_since = time.perf_counter()
        invocation.end()
        self._owner.over(self, invocation)
        self._owner.free(self)

    def _move(self, event: Event) -> None:
        try:
            self.state = TRANSITIONS[self.state][event]
        except KeyError:
            raise TransitionError(self.state_name, event.value) from None
        self._owner.changed(self)

    def _initialised(self) -> None:
        if not self.is_initialised:
            self.is_initialised = True
            self.extensions.close_registration()
            # If it crashes later, what it used then can no longer be read.
            self.peak_mb()
            self.init_ms = self.age_ms

    def _write(self, line: str) -> None:
        # With several at a time, a line cannot be attributed.
        invocations = self.invocations
        self._owner.wrote(invocations[0] if len(invocations) == 1 else None, line)

    async def _start(self) -> None:
        async with AsyncExitStack() as resources:
            try:
                api = await self._listen(self)
                resources.push_async_callback(api.close)
                self._output = output = Output(self._write)
                resources.callback(output.close)
                try:
                    variables = await self._variables(api.address, resources)
                    await self.extensions.start(variables, output, resources)
                    self.process = await Process.start(
                        self.function.command,
                        self.function.task_root,
                        variables,
                        output.write_end,
                        self._reaper,
                    )
                finally:
                    os.close(output.write_end)
            except Exception as error:  # whatever it is, the invocation that waits gets an answer
                command = " ".join(self.function.command)
                self.init_failure = "Runtime.InvalidEntrypoint"
                self.exit_reason = f"cannot run {command}: {error}"
                self._move(Event.EXIT)
                self._initialised()
                self._owner.gone(self)
                return
            self._exit = asyncio.create_task(self._until_exit(self.process, resources.pop_all()))
            if self._doomed:
                self.kill()

    async def _variables(self, runtime_api: str, resources: AsyncExitStack) -> dict[str, str]:
        return self.function.process_environment(runtime_api)

    async def _until_exit(self, process: Process, resources: AsyncExitStack) -> None:
        code = await process.wait()
        self._ended.set()
        self.peak_mb()
        self.has_crashed = self.out_of_memory or not self.is_ending
        self._move(Event.EXIT)
        if self._told is not None:
            await self._told.wait()
        await resources.aclose()
        self.process = None
        self._waiting = None
        self.exit_reason = self.exit_reason or exit_reason(code)
        self._initialised()
        error_type = "Runtime.OutOfMemory" if self.out_of_memory else "Runtime.ExitError"
        for invocation in self.invocations:
            invocation.break_off(error_type, self.exit_reason)
        if not self.init_failure:
            self.init_failure = error_type
        for invocation in self.invocations:
            self._over(invocation)
        self._owner.gone(self)
