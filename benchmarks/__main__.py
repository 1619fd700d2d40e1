"""python -m benchmarks: measure this runtime beside awslambdaric, on this interpreter."""

import argparse
import ctypes
import json
import platform
import sys
from importlib import metadata
from typing import NoReturn

from . import (
    candidates,
    clients,
    counts,
    durable,
    emulators,
    events,
    measure,
    project,
    standing,
    table,
    web,
)
from .environment import Candidate
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


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        self.exit(2, f"{self.prog}: {message}\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=GROUPS, help="one group only")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a first impression")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    options = parser.parse_args(arguments)
    if options.json:
        try:
            open(options.json, "a").close()
        except OSError as error:
            parser.error(f"cannot write {options.json}: {error.strerror}")
    return options


def main() -> None:
    options = parse(sys.argv[1:])
    effort = measure.QUICK if options.quick else measure.FULL
    version = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"{version} on {platform.machine()}, awslambdaric {peer_version()}", flush=True)
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
        document = {
            "python": version,
            "machine": platform.machine(),
            "awslambdaric": peer_version(),
        }
        with open(options.json, "w") as file:
            json.dump(document | {name: group._asdict() for name, group in groups.items()}, file)


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


def peer_version() -> str:
    try:
        return metadata.version("awslambdaric")
    except metadata.PackageNotFoundError:
        return "missing"


main()
