"""How an exception becomes an answer: the error document, X-Ray's cause, the record in the log.

Loaded at the first failure. Rule: an answer comes out, whatever else fails (a `__str__` raises,
the working directory is gone, half a surrogate pair is in the message, memory is short).
"""

from os import __file__ as os_file
from os import getcwd
from os.path import dirname
from time import time

from amazon_lambda_runtime.protocol import ERROR_LIMIT, error_document

from . import codec
from .context import current_context
from .errors import Fault
from .logs import sink
from .stdlib import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from traceback import FrameSummary
    from types import TracebackType
    from typing import Any

# Frames of these files are left out at the start of a stack: the user's code begins below them.
_OURS = dirname(dirname(__file__)) + "/"
_IMPORTLIB = "<frozen importlib"
_ASYNCIO = dirname(os_file) + "/asyncio/"
_NOT_USERS = (_OURS, _IMPORTLIB, _ASYNCIO)

# What is kept of a document that is larger than the platform accepts.
_MESSAGE_KEPT = 10_000
_STACK_KEPT = 20
_ENTRY_KEPT = 1_000
# How many members of a group, and causes of a chain, are reported.
_RELATED_KEPT = 20


class Failure:
    """One failure, in the forms in which it is reported.

    `body` is the error document as JSON, below 1 MiB; `error_type` is its errorType; `cause` is a
    single line of JSON for X-Ray; `record` is the text for the log.
    """

    __slots__ = ("body", "cause", "error_type", "record")

    def __init__(
        self, message: str, error_type: str, request_id: str, stack: list[str], cause: str
    ) -> None:
        self.error_type = error_type
        self.cause = cause
        document = error_document(message, error_type, request_id, stack)
        self.body = codec.encode(document).encode()
        if len(self.body) >= ERROR_LIMIT:
            message = _cut(message, _MESSAGE_KEPT)
            error_type = _cut(error_type, _ENTRY_KEPT)
            stack = [_cut(entry, _ENTRY_KEPT) for entry in stack[:_STACK_KEPT]]
            document = error_document(message, error_type, request_id, stack)
            self.body = codec.encode(document).encode()
        self.record = _record(document)

    def log(self) -> None:
        """Write the record to the log at once."""
        sink.log_error(self.record)


def of_exception(exc: BaseException, request_id: str = "", late: bool = False) -> Failure:
    """Return the Failure for an exception of the handler, or of its loading.

    `late` says that the caller has its answer already, so that only the log tells of it.
    """
    try:
        message = text_of(exc)
        if isinstance(exc, Fault):
            cause = _xray_cause(message, "LambdaValidationError", [])
            return Failure(message, exc.error_type, request_id, exc.stack, cause)
        name = type(exc).__name__
        frames = _frames(exc.__traceback__)
        stack = _stack(frames)
        stack.extend(sequel(exc))
        if late:
            stack.append(f"After the response to RequestId: {request_id}\n")
        return Failure(message, name, request_id, stack, _xray_cause(message, name, frames))
    except Exception:
        # Out of memory, most likely, or the user's module hides one of the standard library's.
        return Failure("", type(exc).__name__, request_id, [], "")


def of_message(message: str, error_type: str, request_id: str = "") -> Failure:
    """Return the Failure for an error that the handler reports in its own words."""
    return Failure(message, error_type, request_id, [], _xray_cause(message, error_type, []))


def header_type(error_type: str) -> str:
    """Return `error_type` for the header Lambda-Runtime-Function-Error-Type.

    The platform keeps the form "Category.Reason" in its metrics, where the category is Runtime or
    Function, and records anything else as unknown. A header can't carry every name of a class.
    """
    plain = error_type.replace(".", "_").replace("-", "_")
    if not (plain.isascii() and plain.isidentifier()):
        return "Function.Unknown"
    return (
        error_type if error_type.startswith(("Runtime.", "Function.")) else "Function." + error_type
    )


def sequel(exc: BaseException) -> list[str]:
    """Return what follows an exception's own frames: its notes, its causes, a group's members."""
    return [*_notes(exc), *_related(exc)]


def text_of(value: object) -> str:
    """Return str(value), or a note of the exception if that raises."""
    try:
        return str(value)
    except Exception as problem:
        return f"<unprintable {type(value).__name__}: {type(problem).__name__}>"


def _frames(tb: "TracebackType | None") -> "list[FrameSummary]":
    """Return the frames of a traceback from the user's first one on."""
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith(_NOT_USERS):
        tb = tb.tb_next
    frames: list[FrameSummary] = load("traceback").extract_tb(tb)
    return frames


def _stack(frames: "list[FrameSummary]") -> list[str]:
    """Return frames as Python prints them, repetitions folded, without the ^^^^ below a line."""
    plain = [(f.filename, f.lineno, f.name, f.line) for f in frames]
    stack: list[str] = load("traceback").format_list(plain)
    return stack


def _notes(exc: BaseException) -> list[str]:
    notes = getattr(exc, "__notes__", None)
    return [f"Note: {text_of(note)}\n" for note in notes] if isinstance(notes, list) else []


def _related(exc: BaseException) -> list[str]:
    """Return the stacks of the causes and of a group's members, each below a line that names it."""
    stack: list[str] = []
    seen = {id(exc)}
    found = _relatives(exc)
    pending = [found]
    while pending and len(seen) <= _RELATED_KEPT:
        for relation, other in pending[-1]:
            if id(other) in seen:
                continue
            seen.add(id(other))
            message = text_of(other)
            name = type(other).__name__
            stack.append(f"{relation} {name}: {message}\n" if message else f"{relation} {name}\n")
            stack.extend(_stack(_frames(other.__traceback__)))
            stack.extend(_notes(other))
            pending.append(_relatives(other))
            break
        else:
            pending.pop()
    return stack


def _relatives(exc: BaseException) -> "Iterator[tuple[str, BaseException]]":
    if isinstance(exc, BaseExceptionGroup):
        for number, member in enumerate(exc.exceptions, 1):
            yield f"Member {number} of {len(exc.exceptions)}:", member
    if exc.__cause__ is not None:
        yield "Caused by", exc.__cause__
    elif exc.__context__ is not None and not exc.__suppress_context__:
        yield "Raised while handling", exc.__context__


def _xray_cause(message: str, name: str, frames: "list[FrameSummary]") -> str:
    try:
        directory = getcwd()
    except OSError:  # it has been removed
        directory = ""
    stack = [{"label": f.name, "path": f.filename, "line": f.lineno or 0} for f in frames]
    return codec.encode(
        {
            "working_directory": directory,
            "exceptions": [{"message": message, "type": name, "stack": stack}],
            "paths": sorted({f.filename for f in frames}),
        }
    )


def _record(document: "dict[str, Any]") -> str:
    """Return the record as AWS's own runtime writes it, in the configured form.

    On stdout it is one line, one event in CloudWatch. In a frame it has no line end.
    """
    framed = sink.Telemetry.current is not None
    if sink.log_form() == sink.JSON:
        record = {"timestamp": sink.timestamp(time()), "level": "ERROR", **document}
        context = current_context()
        # An invocation may fail before it has a context, while the last one is still current.
        if context and context.tenant_id and context.aws_request_id == document["requestId"]:
            record["tenantId"] = context.tenant_id
        return codec.encode(record) + ("" if framed else "\n")
    message, error_type = document["errorMessage"], document["errorType"]
    head = f"[ERROR] {error_type}: {message}" if message else f"[ERROR] {error_type}"
    lines = [head, "Traceback (most recent call last):"]
    for entry in document["stackTrace"]:
        for line in entry.splitlines():
            text = line.lstrip(" ")
            # CloudWatch drops an indentation of plain spaces.
            lines.append("\u00a0" * (len(line) - len(text)) + text)
    return "\n".join(lines) if framed else "\r".join(lines) + "\n"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}… ({len(text)} characters)"
