"""ASGI applications: one request, and its answer.

https://asgi.readthedocs.io/en/latest/specs/www.html

The application runs in the task of its invocation, so what it does after its response is work after
the response. `send` returns when a piece is with the network: that is the back-pressure, and there
is no queue.
"""

import asyncio
from contextvars import copy_context

from amazon_lambda_runtime.core import serving
from amazon_lambda_runtime.core.errors import Shutdown, StreamClosed
from amazon_lambda_runtime.events.sources import source_of

from .answers import Head
from .errors import StartupFailed
from .lifespan import Lifespan
from .others import posted, refusal, result_of
from .reply import Reply, as_bytes
from .requests import DOORS, Request, text_of
from .sender import Sender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from amazon_lambda_runtime.core.context import Context

    from .settings import Settings
    from .typing import Site

    Message = dict[str, Any]

# How long (seconds) an application may take to tidy up when its time is over.
_LAST_WORDS = 0.1
_DISCONNECT = {"type": "http.disconnect"}
# Of 2.4 on, `send` raises OSError where the client has gone, and frameworks rely on it.
_VERSIONS = {"version": "3.0", "spec_version": "2.4"}


def scope_of(
    request: Request, event: "Any", context: "Context", state: "dict[str, Any]"
) -> "Message":
    """Return the scope of a request."""
    return {
        "type": "http",
        "asgi": dict(_VERSIONS),
        "http_version": request.http_version,
        "method": request.method,
        "scheme": request.scheme,
        "path": text_of(request.path),
        "raw_path": request.path,
        "query_string": request.query,
        "root_path": text_of(request.root_path),
        "headers": list(request.headers),
        "client": request.client,
        "server": request.server,
        "state": state.copy(),
        "extensions": {},
        "aws.event": event,
        "aws.context": context,
    }


class Server:
    """Serves an application: its requests, and at begin and end its lifespan."""

    def __init__(self, site: "Site", settings: "Settings") -> None:
        self._site = site
        self._settings = settings
        mode = settings.lifespan
        #: None if there is to be none.
        self.lifespan = None if mode == "off" else Lifespan(site.app, is_required=mode == "on")

    async def handle(self, event: "Any", context: "Context") -> "Any":
        """Answer one event."""
        lifespan = self.lifespan
        if lifespan is not None and not lifespan.has_begun:
            name = type(self._site).__name__
            raise StartupFailed(f"{name}.on_init has to return super().on_init()")
        source = source_of(event)
        if source not in DOORS:
            return await self._handle_other(source, event, context)
        settings = self._settings
        request, reply = settings.open(source, event, context)
        exchange = Exchange(request.body, reply, Sender(serving.of(self._site).delivery()))
        try:
            if settings.is_hidden(request):
                await exchange.answer(404)
            else:
                scope = scope_of(request, event, context, self._state)
                await exchange.run(
                    self._site.app, scope, settings.raises, settings.seconds(context)
                )
        finally:
            settings.close(request, reply)
        return None

    @property
    def _state(self) -> "Message":
        return self.lifespan.state if self.lifespan is not None else {}

    async def _handle_other(self, source: str, event: "Any", context: "Context") -> "Any":
        handler, path = self._site.event_handler, self._settings.events_path
        if handler is not None:
            if serving.is_async(handler):
                result = handler(event, context)
            else:
                # In a thread: it may wait for what runs on this loop.
                run, loop = copy_context().run, asyncio.get_running_loop()
                result = await loop.run_in_executor(None, run, handler, event, context)
            return await result if hasattr(type(result), "__await__") else result
        if not path:
            raise refusal(source)
        request, reply = posted(path, event, context)
        scope = scope_of(request, event, context, self._state)
        await Exchange(request.body, reply, None).run(self._site.app, scope, True, 0)
        return result_of(reply, path, source)


class Exchange:
    """What an application receives and sends for one request.

    Without a sender the response stays in the reply.
    """

    def __init__(self, body: bytes, reply: Reply, sender: Sender | None) -> None:
        self._request: Message | None
        self._request = {"type": "http.request", "body": body, "more_body": False}
        self._reply = reply
        self._sender = sender
        self._is_complete = False
        self._has_begun = False
        # Set when there is nothing more to be received: the response is complete, or can't be.
        self._over = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None
        self._is_late = False
        # Pieces of an error response that is kept back, because the exception may follow; None if
        # nothing is.
        self._held: list[bytes] | None = None
        self._raises = False
        # Why the response can't be sent, and what `send` raises from then on.
        self._cut: StreamClosed | None = None
        self._gone = OSError("the client is gone")

    async def receive(self) -> "Message":
        """Return the request; then, when the response is complete, that the client is gone."""
        request, self._request = self._request, None
        if request is not None:
            return request
        await self._over.wait()
        return dict(_DISCONNECT)

    async def send(self, message: "Message") -> None:
        """Take a part of the response."""
        kind = message["type"]
        if self._cut is not None:
            raise self._gone
        if self._is_complete:
            raise RuntimeError(
                f"Unexpected ASGI message '{kind}' sent, after response already completed."
            )
        if self._reply.head is None:
            if kind != "http.response.start":
                raise RuntimeError(
                    f"Expected ASGI message 'http.response.start', but got '{kind}'."
                )
            head = _head(message)
            self._reply.begin(head)
            # Starlette answers an exception and raises it then.
            if self._raises and head.status >= 500:
                self._held = []
        elif kind != "http.response.body":
            raise RuntimeError(f"Expected ASGI message 'http.response.body', but got '{kind}'.")
        else:
            piece, is_last = as_bytes(message.get("body", b"")), not message.get("more_body", False)
            if self._held is not None:
                self._held.append(piece)
                self._is_complete = is_last
                if is_last:
                    self._over.set()
                return
            try:
                await self._send(piece, is_last)
            except StreamClosed as exc:
                self._cut = exc
                self._over.set()
                raise self._gone from None

    async def run(self, app: "Any", scope: "Message", raises: bool, seconds: float) -> None:
        """Call the application, and see to it that there is an answer.

        `raises` leaves an exception to the caller, if there is no answer yet; else the answer is a
        500. `seconds` is how long it may take; 0 means as long as it likes.
        """
        timers = self._limit(seconds) if seconds else ()
        self._raises = raises
        try:
            await app(scope, self.receive, self.send)
            await self._release()
        except asyncio.CancelledError as exc:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():  # it is the application's own
                cancelled = RuntimeError("the application raised CancelledError")
                cancelled.__cause__ = exc
                await self._answer_for(cancelled, raises)
                return
            if not self._is_late or self._task is None or self._task.uncancel():
                raise
            told = f"the response was not complete after {seconds:.1f} s"
            if self._has_begun:
                raise TimeoutError(told) from None
            self._reply.log(told, "Runtime.DeadlineExceeded")
            await self.answer(504)
        except SystemExit as exc:
            if not isinstance(exc, Shutdown):
                await self.answer(500)
            raise
        except Exception as exc:
            if self._cut is None or not _comes_of(exc, self._gone):
                await self._answer_for(exc, raises)
        finally:
            for timer in timers:
                timer.cancel()
        if self._cut is not None:
            raise self._cut
        if not self._is_complete:
            what = "returned in the middle of" if self._has_begun else "returned without"
            await self._answer_for(RuntimeError(f"the application {what} its response"), raises)

    async def _release(self) -> None:
        """Send what has been kept back: the application has returned without an exception."""
        held, self._held = self._held, None
        if held is not None and self._is_complete:
            await self._send(b"".join(held), True)

    async def _send(self, piece: bytes, is_last: bool) -> None:
        reply, sender = self._reply, self._sender
        if sender is None or not reply.streams:
            reply.add(piece)
            self._is_complete = is_last
            if is_last and sender is not None:
                await sender.respond(reply.whole())
        elif not self._has_begun:
            opening = reply.opening()
            self._has_begun = True
            self._is_complete = is_last
            await sender.begin(opening, b"" if reply.is_dropped else piece)
        elif piece and not reply.is_dropped:
            self._is_complete = is_last
            await sender.write(piece)
        if is_last:
            self._is_complete = True
            if sender is not None and reply.streams:
                await sender.finish()
            self._over.set()

    async def _answer_for(self, exc: Exception, raises: bool) -> None:
        """Answer where the application has failed to."""
        if raises or (self._has_begun and not self._is_complete):
            raise exc
        head = self._reply.head
        if self._is_complete and head is not None and head.status < 500:
            raise exc  # of work after the response
        self._reply.log_exception(exc)
        await self.answer(500)

    async def answer(self, status: int) -> None:
        """Answer with a status and its name, if nothing has been sent."""
        if not (self._is_complete or self._has_begun):
            await self._send(self._reply.plain(status), True)

    # The deadline

    def _limit(self, seconds: float) -> "tuple[asyncio.TimerHandle, ...]":
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        return (
            loop.call_later(seconds, self._over.set),
            loop.call_later(seconds + _LAST_WORDS, self._cancel),
        )

    def _cancel(self) -> None:
        if not self._is_complete and self._task is not None:
            self._is_late = True
            self._task.cancel()


def _head(message: "Message") -> Head:
    status = message["status"]
    if not isinstance(status, int):
        raise TypeError(f"the response has the status {status!r}: expected a number")
    pairs = []
    for name, value in message.get("headers", ()):
        for each in (name, value):
            if not isinstance(each, bytes | bytearray | memoryview):
                raise TypeError(f"a header field of the response has {each!r}: expected bytes")
        pairs.append((bytes(name).decode("latin-1"), bytes(value).decode("latin-1")))
    return Head(status, pairs)


def _comes_of(exc: BaseException, cause: BaseException) -> bool:
    """Say whether an exception is `cause`, or was raised while that was handled."""
    if exc is cause:
        return True
    inner: list[BaseException | None] = [exc.__cause__, exc.__context__]
    if isinstance(exc, BaseExceptionGroup):
        inner += exc.exceptions
    return any(each is not None and _comes_of(each, cause) for each in inner)
