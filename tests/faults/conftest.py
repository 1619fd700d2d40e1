"""A test that hangs fails, whatever it waits for."""

import signal
from collections.abc import Iterator

import pytest

from amazon_lambda_runtime.core import client
from tests.harness import examples


@pytest.fixture
def hard_timeout() -> float:
    """The seconds that one test of this folder may take; a module may say otherwise."""
    return 20 + examples(0) / 20


@pytest.fixture(autouse=True)
def no_hanging(hard_timeout: float) -> Iterator[None]:
    """End a test that takes longer, also one that is in the middle of a blocking call."""

    def expired(*_: object) -> None:
        pytest.fail(f"still not done after {hard_timeout} s")

    before = signal.signal(signal.SIGALRM, expired)
    # And again, in case that the test catches what ends it.
    signal.setitimer(signal.ITIMER_REAL, hard_timeout, 5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the client try again at once, as often as it would with its pauses."""
    monkeypatch.setattr(client, "_PAUSES", (0.0,) * len(client._PAUSES))
