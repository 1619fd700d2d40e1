import asyncio
import functools
import time
from collections.abc import Callable
from typing import Any

from amazon_lambda_runtime import Context, wait_for


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(event: Any, context: Context) -> Any:
        begun = time.monotonic()
        result = function(event, context)
        return {"result": result, "slow": time.monotonic() - begun > 0.01}

    return wrapper


async def answer(event: Any) -> int:
    await asyncio.sleep(0.02)  # a database, another service
    return len(event["items"])


@timed
def handler(event: Any, context: Context) -> Any:
    return wait_for(answer(event))
