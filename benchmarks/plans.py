"""What a plan of many functions costs: `python -m benchmarks.plans`; about a minute.

Fifty functions are deployed to moto, behind a door that answers as late as AWS does from another
continent's laptop: 50 ms. Then the same plan twice by turns: as it is, and one question after the
other with nothing shared. What counts is the ratio: the machine is the same, and so is the second.
"""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from amazon_lambda_runtime.deploy import deployment
from amazon_lambda_runtime.deploy.aws import Aws
from tests.deploy.fake_aws import REGION, StandIn
from tests.deploy.test_reading import many
from tests.deploy.world import BASIC, World

from . import results
from .measure import Group
from .options import Parser

PROGRAM = "python -m benchmarks.plans"
SHARED, ALONE = "side by side", "one after the other"
FUNCTIONS, DISTANCE, ROUNDS = 50, 0.05, 2
TARGET = 0.3


def one_after_the_other(plan: Callable[[], object]) -> None:
    """Plan without what `reading` does."""
    with (
        mock.patch.object(deployment, "side_by_side", lambda work, items: [*map(work, items)]),
        mock.patch.object(Aws, "sharing", contextlib.nullcontext),
    ):
        plan()


def measured(world: World, run: Callable[[Callable[[], object]], object]) -> tuple[float, int]:
    """Return the seconds of a plan, and its questions."""
    world.door.calls.clear()
    start = time.perf_counter()
    run(lambda: deployment.plan(world.project(), world.aws(), world.told, builder=world.images))
    return time.perf_counter() - start, len(world.door.calls)


def main() -> int:
    options = Parser(PROGRAM, __doc__).parse_args()
    server = StandIn()
    settings = {
        "AWS_ENDPOINT_URL": server.door.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with mock.patch.dict(os.environ, settings), tempfile.TemporaryDirectory() as folder:
        try:
            world = World(server, Path(folder))
            world.folder.joinpath("policies").write_text(f"{BASIC}\n")
            world.write(many(FUNCTIONS))
            world.deploy()
            server.door.distance = DISTANCE
            found = [
                (measured(world, lambda plan: plan()), measured(world, one_after_the_other))
                for _ in range(ROUNDS)
            ]
        finally:
            server.stop()
    (ours, calls), (before, calls_before) = (min(each) for each in zip(*found, strict=True))
    print(f"a plan of {FUNCTIONS} functions, AWS {DISTANCE * 1000:.0f} ms away, best of {ROUNDS}")
    print(f"{'':24}{'s':>8}{'calls':>8}{'a function':>12}")
    for title, seconds, count in (
        (SHARED, ours, calls),
        (ALONE, before, calls_before),
    ):
        print(f"{title:24}{seconds:8.2f}{count:8}{count / FUNCTIONS:12.1f}")
    if options.json:
        rows = {
            "a plan, s": {SHARED: ours, ALONE: before},
            "calls": {SHARED: calls, ALONE: calls_before},
        }
        title = f"plans: {FUNCTIONS} functions, AWS {DISTANCE * 1000:.0f} ms away, best of {ROUNDS}"
        group = Group(title, "", ALONE, rows, (SHARED,), ALONE)
        results.write(options.json, results.Run(results.head(PROGRAM), {"plans": group}))
    met = ours <= TARGET * before and calls <= 10 * FUNCTIONS
    print(f"ratio {ours / before:.2f}; target {TARGET}: {'met' if met else 'MISSED'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
