"""Measures the coverage of a process as coverage.py does, but without loading it.

The tests of the core start some two thousand processes. `import coverage` in each of them takes ten
times as long as what they are started for; its tracer alone, which is an extension module in one
file, takes a millisecond. So a process of a measured run loads that, and writes down at its end
which lines followed which; `combine` makes coverage's data of all of it, in one process.

    python -m tests.traced install    a .pth file loads this where COVERAGE_TRACED is set
    python -m tests.traced combine F  what was written into the folder F becomes coverage's data

A process is over when it exits, also by os._exit, when it becomes another program, and at SIGTERM,
by which the tests end what waits for work. One that is killed is not measured.
"""

# What is imported here, each process of a measured run imports.
import _imp
import atexit
import marshal
import os
import sys
import threading
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The variable with the folder that the processes write into.
TRACED = "COVERAGE_TRACED"
_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.join(os.path.dirname(_HERE), "src", "amazon_lambda_runtime", "")
_CODE = """
import os
if os.environ.get({variable!r}):
    import sys
    sys.path.insert(0, {folder!r})
    import traced
    del sys.path[0]
    traced.start({tracer!r})
"""


class Tracing:
    """The tracers of this process, one for each thread, and what they have seen."""

    def __init__(self, tracer: str) -> None:
        spec = ModuleSpec("tracer", None, origin=tracer)
        self._module = _imp.create_dynamic(spec)
        _imp.exec_dynamic(self._module)
        self._folder = os.environ[TRACED]
        #: Of each file the pairs of lines, packed into numbers as this version of coverage does.
        self._data: dict[str, set[int]] = {}
        self._cache: dict[str, Any] = {}
        self._tracers: list[Any] = []

    def start(self) -> "Any":
        """Trace this thread; return the trace function."""
        tracer = self._module.CTracer()
        given = {
            "data": self._data,
            "lock_data": lambda: None,
            "unlock_data": lambda: None,
            "trace_arcs": True,
            "should_trace": self._should_trace,
            "should_trace_cache": self._cache,
            "warn": lambda *_, **__: None,
            "file_tracers": {},
            "concur_id_func": None,
            "should_start_context": None,
            "switch_context": None,
            "disable_plugin": None,
        }
        for name, value in given.items():
            setattr(tracer, name, value)
        self._tracers.append(tracer)
        return tracer.start()

    def start_in_thread(self, frame: "Any", event: str, argument: "Any") -> "Any":
        """Be the trace function of a new thread until its tracer is."""
        sys.settrace(None)
        return self.start()(frame, event, argument)

    def _should_trace(self, name: str, frame: object) -> "Any":
        found = self._module.CFileDisposition()
        found.original_filename = found.canonical_filename = found.source_filename = name
        found.trace = name.startswith(_PACKAGE)
        found.reason = ""
        found.file_tracer = None
        found.has_dynamic_filename = False
        return found

    def save(self) -> None:
        """Write what has been seen until now. A process may do it several times."""
        try:
            seen = {name: [*pairs] for name, pairs in self._data.copy().items()}
            with open(f"{self._folder}/{os.getpid()}-{os.urandom(4).hex()}", "wb") as file:
                marshal.dump(seen, file)
        except (OSError, RuntimeError):  # no descriptor is left, or a thread still runs
            pass


def start(tracer: str) -> None:
    """Measure this process until its end, and what it forks."""
    import _signal  # type: ignore[import-not-found]  # not the whole of `signal`

    if threading.gettrace() is not None:  # a virtual environment's .pth files are run twice
        return
    tracing = Tracing(tracer)
    end, become = os._exit, os.execve

    def saved_exit(status: int) -> None:
        tracing.save()
        end(status)

    def saved_execve(path: "Any", arguments: "Any", environment: "Any") -> None:
        tracing.save()
        become(path, arguments, environment)

    def saved_signal(number: int, frame: object) -> None:
        tracing.save()
        _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)

    atexit.register(tracing.save)
    vars(os).update(
        _exit=saved_exit,
        execve=saved_execve,
        execv=lambda path, arguments: saved_execve(path, arguments, os.environ),
    )
    if _signal.getsignal(_signal.SIGTERM) == _signal.SIG_DFL:
        _signal.signal(_signal.SIGTERM, saved_signal)
    threading.settrace(tracing.start_in_thread)
    tracing.start()


def hook(folder: str = _HERE) -> str:
    """Return the code that measures a process where the variable is set."""
    from importlib.util import find_spec

    found = find_spec("coverage.tracer")
    assert found is not None
    return _CODE.format(variable=TRACED, folder=folder, tracer=found.origin)


def install() -> None:
    """Have each process of this environment begin with that."""
    import sysconfig

    with open(os.path.join(sysconfig.get_path("purelib"), "a2_traced.pth"), "w") as file:
        file.write(f"import os; exec({hook()!r})\n")  # in one line, as it has to be


def combine(folder: str) -> None:
    """Make coverage's data of what the processes have written. TRACED must not be set here."""
    from coverage import Coverage

    seen: dict[str, set[int]] = {}
    for name in os.listdir(folder):
        try:
            with open(os.path.join(folder, name), "rb") as file:
                written = marshal.load(file)
        except (EOFError, ValueError):  # its process was killed meanwhile
            continue
        for source, pairs in written.items():
            seen.setdefault(source, set()).update(pairs)
    measured = Coverage()
    measured.start()
    import amazon_lambda_runtime  # noqa: F401  # it then looks for files that nobody has imported

    measured.stop()
    # Coverage's own collector knows how its tracer packs the numbers.
    collector: Any = measured._collector
    collector.data.update(seen)
    collector._activity = lambda: True
    measured.save()
    print(f"{len(os.listdir(folder))} processes were measured")


if __name__ == "__main__":
    install() if sys.argv[1] == "install" else combine(sys.argv[2])
