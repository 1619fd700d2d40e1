"""Decorators that are not async, round a plain function that awaits: wait_for.

Numbers are those of docs/behaviour.md.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.harness import Run

from .support import answers, needs, records, serve

EXAMPLES = Path(__file__).parents[2] / "examples" / "decorated"
WARNING = "[WARNING] LAMBDA_RUNTIME The handler is `async def` under a decorator that is not async"
SENTRY = """
import functools
import sentry_sdk
from sentry_sdk.transport import Transport


class Printing(Transport):
    def capture_envelope(self, envelope):
        for item in envelope.items:
            event = item.get_event()
            if event:
                print("sent", event["exception"]["values"][-1]["type"])


sentry_sdk.init = functools.partial(
    sentry_sdk.init, "https://key@example.com/1", transport=Printing
)
from errors import handler
"""


def served_example(
    name: str, events: list[Any], directory: Path, source: str = "", handler: str = ""
) -> Run:
    """Serve a file of the examples as it is."""
    shutil.copy(EXAMPLES / f"{name}.py", directory)
    return serve(source, events, directory, handler or f"{name}.handler")


@needs("aws_lambda_powertools")
def test_log_metrics(tmp_path: Path) -> None:
    """125: each invocation's metrics are in the log before its answer, and only its own."""
    done = served_example("metrics", [{"items": 1}, {"items": 2}], tmp_path)
    assert answers(done) == [{"items": 1}, {"items": 2}]
    first, second = (records(post.stdout) for post in done.posts)
    assert [record["Items"] for record in first] == [[1.0]]
    assert [record["Items"] for record in second] == [[1.0], [2.0]]


@needs("aws_lambda_powertools")
def test_log_metrics_of_a_coroutine(tmp_path: Path) -> None:
    """126: round an async handler Powertools' decorator comes too early, and that is told."""
    source = """
from aws_lambda_powertools import Metrics
metrics = Metrics(namespace="shop", service="orders")
@metrics.log_metrics
async def handler(event, context):
    metrics.add_metric(name="Items", unit="Count", value=event)
    return event
"""
    done = serve(source, [1, 2], tmp_path)
    assert answers(done) == [1, 2]
    assert done.stdout.count(WARNING) == 1


@needs("opentelemetry.instrumentation.aws_lambda", "opentelemetry.sdk")
def test_spans(tmp_path: Path) -> None:
    """125: OpenTelemetry's span of an invocation goes round the coroutine's own."""
    done = served_example("spans", [1, 2], tmp_path)
    assert answers(done) == [1, 2]
    text, spans = done.posts[1].stdout, []
    while (start := text.find("{\n")) >= 0:
        span, end = json.JSONDecoder().raw_decode(text, start)
        spans.append(span)
        text = text[end:]
    assert [span["name"] for span in spans] == ["answer", "f"] * 2
    for inner, outer in zip(spans[::2], spans[1::2], strict=True):
        assert inner["parent_id"] == outer["context"]["span_id"]
        assert inner["context"]["trace_id"] == outer["context"]["trace_id"]


@needs("sentry_sdk")
def test_errors(tmp_path: Path) -> None:
    """125: Sentry's decorator sends what the coroutine raises, before the answer."""
    done = served_example("errors", [{"items": 1}, {}], tmp_path, SENTRY, "h.handler")
    assert [post.kind for post in done.posts] == ["response", "error"]
    assert json.loads(done.posts[1].body)["errorType"] == "KeyError"
    assert "sent KeyError\n" in done.posts[1].stdout
    assert "sent" not in done.posts[0].stdout


@needs("sentry_sdk")
def test_errors_of_a_coroutine(tmp_path: Path) -> None:
    """126: round an async handler it sends nothing, and that is told."""
    source = SENTRY.replace("from errors import handler", "") + (
        "\nfrom sentry_sdk.integrations.serverless import serverless_function\n"
        "sentry_sdk.init()\n@serverless_function\n"
        "async def handler(event, context): raise ValueError('no')\n"
    )
    done = serve(source, [1], tmp_path)
    assert [post.kind for post in done.posts] == ["error"]
    assert "sent ValueError" not in done.stdout
    assert done.stdout.count(WARNING) == 1
