"""The engine, put together: starts executions, and stops. Its methods may be called from threads.

It runs in threads of its own: one loop for its clocks, one lane for each execution, a few that wait
for invocations. `operations` has what the API does with an execution, `recovery` how executions go
on that another process has left.
"""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer
from amazon_lambda_runtime.project.aws_limits import DURABLE_TIMEOUT

from .aws import (
    CallableTask,
    CheckpointProcessor,
    Clock,
    ErrorObject,
    Execution,
    ExecutionRegistry,
    Executor,
    Scheduler,
    SkipClock,
)
from .clock import SteadyClock
from .invoking import Functions, Handlers, Run, Targets, arn_of, error_of, start_of
from .rows import Rows
from .store import Store

# In seconds: how long an invocation may take. The function's own timeout ends it long before.
_INVOCATION = 7 * 86_400
_DAY = 86_400
# In seconds: how often it is looked whether executions are old enough to be forgotten.
_LOOK = 60.0


class AlreadyStarted(Exception):
    """Raised where a name is taken by an execution with another payload."""


class Machine:
    """Durable executions of these functions. `changed` is told of each that has changed."""

    def __init__(
        self,
        functions: Functions,
        run: Run,
        changed: Callable[[Execution], None],
        rows: Rows | None = None,
        skip_time: bool = False,
    ) -> None:
        self.functions = functions
        self.clock: Clock = SkipClock() if skip_time else SteadyClock()
        #: The ARNs of executions that have an invocation.
        self.invoking: set[str] = set()
        self.store = Store(rows, self._arn_of, changed)
        self._starting = threading.Lock()
        self._looked = -_LOOK
        self.scheduler = Scheduler()
        self.scheduler.start()  # type: ignore[no-untyped-call]
        self._loop = self.scheduler.call_later(_this_loop).result()
        self.registry = ExecutionRegistry(self.store, self.scheduler)
        region = next(iter(functions.values())).region_name
        self.executor = _Executor(
            self,
            store=self.store,
            scheduler=self.scheduler,
            invoker=Handlers(run, self.invoking.add, self._ended),
            checkpoint_processor=CheckpointProcessor(self.store, self.scheduler, clock=self.clock),
            invocation_timeout_seconds=_INVOCATION,
            registry=self.registry,
            clock=self.clock,
            child_dispatcher=Targets(functions, run),
            region=region,
        )
        if skip_time:
            self.executor.RETRY_BACKOFF_SECONDS = 0

    def start(self, function: LocalFunction, payload: str, name: str, tenant_id: str) -> str:
        """Start an execution, or find the one of this name; return its ARN.

        Without a name it is a new one. Raises AlreadyStarted.
        """
        # One by one, so that a name is not taken twice.
        with self._starting:
            self.forget_the_old()
            for execution in self.store.list_all() if name else ():
                started = execution.start_input
                if (started.function_name, started.execution_name) == (function.name, name):
                    if started.input == payload:
                        return execution.durable_execution_arn
                    raise AlreadyStarted(execution.durable_execution_arn)
            identifier = str(uuid.uuid4())
            start = start_of(function, name or identifier, payload, tenant_id or None, identifier)
            arn = self.executor.start_execution(start).execution_arn
            assert arn is not None
            return arn

    def now(self) -> float:
        """Return the time of the clock, in seconds since 1970; it may skip waits."""
        return self.clock.now().timestamp()

    def on_lane(self, arn: str, work: Callable[[], None]) -> None:
        """Do something with an execution while nothing else is done with it."""
        self.registry.submit(arn, CallableTask(work)).result()

    def deadline(self, execution: Execution) -> float:
        """Return when an execution's time is up, in seconds of the clock's; pauses prolong it."""
        started = execution.get_operation_execution_started().start_timestamp
        assert started is not None
        begun = started.timestamp()
        left = float(execution.start_input.execution_timeout_seconds)
        for pause in self.store.notes(execution.durable_execution_arn).pauses:
            if pause.holds_timeout and pause.began is not None:
                left += (pause.resume_requested or self.now()) - pause.began
        return begun + min(left, DURABLE_TIMEOUT[1])

    def close(self) -> None:
        """End all threads. What runs is not waited for, and goes on after the next start."""
        self.executor.shutdown()
        self.registry.shutdown()
        self.scheduler.stop()  # type: ignore[no-untyped-call]
        self._loop.close()

    def _arn_of(self, execution: Execution) -> str:
        start = execution.start_input
        assert start.invocation_id is not None
        function = self.functions[start.function_name]
        return arn_of(function.arn, start.execution_name, start.invocation_id)

    def _ended(self, arn: str, seconds: float, request_id: str, answer: Answer | None) -> None:
        """Take note of an invocation's end; of one that has failed, the engine does not."""
        self.invoking.discard(arn)
        if answer is None:
            return

        def record() -> None:
            execution, notes = self.store.load(arn), self.store.notes(arn)
            pause = notes.pause
            if pause is not None and pause.began is None:
                pause.began = self.now()
            elif not answer.failed:
                return
            if answer.failed:
                notes.errors[request_id] = error_of(answer)
                now = self.clock.now()
                began = now - timedelta(seconds=seconds)
                execution.record_invocation_completion(began, now, request_id)
            self.store.save(execution)

        self.on_lane(arn, record)

    def forget_the_old(self) -> None:
        """Forget executions whose retention is over. Once a minute at most: it looks at all."""
        if time.monotonic() < self._looked + _LOOK:
            return
        self._looked, now = time.monotonic(), self.now()
        for execution in self.store.list_all():
            ended = execution.get_operation_execution_started().end_timestamp
            days = execution.start_input.execution_retention_period_days
            if execution.is_complete and ended and ended.timestamp() + days * _DAY < now:
                self.store.remove(execution.durable_execution_arn)


class _Executor(Executor):
    """The engine, whose time limits heed pauses."""

    def __init__(self, machine: Machine, **parts: object) -> None:
        super().__init__(**parts)  # type: ignore[arg-type]
        self._machine = machine

    def on_timed_out(self, execution_arn: str, error: ErrorObject) -> None:
        machine = self._machine
        try:
            execution = machine.store.load(execution_arn)
        except KeyError:
            return
        if execution.is_complete:
            return
        left = machine.deadline(execution) - machine.now()
        if left > 0.001:
            machine.scheduler.call_later(lambda: self.on_timed_out(execution_arn, error), left)
        else:
            super().on_timed_out(execution_arn, error)


async def _this_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()
