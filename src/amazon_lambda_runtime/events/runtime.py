"""EventRuntime: the handler that finds, for each event and each record of it, what is there for it.

Rule: it looks from the inside out. For an S3 event in a message of a queue that is first what has
been said for S3, and what has been said for the queue if there is nothing.
"""

from amazon_lambda_runtime.core.stdlib import load

from .batch import Batch, entries_of
from .envelopes import opened
from .handlers import EventHandler, RecordHandler
from .host import Host
from .routes import Route, arguments, check_source, is_async
from .sources import source_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, TypeVar

    from amazon_lambda_runtime.core.context import Context

    from .routes import Call

    Function = TypeVar("Function", bound=Callable[..., Any])


class EventRuntime(Host):
    """A Lambda function for events: register handler classes, or decorate functions with `on`.

    The options are the attributes of the same names, for one instance. Raises TypeError for one
    that is of another type.
    """

    _routes: "list[Route]" = []
    _event_handlers: "ClassVar[dict[str, type[EventHandler]]]" = {}

    @classmethod
    def register_event_handler(
        cls, source: str, handler: "type[EventHandler]"
    ) -> "type[EventRuntime]":
        """Have `handler` handle what comes from `source`, here and in subclasses; return `cls`.

        Raises ValueError for a source that is not known, TypeError for what is no EventHandler.
        """
        check_source(source)
        if not (isinstance(handler, type) and issubclass(handler, EventHandler)):
            raise TypeError(f"{handler!r} is no subclass of EventHandler: SQS, S3 and so on are")
        # A new one, and not the base's: that would be everybody's.
        cls._event_handlers = {**vars(cls).get("_event_handlers", {}), source: handler}
        hooks = (getattr(handler, name) for name in dir(handler) if name.startswith("on_"))
        _prepare(*hooks)
        return cls

    def on(self, source: str, /, **conditions: str) -> "Callable[[Function], Function]":
        """Have the decorated function handle what comes from `source` and meets the conditions.

        A source may be the name of an S3 event, "s3:ObjectCreated:*". Conditions are names or
        patterns with `*` and `?`. Of several functions the one with the most conditions is called,
        then the one with the fewest patterns among them, then the one with the most letters in
        them. It is called with what the hook of the source's class takes. Raises ValueError for a
        source that is not known or the same conditions again, TypeError for a condition that the
        source does not have.
        """

        def register(function: "Function") -> "Function":
            route = Route(source, conditions, function)
            for other in self._routes:
                if (other.source, other.conditions) == (route.source, route.conditions):
                    raise ValueError(f"there is a function for {source} {conditions} already")
            routes = [*self._routes, route]
            routes.sort(key=lambda route: route.weight, reverse=True)
            self._routes = routes
            _prepare(function)
            return function

        return register

    def handler(self, event: "Any", context: "Context") -> "Any":
        """Answer one event: find where it comes from, and call what is there for its records."""
        source = source_of(event)
        if not source and isinstance(event, dict) and event.get("Records") == []:
            return {"batchItemFailures": []}
        entries = entries_of(source, event) if source else None
        if entries is None:
            return self._whole(source, event, context)
        kind = self._class_for(source)
        if kind is not None and not issubclass(kind, RecordHandler):
            return kind(self, event, context, source).process()
        find = _Finder(self, event, context, source)
        return Batch(self, context, source, entries, find.calls).run()

    def _whole(self, source: str, event: "Any", context: "Context") -> "Any":
        """Handle an event that is not a batch of records, and return the answer."""
        for route in self._routes:
            if route.source == source and route.accepts(event):
                return route.function(*arguments(source, event, event))
        kind = self._class_for(source)
        if kind is not None:
            return kind(self, event, context, source).process()
        return self.on_unhandled(source, event)

    def _class_for(self, source: str) -> "type[EventHandler] | None":
        for owner in type(self).__mro__:
            kind: type[EventHandler] | None = vars(owner).get("_event_handlers", {}).get(source)
            if kind is not None:
                return kind
        return None


class _Finder:
    """Tells what to call for a record of one event."""

    def __init__(
        self, runtime: EventRuntime, event: "Any", context: "Context", source: str
    ) -> None:
        self._runtime = runtime
        self._event = event
        self._context = context
        self._source = source
        self._handlers: dict[str, EventHandler] = {}

    def calls(self, record: "Any") -> "list[Call]":
        """Return the calls for all that is inside of a record."""
        found = []
        for item in opened(self._source, record):
            for source, level in reversed(item.levels):
                call = self._call(source, item.payload, level)
                if call is not None:
                    break
            else:
                source, level = item.levels[-1]
                call = self._runtime.on_unhandled, (source, level)
            found.append(call)
        return found

    def _call(self, source: str, payload: "Any", record: "Any") -> "Call | None":
        """Return the call for one level of what is inside, None if nothing is there for it."""
        for route in self._runtime._routes:
            if route.source == source and route.accepts(record):
                return route.function, arguments(source, payload, record)
        handler = self._handlers.get(source)
        if handler is None:
            kind = self._runtime._class_for(source)
            if kind is None:
                return None
            handler = self._handlers[source] = kind(
                self._runtime, self._event, self._context, source
            )
        return handler.call(payload, record) if isinstance(handler, RecordHandler) else None


def _prepare(*functions: "Any") -> None:
    """Load asyncio, which is slow to load, now and not in the first invocation."""
    if any(is_async(function) for function in functions):
        load("asyncio")
