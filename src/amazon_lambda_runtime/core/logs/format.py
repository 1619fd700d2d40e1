"""Log records as Lambda's Python functions write them.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

import logging
import sys
import time
from _json import encode_basestring, make_encoder
from os import environ

from amazon_lambda_runtime.core.context import current_context
from amazon_lambda_runtime.core.errors import text_of
from amazon_lambda_runtime.core.stdlib import library_first

from . import sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

    from amazon_lambda_runtime.core.context import Context

FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
DATE_FORMAT = "%Y-%m-%dT%H:%M:%S"
TRACE = 5


class LambdaLoggerHandler(logging.Handler):
    """Writes each record at once to where Lambda reads it.

    Libraries find it by its name, which is awslambdaric's, to set a formatter of their own on it.
    `latest` returns the Context for a thread that carries none; `graded` says whether frames give
    the level of a text record.
    """

    def __init__(self, latest: "Callable[[], Context | None]", graded: bool) -> None:
        super().__init__()
        self._latest = latest
        self._graded = graded

    def filter(self, record: logging.LogRecord) -> "Any":
        # Users' own formatters on this handler rely on these two attributes.
        context = current_context() or self._latest()
        record.aws_request_id = context.aws_request_id if context else ""
        record.tenant_id = context.tenant_id if context else None
        return super().filter(record)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if record.exc_info:
                # The library loads what tells an exception: its own, not a token.py of the user's.
                text = library_first(lambda: self.format(record), hides=False)
            else:
                text = self.format(record)
            sink.log_record(text, self._frame_type(record))
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Tell that a record could not be made, in one record, with the line that has logged it."""
        exc = sys.exception()
        if logging.raiseExceptions and exc is not None:
            try:
                from . import stack

                stack.lost(record, exc).log()
            except Exception:  # what was to be logged can't be told either
                super().handleError(record)

    def _frame_type(self, record: logging.LogRecord) -> int:
        if isinstance(self.formatter, JsonFormatter):
            return sink.frame_type(record.levelno, sink.JSON)
        return sink.frame_type(record.levelno, sink.TEXT) if self._graded else sink.PLAIN


def _exception(info: "Any") -> str:
    """Return the text of an exception, without the runtime's frames if that can be loaded."""
    try:
        # Not loaded at the top: most records do not need it.
        from . import stack
    except Exception:
        return logging.Formatter().formatException(info)
    return stack.text(info)


def _stack(calls: str) -> str:
    """Return the text of `stack_info` likewise."""
    try:
        from . import stack
    except Exception:
        return calls
    return stack.calls(calls)


class JsonFormatter(logging.Formatter):
    """Makes one line of JSON of a record, its keys in awslambdaric's order.

    A value without a JSON form is written as text; None is left out.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "timestamp": sink.timestamp(record.created),
            "level": logging.getLevelName(_grade(record.levelno)),
            "message": _message(record),
            "logger": record.name,
            "stackTrace": None,
            "errorType": None,
            "errorMessage": None,
            "requestId": getattr(record, "aws_request_id", None),
            "location": None,
        }
        # Without a current exception it is (None, None, None).
        if record.exc_info and record.exc_info[1] is not None:
            _, exc, tb = record.exc_info
            fields["stackTrace"] = _entries(exc, tb)
            fields["errorType"] = type(exc).__name__
            fields["errorMessage"] = text_of(exc)
            fields["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        tenant_id = getattr(record, "tenant_id", None)
        if tenant_id is not None:
            fields["tenantId"] = tenant_id
        for name, value in record.__dict__.items():
            if name not in _OF_EVERY_RECORD:
                fields.setdefault(name, value)
        if record.stack_info:
            fields["stack_info"] = _stack(record.stack_info)
        given = {name: value for name, value in fields.items() if value is not None}
        try:
            return _encode(given) + "\n"
        except Exception:  # one value has no JSON form: the others keep theirs
            pairs = [f"{_json(text_of(name))}: {_json(value)}" for name, value in given.items()]
            return "{" + ", ".join(pairs) + "}\n"


# The attributes of a bare record, and those that formatters and the handler set on it. All others
# come from `extra`, but for `stack_info`, which most records have not.
_BARE = logging.LogRecord("", 0, "", 0, "", (), None)
_OF_EVERY_RECORD = frozenset(
    name
    for name in (*vars(_BARE), "message", "asctime", "aws_request_id", "tenant_id")
    if name != "stack_info"
)
# The separators, sort_keys, skipkeys and allow_nan of json.dumps(). NaN would not be JSON.
_STYLE = (": ", ", ", False, False, False)


def _message(record: logging.LogRecord) -> "Any":
    if isinstance(record.msg, dict) and not record.args:
        return record.msg
    try:
        return record.getMessage()
    except Exception:
        if record.args:
            raise  # they don't fit the message: handleError() names the call
        return text_of(record.msg)


def _entries(exc: BaseException, tb: "TracebackType | None") -> list[str]:
    """Return an exception's stack, notes and causes, if what tells them can be loaded."""
    try:
        from . import stack
    except Exception:
        told: list[str] = vars(logging)["traceback"].format_tb(tb)
        return told
    return stack.entries(exc, tb)


def _grade(level: int) -> int:
    """Return the next lower level that has a name, or `level` itself if it has one."""
    return TRACE if TRACE <= level < logging.DEBUG else min(50, max(0, level)) // 10 * 10


def _encode(value: object) -> str:
    """Return `value` as JSON that is not limited to ASCII. Raises what a value in it raises."""
    # The C accelerator without its package, as in codec.py.
    return "".join(make_encoder({}, text_of, encode_basestring, None, *_STYLE)(value, 0))


def _json(value: object) -> str:
    """Return `value` as JSON, or as a JSON string of its text if it has no JSON form."""
    try:
        return _encode(value)
    except Exception:
        return encode_basestring(text_of(value))


class RuntimeLogger(logging.Logger):
    """A logger that also has `trace`, and accepts a callable as its message.

    The callable is called without arguments, and only if the record is made.
    """

    def trace(self, msg: object, *args: object, stacklevel: int = 1, **options: "Any") -> None:
        """Log below DEBUG."""
        self.log(TRACE, msg, *args, stacklevel=stacklevel + 1, **options)

    def warn(self, msg: object, *args: object, stacklevel: int = 1, **options: "Any") -> None:
        """Log at WARNING. The name is that of the Perl original."""
        self.warning(msg, *args, stacklevel=stacklevel + 1, **options)

    def makeRecord(  # noqa: N802
        self, name: str, level: int, fn: str, lno: int, msg: object, *rest: "Any", **options: "Any"
    ) -> logging.LogRecord:
        if callable(msg):
            msg = msg()
        return super().makeRecord(name, level, fn, lno, msg, *rest, **options)


def attach(latest: "Callable[[], Context | None]") -> None:
    """Put the handler on the root logger, where `logging.basicConfig()` finds it and does nothing.

    The root's level stays WARNING unless AWS_LAMBDA_LOG_LEVEL is the name of one.
    """
    logging.addLevelName(TRACE, "TRACE")
    # For the whole process: otherwise a user's own handler would write local time.
    logging.Formatter.converter = time.gmtime
    wanted = environ.get("AWS_LAMBDA_LOG_LEVEL")
    as_json = sink.log_form() == sink.JSON
    handler = LambdaLoggerHandler(latest, graded=as_json or bool(wanted))
    # No subclass: libraries ask for its exact type before they put their own in its place.
    text = logging.Formatter(FORMAT, DATE_FORMAT)
    text.formatException = _exception  # type: ignore[method-assign,assignment]
    text.formatStack = _stack  # type: ignore[method-assign,assignment]
    handler.setFormatter(JsonFormatter() if as_json else text)
    logging.root.addHandler(handler)
    level = level_of(wanted)
    if level is not None:
        logging.root.setLevel(max(level, logging.DEBUG))


def make_logger(name: str, level: "str | int | None") -> RuntimeLogger:
    """Return the logger of this name at `level`, or as LOG_LEVEL, AWS_LAMBDA_LOG_LEVEL, or INFO.

    Raises ValueError if `level` is neither None nor a level. An invalid variable is ignored.
    """
    chosen = level_of(level)
    if level is not None and chosen is None:
        names = "trace, debug, info, warn, error or fatal"
        raise ValueError(f"loglevel is {level!r}: expected {names}, or a number")
    for variable in ("LOG_LEVEL", "AWS_LAMBDA_LOG_LEVEL"):
        if chosen is None:
            chosen = level_of(environ.get(variable))
    logger = logging.getLogger(name)
    # Not by setLoggerClass(), which changes the whole process and is left to the user.
    logger.__class__ = RuntimeLogger
    logger.setLevel(logging.INFO if chosen is None else chosen)
    assert isinstance(logger, RuntimeLogger)
    return logger


def level_of(level: "str | int | None") -> int | None:
    """Return the number of a level, by its name in any case; None if it is not a level."""
    if isinstance(level, str):
        name = level.strip().upper()
        return TRACE if name == "TRACE" else logging.getLevelNamesMapping().get(name)
    return level
