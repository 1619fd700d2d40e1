"""The time of invocations: one timer for all of them."""

import asyncio
import time
from typing import cast

from amazon_lambda_runtime.local.engine.environment import Environment
from amazon_lambda_runtime.local.engine.invocation import Invocation
from amazon_lambda_runtime.local.engine.timeouts import Timeouts
from tests.local.support import run

NOWHERE = cast(Environment, None)


def test_each_at_its_own_time() -> None:
    """Each is late after its own time, in the order in which they began; one that ended is not."""

    async def test() -> None:
        late: list[tuple[Invocation, float]] = []
        timeouts = Timeouts(0.2, lambda _, each: late.append((each, time.monotonic())))
        invocations = [Invocation(b"{}") for _ in range(3)]
        began = []
        for invocation in invocations:
            began.append(time.monotonic())
            timeouts.begin(invocation, NOWHERE)
            await asyncio.sleep(0.05)
        timeouts.end(invocations[1])
        async with asyncio.timeout(20):
            while len(late) < 2:
                await asyncio.sleep(0.01)
        assert [each for each, _ in late] == [invocations[0], invocations[2]]
        assert late[0][1] - began[0] >= 0.2
        assert late[1][1] - began[2] >= 0.2
        # Nothing is left to be looked at.
        assert timeouts._timer is None

    run(test())


def test_without_a_limit_and_closed() -> None:
    """Without a limit nothing is late, and nothing after the end."""

    async def test() -> None:
        late: list[Invocation] = []
        endless = Timeouts(0, lambda _, each: late.append(each))
        closed = Timeouts(0.01, lambda _, each: late.append(each))
        for timeouts in (endless, closed):
            timeouts.begin(Invocation(b"{}"), NOWHERE)
        closed.close()
        await asyncio.sleep(0.05)
        assert late == []

    run(test())
