"""Pauses are short here, and what the developer has set for AWS is no part of a test."""

import os

import pytest

from amazon_lambda_runtime.local.streams import delivery, poller, shard


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has set for AWS is no part of a test."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing pauses for longer than some milliseconds."""
    monkeypatch.setattr(shard, "_EMPTY", 0.002)
    monkeypatch.setattr(shard, "_SOME", 0.001)
    monkeypatch.setattr(shard, "_UNREACHABLE", (0.001, 0.004))
    monkeypatch.setattr(delivery, "_FAILED", (0.001, 0.004))
    monkeypatch.setattr(delivery, "_THROTTLED", (0.001, 0.004))
    monkeypatch.setattr(poller, "_AGAIN", 0.001)
