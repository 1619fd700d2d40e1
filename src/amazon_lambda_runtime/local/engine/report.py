"""The lines that Lambda itself writes to a function's log, in its own format."""

import math
import time


def start(request_id: str) -> str:
    return f"START RequestId: {request_id} Version: $LATEST"


def end(request_id: str) -> str:
    return f"END RequestId: {request_id}"


def report(
    request_id: str,
    duration_ms: float,
    memory: int,
    memory_used: int,
    init_ms: float | None = None,
    status: str = "",
) -> str:
    """Return the REPORT line; memory is in MB.

    `init_ms` is None unless it was a cold start; `status` says how it failed, in Lambda's words.
    """
    line = (
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t"
        f"Billed Duration: {math.ceil(duration_ms + (init_ms or 0))} ms\t"
        f"Memory Size: {memory} MB\tMax Memory Used: {memory_used} MB"
    )
    if init_ms is not None:
        line += f"\tInit Duration: {init_ms:.2f} ms"
    return line + status


def init_report(init_ms: float, phase: str, error_type: str) -> str:
    """Return the line of an init that failed; `phase` is "init" or "invoke"."""
    if error_type == "Sandbox.Timedout":
        status = "Status: timeout"
    else:
        status = f"Status: error\tError Type: {error_type}"
    return f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: {phase}\t{status}"


def timed_out(request_id: str, seconds: float) -> str:
    """Return the line of an invocation that timed out."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{stamp}.{int(now * 1000) % 1000:03d}Z {request_id} {reason(seconds)}"


def reason(seconds: float) -> str:
    """Return Lambda's words for a timeout of so many seconds."""
    return f"Task timed out after {seconds:.2f} seconds"
