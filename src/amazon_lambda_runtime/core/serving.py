"""Serving: one invocation from event to answer, and the loop round it.

Theory: an invocation is a Delivery (its event, and the one answer it gets) and a Context. Both are
passed as arguments and are current in a context variable, never an attribute of the user's object,
so any number of invocations may be served at once. The steps are methods of their own: `open`
decodes, the handler is called, `resolve` awaits or streams its result, `encode` and `flush` come
before the answer, `fail` reports an exception instead. `answer` puts them together and sees to it
that a delivery is answered exactly once.
"""

import sys
from _contextvars import ContextVar
from _signal import (  # type: ignore[import-not-found]
    SIG_BLOCK,
    SIG_SETMASK,
    SIGINT,
    SIGTERM,
    getsignal,
    pthread_sigmask,
)
from os import environ, getpid

from amazon_lambda_runtime.protocol import JSON, OCTETS

from . import codec, report
from .client import RuntimeClient, connect
from .context import Context, current
from .errors import LambdaError, MarshalError, RuntimeApiError, Shutdown, UnmarshalError, text_of
from .logs import sink
from .logs.hook import LoggingHook
from .logs.sink import flush

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from contextvars import Token
    from types import ModuleType
    from typing import Any, ClassVar, NoReturn, TypeVar

    from .client import Delivery
    from .shutdown import Ending
    from .typing import Handler, Loop, Served

    T = TypeVar("T")
    RunWorkers = Callable[["Serving", Handler, bool], None]
    Tokens = tuple[Token["Delivery | None"], Token["Context | None"]]


# The exact types of results that are neither awaited nor streamed.
PLAIN = frozenset((bool, bytes, dict, float, int, list, str, tuple, type(None)))
# CO_COROUTINE, CO_GENERATOR and CO_ASYNC_GENERATOR of the module inspect.
_COROUTINE, _GENERATOR, _ASYNC_GENERATOR = 0x80, 0x20, 0x200
_DEPTH = 200  # of the stack, for the answer: a handler may have left less

_delivery: "ContextVar[Delivery | None]" = ContextVar("lambda_delivery", default=None)
# Where one process has several of them, as in the tests of functions: the one that is at work.
# A weak reference: an event loop keeps the context in which it was made.
_at_work: "ContextVar[Callable[[], Serving | None] | None]" = ContextVar(
    "lambda_serving", default=None
)


def of(runtime: "Served") -> "Serving":
    """Return the Serving of a Runtime, which lives as long as the Runtime.

    It is made on the first call: a user's `__init__` may need it before it calls the base's.
    """
    found: Serving | None = vars(runtime).get("_serving")
    if found is None:
        found = vars(runtime)["_serving"] = Serving(runtime)
    return found


def lend(served: "Serving", runtime: "Served") -> None:
    """Have another Runtime, to which the one that is served hands events, answer through it."""
    vars(runtime)["_serving"] = served


def wait_for(coroutine: "Coroutine[Any, Any, T]") -> "T":
    """Run a coroutine on the event loop of the environment; return its result.

    For code that is not async, so that a plain function with a decorator that is not async can
    await. Raises what the coroutine raises; RuntimeError where an event loop is running in this
    thread: await it there.
    """
    if not hasattr(type(coroutine), "__await__"):
        raise TypeError(f"wait_for takes a coroutine, not {type(coroutine).__name__}")
    at_work = _at_work.get()
    served = Serving.current if at_work is None else at_work()
    wait = _load_part("event_loop").wait_during_init if served is None else served.wait
    result: T = wait(coroutine)
    return result


def be_at_work(served: "Callable[[], Serving | None]") -> "Token[Any]":
    """Have `wait_for` use the loop of `served`, a weak reference, in this context."""
    return _at_work.set(served)


def enter(delivery: "Delivery", context: Context) -> "Tokens":
    """Make this invocation the current one. The result is for `leave`."""
    return _delivery.set(delivery), current.set(context)


def leave(tokens: "Tokens") -> None:
    """Make the invocation current again that was current before `enter`."""
    _delivery.reset(tokens[0])
    current.reset(tokens[1])


def _load_part(name: str) -> "Any":
    from .stdlib import load_part

    return load_part(name)


def is_async(handler: object) -> bool:
    """Say whether to call it is to make a coroutine or an async generator."""
    return bool(_flags(handler) & (_COROUTINE | _ASYNC_GENERATOR))


def _flags(handler: object) -> int:
    code = getattr(handler, "__code__", None) or getattr(type(handler).__call__, "__code__", None)
    return getattr(code, "co_flags", 0)


def _wraps_async(handler: object) -> bool:
    """Say whether an async function is under the decorators of a handler."""
    seen = set()
    while id(handler) not in seen:
        seen.add(id(handler))
        handler = getattr(handler, "__wrapped__", None)
        if is_async(handler):
            return True
    return False


class Serving:
    """Serves the invocations of one Runtime."""

    #: The one that this process runs.
    current: "ClassVar[Serving | None]" = None

    def __init__(self, runtime: "Served") -> None:
        self.runtime = runtime
        #: What makes signals wait while an answer is sent, if the Runtime has an `on_shutdown`.
        self.ending: Ending | None = None
        #: What runs coroutines, once there was one.
        self.loop: Loop | None = None
        self._client: RuntimeClient | None = None
        self._is_ready = False
        # Whether there is a warning to be given when the handler returns a coroutine.
        self._hides_coroutine = False
        self._streaming: ModuleType | None = None
        self._is_down = False
        # The answer to a thread that carries no context: one that the handler started.
        self._latest: Delivery | None = None

    @property
    def client(self) -> RuntimeClient:
        """The client of the Runtime API: the process's, or else one of its own.

        Raises RuntimeApiError if AWS_LAMBDA_RUNTIME_API is not set or not an address.
        """
        if self._client is None:
            self._client = RuntimeClient.current or connect()
        return self._client

    @property
    def is_inherited(self) -> bool:
        """Whether this process is a child that the handler forked: its parent answers."""
        return self._client is not None and self._client.is_inherited

    # The loop

    def run(
        self, handler: "Handler", heeds_shutdown: bool, run_workers: "RunWorkers | None" = None
    ) -> "NoReturn":
        """Serve invocations until the environment ends. Leaves by SystemExit only.

        `heeds_shutdown` says that the Runtime has an `on_shutdown`, for which Lambda has to be
        asked to send SIGTERM. `run_workers` serves several invocations at a time, and returns if
        one at a time is enough.
        """
        LoggingHook.install()
        process = getpid()
        Serving.current = self
        awaits = is_async(handler)
        self._hides_coroutine = not awaits and _wraps_async(handler)
        try:
            if _flags(handler) & (_GENERATOR | _ASYNC_GENERATOR):
                self.load_streaming()  # in an invocation it may be too late
            if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":

                def restored() -> None:
                    self._call(self.runtime.after_restore)
                    self.prepare()

                snapshot = _load_part("snapshot").snapshot
                snapshot(self.client, lambda: self._call(self.runtime.before_snapshot), restored)
            if heeds_shutdown:
                self.ending = _load_part("shutdown").watch(self.client)
            elif run_workers is None and callable(getsignal(SIGTERM)):
                self.client.wait = _load_part("shutdown").WakeUp().wait
            if run_workers is not None:
                run_workers(self, handler, awaits)
            if awaits:
                self.load_loop()  # asyncio is slow to load: during init, not in an invocation
            self.start()
            while True:
                event, context = self.runtime.next_event()
                self.answer(self.delivery(), handler, event, context)
        except Shutdown:
            self.shut_down()
            raise
        except RuntimeApiError as exc:
            sink.log_error(f"[ERROR] LAMBDA_RUNTIME {exc}\n")
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        finally:
            if getpid() == process:  # else the loop is the parent's
                self.close()

    def prepare(self) -> None:
        """Call `on_init`, unless it has been called."""
        if not self._is_ready:
            self._is_ready = True
            self._call(self.runtime.on_init)

    def start(self, may_report: "Callable[[], bool] | None" = None) -> None:
        """Do the same; report what it raises as an init error, and exit.

        `may_report` says whether no other process has reported it. Raises SystemExit.
        """
        try:
            self.prepare()
        except Shutdown:
            raise
        except BaseException as exc:
            if may_report is not None and not may_report():
                raise SystemExit(1) from None
            report.init_error(self.client, exc)

    def next_event(self) -> "tuple[Any, Context]":
        """Wait for the next event that can be decoded; return it with its Context.

        An event that can't be decoded is answered with an error. Raises RuntimeApiError.
        """
        while True:
            try:
                delivery = self._latest = self.client.next()
            except RuntimeApiError:
                raise
            except MemoryError:
                raise RuntimeApiError("there is no memory for the next event") from None
            except Exception as exc:  # from a signal handler of the user's
                report.of_exception(exc).log()
                continue
            opened = self.open(delivery, alone=True)
            if opened is not None:
                return opened

    def shut_down(self) -> None:
        """Call `on_shutdown`, once. What it raises is logged."""
        if self._is_down:
            return
        self._is_down = True
        try:
            self._call(self.runtime.on_shutdown)
        except Exception as exc:
            report.of_exception(exc).log()
        flush()

    # One invocation

    def delivery(self) -> "Delivery":
        """Return the delivery that this code runs for. Raises LambdaError if there is none.

        Where the code runs in a thread that carries no context, it is the latest one of the
        process, which serves one invocation at a time then.
        """
        delivery = _delivery.get() or self._latest
        if delivery is None:
            raise LambdaError("there is no invocation to answer: call it while an event is handled")
        return delivery

    def open(self, delivery: "Delivery", *, alone: bool) -> "tuple[Any, Context] | None":
        """Make a delivery the current one and decode it. None if it was answered with an error.

        `alone` says that the process serves one invocation at a time, so that what the whole
        process can see tells of this one: _X_AMZN_TRACE_ID, and what a bare thread logs.
        """
        try:
            context = Context(delivery.headers)
            if alone:
                if context.trace_id:
                    environ["_X_AMZN_TRACE_ID"] = context.trace_id
                else:
                    environ.pop("_X_AMZN_TRACE_ID", None)
                LoggingHook.latest = context
            enter(delivery, context)
            return self.decode(delivery), context
        except Exception as exc:
            self.fail(delivery, exc)
            return None

    def decode(self, delivery: "Delivery") -> "Any":
        """Return the event of a delivery. Raises UnmarshalError."""
        kind = delivery.headers.get("content-type", "")
        try:
            return self.runtime.decode_event(delivery.body, kind)
        except Exception as exc:
            raise UnmarshalError(f"Unable to unmarshal input: {text_of(exc)}") from None

    def answer(
        self, delivery: "Delivery", handler: "Handler", event: "Any", context: Context
    ) -> None:
        """Call the handler with an event and answer the delivery, exactly once.

        Raises SystemExit if the process has to end, and RuntimeApiError.
        """
        try:
            result = handler(event, context)
            if sys.getrecursionlimit() < _DEPTH:
                sys.setrecursionlimit(_DEPTH)
            if type(result) not in PLAIN:
                result = self.resolve(result, delivery)
            if delivery.pending is not None:
                self.wait(delivery.pending)
            if not delivery.answered:
                body, content_type = self.encode(result)
        except BaseException as exc:
            if self.is_inherited:
                # In a child that the handler forked. The answer is left to its parent, and so is
                # the event loop: to close it here would take its descriptors from the parent's.
                self.loop = None  # pragma: no cover  in the child
                raise  # pragma: no cover
            if isinstance(exc, Shutdown):
                self.shut_down()  # first: there may be no time for more
            self.fail(delivery, exc)
            if isinstance(exc, SystemExit | KeyboardInterrupt):
                raise
            if not isinstance(exc, Exception):
                raise SystemExit(1) from None
            return
        try:
            flush()
            if not delivery.answered:
                delivery.respond(body, content_type)
        except Exception as exc:  # from a signal handler of the user's
            self.fail(delivery, exc)

    def resolve(self, result: "Any", delivery: "Delivery") -> "Any":
        """Await or stream a handler's result; return what is left to send.

        None is returned for a result that was streamed: it is sent by then.
        """
        if self.is_inherited:
            raise SystemExit(0)  # pragma: no cover  in a child, whose loop is the parent's
        if self._hides_coroutine:
            self._warn_of_decorator()
        if hasattr(type(result), "__await__"):
            result = self.wait(result)
        streaming = self.load_streaming()
        source, stream = streaming.open_stream(result, delivery)
        if stream is None:
            return source
        if hasattr(type(source), "__aiter__"):
            self.load_loop().pump(streaming.pump_async, source, stream)
        elif (rest := streaming.pump(source, stream)) is not None:
            self.wait(rest)
        return None

    def encode(self, result: "Any") -> tuple[bytes, str]:
        """Return the body that answers with `result`, and its content type. Raises MarshalError."""
        if isinstance(result, bytes):
            return result, OCTETS
        try:
            text = self.runtime.encode_response(result)
            if isinstance(text, str):
                return codec.to_utf8(text), JSON
            if isinstance(text, bytes | bytearray | memoryview):
                return bytes(text), JSON
            raise TypeError(f"encode_response() returned {type(text).__name__}, not str or bytes")
        except Exception as exc:
            raise MarshalError(f"Unable to marshal response: {text_of(exc)}") from None

    def fail(self, delivery: "Delivery", exc: BaseException) -> None:
        """Log an exception, and answer the delivery with it if it has no answer yet.

        Raises a RuntimeApiError again: there is no API to report it to.
        """
        if isinstance(exc, RuntimeApiError):
            raise exc
        if sys.getrecursionlimit() < _DEPTH:
            sys.setrecursionlimit(_DEPTH)
        flush()
        report.answer(delivery, exc)

    # Answers that the handler sends itself

    def send_response(self, result: "Any") -> "Awaitable[None] | None":
        """Answer the current invocation; or, if its answer is a stream, write `result` and end it.

        Returns a task where a coroutine has asked for what only its event loop can send.
        Raises MarshalError, LambdaError if there is nothing to answer, RuntimeApiError.
        """
        delivery = self.delivery()
        if delivery.stream is not None:
            if result is not None:
                delivery.stream.write(result)
            delivery.stream.close()
            return None
        if type(result) not in PLAIN and not delivery.answered:
            streaming = self.load_streaming()
            result, stream = streaming.open_stream(result, delivery)
            if stream is not None:
                is_async_source = hasattr(type(result), "__aiter__")
                pump = streaming.pump_async if is_async_source else streaming.pump
                rest = pump(result, stream)
                pending = delivery.pending = None if rest is None else self._begun(rest)
                return pending
        body, content_type = self.encode(result)
        flush()
        delivery.respond(body, content_type)
        return None

    def send_error(self, message: str, error_type: str) -> None:
        """Answer the current invocation with an error.

        Raises LambdaError if there is nothing to answer, RuntimeApiError.
        """
        delivery = self.delivery()
        failure = report.of_message(message, error_type, delivery.request_id)
        flush()
        delivery.fail(failure.body, failure.header_type, failure.cause)
        failure.log()

    def send_init_error(self, message: str, error_type: str) -> "NoReturn":
        """Report that the function can't be initialised. Raises SystemExit, RuntimeApiError."""
        failure = report.of_message(message, error_type)
        flush()
        failure.log()
        self.client.init_error(failure.body, failure.header_type, failure.cause)
        raise SystemExit(1)

    # What is loaded when a handler needs it

    def load_streaming(self) -> "ModuleType":
        """Return the module that streams; loaded on the first call."""
        if self._streaming is None:
            from . import streaming

            self._streaming = streaming
        return self._streaming

    def load_loop(self) -> "Loop":
        """Return what runs coroutines; made on the first call, which loads asyncio."""
        if self.loop is None:
            # The exception that a signal's handler raises would leave half a loop behind.
            waiting = pthread_sigmask(SIG_BLOCK, (SIGTERM, SIGINT))
            try:
                self.loop = _load_part("event_loop").EventLoop()
            finally:
                pthread_sigmask(SIG_SETMASK, waiting)
        return self.loop

    def wait(self, awaitable: "Awaitable[Any]") -> "Any":
        """Await `awaitable` on the event loop of the environment; return its result."""
        return self.load_loop().wait(awaitable)

    def _begun(self, awaitable: "Coroutine[Any, Any, None]") -> "Awaitable[None] | None":
        """Await `awaitable`, or return a task that does where a coroutine asks."""
        asyncio = sys.modules.get("asyncio")
        running: Any = asyncio and asyncio._get_running_loop()
        task: Awaitable[None] = running.create_task(awaitable) if running else awaitable
        return task if running else self.wait(task)

    def _warn_of_decorator(self) -> None:
        self._hides_coroutine = False
        sink.log_error(
            "[WARNING] LAMBDA_RUNTIME The handler is `async def` under a decorator that is not"
            " async: the decorator has returned before the handler begins. Decorate a plain"
            " function that returns amazon_lambda_runtime.wait_for(coroutine) instead.\n"
        )

    def close(self) -> None:
        """Close the event loop, if there is one: the environment ends."""
        if self.loop is not None:
            self.loop.close()

    def _call(self, hook: "Callable[[], Any]") -> None:
        """Call a method of the user's, and await it if it is async."""
        result = hook()
        if hasattr(type(result), "__await__"):
            try:
                self.wait(result)
            except BaseException:  # a signal, which may have come before it was awaited
                if hasattr(result, "cr_frame"):  # a coroutine
                    result.close()
                raise
        elif result is not None:
            _load_part("hooks").refuse(hook, result)
