"""Orphans: processes of functions whose parents have ended.

Linux gives an orphan to the nearest ancestor that has asked for orphans. A process that does
nothing but run functions asks: then whatever a function starts stays below it, in whatever session
and with whatever variables, and is found by its parents, without a look at every process of the
machine.

One that runs functions beside other work must not ask: it could not tell whose an orphan is.
"""

import ctypes
import os
import signal
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress

# Of <linux/prctl.h>.
_SET_CHILD_SUBREAPER, _GET_CHILD_SUBREAPER = 36, 37


@contextmanager
def adopted() -> Iterator[None]:
    """Have the orphans below this process while the block runs; where that can't be had, do
    nothing."""
    _ask(True)
    try:
        yield
    finally:
        # Whoever called the block may start other children after it: they are not a function's.
        _ask(False)


def _ask(wanted: bool) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


def are_adopted() -> bool:
    """Return whether this process has asked for them."""
    asked = ctypes.c_int(0)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_GET_CHILD_SUBREAPER, ctypes.byref(asked), 0, 0, 0)
    return bool(asked.value)


def orphans(known: Set[int], buries: bool) -> Iterator[int]:
    """Yield the children of this process that are not among those that are known.

    With `buries`, those that have ended are let go: nobody else waits for them.
    """
    for pid in children(os.getpid()):
        if pid not in known:
            with suppress(ChildProcessError):
                if not buries or os.waitpid(pid, os.WNOHANG) == (0, 0):
                    yield pid


def kill(known: Set[int]) -> None:
    """Kill the children of this process that are not among those that are known, and theirs."""
    for orphan in orphans(known, buries=True):
        for pid in family(orphan):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def variable(pid: int, name: str) -> str | None:
    """Return a variable that a process was started with: "" if it has none, None if it is not to be
    known."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:
        return None
    start = f"{name}=".encode()
    return next((each.decode(errors="replace") for each in variables if each.startswith(start)), "")


def children(pid: int) -> list[int]:
    """Return the children of a process; the kernel lists them by the thread that has them."""
    found: list[bytes] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += file.read().split()
    return [int(child) for child in found]


def family(pid: int) -> set[int]:
    """Return the process and its descendants, as far as parents are alive."""
    return {pid}.union(*(family(child) for child in children(pid)))
