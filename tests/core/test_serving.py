"""Parts of serving that no process can show without breaking what measures it."""

import sys
from typing import Any

import pytest

from amazon_lambda_runtime import Runtime
from amazon_lambda_runtime.core import serving
from amazon_lambda_runtime.testing import FunctionError, invoke


@pytest.mark.parametrize("fails", [False, True])
def test_low_recursion_limit(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """97: a handler that leaves a recursion limit too low for the answer finds it raised."""
    raised: list[int] = []
    monkeypatch.setattr(sys, "getrecursionlimit", lambda: 50)
    monkeypatch.setattr(sys, "setrecursionlimit", raised.append)

    def handler(event: Any, context: Any) -> Any:
        if fails:
            raise ValueError("no")
        return event

    if fails:
        with pytest.raises(FunctionError, match="no"):
            invoke(handler, 1)
    else:
        assert invoke(handler, 1) == 1
    assert set(raised) == {200}


def test_signal_while_asyncio_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """123: an async `on_init` that a signal comes before is closed, not left for a warning."""

    class H(Runtime):
        async def on_init(self) -> None: ...

    served = serving.of(H())

    def interrupted() -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(served, "load_loop", interrupted)
    with pytest.raises(KeyboardInterrupt):
        served.prepare()
