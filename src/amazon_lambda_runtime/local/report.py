"""The lines that Lambda itself writes to a function's log, and the memory that they speak of."""

import math
from pathlib import Path


def start(request_id: str) -> str:
    return f"START RequestId: {request_id} Version: $LATEST"


def end(request_id: str) -> str:
    return f"END RequestId: {request_id}"


def report(
    request_id: str, duration_ms: float, memory: int, memory_used: int, init_ms: float | None
) -> str:
    """Return the REPORT line; memory is in MB, and `init_ms` is None unless it was a cold start."""
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(duration_ms)} ms",
        f"Memory Size: {memory} MB",
        f"Max Memory Used: {memory_used} MB",
    ]
    if init_ms is not None:
        fields.append(f"Init Duration: {init_ms:.2f} ms")
    return "\t".join(fields)


def peak_memory(pid: int) -> int:
    """Return the peak resident memory of a process and its descendants, in MB rounded up.

    It is the sum of their peaks, 0 where /proc does not tell.
    """
    return math.ceil(_peak_kb(pid) / 1024)


def _peak_kb(pid: int) -> int:
    process = Path(f"/proc/{pid}")
    try:
        status = (process / "status").read_text()
        # A child belongs to the thread that has started it.
        threads = [thread.read_text() for thread in process.glob("task/*/children")]
    except OSError:
        return 0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return sum(map(int, peaks)) + sum(_peak_kb(int(child)) for child in " ".join(threads).split())
