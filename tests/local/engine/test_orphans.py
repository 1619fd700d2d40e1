"""Orphans: asked for while functions run, and no longer."""

import pytest

from amazon_lambda_runtime.cli import main
from amazon_lambda_runtime.local.engine.orphans import adopted, are_adopted


def test_they_are_ours_for_a_block() -> None:
    """A child that this process starts after the block is not taken for a function's."""
    with adopted():
        assert are_adopted()
    assert not are_adopted()
    with pytest.raises(KeyError), adopted():
        raise KeyError
    assert not are_adopted()


def test_a_command_that_has_ended_asks_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls the command may start processes afterwards: no server may end those."""
    within = []

    def run(*_: object) -> int:
        within.append(are_adopted())
        return 0

    monkeypatch.setattr("amazon_lambda_runtime.cli.local.command._run", run)
    with pytest.raises(SystemExit) as end:
        main(["local", "hello.py", "-e", "1"])
    assert (end.value.code, within, are_adopted()) == (0, [True], False)
