import asyncio
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from amazon_lambda_runtime import Context, wait_for

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)


async def answer(event: Any) -> Any:
    with trace.get_tracer(__name__).start_as_current_span("answer"):
        await asyncio.sleep(0)
        return event


def handler(event: Any, context: Context) -> Any:
    return wait_for(answer(event))


AwsLambdaInstrumentor().instrument()
