"""What the engine remembers, and what we remember beside it.

All executions are in memory, as the engine's own objects; each change is written to the file, if
there is one, before the engine goes on. So a function is told of nothing that could be lost.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from .aws import BaseExecutionStore, Execution
from .rows import Rows


@dataclass(slots=True)
class Pause:
    """One time that an execution was paused. Times are those of time.time()."""

    requested: float
    reason: str | None = None
    #: Whether the execution's time stands still.
    holds_timeout: bool = True
    #: When no invocation ran any more.
    began: float | None = None
    resume_requested: float | None = None
    resume_reason: str | None = None


@dataclass(slots=True)
class Notes:
    """What the engine does not remember of an execution."""

    #: The error documents of invocations that have failed, by their ids.
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    pauses: list[Pause] = field(default_factory=list)
    #: The client tokens of the last pause and the last resume.
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def pause(self) -> Pause | None:
        """The pause that has not ended, if there is one."""
        last = self.pauses[-1] if self.pauses else None
        return last if last is not None and last.resume_requested is None else None


class Store(BaseExecutionStore):
    """The executions by their ARNs. Its methods may be called from any thread.

    `arn_of` names an execution that is new; `changed` is told of each that has changed.
    """

    def __init__(
        self,
        rows: Rows | None,
        arn_of: Callable[[Execution], str],
        changed: Callable[[Execution], None],
    ) -> None:
        self._rows = rows
        self._arn_of = arn_of
        self._changed = changed
        self._lock = threading.Lock()
        self._executions: dict[str, Execution] = {}
        self._notes: dict[str, Notes] = {}

    def read(self) -> str:
        """Read what the file has; return what there is to say of it, "" for nothing.

        What this version of the engine can't read is moved aside.
        """
        if self._rows is None:
            return ""
        try:
            for data, notes in self._rows.all():
                execution = Execution.from_json_dict(json.loads(data))
                arn = execution.durable_execution_arn
                self._executions[arn] = execution
                self._notes[arn] = _notes(json.loads(notes))
        except Exception as error:
            self._executions.clear()
            self._notes.clear()
            aside = self._rows.move_aside()
            reason = f"{type(error).__name__}: {error}"
            return f"the executions are of another version and are now in {aside} ({reason})"
        return ""

    # What the engine calls: this is its ExecutionStore.

    def save(self, execution: Execution) -> None:
        if not execution.durable_execution_arn.startswith("arn:"):
            execution.durable_execution_arn = self._arn_of(execution)
        arn = execution.durable_execution_arn
        with self._lock:
            self._executions[arn] = execution
            self._notes.setdefault(arn, Notes())
        self._write(execution)
        self._changed(execution)

    def update(self, execution: Execution) -> None:
        self.save(execution)

    def load(self, execution_arn: str) -> Execution:
        with self._lock:
            return self._executions[execution_arn]

    def list_all(self) -> list[Execution]:
        with self._lock:
            return list(self._executions.values())

    # What we call.

    def notes(self, arn: str) -> Notes:
        """Return the notes of an execution, to read or to change; then save it."""
        with self._lock:
            return self._notes[arn]

    def remove(self, arn: str) -> None:
        """Forget an execution."""
        with self._lock:
            self._executions.pop(arn, None)
            self._notes.pop(arn, None)
        if self._rows is not None:
            self._rows.remove(arn)

    def _write(self, execution: Execution) -> None:
        if self._rows is not None:
            arn = execution.durable_execution_arn
            data = json.dumps(execution.to_json_dict(), separators=(",", ":"))
            self._rows.put(arn, data, json.dumps(asdict(self.notes(arn))))


def _notes(document: dict[str, Any]) -> Notes:
    pauses = [Pause(**pause) for pause in document.pop("pauses")]
    return Notes(**document, pauses=pauses)
