"""What it means for open executions that the code is saved."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .support import Local, local

SOURCE = """\
from aws_durable_execution_sdk_python import durable_execution

@durable_execution
def handler(event, context):
    context.step(lambda _: 1, name="one")
    approval = context.create_callback(name="approval")
    return [approval.result(), "A"]
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Local]:
    (tmp_path / "flow.py").write_text(SOURCE)
    with local(tmp_path, file="flow.py") as running:
        yield running


def save(server: Local, folder: Path, old: str, new: str) -> None:
    """Save the code while an execution waits, and wait until it is loaded."""
    (folder / "flow.py").write_text(SOURCE.replace(old, new))
    server.wait_for(r"flow.py changed: reloading flow\n")
    server.wait_for(r"1 execution goes on with the new code of flow\n")


def test_code_behind_the_wait(server: Local, tmp_path: Path) -> None:
    """An open execution goes on with the new code, and the log says so."""
    arn = server.start("x")
    callback = server.callback(arn)
    save(server, tmp_path, '"A"', '"B"')
    server.client.send_durable_execution_callback_success(CallbackId=callback, Result=b"yes")
    assert json.loads(server.end_of(arn)["Result"]) == ["yes", "B"]
    assert "the code has changed since" not in server.log


def test_code_before_the_wait(server: Local, tmp_path: Path) -> None:
    """Where the new code does not fit the history, the log says why the execution has failed."""
    arn = server.start("x", name="old")
    callback = server.callback(arn)
    save(server, tmp_path, 'name="one")', 'name="two")')
    server.client.send_durable_execution_callback_success(CallbackId=callback, Result=b"yes")
    found = server.end_of(arn)
    assert found["Status"] == "FAILED"
    assert found["Error"]["ErrorType"].endswith("NonDeterministicExecutionError")
    server.wait_for(
        r"execution old: the code has changed since this execution began: start it anew\n"
    )
