"""One execution environment: a process, the Runtime API that only it talks to, and a state."""

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack, suppress

from .function import Function
from .http import serve
from .invocation import Answer, Invocation, exit_reason
from .output import Log, Output
from .report import peak_memory
from .runtime_api import HOST, RuntimeApi, UnknownInvocationError
from .states import TRANSITIONS, Event, State, TransitionError

# In seconds, from SIGTERM to SIGKILL: Lambda's own, for a function with an extension.
STOP_GRACE = 0.5


class Environment:
    """One process that takes one invocation at a time, started for the first of them.

    `initialised` is set when the process has asked for an event, and also when it is certain that
    it never will; `state` tells which. `init_ms` is how long that took.
    """

    def __init__(self, function: Function, first: Invocation, log: Log) -> None:
        self.function = function
        self.invocation = first
        self.state = State.STARTING
        self.initialised = asyncio.Event()
        self.init_ms = 0.0
        self._log = log
        self._peak_memory = 0
        self._exit: asyncio.Task[None] | None = None
        self._delivery: asyncio.Future[Invocation] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Start the process. If that is impossible, the first invocation is told why."""
        # Shielded: cancelled halfway, there would be a process that nobody knows.
        self._starting = asyncio.create_task(self._start())
        await asyncio.shield(self._starting)

    def invoke(self, invocation: Invocation) -> None:
        """Give the runtime an event; it has the function's timeout from now on."""
        self._move(Event.INVOKE)
        invocation.deadline_ms = int((time.time() + self.function.timeout) * 1000)
        self.invocation = invocation
        self._delivery.set_result(invocation)

    async def stop(self, grace: float = STOP_GRACE) -> None:
        """End the process and everything that it has started; the state is `gone` afterwards.

        It gets SIGTERM and `grace` seconds to obey, or SIGKILL at once if that is 0.
        """
        await self._starting
        if self._exit is None:
            return
        # A process that has reported an init error is on its way out, and may have more to say.
        if self.state not in (State.STOPPING, State.GONE):
            self._move(Event.STOP)
            self._signal(signal.SIGTERM if grace else signal.SIGKILL)
        await asyncio.wait([self._exit], timeout=grace)
        if not self._exit.done():
            self._signal(signal.SIGKILL)
        await asyncio.shield(self._exit)

    def peak_memory(self) -> int:
        """Return the most memory that the process has had, as far as it was seen, in MB."""
        if self.state is not State.GONE:
            self._peak_memory = max(self._peak_memory, peak_memory(self._process.pid))
        return self._peak_memory

    # What the runtime asks for, through RuntimeApi.

    async def next(self) -> Invocation:
        """Return the next event for the runtime, or its present one if it has not answered."""
        self._output.flush()
        if self.state is State.BUSY and self.invocation.answered:
            self._move(Event.DONE)
            self._delivery = asyncio.get_running_loop().create_future()
            self.invocation.over.set()
        self._move(Event.NEXT)
        self._initialised()
        # Shielded: if the runtime hangs up, the event stays here for the next time it asks.
        return await asyncio.shield(self._delivery)

    def answer(self, request_id: str, answer: Answer, wanted: str) -> None:
        """Give the caller the runtime's answer. `wanted` is how the API calls this step.

        Raises UnknownInvocationError if the id is not that of the present invocation, and
        TransitionError if that has been answered.
        """
        if request_id != self.invocation.id:
            raise UnknownInvocationError(request_id)
        if self.state is not State.BUSY or self.invocation.answered:
            raise TransitionError(self._state_name(), wanted)
        self.invocation.settle(answer)

    def fail_init(self, answer: Answer) -> None:
        """Give the caller the runtime's reason not to start. Raises TransitionError if it has."""
        self._move(Event.INIT_ERROR)
        self._output.flush()
        self.invocation.settle(answer)
        self._initialised()

    def _state_name(self) -> str:
        if self.state is State.BUSY and self.invocation.answered:
            return "RuntimeResponseSentState"
        return self.state.value

    def _move(self, event: Event) -> None:
        try:
            self.state = TRANSITIONS[self.state][event]
        except KeyError:
            raise TransitionError(self._state_name(), event.value) from None

    def _initialised(self) -> None:
        if not self.initialised.is_set():
            self.init_ms = (time.perf_counter() - self._started) * 1000
            self.initialised.set()

    def _write(self, line: str) -> None:
        self.invocation.record(line)
        self._log(line)

    async def _start(self) -> None:
        self._started = time.perf_counter()
        async with AsyncExitStack() as resources:
            try:
                api = await serve(HOST, 0, RuntimeApi(self))
                resources.push_async_callback(api.close)
                self._output = Output(self._write)
                resources.callback(self._output.close)
                self._process = await self._spawn(f"{HOST}:{api.port}")
            except OSError as error:
                command = " ".join(self.function.command)
                self.invocation.fail("Runtime.InvalidEntrypoint", f"cannot run {command}: {error}")
                self._move(Event.EXIT)
                self._initialised()
                return
            self._exit = asyncio.create_task(self._until_exit(resources.pop_all()))

    async def _spawn(self, runtime_api: str) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self.function.command,
                cwd=self.function.task_root,
                env=self.function.process_environment(runtime_api),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=self._output.write_end,
                stderr=asyncio.subprocess.STDOUT,
                # A group of its own: one signal reaches all that it starts, and Ctrl-C at the
                # terminal reaches none of it before we say so.
                process_group=0,
            )
        finally:
            os.close(self._output.write_end)

    async def _until_exit(self, resources: AsyncExitStack) -> None:
        code = await self._process.wait()
        self._move(Event.EXIT)
        # What the process started may have outlived it.
        self._signal(signal.SIGKILL)
        await resources.aclose()
        self.invocation.fail("Runtime.ExitError", exit_reason(code))
        self.invocation.over.set()
        self._initialised()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
