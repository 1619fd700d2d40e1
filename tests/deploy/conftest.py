"""The slow tier is run when it is asked for, by its marker or by its path."""

from pathlib import Path

import pytest

SLOW = Path(__file__).parent / "slow"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the slow tier unless `-m deploy` or a path in it asks for it."""
    if collection_path != SLOW or "deploy" in config.getoption("markexpr"):
        return None
    asked = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(SLOW) for path in asked) else True
