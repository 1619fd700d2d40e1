"""How an exception is written in a log record: as Python does, but without the runtime's frames.

`traceback` loads late what it needs. Modules of the function with the same names must not take
their place, so it may fail here; then `error_document`, which needs nothing, writes the stack.
"""

import logging
import sys

from amazon_lambda_runtime.core import error_document
from amazon_lambda_runtime.core.errors import text_of
from amazon_lambda_runtime.core.report import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    ExcInfo = tuple[Any, BaseException | None, TracebackType | None] | tuple[None, None, None]

# The one that `logging` has loaded, whatever the user has a file of that name for.
_traceback: "Any" = vars(logging)["traceback"]
# What comes before the file of a frame.
_FRAME = '\n  File "'


def entries(exc: BaseException, tb: "TracebackType | None") -> list[str]:
    """Return the stack of an exception, its notes and its causes, as the list of a JSON record."""
    try:
        stack: list[str] = _without_ours(_traceback.extract_tb(tb)).format()
    except Exception:
        stack = error_document.stack_of(tb)
    return [*stack, *error_document.sequel(exc)]


def text(info: "ExcInfo") -> str:
    """Return what Python prints of an exception, without a line end."""
    kind, exc, tb = info
    if exc is None:
        return "NoneType: None"
    try:
        told = _traceback.TracebackException(kind, exc, tb, compact=True)
        _trim(told)
        lines = list(told.format())
    except Exception:
        stack = error_document.stack_of(tb)
        lines = ["Traceback (most recent call last):\n", *stack] if stack else []
        lines += [f"{type(exc).__name__}: {text_of(exc)}\n", *error_document.sequel(exc)]
    return "".join(lines).removesuffix("\n")


def calls(stack: str) -> str:
    """Return the `stack_info` of a record without what the runtime has called to get there."""
    head, *frames = stack.split(_FRAME)
    script = f'{sys.argv[0]}"' if sys.argv else ""
    if frames and script and frames[0].startswith(script):
        del frames[0]  # the bootstrap's
    return _FRAME.join([head, *error_document.shown(frames, str)])


def lost(record: logging.LogRecord, exc: BaseException) -> Failure:
    """Return what is told in place of a record that can't be made."""
    told = f"a log record can't be written: {text_of(exc)}. Its message: {record.msg!r}"
    if record.args:
        told += f"; its arguments: {record.args!r}"
    place = f'  File "{record.pathname}", line {record.lineno}, in {record.funcName}\n'
    request_id = getattr(record, "aws_request_id", "")
    return Failure(told, type(exc).__name__, request_id, [place], "")


def _without_ours(frames: "Any") -> "Any":
    kept = error_document.shown(frames, lambda frame: frame.filename)
    return _traceback.StackSummary.from_list(list(kept))


def _trim(told: "Any") -> None:
    """Leave the runtime's frames out of an exception, and of all that it follows from."""
    pending, seen = [told], set[int]()
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.stack = _without_ours(each.stack)
        pending += [each.__cause__, each.__context__, *(each.exceptions or ())]
