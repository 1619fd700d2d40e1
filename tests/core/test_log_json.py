"""Records as JSON, beside awslambdaric's. Numbers are those of behaviour.md."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.core.logs import sink
from tests.harness import ACCEPTED, FUNCTIONS, SOURCE, Step, event, ours, run, served
from tests.harness import awslambdaric as ric
from tests.lanes import find_python

from .test_logs import CONTEXT_LOG, FORMATTED, LATE, PLAIN

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"


def masked(text: str) -> str:
    """Awslambdaric's times are without milliseconds."""
    return re.sub(STAMP, "STAMP", text)


def logged(
    body: str, directory: Path, python: str = sys.executable, **env: str
) -> list[dict[str, Any]]:
    """Return the records of one invocation whose handler has this body."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    source = f"import logging\nlogger = logging.getLogger()\ndef handler(event, context):\n{lines}"
    directory.joinpath("h.py").write_text(source)
    env = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "PYTHONPATH": str(SOURCE), **env}
    done = run(ours("h.handler", python), [event(), ACCEPTED], directory, env)
    assert done.kinds == ["next", "response", "next"], done.stdout + done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


RECORDS = """
import datetime, decimal, logging
logging.warning("at init")
logger = logging.getLogger("a.b")
class Thing:
    def __str__(self): return "a thing"
def handler(event, context):
    logger.warning("%s and %d", "one", 2)
    logger.warning({"order": 7, "nested": {"total": decimal.Decimal("9.90")}})
    logger.warning({"order": "%s"}, 7)
    logger.warning("%(a)s", {"a": 1})
    logger.warning(None)
    logger.warning("zażółć \\u2028 \\x1b \\" \\\\ \\n\\t")
    logger.warning("x", extra={"thing": Thing(), "day": datetime.date(2026, 12, 1), "none": None})
    logger.warning("x", extra={"list": [1, {"a": (2, 3)}], "raw": b"x"})
    logger.warning("x", extra={"level": "l", "requestId": "r", "location": "l", "timestamp": 1})
    logger.warning("x", extra={"tenantId": "mine"})
    logger.warning("x", extra={"errorType": "e", 7: "seven"})
    for level in (20, 25, 30, 39, 40, 50, 51, 99):
        logger.log(level, "x")
    try:
        int("x")
    except ValueError as exc:
        logger.exception("failed")
        logger.warning("failed", exc_info=exc)
        logger.warning("failed", exc_info=exc, extra={"errorMessage": "mine"})
"""


@pytest.mark.parametrize("source", [RECORDS, PLAIN, LATE, FORMATTED, CONTEXT_LOG])
@pytest.mark.parametrize("level", ["", "DEBUG", "error", "junk"])
@pytest.mark.parametrize("headers", ["", "Lambda-Runtime-Aws-Tenant-Id: blue\r\n"])
def test_as_awslambdaric(source: str, level: str, headers: str, tmp_path: Path) -> None:
    """76, 77: the same bytes on stdout, but for the milliseconds of the time."""
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    tmp_path.joinpath("h.py").write_text(source)
    env = {"AWS_LAMBDA_LOG_FORMAT": "Json", "AWS_LAMBDA_LOG_LEVEL": level}
    script: list[Step] = [event(headers=headers), ACCEPTED]
    mine, theirs = (run(command("h.handler"), script, tmp_path, env) for command in (ours, ric))
    assert masked(mine.stdout) == masked(theirs.stdout)
    assert mine.kinds[:2] == theirs.kinds[:2] == ["next", "response"]
    assert mine.stderr == theirs.stderr == ""


def test_record(tmp_path: Path) -> None:
    """77: the keys in awslambdaric's order, the time in UTC with milliseconds."""
    (record,) = logged("logger.warning('w', extra={'order': 7})", tmp_path, TZ="Asia/Tokyo")
    assert list(record) == ["timestamp", "level", "message", "logger", "requestId", "order"]
    assert re.fullmatch(STAMP, record["timestamp"])
    assert len(record["timestamp"]) == len("2026-11-24T15:25:51.443Z")
    from datetime import UTC, datetime

    then = datetime.fromisoformat(record["timestamp"])
    assert abs((datetime.now(UTC) - then).total_seconds()) < 60


def test_milliseconds() -> None:
    """77: the time as the platform writes it."""
    assert sink.timestamp(1_795_000_000.25) == "2026-11-18T11:06:40.250Z"


def test_exception_with_its_causes(tmp_path: Path) -> None:
    """51, 77: stackTrace goes on with notes and causes, as that of an error document does."""
    body = """
try:
    try:
        int("x")
    except ValueError as exc:
        exc.add_note("look at the order")
        raise LookupError("bad order") from exc
except LookupError:
    logger.exception("failed")
"""
    (record,) = logged(body, tmp_path)
    own, cause, frame, note = record["stackTrace"]
    assert own.startswith(f'  File "{tmp_path}/h.py", line 9, in handler\n    raise LookupError')
    assert cause == "Caused by ValueError: invalid literal for int() with base 10: 'x'\n"
    assert frame.startswith(f'  File "{tmp_path}/h.py", line 6, in handler\n')
    assert note == "Note: look at the order\n"
    assert record["errorType"] == "LookupError"
    assert record["errorMessage"] == "bad order"
    assert record["location"] == f"{tmp_path}/h.py:handler:11"


def test_nothing_to_catch(tmp_path: Path) -> None:
    """77: `logger.exception()` outside of an except clause is a record like any other."""
    (record,) = logged("logger.exception('failed')", tmp_path)
    assert (record["level"], record["message"]) == ("ERROR", "failed")
    assert not {"stackTrace", "errorType", "errorMessage", "location"} & set(record)


HOSTILE = """
class Silent:
    def __str__(self): raise ValueError("silence")
    __repr__ = __str__
circle = {"a": 1}
circle["self"] = circle
deep = []
for _ in range(100_000): deep = [deep]
try:
    raise type("Failing", (Exception, Silent), {"__str__": Silent.__str__})
except Exception:
    logger.exception("1")
logger.error("2", extra={"a": Silent(), "b": [Silent()], "c": {Silent(): 1}, "d": "\\ud800"})
logger.error("3", extra={"circle": circle, "tuples": {(1, 2): 3}, "after": "there"})
logger.error({"inside": Silent(), "other": 7})
logger.error({(1, 2): 3})
logger.error(Silent())
logger.error("7", extra={"deep": deep})
"""


@pytest.mark.parametrize("version", ["here", "3.11", "3.12", "3.13", "3.14"])
def test_hostile_values(version: str, tmp_path: Path) -> None:
    """77: what has no JSON form and what raises in str() is told in words; nothing is lost."""
    python = sys.executable if version == "here" else find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    records = logged(HOSTILE, tmp_path, python)
    silent = "<unprintable Silent: ValueError>"
    assert records[0]["errorMessage"] == "<unprintable Failing: ValueError>"
    second = {name: records[1][name] for name in "abcd"}
    assert second == {
        "a": silent,
        "b": [silent],
        "c": "<unprintable dict: ValueError>",
        "d": "\ud800",
    }
    assert records[2]["circle"] == "{'a': 1, 'self': {...}}"
    assert records[2]["tuples"] == "{(1, 2): 3}"
    assert records[2]["after"] == "there"
    assert records[3]["message"] == {"inside": silent, "other": 7}
    assert records[4]["message"] == "{(1, 2): 3}"
    assert records[5]["message"] == silent
    assert records[6]["deep"] == "<unprintable list: RecursionError>"


def test_arguments_that_do_not_fit(tmp_path: Path) -> None:
    """77, 166: they are told in a record of their own; nothing fails."""
    source = "import logging\ndef handler(event, context):\n    logging.warning('%d', 'x')\n"
    done = served(source, [event()], tmp_path, AWS_LAMBDA_LOG_FORMAT="JSON")
    assert done.kinds == ["next", "response", "next"]
    told = json.loads(done.stdout)
    assert (told["level"], told["errorType"], told["requestId"]) == ("ERROR", "TypeError", "id-1")
    assert told["errorMessage"].endswith("Its message: '%d'; its arguments: ('x',)")
    assert told["stackTrace"] == [f'  File "{tmp_path}/h.py", line 3, in handler\n']
    assert done.stderr == ""


def test_levels(tmp_path: Path) -> None:
    """76, 77: `self.logger.trace()` is TRACE; a level without a name counts as the one below."""
    source = """
from amazon_lambda_runtime import Runtime
class H(Runtime):
    def handler(self, event, context):
        self.logger.trace("x")
        self.logger.log(9, "x")
        self.logger.log(25, "x")
        self.logger.fatal(lambda: {"lazy": True})
        self.logger.setLevel(1)
        self.logger.log(4, "x")
"""
    env = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "TRACE"}
    done = served(source, [event()], tmp_path, **env)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    levels = ["TRACE", "TRACE", "INFO", "CRITICAL", "NOTSET"]
    assert [record["level"] for record in records] == levels
    assert records[0]["logger"] == "h.H"
    assert records[3]["message"] == {"lazy": True}


TASK = """
import asyncio, io
other = logging.StreamHandler(io.StringIO())
other.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
logger.handlers.insert(0, other)
async def work():
    logger.warning("in a task", extra={"mine": ["ż", 1.5, None]})
asyncio.run(work())
"""


@pytest.mark.parametrize("version", ["here", "3.11", "3.12", "3.13", "3.14"])
def test_attributes_of_the_record_do_not_leak(version: str, tmp_path: Path) -> None:
    """77: neither the task's name nor what another handler's formatter left is a key."""
    python = sys.executable if version == "here" else find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    (record,) = logged(TASK, tmp_path, python)
    assert list(record) == ["timestamp", "level", "message", "logger", "requestId", "mine"]
    assert record["mine"] == ["ż", 1.5, None]


FACTORY = """
import logging
def make(*args, **options):
    record = logging.LogRecord(*args, **options)
    record.service = "orders"
    return record
logging.setLogRecordFactory(make)
"""


@pytest.mark.parametrize("wrapped", [False, True])
def test_record_factory_adds_keys(wrapped: bool, tmp_path: Path) -> None:
    """77: what the user's own record factory adds is a key, even if it was there before us."""
    source = "import logging\ndef handler(event, context): logging.warning('w')\n"
    tmp_path.joinpath("h.py").write_text(source if wrapped else FACTORY + source)
    command = ours("h.handler")
    if wrapped:
        main = "from amazon_lambda_runtime.bootstrap import main\nmain()\n"
        command = [sys.executable, "-c", FACTORY + main, "h.handler"]
    done = run(command, [event(), ACCEPTED], tmp_path, {"AWS_LAMBDA_LOG_FORMAT": "JSON"})
    assert json.loads(done.stdout)["service"] == "orders"


def test_user_formatter(tmp_path: Path) -> None:
    """77: the user's own formatter on the handler, found by the name libraries look for."""
    body = """
for handler in logging.getLogger().handlers:
    if handler.__class__.__name__ == "LambdaLoggerHandler":
        handler.setFormatter(logging.Formatter('{"mine": "%(message)s"}\\n'))
logger.warning("w")
"""
    assert logged(body, tmp_path) == [{"mine": "w"}]


@pytest.mark.parametrize("headers", ["", "Lambda-Runtime-Aws-Tenant-Id: blue\r\n"])
@pytest.mark.parametrize("case", ["plain", "empty", "non_ascii", "key_error"])
def test_unhandled_as_awslambdaric(case: str, headers: str) -> None:
    """61, 77: the record of a failure is awslambdaric's, and tells the tenant."""
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    payload = json.dumps({"case": case}).encode()
    script: list[Step] = [event(payload, headers=headers), ACCEPTED, event(b""), ACCEPTED]
    env = {"AWS_LAMBDA_LOG_FORMAT": "JSON"}
    mine, theirs = (run(command("failures.handler"), script, env=env) for command in (ours, ric))
    expected = masked(theirs.stdout)
    if headers:
        first, second = expected.splitlines()
        expected = first[:-1] + ', "tenantId": "blue"}\n' + second + "\n"
    assert masked(mine.stdout) == expected
    assert mine.posts[0].stdout.count("\n") == 1
    record = json.loads(mine.posts[0].stdout)
    assert re.fullmatch(r".*\.\d{3}Z", record.pop("timestamp"))
    assert record.pop("level") == "ERROR"
    assert record.pop("tenantId", "") == ("blue" if headers else "")
    assert record == json.loads(mine.posts[0].body)


def test_init_error_as_awslambdaric(tmp_path: Path) -> None:
    """61, 77: so is that of a function that can't be loaded, without a warning before it."""
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    env = {"AWS_LAMBDA_LOG_FORMAT": "JSON"}
    mine, theirs = (run(c("nowhere.handler"), [ACCEPTED], tmp_path, env) for c in (ours, ric))
    warning, record = masked(theirs.stdout).splitlines()
    assert "LAMBDA_WARNING" in warning
    assert masked(mine.stdout) == record + "\n"


def test_tenant_of_a_failure(tmp_path: Path) -> None:
    """32, 77: a record has no tenant where the event failed before its context was made."""
    first_event = event(b'{"case": "plain"}', "id-1", "Lambda-Runtime-Aws-Tenant-Id: blue\r\n")
    second_event = event(b"{}", "id-2", "Lambda-Runtime-Client-Context: junk\r\n")
    script: list[Step] = [first_event, ACCEPTED, second_event, ACCEPTED]
    done = run(ours("failures.handler"), script, env={"AWS_LAMBDA_LOG_FORMAT": "JSON"})
    first, second = [json.loads(line) for line in done.stdout.splitlines()]
    assert first["tenantId"] == "blue"
    assert second["errorType"] == "Runtime.LambdaContextUnmarshalError"
    assert "tenantId" not in second


def test_documented_record(tmp_path: Path) -> None:
    """77: the record that the document shows is the one that its example writes."""
    root = FUNCTIONS.parent.parent
    page = root / "docs/guides/logging.md"
    (shown,) = re.findall(r"```json\n(.*?)```", page.read_text(), re.S)
    script: list[Step] = [event(b'{"prices": [5, 7], "people": 0}'), ACCEPTED]
    env = {"AWS_LAMBDA_LOG_FORMAT": "JSON"}
    done = run(ours("share.handler"), script, root / "examples/logging", env)
    priced, nobody = done.stdout.splitlines(keepends=True)
    request_id = json.loads(shown)["requestId"]
    assert masked(priced) == masked(shown).replace(request_id, "id-1")
    assert json.loads(nobody)["errorType"] == "ZeroDivisionError"
