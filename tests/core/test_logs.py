"""Log records, beside awslambdaric's. Numbers are those of behaviour.md."""

import re
from pathlib import Path

import pytest

from amazon_lambda_runtime.core.logs import sink
from tests.harness import ACCEPTED, Run, Step, event, ours, run, served
from tests.harness import awslambdaric as ric

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def masked(text: str) -> str:
    return re.sub(STAMP, "STAMP", text)


def logged(source: str, directory: Path, **env: str) -> str:
    """Return the stdout of one invocation, its times masked."""
    done = served(source, [event()], directory, **env)
    assert done.stderr == ""
    return masked(done.stdout)


# Functions as one finds them, and what they log; the root's level is WARNING.
PLAIN = """
import logging
logging.warning("at init")
logging.basicConfig(level=logging.DEBUG, format="lost")
logger = logging.getLogger()
def handler(event, context):
    logger.info("not shown")
    logger.warning("shown %s", 7)
    logging.getLogger("a.b").error("two\\nlines")
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("failed")
    logger.setLevel(logging.INFO)
    logger.info("shown now")
    logger.log(25, "custom")
    logger.warning("")
"""
LATE = """
def handler(event, context):
    import logging
    logging.critical("late")
"""
FORMATTED = """
import logging
logging.getLogger().handlers[0].setFormatter(logging.Formatter("%(aws_request_id)s|%(message)s\\n"))
def handler(event, context):
    logging.warning("w")
"""
CONTEXT_LOG = """
import logging
def handler(event, context):
    context.log("raw")
    logging.warning("w")
    context.log(["x"])
"""


def test_text(tmp_path: Path) -> None:
    """3.1: tabs between; no request id at init; a record ends with one line end."""
    text = logged(PLAIN, tmp_path)
    assert text.startswith(
        "[WARNING]\tSTAMP\t\tat init\n"
        "[WARNING]\tSTAMP\tid-1\tshown 7\n"
        "[ERROR]\tSTAMP\tid-1\ttwo\nlines\n"
        "[ERROR]\tSTAMP\tid-1\tfailed\nTraceback (most recent call last):\n"
    )
    assert text.endswith(
        "ZeroDivisionError: division by zero\n"
        "[INFO]\tSTAMP\tid-1\tshown now\n"
        "[Level 25]\tSTAMP\tid-1\tcustom\n"
        "[WARNING]\tSTAMP\tid-1\t\n"
    )


@pytest.mark.parametrize("source", [PLAIN, LATE, FORMATTED, CONTEXT_LOG])
@pytest.mark.parametrize("level", ["", "DEBUG", "error", "TRACE", "FATAL", "junk"])
def test_as_awslambdaric(source: str, level: str, tmp_path: Path) -> None:
    """76: the same bytes on stdout, but for the time and the line end after a traceback."""
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    tmp_path.joinpath("h.py").write_text(source)
    env = {"AWS_LAMBDA_LOG_LEVEL": level} if level else {}
    script: list[Step] = [event(), ACCEPTED]
    mine, theirs = (run(command("h.handler"), script, tmp_path, env) for command in (ours, ric))
    expected = masked(theirs.stdout).replace("by zero[", "by zero\n[")
    assert masked(mine.stdout) == expected
    assert mine.stderr == theirs.stderr == ""


def test_time_is_utc(tmp_path: Path) -> None:
    """3.1: the time is UTC whatever TZ says, for other handlers of the user's as well."""
    source = "import logging\ndef handler(event, context):\n    logging.warning('x')\n"
    from datetime import UTC, datetime

    done = served(source, [event()], tmp_path, TZ="Asia/Tokyo")
    logged_at = datetime.fromisoformat(done.stdout.split("\t")[1])
    assert abs((datetime.now(UTC) - logged_at).total_seconds()) < 60


OWN = """
from amazon_lambda_runtime import Runtime
class H(Runtime):
    def __init__(self, **options):
        super().__init__(**options)
        self.logger.info("at init")
    def handler(self, event, context):
        for level in ("trace", "debug", "info", "warn", "warning", "error", "fatal"):
            getattr(self.logger, level)("%s %s", level, 1)
        self.get_logger().info(lambda: "lazy")
        self.logger.debug(lambda: 1 / 0)
"""
LEVELS = ["trace", "debug", "info", "warn", "warning", "error", "fatal"]


@pytest.mark.parametrize(
    ("env", "option", "first"),
    [
        pytest.param({}, "", "info", id="INFO"),
        pytest.param({"LOG_LEVEL": "warn"}, "", "warn", id="LOG_LEVEL"),
        pytest.param({"AWS_LAMBDA_LOG_LEVEL": "ERROR"}, "", "error", id="AWS_LAMBDA_LOG_LEVEL"),
        pytest.param(
            {"LOG_LEVEL": "WARN", "AWS_LAMBDA_LOG_LEVEL": "ERROR"}, "", "warn", id="LOG_LEVEL first"
        ),
        pytest.param({"LOG_LEVEL": "junk"}, "", "info", id="junk"),
        pytest.param(
            {"LOG_LEVEL": "junk", "AWS_LAMBDA_LOG_LEVEL": "warn"}, "", "warn", id="junk first"
        ),
        pytest.param({"LOG_LEVEL": "info"}, 'loglevel="fatal"', "fatal", id="loglevel="),
        pytest.param({"LOG_LEVEL": "info"}, "loglevel=40", "error", id="loglevel as a number"),
    ],
)
def test_own_logger(env: dict[str, str], option: str, first: str, tmp_path: Path) -> None:
    """self.logger: its level by option, LOG_LEVEL, AWS_LAMBDA_LOG_LEVEL, or INFO."""
    source = OWN.replace("**options)\n        self.l", f"{option})\n        self.l")
    text = logged(source, tmp_path, **env)
    shown = [line.rpartition("\t")[2] for line in text.splitlines()]
    expected = [f"{level} 1" for level in LEVELS[LEVELS.index(first) :]]
    if first == "info":
        expected = ["at init", *expected, "lazy"]
    assert shown == expected


def test_lazy_messages(tmp_path: Path) -> None:
    """A callable is called only if the level is on; trace is below debug."""
    source = OWN.replace("lambda: 1 / 0", "lambda: 'evaluated'")
    text = logged(source, tmp_path, LOG_LEVEL="trace")
    assert "[TRACE]\tSTAMP\tid-1\ttrace 1\n" in text
    assert text.endswith("[DEBUG]\tSTAMP\tid-1\tevaluated\n")
    assert "evaluated" not in logged(source, tmp_path)


def test_own_logger_tells_the_callers_line(tmp_path: Path) -> None:
    """%(funcName)s is the handler's, through trace() and warn() too."""
    source = """
import logging
from amazon_lambda_runtime import Runtime
class H(Runtime):
    def handler(self, event, context):
        form = logging.Formatter("%(funcName)s %(name)s\\n")
        logging.getLogger().handlers[0].setFormatter(form)
        self.logger.trace("x")
        self.logger.warn("x")
        self.logger.info("x")
"""
    assert logged(source, tmp_path, LOG_LEVEL="trace") == "handler h.H\n" * 3


def test_wrong_loglevel(tmp_path: Path) -> None:
    """A level that is none is an error that lists them."""
    source = OWN.replace("**options)\n        self.l", 'loglevel="loud")\n        self.l')
    done = run(ours("h.handler"), [ACCEPTED], _written(source, tmp_path))
    assert done.kinds == ["error"]
    assert b"loglevel is 'loud': expected trace, debug, info, warn, error" in done.posts[0].body


def _written(source: str, directory: Path) -> Path:
    directory.joinpath("h.py").write_text(source)
    return directory


def test_thread_has_the_request_id(tmp_path: Path) -> None:
    """A record of a thread carries the id of the invocation that is served."""
    source = """
import logging, threading
def handler(event, context):
    thread = threading.Thread(target=logging.warning, args=["threaded"])
    thread.start()
    thread.join()
"""
    assert logged(source, tmp_path) == "[WARNING]\tSTAMP\tid-1\tthreaded\n"


def _served_quietly(source: str, directory: Path) -> Run:
    return served(source, [event(), event()], directory)


def test_bad_format(tmp_path: Path) -> None:
    """166: a record that can't be formatted is told in one, with its line; nothing fails."""
    source = "import logging\ndef handler(event, context):\n    logging.warning('%d', 'x')\n"
    done = _served_quietly(source, tmp_path)
    assert done.kinds == ["next", "response", "next", "response", "next"]
    assert done.stderr == ""
    assert done.stdout == 2 * (
        "[ERROR] TypeError: a log record can't be written: %d format: a real number is required,"
        " not str. Its message: '%d'; its arguments: ('x',)\rTraceback (most recent call last):"
        f'\r\xa0\xa0File "{tmp_path}/h.py", line 3, in handler\n'
    )


def test_surrogates_and_users_stdout(tmp_path: Path) -> None:
    """Half a surrogate pair is printed escaped; a stdout of the user's own gets the records."""
    source = """
import io, logging, sys
def handler(event, context):
    print("\\ud800")
    logging.warning("\\udfff")
    before, sys.stdout = sys.stdout, io.StringIO()
    logging.warning("captured")
    captured, sys.stdout = sys.stdout.getvalue(), before
    return captured
"""
    done = _served_quietly(source, tmp_path)
    assert masked(done.stdout) == "\\ud800\n[WARNING]\tSTAMP\tid-1\t\\udfff\n" * 2
    assert done.posts[0].body.endswith(b'\\tid-1\\tcaptured\\n"')


def test_logging_is_not_loaded_for_nothing(tmp_path: Path) -> None:
    """A function that does not log does not wait for logging to load."""
    source = "import sys\ndef handler(event, context): return 'logging' in sys.modules\n"
    assert served(source, [event()], tmp_path).posts[0].body == b"false"


def test_logging_looks_as_ever(tmp_path: Path) -> None:
    """What loaded logging leaves no trace on it."""
    source = """
import logging, sys
def handler(event, context):
    return [type(logging.__loader__).__name__, type(logging.__spec__.loader).__name__,
            logging.getLoggerClass() is logging.Logger, len(logging.root.handlers),
            any("LoggingHook" in repr(finder) for finder in sys.meta_path)]
"""
    expected = b'["SourceFileLoader", "SourceFileLoader", true, 1, false]'
    assert served(source, [event()], tmp_path).posts[0].body == expected


def test_handler_is_found_by_its_name(tmp_path: Path) -> None:
    """3.1: libraries look for awslambdaric's handler to put their own formatter on it."""
    source = """
import logging
for handler in logging.getLogger().handlers:
    if handler.__class__.__name__ == "LambdaLoggerHandler":
        if type(handler.formatter) == logging.Formatter:
            handler.setFormatter(logging.Formatter("%(levelname)s mine %(message)s\\n"))
def handler(event, context):
    logging.warning("w")
"""
    assert logged(source, tmp_path) == "WARNING mine w\n"


def test_last_place_to_tell(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """52: with stdout and stderr both closed a failure goes to the descriptor of stderr."""
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}", None)
    sink.log_error("told \ud800")
    assert capfd.readouterr().err == "told \\ud800\n"

    def closed(fd: int, data: bytes) -> None:
        raise OSError

    monkeypatch.setattr(sink, "write", closed)
    sink.log_error("lost")
