"""What is measured: cold start, cycle and memory, each candidate in turn.

A shared machine is fast in one second and slow in the next. Taking turns spreads that over all
candidates alike, and the order turns round every time so that nobody always follows the same one.
"""

import ctypes
import os
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from .candidates import BARE, INTERPRETER, PASS, Candidate, Environment
from .server import next_answer

# One row of a table: the figure of each candidate that took part.
Row = dict[str, float]


class Group(NamedTuple):
    title: str
    unit: str
    # What the runtime is compared with, besides awslambdaric.
    baseline: str
    rows: dict[str, Row]


class Effort(NamedTuple):
    starts: int
    rounds: int
    processes: int


FULL = Effort(starts=40, rounds=25, processes=3)
QUICK = Effort(starts=5, rounds=3, processes=1)

# Size of the event in bytes, and how many invocations make a candidate's turn. The longest event
# that Lambda delivers is 6 MiB.
LOADS = {"50 B": (50, 200), "100 KB": (100_000, 20), "6 MB": (6 * 1024 * 1024 - 1024, 5)}
MEMORY_INVOCATIONS = 1000


def echo_event(size: int) -> bytes:
    """Return a JSON object of that many bytes."""
    return b'{"name": "%b"}' % (b"x" * (size - 12))


def turns(candidates: Sequence[Candidate], count: int) -> Iterator[Candidate]:
    for turn in range(count):
        yield from candidates if turn % 2 == 0 else reversed(candidates)


def start(candidates: list[Candidate], effort: Effort) -> Group:
    """Measure from just before the process is spawned, in milliseconds."""
    answer = next_answer(echo_event(50))
    next_times: dict[str, list[float]] = defaultdict(list)
    response_times: dict[str, list[float]] = defaultdict(list)
    for candidate in turns([INTERPRETER, *candidates], effort.starts):
        with Environment(candidate) as environment:
            if candidate is INTERPRETER:
                exited = environment.wait_for_exit()
                response_times[PASS].append((exited - environment.spawned) / 1e6)
                continue
            connection = environment.connect()
            arrived = connection.wait_for_next()
            next_times[candidate.name].append((arrived - environment.spawned) / 1e6)
            arrived = connection.respond(answer).arrived
            response_times[candidate.name].append((arrived - environment.spawned) / 1e6)
    rows = {
        "exec to first next": medians(next_times),
        "exec to first response": medians(response_times),
    }
    return Group(f"start: median of {effort.starts}", "ms", PASS, rows)


def cycle(candidates: list[Candidate], effort: Effort, loop: ctypes.CDLL | None) -> Group:
    """Measure from one GET /next to the one that follows, in microseconds."""
    rows: dict[str, Row] = {}
    with ExitStack() as stack:
        # One CPU for all. Waking a process on another one can cost more than the work that is to
        # be measured, and where the kernel puts them is a matter of luck.
        cpus = os.sched_getaffinity(0)
        stack.callback(os.sched_setaffinity, 0, cpus)
        os.sched_setaffinity(0, {max(cpus)})
        connections = {}
        for candidate in candidates:
            environment = stack.enter_context(Environment(candidate, loop))
            connections[candidate] = environment.connect()
            connections[candidate].wait_for_next()
        for load, (size, count) in LOADS.items():
            answer = next_answer(echo_event(size))
            times: dict[str, list[float]] = defaultdict(list)
            for candidate in turns(candidates, effort.rounds):
                # The first of a turn finds the caches full of somebody else's data.
                measured = connections[candidate].cycles(answer, count + 1)[1:]
                times[candidate.name] += (cycle / 1000 for cycle in measured)
            rows[f"{load}, p50"] = medians(times)
            rows[f"{load}, p99"] = {name: percentile_99(times[name]) for name in times}
    title = f"cycle: next to next, {effort.rounds} turns, {'C' if loop else 'Python'} server"
    return Group(title, "µs", BARE, rows)


def memory(candidates: list[Candidate], effort: Effort) -> Group:
    """Measure after a fixed number of small invocations, in MiB."""
    answer = next_answer(echo_event(50))
    resident: dict[str, list[float]] = defaultdict(list)
    peak: dict[str, list[float]] = defaultdict(list)
    for candidate in turns(candidates, effort.processes):
        with Environment(candidate) as environment:
            connection = environment.connect()
            connection.wait_for_next()
            connection.cycles(answer, MEMORY_INVOCATIONS)
            kibibytes = environment.memory()
            resident[candidate.name].append(kibibytes["VmRSS"] / 1024)
            peak[candidate.name].append(kibibytes["VmHWM"] / 1024)
    rows = {"resident": medians(resident), "peak": medians(peak)}
    return Group(f"memory: after {MEMORY_INVOCATIONS} invocations", "MiB", BARE, rows)


def medians(figures: dict[str, list[float]]) -> Row:
    return {name: statistics.median(values) for name, values in figures.items()}


def percentile_99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[-1]
