"""Stacks in log records, where `traceback` can't make them. Numbers are those of behaviour.md."""

import sys
from typing import Any

import pytest

from amazon_lambda_runtime.core.logs import stack


class _Broken:
    """A `traceback` that fails, as one does whose own imports find the function's modules."""

    def __getattr__(self, name: str) -> Any:
        raise ImportError(name)


def fail() -> None:
    try:
        raise KeyError("first")
    except KeyError as exc:
        raise ValueError("second") from exc


def caught() -> BaseException:
    try:
        fail()
    except ValueError as exc:
        exc.add_note("a note")
        return exc
    raise AssertionError("it did not fail")


def test_as_traceback_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """166: without `traceback`, the stack, the notes and the causes are still written."""
    exc = caught()
    info: Any = (type(exc), exc, exc.__traceback__)
    entries, text = stack.entries(exc, exc.__traceback__), stack.text(info)
    monkeypatch.setattr(stack, "_traceback", _Broken())
    assert stack.entries(exc, exc.__traceback__) == entries
    told = stack.text(info)
    assert told.startswith("Traceback (most recent call last):\n")
    for part in ("in fail\n", "ValueError: second\n", "a note", "KeyError: 'first'"):
        assert part in text
        assert part in told
    assert stack.text((ValueError, ValueError("x"), None)) == "ValueError: x"


def test_cause_that_leads_back() -> None:
    """166: exceptions that are each other's causes are told once each."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert stack.text((ValueError, first, None)).count("ValueError: ") == 2


def test_no_exception() -> None:
    """166: `exc_info=True` without an exception is what the library says of it."""
    assert stack.text((None, None, None)) == "NoneType: None"


def test_stack_without_the_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """166: `stack_info` begins at the function's first frame, with the bootstrap or without it."""
    head, mine = "Stack (most recent call last):", '  File "/app/h.py", line 1, in handler'
    monkeypatch.setattr(sys, "argv", ["/bin/bootstrap"])
    assert stack.calls(f'{head}\n  File "/bin/bootstrap", line 2, in <module>\n{mine}') == (
        f"{head}\n{mine}"
    )
    assert stack.calls(f"{head}\n{mine}") == f"{head}\n{mine}"
    monkeypatch.setattr(sys, "argv", [])
    assert stack.calls(f"{head}\n{mine}") == f"{head}\n{mine}"
    assert stack.calls(head) == head
