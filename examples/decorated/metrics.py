import asyncio
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from amazon_lambda_runtime import Context, wait_for

metrics = Metrics(namespace="shop", service="orders")


async def answer(event: Any) -> Any:
    await asyncio.sleep(0)
    metrics.add_metric(name="Items", unit=MetricUnit.Count, value=event["items"])
    return event


@metrics.log_metrics
def handler(event: Any, context: Context) -> Any:
    return wait_for(answer(event))
