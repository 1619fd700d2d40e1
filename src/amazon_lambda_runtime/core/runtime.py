"""Runtime: what a user overrides and calls. How it is served is in `serving.py`."""

from os import environ

from amazon_lambda_runtime.protocol import is_json

from . import codec, serving
from .context import Context
from .errors import NoHandlerDefinedException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any, NoReturn

    from .logs.format import RuntimeLogger
    from .typing import Handler


class Runtime:
    """A Lambda function: subclass it and give it a `handler` method.

    One instance lives as long as the execution environment, so every invocation can use what
    `__init__` prepared. `loglevel` is the level of `self.logger` by name or number; without it
    LOG_LEVEL decides, then AWS_LAMBDA_LOG_LEVEL, then it is INFO.
    """

    #: On Lambda Managed Instances: "processes", "threads" or "tasks". None means tasks for a
    #: handler that is async, else processes.
    concurrency: "str | None" = None
    _loglevel: "str | int | None" = None
    _logger: "RuntimeLogger | None" = None

    def __init__(self, *, loglevel: "str | int | None" = None) -> None:
        self._loglevel = loglevel

    def handler(self, event: "Any", context: Context) -> "Any":
        """Answer one event. Yours to define.

        `event` is what `decode_event` returned for the payload. The result is sent to the caller
        as `encode_response` encodes it; bytes are sent as they are. An exception is reported to
        the caller as an error, and the next event is served.
        """
        raise NoHandlerDefinedException(
            f"{type(self).__name__} has no handler: define handler(self, event, context)"
        )

    def on_init(self) -> "Any":
        """Prepare what each process needs before its first event. Yours to override.

        It may be `async def`: what it opens lives on the event loop that handlers run on. It is
        called once in each process: after `__init__` and, with SnapStart, after `after_restore`.
        What it raises is reported as an init error and ends the process.
        """

    def on_shutdown(self) -> "Any":
        """Tidy up before the environment ends. Yours to override; it may be `async def`.

        Lambda sends SIGTERM only to a function that overrides it, and SIGKILL a few hundred
        milliseconds later. It is called once, in the main thread. A handler that is running is
        interrupted first, by a Shutdown, which is a SystemExit.
        """

    def _heeds_shutdown(self) -> bool:
        """Say whether `on_shutdown` has something to do."""
        return type(self).on_shutdown is not Runtime.on_shutdown

    def before_snapshot(self) -> "Any":
        """Prepare for SnapStart's snapshot. Yours to override; it may be `async def`.

        What it raises is reported as an init error and ends the process with status 64.
        """

    def after_restore(self) -> "Any":
        """Renew what does not survive a snapshot: connections, credentials, unique values.

        Yours to override; it may be `async def`. What it raises is reported to Lambda and ends the
        process with status 65.
        """

    def decode_event(self, body: bytes, content_type: str) -> "Any":
        """Return the event in `body`: decoded JSON, or the bytes if the content type is another.

        Override it to use another JSON library. If it raises, the caller reads
        Runtime.UnmarshalError.
        """
        return codec.decode(body) if is_json(content_type) else body

    def encode_response(self, result: "Any") -> "str | bytes":
        """Return `result` as JSON.

        Override it to use another JSON library. If it raises, the caller reads
        Runtime.MarshalError.
        """
        return codec.encode(result)

    @property
    def logger(self) -> "RuntimeLogger":
        """The logger of this class: levels trace, debug, info, warn, error, fatal.

        It takes a message as `logging` does, or a callable that returns one. Raises ValueError if
        `loglevel` is not a level.
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

    def __getstate__(self) -> "dict[str, Any]":
        """Return what `pickle` and `copy` take: all but what serves it in this process."""
        return {name: value for name, value in vars(self).items() if name != "_serving"}

    def run(self, handler: "Handler | None" = None) -> "NoReturn":
        """Serve invocations with `handler`, or else `self.handler`, until the environment ends.

        Leaves by SystemExit only: with the status of a handler that exits, 130 after Ctrl-C, 1 if
        the Runtime API is gone or a handler raised what is not an Exception.
        """
        run_workers: serving.RunWorkers | None = None
        overrides = self._heeds_shutdown()
        if "AWS_LAMBDA_MAX_CONCURRENCY" in environ:
            from .stdlib import load_part

            workers = load_part("workers")
            workers.settle(self, handler or self.handler, overrides)
            run_workers = workers.run_workers
            overrides = overrides and not workers.is_worker()  # the parent has asked for SIGTERM
        serving.of(self).run(handler or self.handler, overrides, run_workers)

    def next_event(self) -> "tuple[Any, Context]":
        """Wait for the next event and return it with its Context.

        `run` calls it. An event that can't be decoded is answered with an error, and the next one
        is awaited. Raises RuntimeApiError.
        """
        return serving.of(self).next_event()

    def send_invocation_response(self, result: "Any") -> "Awaitable[None] | None":
        """Answer the invocation now. What the handler returns later is then not sent.

        `result` is anything that a handler may return. What streams is sent to its end; but where
        a coroutine sends what takes its event loop, an async iterator, the result is a task, which
        may be awaited. Else it is None.

        While a response is being streamed, `result` is its last piece, or None, and ends it.
        Raises MarshalError if `result` has no JSON form, LambdaError if there is no invocation or
        it has been answered, RuntimeApiError.
        """
        return serving.of(self).send_response(result)

    def send_invocation_error(self, message: str, error_type: str = "Error") -> None:
        """Answer the invocation with an error: what the caller reads as errorMessage, errorType.

        Raises LambdaError if there is no invocation or it has been answered, RuntimeApiError.
        """
        serving.of(self).send_error(message, error_type)

    def send_init_error(self, message: str, error_type: str = "Runtime.InitError") -> "NoReturn":
        """Report that the function can't be initialised, and exit with status 1.

        For `__init__`. Raises SystemExit, and RuntimeApiError.
        """
        serving.of(self).send_init_error(message, error_type)
