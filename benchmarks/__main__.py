"""python -m benchmarks: measure this runtime beside awslambdaric, on this interpreter."""

import argparse
import ctypes
import sys

from . import (
    candidates,
    clients,
    counts,
    durable,
    emulators,
    events,
    measure,
    project,
    results,
    standing,
    table,
    web,
)
from .environment import Candidate
from .options import Parser
from .server import CandidateError, load_loop

GROUPS = [
    "start",
    "cycle",
    "instructions",
    "memory",
    "async",
    "orjson",
    "stream",
    "concurrency",
    "boto3",
    "events",
    "web",
    "local",
    "standing",
    "project",
    "durable",
]


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser("python -m benchmarks", __doc__)
    parser.add_argument("--only", choices=GROUPS, help="one group only")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a first impression")
    return parser.parse_args(arguments)


def _asked(options: argparse.Namespace) -> list[str]:
    """Return the options that say what is measured."""
    only = ["--only", options.only] if options.only else []
    return [*only, *(["--quick"] if options.quick else [])]


def main() -> None:
    options = parse(sys.argv[1:])
    effort = measure.QUICK if options.quick else measure.FULL
    head = results.head(" ".join(["python -m benchmarks", *_asked(options)]))
    peer = head["versions"].get(candidates.PEER, "missing")
    print(f"{head['python']} on {head['machine']}, awslambdaric {peer}", flush=True)
    loop = load_loop()
    found = candidates.find()
    groups = {}
    try:
        for name in [options.only] if options.only else GROUPS:
            groups[name] = measured(name, found, effort, loop)
            print(f"\n{table.render(groups[name])}", flush=True)
    except CandidateError as failure:
        sys.exit(f"python -m benchmarks: {failure}")
    if options.json:
        results.write(options.json, results.Run(head, groups))


def measured(
    name: str,
    found: list[Candidate],
    effort: measure.Effort,
    loop: ctypes.CDLL | None,
) -> measure.Group:
    match name:
        case "start":
            return measure.start(found, effort)
        case "cycle":
            return measure.cycle(found, effort, loop)
        case "project":
            return project.project(effort)
        case "durable":
            return durable.durable(effort)
        case "memory":
            return measure.memory(found, effort)
        case "instructions":
            return counts.instructions(found, effort, loop)
        case "async":
            return measure.coroutine(candidates.with_async(found), effort, loop)
        case "orjson":
            return measure.orjson(candidates.with_orjson(found), effort, loop)
        case "boto3":
            return clients.boto3(candidates.with_boto3(found), effort)
        case "events":
            return events.events(effort)
        case "web":
            return web.web(found, effort, loop)
        case "stream":
            return measure.stream(candidates.streaming(found), effort, loop)
        case "concurrency":
            return measure.concurrency(candidates.concurrent(found), effort, loop)
        case "local":
            return emulators.local(effort)
        case _:
            return standing.standing(effort)


if __name__ == "__main__":
    main()
