from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3

from amazon_lambda_runtime import Context, HttpResponse


@cache
def bedrock() -> Any:
    return boto3.client("bedrock-runtime")


def words(question: str) -> Iterator[str]:
    """Yield what the model says, as it says it."""
    reply = bedrock().converse_stream(
        modelId="eu.amazon.nova-lite-v1:0",
        messages=[{"role": "user", "content": [{"text": question}]}],
    )
    for event in reply["stream"]:
        if "contentBlockDelta" in event:
            yield event["contentBlockDelta"]["delta"]["text"]


def handler(event: Any, context: Context) -> HttpResponse:
    question = event["queryStringParameters"]["question"]
    return HttpResponse(200, {"Content-Type": "text/plain; charset=utf-8"}, body=words(question))
