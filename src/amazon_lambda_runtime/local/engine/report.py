"""The lines that Lambda itself writes to a function's log, as text or, by its log format, as JSON.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html
"""

import json
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

_VERSION = "$LATEST"


@dataclass(frozen=True, slots=True)
class Done:
    """An invocation at its end, in Lambda's words; memory is in MB.

    `init_ms` is None unless it was a cold start. `status` is "success", "error" or "timeout";
    `error_type` and `reason` are "" if there is none. An error that the runtime has reported is a
    success here, as it is on Lambda.
    """

    request_id: str
    duration_ms: float
    memory: int
    memory_used: int
    init_ms: float | None = None
    status: str = "success"
    error_type: str = ""
    reason: str = ""

    @property
    def billed_ms(self) -> int:
        return math.ceil(self.duration_ms + (self.init_ms or 0))


class Lines(Protocol):
    """How Lambda's own lines are written."""

    def start(self, request_id: str) -> str: ...

    def init_report(self, init_ms: float, phase: str, error_type: str) -> str:
        """Return the line of an init that failed; `phase` is "init" or "invoke"."""

    def done(self, done: Done) -> Iterable[str]:
        """Return what follows the function's own lines: how it failed, the end and the report."""


class Text:
    """START, END and REPORT."""

    def start(self, request_id: str) -> str:
        return f"START RequestId: {request_id} Version: {_VERSION}"

    def init_report(self, init_ms: float, phase: str, error_type: str) -> str:
        status = _status(*_init_status(error_type))
        return f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: {phase}{status}"

    def done(self, done: Done) -> Iterable[str]:
        request_id = done.request_id
        if done.status == "timeout":
            yield f"{_now()} {request_id} {done.reason}"
        elif done.reason:
            yield f"RequestId: {request_id} Error: {done.reason}"
            yield done.error_type
        yield f"END RequestId: {request_id}"
        init = f"\tInit Duration: {done.init_ms:.2f} ms" if done.init_ms is not None else ""
        yield (
            f"REPORT RequestId: {request_id}\tDuration: {done.duration_ms:.2f} ms\t"
            f"Billed Duration: {done.billed_ms} ms\tMemory Size: {done.memory} MB\t"
            f"Max Memory Used: {done.memory_used} MB{init}{_status(done.status, done.error_type)}"
        )


class Json:
    """Events of the platform. The end of an invocation that has succeeded is not one of them."""

    def start(self, request_id: str) -> str:
        return _event("platform.start", {"requestId": request_id, "version": _VERSION})

    def init_report(self, init_ms: float, phase: str, error_type: str) -> str:
        record = {
            "initializationType": "on-demand",
            "phase": phase,
            "metrics": {"durationMs": round(init_ms, 3)},
        }
        return _event("platform.initReport", record | _outcome(*_init_status(error_type)))

    def done(self, done: Done) -> Iterable[str]:
        outcome = _outcome(done.status, done.error_type)
        if done.status != "success":
            yield _event("platform.runtimeDone", {"requestId": done.request_id, **outcome})
        metrics = {
            "durationMs": round(done.duration_ms, 3),
            "billedDurationMs": done.billed_ms,
            "memorySizeMB": done.memory,
            "maxMemoryUsedMB": done.memory_used,
        }
        if done.init_ms is not None:
            metrics["initDurationMs"] = round(done.init_ms, 3)
        record = {"requestId": done.request_id, "metrics": metrics, **outcome}
        yield _event("platform.report", record)


def reason(seconds: float) -> str:
    """Return Lambda's words for a timeout of so many seconds."""
    return f"Task timed out after {seconds:.2f} seconds"


def _init_status(error_type: str) -> tuple[str, str]:
    return ("timeout", "") if error_type == "Sandbox.Timedout" else ("error", error_type)


def _status(status: str, error_type: str) -> str:
    if status == "success":
        return ""
    return f"\tStatus: {status}" + (f"\tError Type: {error_type}" if error_type else "")


def _outcome(status: str, error_type: str) -> dict[str, str]:
    return {"status": status, **({"errorType": error_type} if error_type else {})}


def _event(kind: str, record: dict[str, Any]) -> str:
    return json.dumps({"time": _now(), "type": kind, "record": record}, separators=(",", ":"))


def _now() -> str:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{stamp}.{int(now * 1000) % 1000:03d}Z"
