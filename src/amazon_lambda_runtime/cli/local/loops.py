"""Functions whose results come back to them: on AWS and here, their events go round for ever."""

from collections.abc import Iterator, Sequence

from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import SnsTrigger, SqsTrigger


def loops(functions: Sequence[Function]) -> Iterator[str]:
    """Yield each circle of destinations, as "a → b → a", once."""
    leads = {function.name: [*_next(function, functions)] for function in functions}
    told: set[frozenset[str]] = set()
    for name in leads:
        way = _way_back(name, leads)
        if way and frozenset(way) not in told:
            told.add(frozenset(way))
            yield " → ".join(way)


def _next(function: Function, functions: Sequence[Function]) -> Iterator[str]:
    """Yield the functions that get an event or a result of this one, by the table."""
    for arn in (function.on_success, function.on_failure, function.dead_letter):
        if arn is None:
            continue
        parts = arn.split(":")
        service, name = parts[2], parts[6] if parts[2] == "lambda" else parts[-1]
        for other in functions:
            queues = [each.queue for each in other.triggers_of(SqsTrigger)]
            topics = [each.topic for each in other.triggers_of(SnsTrigger)]
            takes = {"lambda": [other.name], "sqs": queues, "sns": topics}
            if name in takes.get(service, ()):
                yield other.name


def _way_back(start: str, leads: dict[str, list[str]]) -> list[str]:
    """Return the shortest way from a function back to itself, [] if there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for name in leads[way[-1]]:
            if name == start:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []
