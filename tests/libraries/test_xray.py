"""The AWS X-Ray SDK, unmodified, with a local socket in the daemon's place."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from .support import PARENT, ROOT, answers, needs, serve


def emitted(daemon: socket.socket) -> dict[str, Any]:
    """Return the next document that the daemon gets."""
    header, _, document = daemon.recv(65536).partition(b"\n")
    assert json.loads(header) == {"format": "json", "version": 1}
    found: dict[str, Any] = json.loads(document)
    return found


SDK = """
from aws_xray_sdk.core import xray_recorder


@xray_recorder.capture("work")
def work(event):
    xray_recorder.current_subsegment().put_annotation("event", event)
    if event == "fail":
        raise ValueError("no")
    return event


def handler(event, context):
    try:
        return work(event)
    except ValueError:
        return "failed"
"""
TRACER = """
from aws_lambda_powertools import Tracer

tracer = Tracer(service="orders")


@tracer.capture_lambda_handler
def handler(event, context):
    tracer.put_annotation("event", event)
    return event
"""


@pytest.fixture
def daemon() -> Any:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(5)
        yield opened


@needs("aws_xray_sdk")
def test_subsegments(daemon: socket.socket, tmp_path: Path) -> None:
    """Each subsegment is sent at once, below the segment that Lambda made for the invocation."""
    address = f"127.0.0.1:{daemon.getsockname()[1]}"
    done = serve(SDK, ["one", "fail"], tmp_path, AWS_XRAY_DAEMON_ADDRESS=address)
    assert answers(done) == ["one", "failed"]
    for event, failed in ("one", False), ("fail", True):
        found = emitted(daemon)
        assert (found["name"], found["type"]) == ("work", "subsegment")
        assert (found["trace_id"], found["parent_id"]) == (ROOT, PARENT)
        assert found["annotations"] == {"event": event}
        assert found.get("fault", False) is failed
    assert (done.stdout, done.stderr) == ("", "")


@needs("aws_xray_sdk", "aws_lambda_powertools")
def test_powertools_tracer(daemon: socket.socket, tmp_path: Path) -> None:
    """Powertools' Tracer sends a subsegment for the handler and knows the cold start."""
    address = f"127.0.0.1:{daemon.getsockname()[1]}"
    done = serve(TRACER, ["one", "two"], tmp_path, AWS_XRAY_DAEMON_ADDRESS=address)
    assert answers(done) == ["one", "two"]
    for event, cold in ("one", True), ("two", False):
        found = emitted(daemon)
        assert found["name"] == "## handler"
        assert (found["trace_id"], found["parent_id"]) == (ROOT, PARENT)
        assert found["annotations"] == {"ColdStart": cold, "Service": "orders", "event": event}
