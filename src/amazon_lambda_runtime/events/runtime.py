"""EventRuntime: registration of classes and functions, and dispatch of events to them.

An event is a batch of records, each handled by itself; or a list from AppSync, with an answer for
each element; or it is handled whole.
"""

from amazon_lambda_runtime.core.stdlib import load

from .dispatch import run_records
from .handlers import EventHandler, RecordHandler
from .host import Host
from .records import BY_RECORD
from .routes import Route, arguments, check_route
from .signatures import is_async
from .sources import check_source, source_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from amazon_lambda_runtime.core.context import Context

    from .overloads import On, Source


class _OnTheClass:
    """Has `register_event_handler` refuse to be called on an instance."""

    def __get__(self, instance: "Any", owner: "type[EventRuntime]") -> "Callable[..., Any]":
        return owner._register if instance is None else self._refuse

    def _refuse(self, source: str, handler: "Any") -> "Any":
        raise TypeError(
            "register_event_handler is for classes, and would reach every instance: call it on"
            " your subclass of EventRuntime, or decorate functions with on() of the instance"
        )


class EventRuntime(Host):
    """A Lambda function for events: register handler classes, or decorate functions with `on`.

    The options are the attributes of the same names, for one instance. Raises TypeError for one
    that is of another type, ValueError for one that is too small.
    """

    if TYPE_CHECKING:

        @classmethod
        def register_event_handler(
            cls, source: Source, handler: type[EventHandler]
        ) -> "type[EventRuntime]": ...

        @property
        def on(self) -> On: ...
    else:
        register_event_handler = _OnTheClass()

        def on(self, source, /, **conditions):
            """Have the decorated function handle what comes from `source` and meets the conditions.

            A source may be the name of an S3 event, "s3:ObjectCreated:*". Conditions are names or
            patterns with `*` and `?`. Of several functions the one with the most conditions is
            called, then the one with the fewest patterns among them, then the one with the most
            letters in them. It is called with what the hook of the source's class takes. Raises
            ValueError for a source that is not known or the same conditions again, TypeError for a
            condition that the source does not have and for a function with other parameters.
            """
            check_route(source, conditions)

            def register(function):
                route = Route(source, conditions, function)
                others = self.routes_for(route.source)
                if any(other.conditions == route.conditions for other in others):
                    raise ValueError(f"there is a function for {source} {conditions} already")
                routes = sorted([*others, route], key=lambda each: each.weight, reverse=True)
                self._routes = {**self._routes, route.source: routes}
                _prepare(function)
                return function

            return register

    @classmethod
    def _register(cls, source: str, handler: "type[EventHandler]") -> "type[EventRuntime]":
        """Have `handler` handle what comes from `source`, here and in subclasses; return `cls`.

        Raises ValueError for a source that is not known, TypeError for what is no EventHandler, for
        a class of another source, and on EventRuntime itself, which every function shares.
        """
        check_source(source)
        if not (isinstance(handler, type) and issubclass(handler, EventHandler)):
            raise TypeError(f"{handler!r} is not a subclass of EventHandler, as SQS and S3 are")
        if handler.sources and source not in handler.sources:
            choice = ", ".join(sorted(handler.sources))
            raise TypeError(f"{handler.__qualname__} is not for {source}; it is for: {choice}")
        if cls is EventRuntime:
            raise TypeError(
                "what is registered with EventRuntime itself would reach every function of the"
                " process: register it with a subclass"
            )
        handler.check_init()  # a dataclass gets its own behind the class
        # A new dict: the base's would reach its other subclasses.
        cls._event_handlers = {**vars(cls).get("_event_handlers", {}), source: handler}
        hooks = (getattr(handler, name) for name in dir(handler) if name.startswith("on_"))
        _prepare(handler.process, *hooks)
        return cls

    def handler(self, event: "Any", context: "Context") -> "Any":
        """Answer one event: find where it comes from, and call what is registered for it."""
        source = source_of(event)
        if source in BY_RECORD:
            kind = self.class_for(source)
            if kind is not None and kind.process is not RecordHandler.process:
                return kind(self, event, context, source).process()
            return run_records(self, source, event, context)
        if source == "aws:appsync" and isinstance(event, list):
            return self._each(source, event, context)
        if not source and isinstance(event, dict) and event.get("Records") == []:
            return {"batchItemFailures": []}
        return self._whole(source, event, context)

    def _whole(self, source: str, event: "Any", context: "Context") -> "Any":
        """Handle an event that is not a batch of records, and return the answer."""
        result = self._result(source, event, context)
        if source != "aws:cognito":
            return result
        # Cognito accepts only its own event as an answer, with a response filled in.
        if hasattr(type(result), "__await__"):
            result = self.wait(result)
        return event if result is None else result

    def _result(self, source: str, event: "Any", context: "Context") -> "Any":
        for route in self.routes_for(source):
            if route.accepts(event):
                if source == "aws:alb":
                    from . import alb

                    return alb.answer(self, event, route.function)
                return route.function(*arguments(source, event, event))
        kind = self.class_for(source)
        if kind is not None:
            return kind(self, event, context, source).process()
        return self.on_unhandled(source, event)

    def _each(self, source: str, elements: "list[Any]", context: "Context") -> "list[Any]":
        """Handle each element by itself, and return the answers in their order.

        The first exception of an element is raised when all have been handled.
        """
        results: list[Any] = []
        failures: list[Exception] = []
        for element in elements:
            try:
                results.append(self._whole(source, element, context))
            except Exception as exc:
                results.append(None)
                failures.append(exc)
        if any(hasattr(type(result), "__await__") for result in results):
            self.wait(_settle(results, failures, self.max_concurrency))
        if failures:
            raise failures[0]
        return results


async def _settle(results: "list[Any]", failures: list[Exception], limit: int) -> None:
    """Replace each awaitable by its result, running at most `limit` at a time."""
    from asyncio import TaskGroup

    waiting = iter(range(len(results)))

    async def work() -> None:
        for index in waiting:
            if hasattr(type(results[index]), "__await__"):
                try:
                    results[index] = await results[index]
                except Exception as exc:
                    failures.append(exc)

    async with TaskGroup() as workers:
        for _ in range(min(limit, len(results))):
            workers.create_task(work())


def _prepare(*functions: "Any") -> None:
    """Load asyncio during init if a function is async: it is slow to load."""
    if any(is_async(function) for function in functions):
        load("asyncio")
