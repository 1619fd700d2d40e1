"""A failure, in the forms in which it is reported; and the report that is always to be had.

Theory: `error_document.py` describes an exception in full, and is loaded at the first failure. It
may be impossible to load or to run: no file descriptor is left, memory or the stack is short, the
user's code has replaced the import system. Then the plain description takes its place.

Rule: the plain one imports nothing, opens nothing, and needs nothing that was not loaded with this
file.
"""

from time import time

from amazon_lambda_runtime.protocol import ERROR_LIMIT, error_document

from . import codec
from .context import current_context
from .errors import Fault, RuntimeApiError, StreamClosed, text_of
from .logs import sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, NoReturn

    from .client import Delivery, RuntimeClient

# Frames of these files are left out of a stack.
_OURS = __file__.removesuffix("core/report.py")

# What is kept of a document that is larger than the platform accepts.
_MESSAGE_KEPT = 10_000
_STACK_KEPT = 20
_ENTRY_KEPT = 1_000
_RESERVED = 4 * 1024 * 1024
# How many frames a plain description has.
_FRAMES_KEPT = 50


class Reserve:
    """Memory that is kept for the report of a MemoryError.

    It has never been written to, so that it is addresses and nothing else; and it is more than an
    arena, of which the interpreter cuts small objects.
    """

    memory: "ClassVar[bytes | None]" = bytes(_RESERVED)

    @classmethod
    def renew(cls) -> None:
        """Keep it again, if there is any to be had."""
        try:
            cls.memory = bytes(_RESERVED)
        except MemoryError:
            pass


class Failure:
    """One failure, in the forms in which it is reported.

    `body` is the error document as JSON, below 1 MiB; `error_type` is its errorType; `header_type`
    is that for a header; `cause` is a single line of JSON for X-Ray; `record` is the text for the
    log.
    """

    __slots__ = ("body", "cause", "error_type", "header_type", "record")

    def __init__(
        self, message: str, error_type: str, request_id: str, stack: list[str], cause: str
    ) -> None:
        self.error_type = error_type
        self.header_type = header_type(error_type)
        self.cause = cause
        document = error_document(message, error_type, request_id, stack)
        self.body = codec.encode_ascii(document)
        if len(self.body) >= ERROR_LIMIT:
            message = _cut(message, _MESSAGE_KEPT)
            error_type = _cut(error_type, _ENTRY_KEPT)
            stack = [_cut(entry, _ENTRY_KEPT) for entry in stack[:_STACK_KEPT]]
            document = error_document(message, error_type, request_id, stack)
            self.body = codec.encode_ascii(document)
        self.record = _record(document)

    def log(self) -> None:
        """Write the record to the log at once."""
        sink.log_error(self.record)


def of_exception(exc: BaseException, request_id: str = "", place: str = "") -> Failure:
    """Return the Failure for an exception of the handler, or of its loading.

    `place` is a line that ends the stack: where it was raised, if that is not a handler at work.
    Whatever fails on the way, the Failure has the type and the message.
    """
    after = [f"{place}\n"] if place else []
    try:
        from . import error_document as full

        message, error_type, stack, cause = full.describe(exc)
        return Failure(message, error_type, request_id, [*stack, *after], cause)
    except Exception:
        message, error_type, stack = _plain(exc)
        return Failure(message, error_type, request_id, [*stack, *after], "")


def of_message(message: str, error_type: str, request_id: str = "") -> Failure:
    """Return the Failure for an error that the handler reports in its own words.

    Raises TypeError if they are no text.
    """
    for name, value in (("message", message), ("error_type", error_type)):
        if not isinstance(value, str):
            raise TypeError(f"{name} is {type(value).__name__}: expected str")
    try:
        from . import error_document as full

        cause = full.xray_cause(message, error_type, [])
    except Exception:
        cause = ""
    return Failure(message, error_type, request_id, [], cause)


def answer(delivery: "Delivery", exc: BaseException) -> None:
    """Log an exception, and answer the delivery with it if it has no whole answer yet.

    A stream that was cut off is one line: the caller or the API closed it, the handler is not to
    blame. Raises RuntimeApiError.
    """
    if isinstance(exc, MemoryError):
        Reserve.memory = None
    stream = delivery.stream
    unfinished = stream is not None and not stream.closed
    try:
        if isinstance(exc, StreamClosed):
            raise exc
        late = delivery.answered and not unfinished
        place = f"After the response to RequestId: {delivery.request_id}" if late else ""
        failure = of_exception(exc, delivery.request_id, place)
        failure.log()
        if not delivery.answered:
            delivery.fail(failure.body, failure.header_type, failure.cause)
        elif unfinished:
            stream.fail(failure.body, failure.header_type)
    except StreamClosed as cut:
        sink.log_error(f"[ERROR] LAMBDA_RUNTIME A response stream was cut off. {cut}\n")
    if Reserve.memory is None:
        Reserve.renew()


def status_of(exc: SystemExit) -> int:
    """Return the exit status that a SystemExit asks for."""
    return exc.code if isinstance(exc.code, int) else 0 if exc.code is None else 1


def init_error(client: "RuntimeClient", exc: BaseException) -> "NoReturn":
    """Report why the function can't be initialised, and exit with a status other than 0."""
    # A function that called send_init_error() has reported it in its own words.
    if not (client.init_failed and isinstance(exc, SystemExit)):
        failure = of_exception(exc)
        failure.log()
        try:
            plain = failure.error_type.isascii() and failure.error_type.isprintable()
            error_type = failure.error_type if plain else failure.header_type
            client.init_error(failure.body, error_type, failure.cause)
        except RuntimeApiError as problem:
            sink.log_error(f"[ERROR] LAMBDA_RUNTIME {problem}\n")
    code = (
        exc.code
        if isinstance(exc, SystemExit)
        else 130
        if isinstance(exc, KeyboardInterrupt)
        else 1
    )
    raise SystemExit(code if isinstance(code, int) and code else 1)


def _plain(exc: BaseException) -> tuple[str, str, list[str]]:
    """Return the message, the errorType and the stack of an exception, without source lines."""
    if isinstance(exc, Fault):
        return text_of(exc), exc.error_type, exc.stack
    stack: list[str] = []
    tb = exc.__traceback__
    while tb is not None and len(stack) < _FRAMES_KEPT:
        code = tb.tb_frame.f_code
        if not code.co_filename.startswith(_OURS):
            stack.append(f'  File "{code.co_filename}", line {tb.tb_lineno}, in {code.co_name}\n')
        tb = tb.tb_next
    return text_of(exc), type(exc).__name__, stack


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
        return codec.encode_ascii(record).decode() + ("" if framed else "\n")
    message, error_type = document["errorMessage"], document["errorType"]
    head = f"[ERROR] {error_type}: {message}" if message else f"[ERROR] {error_type}"
    lines = [head]
    if document["stackTrace"]:
        lines.append("Traceback (most recent call last):")
    for entry in document["stackTrace"]:
        for line in entry.splitlines():
            text = line.lstrip(" ")
            # CloudWatch drops an indentation of plain spaces.
            lines.append("\u00a0" * (len(line) - len(text)) + text)
    return "\n".join(lines) if framed else "\r".join(lines) + "\n"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}… ({len(text)} characters)"
