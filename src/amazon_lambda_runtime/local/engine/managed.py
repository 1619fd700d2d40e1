"""An execution environment of Lambda Managed Instances: many invocations at a time.

It differs from an ordinary one in five rules. Several requests for an event wait at a time, each
for one of its own. An invocation is over when it is answered. A timeout ends the caller's wait and
not the process. The processes are never frozen. Workers connect their output to a socket instead
of inheriting a pipe.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html
"""

import asyncio
import time
from collections import deque
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from .environment import ASKS_AGAIN, Environment, Listen, Owner
from .function import LocalFunction
from .invocation import Invocation
from .output import Lines
from .reaper import Reaper
from .runtime_link import NextRequest
from .states import Event, LateAnswerError, State, UnknownInvocationError

# In seconds: how long an event waits for the first worker of an environment.
_STARTS_WITHIN = 10
# In bytes: how much of a worker's log is read at a time.
_READ = 65536
# How many timed-out invocations are remembered, so that a late answer is refused as one.
_REMEMBERED = 1000


class ManagedEnvironment(Environment):
    """A process, or the workers that it forks, with up to `max_concurrency` invocations."""

    def __init__(
        self,
        function: LocalFunction,
        number: int,
        owner: Owner,
        listen: Listen,
        reaper: Reaper,
    ) -> None:
        super().__init__(function, number, owner, listen, reaper)
        self._running: dict[str, Invocation] = {}
        self._requests: deque[NextRequest] = deque()
        self._late: deque[str] = deque(maxlen=_REMEMBERED)

    @property
    def invocations(self) -> list[Invocation]:
        return list(self._running.values())

    @property
    def is_free(self) -> bool:
        room = len(self._running) < self.function.max_concurrency
        return bool(self._requests) and room and self.state in (State.IDLE, State.BUSY)

    @property
    def soon(self) -> float:
        if self.is_ending or len(self._running) >= self.function.max_concurrency:
            return 0
        return ASKS_AGAIN if self.is_initialised else _STARTS_WITHIN

    def invoke(self, invocation: Invocation) -> None:
        if self.state is State.IDLE:
            self._move(Event.INVOKE)
        self._running[invocation.id] = invocation
        self._hand_over(self._requests.popleft(), invocation)

    def give_up(self, invocation: Invocation) -> bool:
        self._late.append(invocation.id)
        self._over(invocation)
        return True

    def next(self, request: NextRequest) -> None:
        if self.state is State.STARTING:
            self._move(Event.NEXT)
            self.idle_since = time.perf_counter()
            self._initialised()
            self._keep(request)
            self._owner.initialised(self)
        elif self.state in (State.IDLE, State.BUSY):
            self._keep(request)
            self._owner.free(self)
        else:
            self._move(Event.NEXT)

    def settle(self) -> None:
        """Do nothing: events do not wait for extensions here."""

    def unanswered(self, request_id: str, wanted: str) -> Invocation:
        if request_id in self._late:
            raise LateAnswerError(request_id)
        invocation = self._running.get(request_id)
        if invocation is None or invocation.answered:
            raise UnknownInvocationError(request_id)
        return invocation

    def answered(self, invocation: Invocation) -> None:
        self.flush()
        # One that timed out while its response was streaming is over already.
        if invocation.id in self._running:
            self._over(invocation)

    def _keep(self, request: NextRequest) -> None:
        self._requests.append(request)
        request.when_gone(lambda: self._hang_up(request))

    def _hang_up(self, request: NextRequest) -> None:
        with suppress(ValueError):
            self._requests.remove(request)

    def _forget(self, invocation: Invocation) -> None:
        self._running.pop(invocation.id, None)

    async def _variables(self, runtime_api: str, resources: AsyncExitStack) -> dict[str, str]:
        folder = resources.enter_context(TemporaryDirectory(prefix="lambda-"))
        path = str(Path(folder, "log.sock"))
        server = await asyncio.start_unix_server(self._read_log, path)
        resources.callback(server.close)
        return self.function.process_environment(runtime_api, path)

    async def _read_log(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what a worker writes: plain lines, without frames."""
        lines = Lines(self._write)
        with suppress(ConnectionError, asyncio.CancelledError):
            while data := await reader.read(_READ):
                lines.feed(data)
        lines.flush()
        writer.close()
