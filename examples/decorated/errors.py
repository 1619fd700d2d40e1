import asyncio
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.serverless import serverless_function

from amazon_lambda_runtime import Context, wait_for

sentry_sdk.init()  # its address is in the variable SENTRY_DSN


async def answer(event: Any) -> Any:
    await asyncio.sleep(0)
    return event["items"]


@serverless_function
def handler(event: Any, context: Context) -> Any:
    return wait_for(answer(event))
