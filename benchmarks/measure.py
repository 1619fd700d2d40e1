"""What is measured of a runtime: start, cycle, memory, streams and concurrency.

A shared machine is fast in one second and slow in the next. The candidates take turns, which
spreads that over all of them alike, and the order is reversed every time so that none of them
always follows the same one.
"""

import ctypes
import os
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from .candidates import (
    ASYNC,
    BARE,
    INTERPRETER,
    ORJSON,
    OURS,
    PASS,
    PEER,
    PROCESSES,
    TASKS,
    THREADS,
)
from .environment import Candidate, Environment
from .loads import LOADS, RECORDS, SMALL
from .server import next_answer, throughput

# One row of a table: the figure of each candidate that took part.
Row = dict[str, float]
# What was measured of each of them.
Times = dict[str, list[float]]


class Group(NamedTuple):
    title: str
    unit: str
    # What the runtime is compared with, besides awslambdaric.
    baseline: str
    rows: dict[str, Row]
    # The columns that are this runtime's.
    ours: tuple[str, ...] = (OURS,)
    # The one to beat.
    peer: str = PEER
    # More of those.
    others: tuple[str, ...] = ()


class Effort(NamedTuple):
    starts: int
    rounds: int
    processes: int
    streams: int
    crowds: int
    # How long all workers are kept busy, in seconds.
    busy: float
    # Starts of a function that takes long to start, and processes of it.
    heavy: int
    # Cycles of which instructions and system calls are counted.
    counted: int
    # How long a server is watched that does nothing, in seconds, and invocations for its growth.
    idle: float
    many: int


FULL = Effort(
    starts=40,
    rounds=25,
    processes=3,
    streams=5,
    crowds=6,
    busy=0.25,
    heavy=12,
    counted=500,
    idle=60,
    many=20_000,
)
QUICK = Effort(
    starts=3,
    rounds=2,
    processes=1,
    streams=1,
    crowds=1,
    busy=0.05,
    heavy=1,
    counted=50,
    idle=5,
    many=1000,
)

MEMORY_INVOCATIONS = 1000

# A turn of streams: so many of one piece, for their first byte, and one of 200 MB, which is the
# longest response that Lambda lets through.
FIRST_BYTES = 10
PIECES = 200_000_000 // 65536 + 1

WORKERS = (1, 4, 16)


def turns(candidates: Sequence[Candidate], count: int) -> Iterator[Candidate]:
    for turn in range(count):
        yield from candidates if turn % 2 == 0 else reversed(candidates)


def start(candidates: list[Candidate], effort: Effort) -> Group:
    """Measure from just before the process is spawned, in milliseconds."""
    answer = next_answer(LOADS[SMALL].event())
    next_times: Times = defaultdict(list)
    response_times: Times = defaultdict(list)
    cpu_times: Times = defaultdict(list)
    for candidate in turns([INTERPRETER, *candidates], effort.starts):
        with Environment(candidate) as environment:
            if candidate is INTERPRETER:
                exited = environment.wait_for_exit()
                response_times[PASS].append((exited - environment.spawned) / 1e6)
                cpu_times[PASS].append(environment.cpu())
                continue
            connection = environment.connect()
            arrived = connection.wait_for_next()
            next_times[candidate.name].append((arrived - environment.spawned) / 1e6)
            arrived = connection.respond(answer).arrived
            response_times[candidate.name].append((arrived - environment.spawned) / 1e6)
            cpu_times[candidate.name].append(environment.cpu())
    rows = {
        "exec to first next": medians(next_times),
        "exec to first response": medians(response_times),
        "CPU to first response": medians(cpu_times),
    }
    return Group(f"start: median of {effort.starts}", "ms", PASS, rows)


def on_one_cpu(
    stack: ExitStack, candidates: list[Candidate], loop: ctypes.CDLL | None
) -> dict[Candidate, Environment]:
    """Start the candidates beside each other; return their environments, where each one waits.

    One CPU for all. Waking a process on another one can cost more than the work that is to be
    measured, and where the kernel puts them is a matter of luck.
    """
    cpus = os.sched_getaffinity(0)
    stack.callback(os.sched_setaffinity, 0, cpus)
    os.sched_setaffinity(0, {max(cpus)})
    environments = {}
    for candidate in candidates:
        environments[candidate] = stack.enter_context(Environment(candidate, loop))
        environments[candidate].connect().wait_for_next()
    return environments


class Cycles(NamedTuple):
    """Microseconds of cycles: each one, and of the runtime's CPU time the mean of each turn."""

    times: Times
    cpu_times: Times


def cycles(
    candidates: list[Candidate],
    effort: Effort,
    loop: ctypes.CDLL | None,
    loads: Iterable[str] = (SMALL,),
) -> dict[str, Cycles]:
    """Measure from one GET /next to the one that follows, with each load."""
    measured = {load: Cycles(defaultdict(list), defaultdict(list)) for load in loads}
    with ExitStack() as stack:
        environments = on_one_cpu(stack, candidates, loop)
        for load, (times, cpu_times) in measured.items():
            answer, count = next_answer(LOADS[load].event()), LOADS[load].turn
            for candidate in turns(candidates, effort.rounds):
                environment = environments[candidate]
                # The first of a turn finds the caches full of another candidate's data.
                environment.connection.cycles(answer, 1)
                before = environment.cpu()
                nanoseconds = environment.connection.cycles(answer, count)
                cpu_times[candidate.name].append((environment.cpu() - before) * 1000 / count)
                times[candidate.name] += (each / 1000 for each in nanoseconds)
    return measured


def rows_of(name: str, measured: Cycles, wanted: Iterable[int]) -> dict[str, Row]:
    """Return a row for each of the percentiles, and one for the CPU time."""
    cpu = {f"{name}, CPU": medians(measured.cpu_times)}
    return percentiles(name, measured.times, wanted) | cpu


def cycle(candidates: list[Candidate], effort: Effort, loop: ctypes.CDLL | None) -> Group:
    """Measure the cycle with each load, in microseconds."""
    rows: dict[str, Row] = {}
    for load, measured in cycles(candidates, effort, loop, LOADS).items():
        rows |= rows_of(load, measured, (10, 50, 99))
    title = f"cycle: next to next, {effort.rounds} turns, {server(loop)}"
    return Group(title, "µs", BARE, rows)


def coroutine(candidates: list[Candidate], effort: Effort, loop: ctypes.CDLL | None) -> Group:
    """Measure what a cycle costs more where the handler is a coroutine, in microseconds."""
    rows = rows_of("plain", cycles(candidates, effort, loop)[SMALL], (10, 50))
    for name in list(rows):
        row = rows[name]
        if ASYNC not in row:
            continue
        figure = row.pop(ASYNC)
        rows[name.replace("plain", "async")] = {OURS: figure}
        rows[name.replace("plain", "async above plain")] = {OURS: figure - row[OURS]}
    title = f"async: next to next, 50 B, {effort.rounds} turns, {server(loop)}"
    return Group(title, "µs", PEER, rows)


def orjson(candidates: list[Candidate], effort: Effort, loop: ctypes.CDLL | None) -> Group:
    """Measure the cycle with records where orjson decodes and encodes them, in microseconds."""
    measured = cycles(candidates, effort, loop, [RECORDS])[RECORDS]
    title = f"orjson: next to next, {effort.rounds} turns, {server(loop)}"
    rows = rows_of(RECORDS, measured, (10, 50, 99))
    return Group(title, "µs", PEER, rows, (OURS, ORJSON))


def memory(candidates: list[Candidate], effort: Effort) -> Group:
    """Measure after a fixed number of small invocations, in MiB."""
    answer = next_answer(LOADS[SMALL].event())
    resident: Times = defaultdict(list)
    peak: Times = defaultdict(list)
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


def stream(candidates: list[Candidate], effort: Effort, loop: ctypes.CDLL | None) -> Group:
    """Measure how soon a streamed response begins, and how fast it then comes."""
    short = next_answer(b'{"pieces": 1}')
    long = next_answer(b'{"pieces": %d}' % PIECES)
    first_times: Times = defaultdict(list)
    speeds: Times = defaultdict(list)
    with ExitStack() as stack:
        environments = on_one_cpu(stack, candidates, loop)
        for candidate in turns(candidates, effort.streams):
            connection = environments[candidate].connection
            connection.stream(short)
            streams = [connection.stream(short) for _ in range(FIRST_BYTES)]
            first_times[candidate.name] += ((each.first - each.sent) / 1000 for each in streams)
            sent, _, last, size = connection.stream(long)
            speeds[candidate.name].append(size / 1e6 / ((last - sent) / 1e9))
    rows = {"first byte, p50, µs": medians(first_times), "200 MB, MB/s": medians(speeds)}
    title = f"stream: pieces of 64 KiB, {effort.streams} turns, {server(loop)}"
    return Group(title, "", BARE, rows)


def concurrency(candidates: list[Candidate], effort: Effort, loop: ctypes.CDLL | None) -> Group:
    """Measure small invocations a second with all workers busy, and memory after that."""
    answer = next_answer(LOADS[SMALL].event())
    rates: dict[int, dict[str, list[float]]] = {count: defaultdict(list) for count in WORKERS}
    shares: dict[int, dict[str, list[float]]] = {count: defaultdict(list) for count in WORKERS}
    for turn in range(effort.crowds):
        for count in WORKERS:
            for candidate in candidates if turn % 2 == 0 else reversed(candidates):
                with Environment(candidate.at(count), loop) as environment:
                    connections = [environment.connect() for _ in range(count)]
                    for connection in connections:
                        connection.wait_for_next()
                    throughput(connections, answer, effort.busy / 4)
                    rate = throughput(connections, answer, effort.busy)
                    rates[count][candidate.name].append(rate)
                    shares[count][candidate.name].append(environment.share() / 1024)
    rows = {f"N={count}, invocations/s": medians(rates[count]) for count in WORKERS}
    held = {count: medians(shares[count]) for count in WORKERS}
    rows |= {f"N={count}, PSS, MiB": held[count] for count in WORKERS}
    least, *more = WORKERS
    rows |= {
        f"N={count}, MiB per added": {
            name: (held[count][name] - held[least][name]) / (count - least) for name in held[count]
        }
        for count in more
    }
    cpus = len(os.sched_getaffinity(0))
    title = f"concurrency: {effort.crowds} turns, {cpus} CPUs, {server(loop)}"
    return Group(title, "", PEER, rows, (PROCESSES, THREADS, TASKS))


def server(loop: ctypes.CDLL | None) -> str:
    return f"{'C' if loop else 'Python'} server"


def medians(figures: Times) -> Row:
    return {name: statistics.median(values) for name, values in figures.items()}


def percentiles(row: str, times: Times, wanted: Iterable[int]) -> dict[str, Row]:
    """Return a row for each of the percentiles; a candidate without figures is in none."""
    cuts = {
        name: statistics.quantiles(values, n=100, method="inclusive")
        for name, values in times.items()
        if values
    }
    return {
        f"{row}, p{percent}": {name: values[percent - 1] for name, values in cuts.items()}
        for percent in wanted
    }
