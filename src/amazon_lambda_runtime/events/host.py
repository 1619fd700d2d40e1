"""Host: what a batch, and the handler of a source, know of the runtime that they work for.

Rule: this is the lower floor of EventRuntime, and all that events use of the core's Runtime. An
option is checked wherever it is set: on the class, in the constructor, on an instance.
"""

from amazon_lambda_runtime.core import runtime, serving

from .errors import UnhandledEvent
from .signatures import check_hook, check_names, check_option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from typing import Any, ClassVar

    from .routes import Route

# Of an option, its type and its least value.
_OPTIONS: "dict[str, tuple[type, int]]" = {
    "partial_failures": (bool, 0),
    "margin_ms": (int, 0),
    "max_concurrency": (int, 1),
}
# What the runtime calls of a class, for an event or without one.
_HOOKS = ("on_unhandled", "on_init", "on_shutdown")
# Services that answer their caller with 502 if the function fails.
_HTTP = frozenset(
    (
        "aws:alb",
        "aws:apigateway",
        "aws:apigateway-v2",
        "aws:apigateway-websocket",
        "aws:lambda-url",
        "aws:vpc-lattice",
    )
)


class Host(runtime.Runtime):
    """A Runtime with the options of batches, and `on_unhandled`."""

    #: Whether the trigger has ReportBatchItemFailures. Without it, one failure fails the batch, and
    #: all of it is redelivered. True where the trigger does not have it loses messages.
    partial_failures: bool = False
    #: No other record of a batch is begun with less time than this left, in milliseconds.
    margin_ms: int = 500
    #: How many async hooks of a batch may run at a time.
    max_concurrency: int = 10

    #: Whether it was logged that a stream has records which the Kinesis Producer Library packed.
    is_aggregation_told = False
    # The functions of each source, those with the most conditions first.
    _routes: "dict[str, list[Route]]" = {}
    _event_handlers: "ClassVar[dict[str, type[Any]]]" = {}

    def __init_subclass__(cls, **options: "Any") -> None:
        super().__init_subclass__(**options)
        if cls.__module__ != f"{__package__}.runtime":
            for name, value in vars(cls).items():
                if name[0] != "_" and not callable(value):
                    check_option(cls, name, _OPTIONS)
            check_names(cls, _HOOKS)
            if "on_unhandled" in vars(cls):
                check_hook(cls, "on_unhandled", ("source", "record"), streams=True)
        for name in _OPTIONS.keys() & vars(cls).keys():
            value = vars(cls)[name]
            if not hasattr(type(value), "__get__"):  # a property is the user's to check
                _check_option(name, value)

    def __setattr__(self, name: str, value: "Any") -> None:
        if name in _OPTIONS:
            _check_option(name, value)
        elif name[0] != "_" and not hasattr(self, name):
            check_option(type(self), name, _OPTIONS)
        super().__setattr__(name, value)

    def __init__(
        self,
        *,
        loglevel: "str | int | None" = None,
        partial_failures: bool | None = None,
        margin_ms: int | None = None,
        max_concurrency: int | None = None,
    ) -> None:
        super().__init__(loglevel=loglevel)
        if partial_failures is not None:
            self.partial_failures = partial_failures
        if margin_ms is not None:
            self.margin_ms = margin_ms
        if max_concurrency is not None:
            self.max_concurrency = max_concurrency

    def on_unhandled(self, source: str, record: "Any") -> "Any":
        """Handle an event, or a record of one, for which nothing is registered. Yours to override.

        Raises UnhandledEvent, so that it does not count as handled; a request over HTTP is answered
        with 404. `source` is "" if it is not known. The result is the answer to an event that is
        handled whole.
        """
        if source in _HTTP:
            self.logger.warning("nothing is registered for this request of %s: 404", source)
            return _not_found(source)
        if source:
            raise UnhandledEvent(f"nothing is registered for this event of {source}")
        raise UnhandledEvent("this event is not of a form that a known source sends")

    def routes_for(self, source: str) -> "Sequence[Route]":
        """Return the functions for a source, those with the most conditions first."""
        return self._routes.get(source, ())

    def class_for(self, source: str) -> "type[Any] | None":
        """Return the class that is registered for a source, here or in a base; None if none is."""
        for owner in type(self).__mro__:
            kind: type[Any] | None = vars(owner).get("_event_handlers", {}).get(source)
            if kind is not None:
                return kind
        return None

    def wait(self, awaitable: "Awaitable[Any]") -> "Any":
        """Return the result of `awaitable`, which runs on the event loop of the environment."""
        return serving.of(self).wait(awaitable)


# What Python tells of a wrong call names the class that users know.
Host.__init__.__qualname__ = "EventRuntime.__init__"
Host.on_unhandled.__qualname__ = "EventRuntime.on_unhandled"


def _check_option(name: str, value: "Any") -> None:
    kind, least = _OPTIONS[name]
    found = type(value)
    if found is not kind:  # a bool is an int, too
        raise TypeError(f"{name} is {kind.__name__}, not {found.__name__}: {value!r}")
    if value < least:
        raise ValueError(f"{name} is {least} or more, not {value}")


def _not_found(source: str) -> "dict[str, Any]":
    document: dict[str, Any] = {
        "statusCode": 404,
        "headers": {"Content-Type": "application/json"},
        "body": '{"error": "Not Found"}',
        "isBase64Encoded": False,
    }
    return document | {"statusDescription": "404 Not Found"} if source == "aws:alb" else document
