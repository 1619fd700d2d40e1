"""OpenTelemetry's instrumentation for Lambda, unmodified."""

from pathlib import Path

import pytest

from tests.harness import ours, run

from .support import PARENT, answers, needs, serve, variables

pytestmark = needs("opentelemetry.instrumentation.aws_lambda", "opentelemetry.sdk")

SETUP = """
from opentelemetry import trace
from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter


def line(span):
    parent = format(span.parent.span_id, "x") if span.parent else ""
    return f"span {span.name} {span.attributes['faas.invocation_id']} {parent}\\n"


provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(formatter=line)))
trace.set_tracer_provider(provider)
"""
FUNCTION = """
def handler(event, context):
    return event


AwsLambdaInstrumentor().instrument()
"""
CLASS = """
from amazon_lambda_runtime import Runtime


class Hello(Runtime):
    def handler(self, event, context):
        return event


AwsLambdaInstrumentor().instrument()
"""
BOUND = CLASS.replace("\n\nAws", "\n\nhandler = Hello().handler\nAws")


@pytest.mark.parametrize(
    "source", [pytest.param(FUNCTION, id="a function"), pytest.param(BOUND, id="a bound method")]
)
def test_function(source: str, tmp_path: Path) -> None:
    """A handler that its module has a name for is wrapped; its span is below Lambda's own."""
    done = serve(SETUP + source, [1, 2], tmp_path, OTEL_PROPAGATORS="xray-lambda")
    assert answers(done) == [1, 2]
    for number, post in enumerate(done.posts):
        assert f"span f id-{number} {PARENT}\n" in post.stdout


def test_method(tmp_path: Path) -> None:
    """A method that is found by way of its class has no name in the module, which ends the init."""
    tmp_path.joinpath("h.py").write_text(SETUP + CLASS)
    done = run(ours("h.handler"), [], tmp_path, variables(tmp_path, "h.handler"))
    assert [request.kind for request in done.requests] == ["error"]
    assert b"unable to resolve attribute" in done.posts[0].body
