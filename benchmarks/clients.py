"""A function that talks to AWS: what boto3 in it costs at the start, and with each added worker."""

from collections import defaultdict
from collections.abc import Sequence

from .candidates import PEER, forking
from .environment import Candidate, Environment
from .loads import LOADS, SMALL
from .measure import Effort, Group, Times, medians, turns
from .server import next_answer

# How many invocations at a time, alone and in a crowd.
ALONE, CROWD = 1, 8


def boto3(candidates: Sequence[Candidate], effort: Effort) -> Group:
    """Measure the start in milliseconds, and the memory of all workers in MiB."""
    shares = {count: workers(candidates, effort, count) for count in (ALONE, CROWD)}
    alone, crowd = (medians(figures) for figures in shares.values())
    response_times, cpu_times = starts(candidates, effort)
    rows = {
        "boto3, exec to first response, ms": medians(response_times),
        "boto3, CPU to first response, ms": medians(cpu_times),
        f"boto3, N={ALONE}, PSS, MiB": alone,
        f"boto3, N={CROWD}, PSS, MiB": crowd,
        "boto3, MiB per added": {
            name: (crowd[name] - alone[name]) / (CROWD - ALONE) for name in alone
        },
    }
    return Group(f"boto3: median of {effort.heavy} starts", "", PEER, rows)


def starts(candidates: Sequence[Candidate], effort: Effort) -> tuple[Times, Times]:
    """Return the time from exec to the first response, and the CPU time in it, in milliseconds."""
    answer = next_answer(LOADS[SMALL].event())
    response_times: Times = defaultdict(list)
    cpu_times: Times = defaultdict(list)
    for candidate in turns(candidates, effort.heavy):
        with Environment(candidate) as environment:
            environment.connect().wait_for_next()
            arrived = environment.connection.respond(answer).arrived
            response_times[candidate.name].append((arrived - environment.spawned) / 1e6)
            cpu_times[candidate.name].append(environment.cpu())
    return response_times, cpu_times


def workers(candidates: Sequence[Candidate], effort: Effort, count: int) -> Times:
    """Measure after a full collection in each of the workers.

    A collection writes to every object that it visits, so a forked worker no longer shares those
    pages. Every worker runs one sooner or later: measured before it, the figure would be too good.
    """
    answer = next_answer(b'{"collect": true}')
    shares: Times = defaultdict(list)
    for candidate in turns(candidates, effort.processes):
        with Environment(forking(candidate).at(count)) as environment:
            connections = [environment.connect() for _ in range(count)]
            for connection in connections:
                connection.wait_for_next()
            for connection in connections:
                connection.cycles(answer, 1)
            shares[candidate.name].append(environment.share() / 1024)
    return shares
