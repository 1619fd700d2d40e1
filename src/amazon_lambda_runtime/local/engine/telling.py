"""What is told about a function: Lambda's lines to the log, and everything to the journal.

Rule: telling never stops the work. A log may be a terminal that is closed or a disk that is full;
whatever it raises ends here. The journal notes the first failure, so that it can be found out.
"""

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from . import report
from .function import LocalFunction
from .invocation import Answer, Invocation
from .journal import Journal
from .output import Log


class Telling:
    """Tells the log and the journal what happens to the invocations of one function."""

    def __init__(self, function: LocalFunction, log: Log, journal: Journal | None) -> None:
        self._function = function
        self._log = log
        self._journal = journal
        self._has_failed = False

    @cached_property
    def _lines(self) -> report.Lines:
        return report.Json() if self._function.logs_json else report.Text()

    def state(self, number: int, state: str) -> None:
        """Tell the state that an environment is in now."""
        if self._journal is not None:
            self._tell(self._journal.environment, number, state)

    def accepted(self, invocation: Invocation) -> None:
        """Tell that an invocation will run, the first time that this is known."""
        if self._journal is not None and invocation.observer is None:
            invocation.observer = self
            self._tell(self._journal.accepted, invocation, invocation.kind, self._function.name)

    def started(self, invocation: Invocation, number: int, cold: bool) -> None:
        """Tell that this environment runs the invocation; `cold` if it was started for it."""
        self.assigned(invocation, number, cold)
        self.start(invocation)

    def assigned(self, invocation: Invocation, number: int, cold: bool) -> None:
        """Tell the journal that an invocation's time has begun, in this environment."""
        self.accepted(invocation)
        if self._journal is not None:
            self._tell(self._journal.started, invocation, number, cold)

    def start(self, invocation: Invocation) -> None:
        """Tell the log that the function is given its event."""
        self.line(invocation, self._lines.start(invocation.id))

    def line(self, invocation: Invocation | None, text: str) -> None:
        """Tell a line of the log; the invocation is None if it belongs to none."""
        request_id = ""
        if invocation is not None:
            invocation.record(text)
            request_id = invocation.id
        if self._journal is not None:
            self._tell(self._journal.line, invocation, text)
        self._tell(self._log, text, request_id)

    def piece(self, invocation: Invocation, data: bytes) -> None:
        """Tell a piece of a streamed response."""
        if self._journal is not None:
            self._tell(self._journal.piece, invocation, data)

    def answered(self, invocation: Invocation, answer: Answer) -> None:
        """Tell the answer."""
        if self._journal is not None:
            self._tell(self._journal.answered, invocation, answer.payload, answer.failed)

    def init_failed(
        self, invocation: Invocation | None, init_ms: float, phase: str, error_type: str
    ) -> None:
        """Tell that an init failed; `phase` is "init" or "invoke"."""
        self.line(invocation, self._lines.init_report(init_ms, phase, error_type))

    def reported(self, invocation: Invocation, memory_used: int, out_of_memory: bool) -> None:
        """Tell the end of an invocation and its figures; `memory_used` is in MB."""
        duration_ms = (time.perf_counter() - invocation.started) * 1000
        memory = self._function.memory_size
        error_type, reason = invocation.exit or ("", "")
        if invocation.timed_out:
            status, error_type = "timeout", ""
            reason = report.reason(self._function.timeout)
        elif out_of_memory:
            status, error_type = "error", "Runtime.OutOfMemory"
            memory_used = memory
        else:
            status = "error" if error_type else "success"
        done = report.Done(
            invocation.id,
            duration_ms,
            memory,
            memory_used,
            invocation.init_ms,
            status,
            error_type,
            reason,
        )
        for line in self._lines.done(done):
            self.line(invocation, line)
        if self._journal is not None:
            self._tell(self._journal.reported, invocation, duration_ms, done.init_ms, memory_used)

    def _tell(self, tell: Callable[..., object], *what: Any) -> None:
        try:
            tell(*what)
        except Exception as error:
            if not self._has_failed and self._journal is not None:
                self._has_failed = True
                self._tell(self._journal.line, None, f"cannot write the log: {error}")
