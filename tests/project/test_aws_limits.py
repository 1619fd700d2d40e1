"""AWS's numbers: the visibility timeout that AWS advises, and the names a queue may have."""

import pytest

from amazon_lambda_runtime.project import aws_limits


@pytest.mark.parametrize(
    ("timeout", "window", "visibility"),
    [(3, 0, 18), (3, 5, 23), (0.5, 0, 3), (900, 300, 5700), (7200, 300, 43_200)],
)
def test_advised_visibility(timeout: float, window: float, visibility: float) -> None:
    """Six times the function's timeout, and the batching window, up to what SQS allows."""
    assert aws_limits.advised_visibility(timeout, window) == visibility


def test_retries_of_an_asynchronous_event() -> None:
    """After one minute and after two, as AWS has it."""
    assert aws_limits.ASYNC_RETRY_DELAYS == (60, 120)


@pytest.mark.parametrize("name", ["a", "orders", "Or_ders-1.fifo", "a" * 80, "a" * 75 + ".fifo"])
def test_queue_names(name: str) -> None:
    """Up to 80 characters, the suffix of a FIFO queue among them."""
    assert aws_limits.QUEUE_NAME.fullmatch(name)


@pytest.mark.parametrize(
    "name",
    ["", ".fifo", "a.b", "a b", "orders.fifo.fifo", "a" * 81, "a" * 76 + ".fifo", "é", "a\n"],
)
def test_names_that_no_queue_has(name: str) -> None:
    """What SQS refuses."""
    assert not aws_limits.QUEUE_NAME.fullmatch(name)
