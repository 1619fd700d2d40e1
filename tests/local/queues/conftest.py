"""What the developer has set for AWS is no part of a test of queues."""

import os

import pytest

from amazon_lambda_runtime.local.queues import embedded
from tests.local.threaded_services import ThreadedServices


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has set for AWS is no part of a test."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def threaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has services of its own, without the second that a process of its own takes."""
    monkeypatch.setattr(embedded, "EmbeddedServices", ThreadedServices)
