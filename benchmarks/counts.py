"""Instructions and system calls of a cycle, which do not depend on what else the machine does.

Valgrind counts the instructions in user space, strace the system calls. Each counts while the
candidate waits for an event, runs some cycles, and waits again; so the start is not in the figure.
"""

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar, Protocol

from .candidates import EXCHANGES, FLOOR
from .environment import Candidate, Environment
from .loads import LOADS, SMALL
from .measure import Effort, Group, Row
from .server import PATIENCE, CandidateError, next_answer

# Cycles after which the interpreter has specialised its code.
WARM_UP = 100


class Counter(Protocol):
    """Counts what a candidate does; its files are in a folder that only this candidate has."""

    program: ClassVar[str]
    # Goes in front of the candidate's own.
    command: tuple[str, ...]

    def __init__(self, folder: Path) -> None: ...

    def count(self, environment: Environment) -> int:
        """Return the count since the last call, or since the start."""
        ...


class Instructions(Counter):
    program = "valgrind"

    def __init__(self, folder: Path) -> None:
        self._output = folder / "callgrind"
        # The pipes for vgdb. By default they are in /tmp, where a killed process leaves them.
        self._prefix = f"--vgdb-prefix={folder}/vgdb"
        self.command = (
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={self._output}",
            f"--log-file={folder}/log",
            self._prefix,
        )
        self._dumps = 0

    def count(self, environment: Environment) -> int:
        command = ["vgdb", self._prefix, f"--pid={environment.process.pid}", "dump"]
        try:
            subprocess.run(command, capture_output=True, timeout=PATIENCE)
            self._dumps += 1
            text = Path(f"{self._output}.{self._dumps}").read_text()
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CandidateError(f"{environment.name}: no count from valgrind: {error}") from None
        return total(text)


class SystemCalls(Counter):
    program = "strace"

    def __init__(self, folder: Path) -> None:
        self._output = folder / "strace"
        self.command = ("strace", "-f", "-qq", "-e", "signal=none", "-o", str(self._output))
        self._counted = 0

    def count(self, environment: Environment) -> int:
        before, self._counted = self._counted, calls(self._output.read_bytes())
        return self._counted - before


def total(text: str) -> int:
    """Return the instructions that a file of callgrind tells."""
    return int(text.partition("\ntotals: ")[2].split()[0])


def calls(text: bytes) -> int:
    """Return the system calls that strace has written, of which some may be in two lines."""
    return sum(b" resumed>" not in line for line in text.split(b"\n")[:-1])


def instructions(
    candidates: Sequence[Candidate], effort: Effort, loop: ctypes.CDLL | None
) -> Group:
    """Count with an event of 50 bytes; nothing where the programs are not installed."""
    taking_part = [EXCHANGES, *candidates]
    start, cycle = counted(Instructions, taking_part, effort, loop)
    _, called = counted(SystemCalls, taking_part, effort, loop)
    rows = {
        "a cycle, instructions": cycle,
        "a cycle, system calls": called,
        "exec to first next, instructions": start,
    }
    title = f"instructions: over {effort.counted} cycles, of 50 B"
    return Group(title, "", FLOOR, rows)


def counted(
    tool: type[Counter],
    candidates: Sequence[Candidate],
    effort: Effort,
    loop: ctypes.CDLL | None,
) -> tuple[Row, Row]:
    """Return the counts of each candidate until its first GET /next, and of a cycle."""
    start: Row = {}
    cycle: Row = {}
    if shutil.which(tool.program) is None:
        print(f"{tool.program}: not installed; its figures are missing")
        return start, cycle
    answer = next_answer(LOADS[SMALL].event())
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder, ExitStack() as stack:
        counters: list[tuple[Counter, Environment]] = []
        for candidate in candidates:
            place = Path(folder, candidate.name)
            place.mkdir()
            counter = tool(place)
            # Strings hash alike, so that dictionaries are built alike.
            settings = (*candidate.settings, ("PYTHONHASHSEED", "0"))
            command = counter.command + candidate.command
            watched = Candidate(candidate.name, command, settings)
            # All start at once, since starting takes the most time.
            counters.append((counter, stack.enter_context(Environment(watched, loop))))
        for counter, environment in counters:
            try:
                connection = environment.connect()
                connection.wait_for_next()
                before = counter.count(environment)
                connection.cycles(answer, WARM_UP)
                counter.count(environment)
                connection.cycles(answer, effort.counted)
                within = counter.count(environment)
            except CandidateError as failure:
                words = environment.last_words()
                print(f"{failure}{words}; {tool.program} counts nothing of it")
            else:
                start[environment.name] = before
                cycle[environment.name] = within / effort.counted
    return start, cycle
