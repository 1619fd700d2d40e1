"""Worker processes that load the function each for itself.

Theory: workers are forked from a process that has loaded the function, and share its memory. Two
things can't be shared in this way. A thread does not survive a fork, and forked workers would share
one event loop in the kernel. A function that has either once it is loaded is loaded again in each
worker: this process replaces itself with its own command, in the environment that it was started
with plus a mark, and the new process forks its workers before it loads anything of the function.
All other functions pay nothing for this.
"""

import gc
import os
import signal
import sys
from contextlib import suppress
from os import environ

from .logs import sink
from .stdlib import library_first

_PATCHED = frozenset(("asyncio", "selectors", "signal", "socket", "ssl", "subprocess"))

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar, NoReturn

# In the environment of the process that replaces another: whether the function has an on_shutdown,
# and what it has loaded of the standard library.
_MARK = "_LAMBDA_RUNTIME_WORKERS"


class Start:
    """How this process was started, taken before the function is loaded."""

    #: The one of this process.
    current: "ClassVar[Start | None]" = None

    def __init__(self) -> None:
        #: In a process that has replaced another: whether the function has an on_shutdown.
        self.again: bool | None = None
        #: In a worker that such a process has forked: says whether it may report a failure of init.
        self.may_report: Callable[[], bool] | None = None
        mark = environ.pop(_MARK, None)
        if mark is not None:
            kind, _, names = mark.partition(" ")
            self.again = kind == "on_shutdown"
            _preload(names.split())
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._environment = dict(environ)
        self._command = [sys.executable, *sys.orig_argv[1:]]
        self._directory = os.getcwd()
        self._blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])

    def repeat(self, reason: str, heeds_shutdown: bool) -> "NoReturn":
        """Replace this process, which has `reason` to, by one whose workers load for themselves."""
        sink.log_record(
            f"[INFO] LAMBDA_RUNTIME The function has {reason} after init, which workers can't"
            " share: each worker process loads it for itself\n",
            sink.frame_type(20, sink.TEXT),
        )
        end_children()
        telemetry = sink.Telemetry.current
        if telemetry is not None:
            os.set_inheritable(telemetry.fd, True)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
        os.chdir(self._directory)
        kind = "on_shutdown" if heeds_shutdown else "plain"
        self._environment[_MARK] = " ".join([kind, *_from_the_library()])
        os.execve(self._command[0], self._command, self._environment)


def _from_the_library() -> list[str]:
    """Return the modules of the standard library that are loaded, which workers can share.

    Without those that libraries replace parts of before anything has loaded them. None at all if
    the function has a module of its own in the place of one: it could be hidden from the function.
    """
    folder = os.path.dirname(os.__file__)
    names = []
    for name, module in sys.modules.items():
        top = name.partition(".")[0]
        file = getattr(module, "__file__", None)
        if file and top in sys.stdlib_module_names and name != "__main__":
            if not file.startswith(folder):
                return []
            if top not in _PATCHED:
                names.append(name)
    return names


def _preload(names: list[str]) -> None:
    def load() -> None:
        for name in names:
            with suppress(ImportError):  # one that the function's code has made
                __import__(name)

    library_first(load)


def unshareable() -> str:
    """Return what this process has that workers can't share; "" if it can be forked."""
    import _thread

    count = _thread._count()
    if count:
        return "a thread" if count == 1 else f"{count} threads"
    events = sys.modules.get("asyncio.events")
    if events is not None:
        gc.unfreeze()  # what is frozen would not be among the objects
        kinds = {type(thing) for thing in gc.get_objects()}
        loops = tuple(kind for kind in kinds if issubclass(kind, events.AbstractEventLoop))
        if loops and not all(loop.is_closed() for loop in gc.get_objects() if type(loop) in loops):
            return "an event loop"
        gc.freeze()
    return ""


def end_children() -> None:
    """Send SIGTERM to what multiprocessing has started in this process and that still runs.

    At the exit of an interpreter it would be ended, but neither os._exit nor exec is one.
    """
    loaded = sys.modules.get("multiprocessing.process")
    if loaded is not None:  # pragma: no branch  coverage itself has loaded it
        for child in loaded.active_children():
            # What was started before the fork is the parent's.
            if child._parent_pid == os.getpid():
                child.terminate()
