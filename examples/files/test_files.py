import logging
from collections.abc import Callable
from typing import Any

import pytest
from files import Files


@pytest.mark.parametrize("event", ["s3-put", "sns-s3", "sqs-sns-s3"])
def test_created(
    event: str,
    invoke: Callable[..., Any],
    sample_event: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    invoke(Files, sample_event(event, bucket="in", key="a b.csv"))
    assert caplog.messages == ["created: s3://in/a b.csv"]
