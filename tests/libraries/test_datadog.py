"""Datadog's library for Lambda, unmodified."""

import json
from pathlib import Path

from .support import needs, records, serve

pytestmark = needs("datadog_lambda", "ddtrace")

SOURCE = """
import logging

from datadog_lambda.metric import lambda_metric

logging.getLogger().setLevel("INFO")


def handler(event, context):
    lambda_metric("orders", 1)
    logging.info("here")
    if event == "fail":
        raise ValueError("no")
    return event
"""


def test_handler(tmp_path: Path) -> None:
    """Datadog's handler round ours sends spans and metrics, and its ids are in the log."""
    done = serve(
        SOURCE,
        ["one", "fail"],
        tmp_path,
        "datadog_lambda.handler.handler",
        DD_FLUSH_TO_LOG="true",
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_LAMBDA_HANDLER="h.handler",
    )
    one, failed = done.posts
    assert (one.kind, json.loads(one.body)) == ("response", "one")
    assert (failed.kind, json.loads(failed.body)["errorType"]) == ("error", "ValueError")
    found = records(done.stdout)
    assert [record["m"] for record in found if "m" in record].count("orders") == 2
    spans = [span for record in found for trace in record.get("traces", []) for span in trace]
    handled = [span for span in spans if span["name"] == "aws.lambda"]
    assert [(span["meta"]["request_id"], span["error"]) for span in handled] == [
        ("id-0", 0),
        ("id-1", 1),
    ]
    here = [line for line in done.stdout.splitlines() if line.endswith("\there")]
    assert len(here) == 2
    assert all("[dd.trace_id=" in line for line in here)
