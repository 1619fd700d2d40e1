"""Runtime: the class that a function is made of, and the loop that serves it."""

import sys
from os import environ, getpid

from amazon_lambda_runtime.protocol import JSON, OCTETS, is_json

from . import codec
from .client import RuntimeClient
from .context import Context, _current, current_context
from .errors import (
    LambdaError,
    MarshalError,
    NoHandlerDefinedException,
    RuntimeApiError,
    Shutdown,
    StreamClosed,
    UnmarshalError,
)
from .logs.hook import LoggingHook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .client import Delivery
    from .event_loop import EventLoop
    from .logs.format import RuntimeLogger
    from .shutdown import Ending
    from .workers import SharedLoop

    Handler = Callable[[Any, Context], Any]


# Results that are what they are: neither awaited nor streamed.
_PLAIN = frozenset((bool, bytes, dict, float, int, list, str, tuple, type(None)))
# What inspect calls CO_COROUTINE and CO_ASYNC_GENERATOR.
_ASYNC = 0x280


class Runtime:
    """A Lambda function: subclass it and give it a `handler` method.

    One instance lives as long as the execution environment, so what `__init__` prepares is there
    for every invocation. `loglevel` is the level of `self.logger` by name or number; without it
    LOG_LEVEL decides, then AWS_LAMBDA_LOG_LEVEL, then it is INFO.
    """

    # Set on the class by the bootstrap: there is one Runtime API to a process, and an __init__
    # that calls send_init_error() has no instance to look it up on yet.
    _client: "RuntimeClient | None" = None
    _hook: "LoggingHook | None" = None
    #: On Lambda Managed Instances: "processes", "threads" or "tasks". None means tasks for a
    #: handler that is async, else processes.
    concurrency: "str | None" = None
    _ending: "Ending | None" = None
    _is_down = False
    _event_loop: "EventLoop | SharedLoop | None" = None
    _loglevel: "str | int | None" = None
    _logger: "RuntimeLogger | None" = None

    def __init__(self, *, loglevel: "str | int | None" = None) -> None:
        self._loglevel = loglevel

    def handler(self, event: "Any", context: Context) -> "Any":
        """Answer one event. Yours to define.

        `event` is what `decode_event` made of the payload. What is returned goes to the caller
        by way of `encode_response`, except bytes, which go as they are. What is raised is
        reported to the caller as an error, and the next event is served.
        """
        raise NoHandlerDefinedException(
            f"{type(self).__name__} has no handler: define handler(self, event, context)"
        )

    def on_shutdown(self) -> "Any":
        """Tidy up before the environment ends. Yours to override; it may be `async def`.

        Overriding it is what makes Lambda send the signal for it, SIGTERM, and leaves a few hundred
        milliseconds until SIGKILL. It is called once, in the main thread; a handler at work is
        interrupted by a Shutdown, which is a SystemExit, first.
        """

    def before_snapshot(self) -> "Any":
        """Prepare for SnapStart's snapshot. Yours to override; it may be `async def`."""

    def after_restore(self) -> "Any":
        """Renew what does not survive a snapshot: connections, credentials, what must be unique.

        Yours to override; it may be `async def`.
        """

    def decode_event(self, body: bytes, content_type: str) -> "Any":
        """Return the event that `body` holds: JSON, or the bytes themselves if it says so.

        Override it to use another JSON library. Whatever it raises, the caller reads
        Runtime.UnmarshalError.
        """
        return codec.decode(body) if is_json(content_type) else body

    def encode_response(self, result: "Any") -> "str | bytes":
        """Return the JSON that answers with `result`.

        Override it to use another JSON library. Whatever it raises, the caller reads
        Runtime.MarshalError.
        """
        return codec.encode(result)

    @property
    def logger(self) -> "RuntimeLogger":
        """The logger of this class: levels trace, debug, info, warn, error, fatal.

        It takes a message as `logging` does, or a callable that returns one. Raises ValueError if
        `loglevel` is no level.
        """
        if self._logger is None:
            import logging  # noqa: F401  first: the hook loads logs, which needs logging whole

            from .logs.format import make_logger

            kind = type(self)
            self._logger = make_logger(f"{kind.__module__}.{kind.__qualname__}", self._loglevel)
        return self._logger

    def get_logger(self) -> "RuntimeLogger":
        """Return `self.logger`."""
        return self.logger

    def run(self, handler: "Handler | None" = None) -> "NoReturn":
        """Serve invocations with `handler`, or else `self.handler`, until the environment ends.

        Leaves by SystemExit only: with the code of a handler that exits, 130 after Ctrl-C, 1 if
        the Runtime API is gone or a handler raised what is not an Exception.
        """
        if self._hook is None:
            self._hook = LoggingHook().install()
        handle = handler or self.handler
        code = getattr(handle, "__code__", None)
        is_async = code is not None and bool(code.co_flags & _ASYNC)
        kind = type(self)
        try:
            if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
                from .shutdown import snapshot

                before, after = self._hooked("before_snapshot"), self._hooked("after_restore")
                snapshot(self._api(), before, after)
            if kind.on_shutdown is not Runtime.on_shutdown:
                from .shutdown import watch

                self._ending = watch(self._api())
            if "AWS_LAMBDA_MAX_CONCURRENCY" in environ:
                from . import workers as concurrency

                concurrency.serve(self, handle, is_async)
            if is_async:
                self._loop()  # asyncio is slow to load: now, and not in the first invocation
            while True:
                event, context = self.next_event()
                self._serve(handle, event, context)
        except Shutdown:
            self._shut_down()
            raise
        except RuntimeApiError as exc:
            _die(str(exc))
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        finally:
            if self._event_loop is not None:
                self._event_loop.close()

    def next_event(self) -> "tuple[Any, Context]":
        """Wait for the next event and return it with its Context.

        `run` calls it. An event that can't be decoded is answered with an error on the way and
        the one after it is awaited. Raises RuntimeApiError.
        """
        while True:
            delivery = self._api().next()
            try:
                context = Context(delivery.headers, delivery)
                if context.trace_id:
                    environ["_X_AMZN_TRACE_ID"] = context.trace_id
                else:
                    environ.pop("_X_AMZN_TRACE_ID", None)
                _current.set(context)
                if self._hook is not None:
                    self._hook.latest = context
                return self._decode(delivery), context
            except Exception as exc:
                self._fail(delivery, exc)

    def send_invocation_response(self, result: "Any") -> None:
        """Answer the invocation now. What the handler returns later is then not sent.

        While a response is being streamed, `result` is its last piece, or None, and ends it.
        Raises MarshalError if `result` has no JSON form, LambdaError if there is no invocation or
        it has been answered, RuntimeApiError.
        """
        delivery = self._invocation()
        if delivery.stream is not None:
            if result is not None:
                delivery.stream.write(result)
            delivery.stream.close()
            return
        body, content_type = self._encode(result)
        self._flush()
        delivery.respond(body, content_type)

    def send_invocation_error(self, message: str, error_type: str = "Error") -> None:
        """Answer the invocation with an error: what the caller reads as errorMessage, errorType.

        Raises LambdaError if there is no invocation or it has been answered, RuntimeApiError.
        """
        from . import error_document as failure

        delivery = self._invocation()
        told = failure.of_message(message, error_type, delivery.request_id)
        self._flush()
        delivery.fail(told.body, failure.header_type(error_type), told.cause)
        failure.say(told.record)

    def send_init_error(self, message: str, error_type: str = "Runtime.InitError") -> "NoReturn":
        """Report that the function can't be initialised, and exit with status 1.

        For `__init__`. Raises SystemExit, and RuntimeApiError.
        """
        from . import error_document as failure

        told = failure.of_message(message, error_type)
        self._flush()
        failure.say(told.record)
        self._api().init_error(told.body, failure.header_type(error_type), told.cause)
        raise SystemExit(1)

    def _serve(self, handle: "Handler", event: "Any", context: Context) -> None:
        """Have one event handled and see to it that it is answered exactly once."""
        delivery: Delivery = context._invocation
        process = getpid()
        try:
            result = handle(event, context)
            if getpid() != process:
                raise SystemExit(0)  # pragma: no cover  in the child
            if type(result) not in _PLAIN:
                result = self._resolve(result, delivery)
            if not delivery.answered:
                body, content_type = self._encode(result)
        except BaseException as exc:
            if getpid() != process:
                # A child that the handler forked: the answer is its parent's affair.
                raise  # pragma: no cover  in the child
            if isinstance(exc, Shutdown):
                self._shut_down()  # first: there may be no time for more
            self._fail(delivery, exc)
            if isinstance(exc, SystemExit | KeyboardInterrupt):
                raise
            if not isinstance(exc, Exception):
                raise SystemExit(1) from None
            return
        self._flush()
        if not delivery.answered:
            delivery.respond(body, content_type)

    def _resolve(self, result: "Any", delivery: "Delivery") -> "Any":
        """Return what a result comes to that is awaited or streamed: None if it is sent already."""
        from . import streaming

        if hasattr(type(result), "__await__"):
            result = self._loop().wait(result)
        if isinstance(result, streaming.HttpResponse) and not result.streams:
            return result.document()
        if not (isinstance(result, streaming.HttpResponse) or streaming.streams(result)):
            return result
        source, stream = streaming.open_stream(result, delivery)
        if delivery.answered:
            stream.closed = True  # the source is closed, unread
        if hasattr(type(source), "__aiter__"):
            self._loop().wait(streaming.pump_async(source, stream))
        else:
            streaming.pump(source, stream)
        return None

    def _hooked(self, name: str) -> "Callable[[], object]":
        """Return a method of the user's as one that may be called whether it is async or not."""

        def call() -> None:
            result = getattr(self, name)()
            if hasattr(type(result), "__await__"):
                self._loop().wait(result)

        return call

    def _shut_down(self) -> None:
        if self._is_down:
            return
        self._is_down = True
        try:
            self._hooked("on_shutdown")()
        except Exception as exc:
            from . import error_document as failure

            failure.say(failure.of_exception(exc).record)
        self._flush()

    def _loop(self) -> "EventLoop | SharedLoop":
        if self._event_loop is None:
            from .event_loop import EventLoop

            self._event_loop = EventLoop()
        return self._event_loop

    def _fail(self, delivery: "Delivery", exc: BaseException) -> None:
        if isinstance(exc, RuntimeApiError):
            raise exc  # nobody is left to report it to
        self._flush()
        try:
            self._report(delivery, exc)
        except StreamClosed as cut:
            from .error_document import say

            say(f"[ERROR] LAMBDA_RUNTIME A response stream was cut off. {cut}\n")

    def _report(self, delivery: "Delivery", exc: BaseException) -> None:
        """Log what went wrong, and tell the caller if that is still possible."""
        if isinstance(exc, StreamClosed):
            raise exc  # the handler could not know, and is not to blame
        from . import error_document as failure

        stream = delivery.stream
        unfinished = stream is not None and not stream.closed
        late = delivery.answered and not unfinished
        told = failure.of_exception(exc, delivery.request_id, late)
        failure.say(told.record)
        error_type = failure.header_type(told.error_type)
        if not delivery.answered:
            delivery.fail(told.body, error_type, told.cause)
        elif unfinished:
            stream.fail(told.body, error_type)

    def _decode(self, delivery: "Delivery") -> "Any":
        try:
            return self.decode_event(delivery.body, delivery.headers.get("content-type", ""))
        except Exception as exc:
            raise UnmarshalError(f"Unable to unmarshal input: {exc}") from None

    def _encode(self, result: "Any") -> tuple[bytes, str]:
        if isinstance(result, bytes):
            return result, OCTETS
        try:
            text = self.encode_response(result)
            return text.encode() if isinstance(text, str) else bytes(text), JSON
        except Exception as exc:
            raise MarshalError(f"Unable to marshal response: {exc}") from None

    def _invocation(self) -> "Delivery":
        context = current_context() or (self._hook.latest if self._hook else None)
        if context is None or context._invocation is None:
            raise LambdaError("there is no invocation to answer")
        delivery: Delivery = context._invocation
        return delivery

    def _api(self) -> RuntimeClient:
        if self._client is None:
            self._client = connect()
        return self._client

    def _flush(self) -> None:
        """Let what was printed be there before the answer is: Lambda may freeze us right after."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):  # None, broken or closed by the handler
                pass


def connect() -> RuntimeClient:
    """Return a client for the Runtime API that AWS_LAMBDA_RUNTIME_API names.

    Raises RuntimeApiError if it is not set or no address.
    """
    address = environ.get("AWS_LAMBDA_RUNTIME_API")
    if not address:
        raise RuntimeApiError(
            "AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda."
            " To run the function on this machine: lambda-runtime local HANDLER"
        )
    try:
        return RuntimeClient(address)
    except ValueError as exc:
        raise RuntimeApiError(f"AWS_LAMBDA_RUNTIME_API: {exc}") from None


def _die(message: str) -> "NoReturn":
    from . import error_document as failure

    failure.say(f"[ERROR] LAMBDA_RUNTIME {message}\n")
    raise SystemExit(1)
