"""Web: a Runtime that serves a web application."""

from amazon_lambda_runtime.core import serving
from amazon_lambda_runtime.core.applications import kind_of
from amazon_lambda_runtime.core.runtime import Runtime
from amazon_lambda_runtime.core.stdlib import library_first

from .settings import Settings, plain, runtime_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from amazon_lambda_runtime.core.context import Context

    from . import asgi, wsgi


class Web(Runtime):
    """A Lambda function that serves a web application, ASGI or WSGI.

    The options are the attributes of the same names, for one instance. Raises TypeError for what
    is no application, ValueError for an option that can't be.
    """

    #: The application.
    app: "Any" = None
    #: Which doors stream: True, False, "url", "rest" or "url,rest". None leaves it to the variable
    #: LAMBDA_RUNTIME_WEB_STREAM, which the deployment sets; without it nothing is streamed.
    stream: "bool | str | None" = None
    #: Where the application is mounted, "/api". None leaves it to LAMBDA_RUNTIME_ROOT_PATH, then to
    #: the event: API Gateway tells its stage.
    root_path: "str | None" = None
    #: Of an ASGI application: "auto" if it has one, "on" if it has to have one, "off"; "snapshot"
    #: is "auto", and with SnapStart its startup is part of the snapshot.
    lifespan: str = "auto"
    #: How the application is called: "asgi", "wsgi", or "auto", by the names of what it takes.
    interface: str = "auto"
    #: What takes events that are no requests: a Runtime, its class, or a handler.
    events: "Any" = None
    #: What becomes of an exception of the application: "answer" is a response of 500, "raise" fails
    #: the invocation.
    errors: str = "answer"
    #: An ASGI application's response is given up so long (seconds) before the deadline, and 504
    #: sent. 0 leaves the deadline to Lambda.
    margin: float = 0
    #: How many proxies there are before the door, each of which adds to x-forwarded-for.
    proxies: int = 0
    #: Content types that are text besides the well-known ones.
    text_types: "Collection[str]" = ()

    def __init__(
        self,
        app: "Any" = None,
        *,
        stream: "bool | str | None" = None,
        root_path: "str | None" = None,
        lifespan: "str | None" = None,
        interface: "str | None" = None,
        events: "Any" = None,
        errors: "str | None" = None,
        margin: "float | None" = None,
        proxies: "int | None" = None,
        text_types: "Collection[str] | None" = None,
        loglevel: "str | int | None" = None,
    ) -> None:
        super().__init__(loglevel=loglevel)
        given = {
            "stream": stream,
            "root_path": root_path,
            "lifespan": lifespan,
            "interface": interface,
            "events": events,
            "errors": errors,
            "margin": margin,
            "proxies": proxies,
            "text_types": text_types,
        }
        vars(self).update({name: value for name, value in given.items() if value is not None})
        # A function that is an attribute of a class would be bound to this object.
        self.app = plain(type(self), "app") if app is None else app
        self.events = runtime_of(plain(type(self), "events") if events is None else events)
        settings = Settings(self)
        kind = ""
        if callable(self.app):
            named = self.interface != "auto"
            kind = self.interface if named else kind_of(self.app, "the application")
        if not kind:
            found = type(self.app).__name__
            hint = '; interface="asgi" or "wsgi" says that it is one' if callable(self.app) else ""
            raise TypeError(f"Web() takes an ASGI or WSGI application, not {found}{hint}")
        # What it loads is slow to load, and a signal.py of the user's is not to be asyncio's.
        name = f"{__package__}.{kind}"
        module = library_first(lambda: __import__(name, fromlist=["Server"]))
        self._server: asgi.Server | wsgi.Server = module.Server(self, settings)

    if TYPE_CHECKING:

        def handler(self, event: Any, context: Context) -> Any: ...
    else:

        @property
        def handler(self):
            """Answers one event: a coroutine function for ASGI, a plain one for WSGI."""
            return self._server.handle

    @property
    def event_handler(self) -> "Any":
        """What takes events that are no requests; None if nothing does."""
        return self.events.handler if isinstance(self.events, Runtime) else self.events

    def on_init(self) -> "Any":
        """Have the application start. One that overrides it has to return what this returns."""
        if isinstance(self.events, Runtime):
            serving.lend(serving.of(self), self.events)
        started = self._start() if self._server.lifespan is not None else None
        return _both(started, self._of_events("on_init"))

    def on_shutdown(self) -> "Any":
        """Have the application end. One that overrides it has to return what this returns."""
        lifespan = self._server.lifespan
        return _both(lifespan.stop() if lifespan else None, self._of_events("on_shutdown"))

    def before_snapshot(self) -> "Any":
        """Have the application start before SnapStart's snapshot, if it is set so."""
        return self._start() if self._server.lifespan and self.lifespan == "snapshot" else None

    async def _start(self) -> None:
        lifespan = self._server.lifespan
        if lifespan is not None and not lifespan.has_begun:
            await lifespan.start()

    def _heeds_shutdown(self) -> bool:
        return (
            type(self).on_shutdown is not Web.on_shutdown
            or self._server.lifespan is not None
            or (isinstance(self.events, Runtime) and self.events._heeds_shutdown())
        )

    def _of_events(self, hook: str) -> "Any":
        """Return what calls a hook of the Runtime that takes events; None if there is none."""
        return getattr(self.events, hook) if isinstance(self.events, Runtime) else None


def _both(first: "Any", second: "Any") -> "Any":
    """Return what awaits `first`, if there is one, and then calls and awaits `second`."""
    if first is None:
        return second() if second is not None else None
    return _in_turn(first, second)


async def _in_turn(first: "Any", second: "Any") -> None:
    await first
    result: Any = second() if second is not None else None
    if hasattr(type(result), "__await__"):
        await result
