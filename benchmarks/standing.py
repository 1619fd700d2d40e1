"""What a server of ours costs beside its invocations: its start, its idleness, its memory.

The scale of the start is a Python that imports what no server of ours can do without.
"""

import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from .emulators import LOCAL, Client, Emulator
from .loads import one_string
from .measure import Effort, Group, Row, medians

IMPORTS = "import asyncio, click"

EVENT = one_string(14)
# How many invocations the journal and the allocator have had before memory is looked at.
_WARM_UP = 2000
_ENVIRONMENTS = 64


def standing(effort: Effort) -> Group:
    """Measure the start in milliseconds, idleness in percent of a CPU, growth in MiB."""
    rows = start(effort.starts)
    rows["idle, % of a CPU"] = {LOCAL: idle(effort.idle)}
    growth, size = memory(effort.many)
    rows["growth, MiB"] = {LOCAL: growth}
    rows[f"{_ENVIRONMENTS} environments, growth, MiB"] = {LOCAL: crowd(effort.many)}
    rows["resident, MiB"] = {LOCAL: size}
    title = (
        f"standing: {effort.starts} starts, {effort.idle:.0f} s idle, "
        f"{effort.many} invocations for the growth"
    )
    return Group(title, "", IMPORTS, rows, (LOCAL,), IMPORTS)


def start(count: int) -> dict[str, Row]:
    """Return how long it takes to listen, and to answer for the first time, taking turns."""
    listening: dict[str, list[float]] = defaultdict(list)
    answered: dict[str, list[float]] = defaultdict(list)
    for _ in range(count):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", IMPORTS], check=True)
        took = (time.perf_counter() - begin) * 1000
        begin = time.perf_counter()
        with Emulator(LOCAL) as emulator:
            client = emulator.connect()
            listening[LOCAL].append((time.perf_counter() - begin) * 1000)
            client.invoke(EVENT)
            answered[LOCAL].append((time.perf_counter() - begin) * 1000)
        for row in (listening, answered):
            row[IMPORTS].append(took)
    return {"listening, ms": medians(listening), "first answer, ms": medians(answered)}


def idle(seconds: float) -> float:
    """Return the share of a CPU that a server takes whose environment is frozen."""
    with Emulator(LOCAL) as emulator:
        emulator.connect().invoke(EVENT)
        time.sleep(2)
        before = used(emulator.process.pid)
        time.sleep(seconds)
        return (used(emulator.process.pid) - before) / seconds * 100


def memory(count: int) -> tuple[float, float]:
    """Return by how much a server grows over so many invocations, and what it has then."""
    with Emulator(LOCAL) as emulator:
        return grown(emulator, [emulator.connect()], count)


def crowd(count: int) -> float:
    """Return the same growth with many environments."""
    with Emulator(LOCAL, concurrency=_ENVIRONMENTS) as emulator:
        clients = [emulator.connect() for _ in range(_ENVIRONMENTS)]
        # All at once, so that each has an environment of its own.
        for client in clients:
            client.send(EVENT)
        for client in clients:
            while client.read() is None:
                pass
        return grown(emulator, clients, count)[0]


def grown(emulator: Emulator, clients: list[Client], count: int) -> tuple[float, float]:
    for number in range(_WARM_UP):
        clients[number % len(clients)].invoke(EVENT)
    before = resident(emulator.process.pid)
    for number in range(count):
        clients[number % len(clients)].invoke(EVENT)
    after = resident(emulator.process.pid)
    return after - before, after


def used(pid: int) -> float:
    """Return the seconds of CPU that a process has had: utime and stime."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Return a process's memory, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
