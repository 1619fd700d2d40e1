"""Log records as Lambda's Python functions write them.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

import logging
import sys
import time
from os import environ

from .context import current_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .context import Context

FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
DATE_FORMAT = "%Y-%m-%dT%H:%M:%S"
TRACE = 5


class StdoutHandler(logging.Handler):
    """Writes each record to stdout, whatever `sys.stdout` is by then, and flushes it.

    `latest` returns the invocation that a thread without a context is taken to run for.
    """

    def __init__(self, latest: "Callable[[], Context | None]") -> None:
        super().__init__()
        self._latest = latest

    def filter(self, record: logging.LogRecord) -> "Any":
        # Users' own formatters on this handler count on these two as well.
        context = current_context() or self._latest()
        record.aws_request_id = context.aws_request_id if context else ""
        record.tenant_id = context.tenant_id if context else None
        return super().filter(record)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record))
            sys.stdout.flush()
        except Exception:
            self.handleError(record)


class RuntimeLogger(logging.Logger):
    """A logger that also has `trace`, and takes a callable for its message.

    The callable is called, without arguments, only if the record is going to be made.
    """

    def trace(self, msg: object, *args: object, stacklevel: int = 1, **options: "Any") -> None:
        """Log below DEBUG."""
        self.log(TRACE, msg, *args, stacklevel=stacklevel + 1, **options)

    def warn(self, msg: object, *args: object, stacklevel: int = 1, **options: "Any") -> None:
        """Log at WARNING: the name that Perl knows it by."""
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
    # For the whole process: a handler of the user's own would otherwise tell another time.
    logging.Formatter.converter = time.gmtime
    handler = StdoutHandler(latest)
    handler.setFormatter(logging.Formatter(FORMAT, DATE_FORMAT))
    logging.root.addHandler(handler)
    level = level_of(environ.get("AWS_LAMBDA_LOG_LEVEL"))
    if level is not None:
        logging.root.setLevel(max(level, logging.DEBUG))


def make_logger(name: str, level: "str | int | None") -> RuntimeLogger:
    """Return the logger of this name at `level`, or as LOG_LEVEL, AWS_LAMBDA_LOG_LEVEL, or INFO.

    Raises ValueError if `level` is not None and no level; the variables are then passed over.
    """
    chosen = level_of(level)
    if level is not None and chosen is None:
        names = "trace, debug, info, warn, error or fatal"
        raise ValueError(f"loglevel is {level!r}: expected {names}, or a number")
    for variable in ("LOG_LEVEL", "AWS_LAMBDA_LOG_LEVEL"):
        if chosen is None:
            chosen = level_of(environ.get(variable))
    logger = logging.getLogger(name)
    # Not by setLoggerClass(), which is for the whole process and is the user's.
    logger.__class__ = RuntimeLogger
    logger.setLevel(logging.INFO if chosen is None else chosen)
    assert isinstance(logger, RuntimeLogger)
    return logger


def level_of(level: "str | int | None") -> int | None:
    """Return the number of a level, by its name in any case; None for what is no level."""
    if isinstance(level, str):
        name = level.strip().upper()
        return TRACE if name == "TRACE" else logging.getLevelNamesMapping().get(name)
    return level
