"""Where a record ends, and what is in it; the rest is in test_logs.py and test_log_json.py."""

import json
import logging
import sys
from pathlib import Path

import pytest

from tests.harness import event, served
from tests.lanes import VERSIONS, python

FORMATTED = """
import logging
class Own(logging.Formatter):
    def format(self, record): return "own " + super().format(record)
def handler(event, context):
    logging.warning("first")
    try:
        1 / 0
    except ZeroDivisionError:
        logging.exception("failed")
    logging.warning("ended\\n")
    logging.getLogger().handlers[0].setFormatter(Own("%(message)s"))
    logging.warning("second")
    logging.warning("third", stack_info=True)
    print("last")
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_records_on_stdout(version: str, tmp_path: Path) -> None:
    """104: each record on stdout ends with exactly one line end, whatever formats it."""
    text = served(FORMATTED, [event()], tmp_path, python=python(version)).stdout
    assert "\nZeroDivisionError: division by zero\n[WARNING]" in text
    assert "\tended\nown second\nown third\nStack (most recent call last):\n" in text
    assert text.endswith("\nlast\n")
    assert "\n\n" not in text


FOUND = """
import importlib.util
spec = importlib.util.find_spec("logging")
also = importlib.util.find_spec("logging")
def handler(event, context):
    import logging
    logging.warning("told")
    return [
        spec.origin == logging.__file__ and spec.loader.is_package("logging"),
        type(logging.__spec__.loader).__name__,
        [type(each).__name__ for each in logging.root.handlers],
        logging.__spec__.loader is logging.__loader__,
    ]
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_hook_may_be_asked(version: str, tmp_path: Path) -> None:
    """105: find_spec("logging"), which loads nothing, leaves the hook in its place."""
    done = served(FOUND, [event()], tmp_path, python=python(version))
    found = json.loads(done.posts[0].body)
    assert found == [True, "SourceFileLoader", ["LambdaLoggerHandler"], True]
    assert done.stdout.startswith("[WARNING]\t")


@pytest.mark.parametrize("version", VERSIONS)
def test_more_in_json(version: str, tmp_path: Path) -> None:
    """106, 107: stack_info is told; NaN and the infinities, which are not JSON, are text."""
    source = """
import logging
def handler(event, context):
    logging.warning("x", stack_info=True)
    logging.warning("x", extra={"v": float("nan"), "w": [float("inf")], "ok": 1.5})
    logging.warning({"v": float("nan")})
    logging.warning("x")
"""
    done = served(source, [event()], tmp_path, python=python(version), AWS_LAMBDA_LOG_FORMAT="JSON")

    def constant(text: str) -> None:
        raise AssertionError(f"{text} is not JSON")

    lines = done.stdout.splitlines()
    first, second, third, last = (json.loads(line, parse_constant=constant) for line in lines)
    assert first["stack_info"].startswith("Stack (most recent call last):\n")
    assert (second["v"], second["w"], second["ok"]) == ("nan", "[inf]", 1.5)
    assert third["message"] == "{'v': nan}"
    assert "stack_info" not in last


def test_causes_that_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """93: where the full report can't be loaded, a record has the stack of its exception."""
    from amazon_lambda_runtime.core.logs import format as formatting
    from amazon_lambda_runtime.core.logs import stack  # noqa: F401  so that it can be taken away
    from amazon_lambda_runtime.core.logs.format import JsonFormatter

    exc = ValueError("two")
    exc.add_note("a note")
    record = logging.LogRecord("a", 40, "f", 1, "x", (), (ValueError, exc, None))
    assert json.loads(JsonFormatter().format(record))["stackTrace"] == ["Note: a note\n"]
    monkeypatch.setitem(sys.modules, "amazon_lambda_runtime.core.logs.stack", None)
    monkeypatch.delattr("amazon_lambda_runtime.core.logs.stack")
    assert json.loads(JsonFormatter().format(record))["stackTrace"] == []
    assert formatting._exception((ValueError, ValueError("two"), None)) == "ValueError: two"
    assert formatting._stack("Stack") == "Stack"
