"""What the random tests of events have in common."""

import pytest

from .support import SEED


@pytest.fixture(autouse=True)
def told_seed() -> None:
    """Print what repeats a random test; pytest shows it where one fails."""
    print(f"SEED={SEED}")
