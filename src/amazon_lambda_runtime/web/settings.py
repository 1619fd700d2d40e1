"""The options of a Web, checked once; and the begin and the end of each request by them."""

import sys
from os import environ
from time import perf_counter

from amazon_lambda_runtime.core import serving
from amazon_lambda_runtime.core.runtime import Runtime

from .answers import STREAMING, can_stream
from .percent import PATH, quoted
from .reply import Reply
from .requests import Request, read, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from amazon_lambda_runtime.core.context import Context

    from .typing import Site

STREAM, ROOT_PATH = "LAMBDA_RUNTIME_WEB_STREAM", "LAMBDA_RUNTIME_ROOT_PATH"
EVENTS_PATH, ACCESS_LOG = "LAMBDA_RUNTIME_EVENTS_PATH", "LAMBDA_RUNTIME_ACCESS_LOG"

_LIFESPANS = ("auto", "on", "off", "snapshot")
_ERRORS = ("answer", "raise")
_INTERFACES = ("auto", "asgi", "wsgi")


class Settings:
    """What the options of a Web say. Raises TypeError, ValueError for those that can't be."""

    def __init__(self, site: "Site") -> None:
        for name, values in (
            ("lifespan", _LIFESPANS),
            ("errors", _ERRORS),
            ("interface", _INTERFACES),
        ):
            value = getattr(site, name)
            if value not in values:
                raise ValueError(f"{name} is {value!r}: expected {', '.join(values)}")
        for name in ("margin", "proxies"):
            value = getattr(site, name)
            if not isinstance(value, int | float) or value < 0:
                raise ValueError(f"{name} is {value!r}: expected 0 or more")
        if isinstance(site.text_types, str):
            raise TypeError("text_types is a str: expected a list of them")
        self.lifespan = site.lifespan
        #: Whether an exception of the application fails the invocation.
        self.raises = site.errors == "raise"
        self._margin = site.margin
        self._proxies = int(site.proxies)
        self._text_types = frozenset(site.text_types)
        self._streaming = _streaming(site.stream)
        self._root = _root(site.root_path)
        #: Where events are posted to that are no requests; "" if they are not.
        self.events_path = _plain_path(environ.get(EVENTS_PATH, ""))
        self._logs_access = environ.get(ACCESS_LOG) == "1"
        self._was_warned = False

    def open(self, source: str, event: "Any", context: "Context") -> tuple[Request, Reply]:
        """Return the request in an event, and what takes its response."""
        begun = perf_counter()
        request = read(source, event, self._root, self._proxies)
        trace = context.trace_id
        if trace and not any(name == b"x-amzn-trace-id" for name, _ in request.headers):
            request.headers.append((b"x-amzn-trace-id", trace.encode("latin-1", "replace")))
        streams = source in self._streaming and can_stream(source, event)
        reply = Reply(source, event, request.method, context.aws_request_id)
        reply.streams, reply.text_types, reply.begun = streams, self._text_types, begun
        return request, reply

    def is_hidden(self, request: Request) -> bool:
        """Say whether the path is for events, and not for clients."""
        if not self.events_path:
            return False
        return _plain_path(text_of(request.path[len(request.root_path) :])) == self.events_path

    def seconds(self, context: "Context") -> float:
        """Return how long a response may take; 0 if there is no limit."""
        if not self._margin or not context.deadline_ms:
            return 0
        return max(0.001, context.get_remaining_time_in_millis() / 1000 - self._margin)

    def close(self, request: Request, reply: Reply) -> None:
        """Say what there is to be said when a request is done."""
        if reply.has_lost_cookies and not self._was_warned:
            self._was_warned = True
            reply.log(
                "several cookies in one response: turn on multi-value headers of the target group",
                "Runtime.SeveralCookies",
            )
        if self._logs_access:
            status = reply.head.status if reply.head is not None else "-"
            ms = (perf_counter() - reply.begun) * 1000
            path = request.path.decode("ascii")
            sys.stdout.write(f"{request.method} {path} {status} {ms:.0f} ms\n")


def _plain_path(path: str) -> str:
    """Return a path as the most lenient of frameworks reads it: `/x/..//events/` is `/events`."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "".join(f"/{part}" for part in parts)


def plain(kind: type, name: str) -> "Any":
    """Return an attribute of a class as it was written: a function is not to become a method."""
    value = next(vars(base)[name] for base in kind.__mro__ if name in vars(base))
    return value.__func__ if isinstance(value, staticmethod) else value


def runtime_of(events: "Any") -> "Any":
    """Return what takes events, a Runtime made of a class. Raises TypeError for what can't."""
    if isinstance(events, type) and issubclass(events, Runtime):
        return events()
    if not (events is None or isinstance(events, Runtime) or callable(events)):
        kind = type(events).__name__
        raise TypeError(f"events is {kind}: expected a Runtime, its class, or a handler")
    return events


def in_threads(site: "Site") -> bool:
    """Say whether several threads of this process may be in the application at a time."""
    if "AWS_LAMBDA_MAX_CONCURRENCY" not in environ:
        return False
    from amazon_lambda_runtime.core.workers import mode_of

    return mode_of(site, serving.is_async(site.handler)) != "processes"


def _streaming(stream: "Any") -> frozenset[str]:
    """Return the sources to which a response is streamed."""
    if isinstance(stream, bool):
        return frozenset(STREAMING.values() if stream else ())
    name = "stream" if stream is not None else STREAM
    text = stream if stream is not None else environ.get(STREAM, "")
    names = [each.strip().lower() for each in str(text).split(",") if each.strip()]
    if names == ["no"]:
        return frozenset()
    if not STREAMING.keys() >= set(names):
        raise ValueError(f"{name} is {text!r}: expected url, rest, url,rest or no")
    return frozenset(STREAMING[each] for each in names)


def _root(option: str | None) -> bytes | None:
    """Return the root path that is set, percent-encoded; None if the event is to tell."""
    name = "root_path" if option is not None else ROOT_PATH
    path = option if option is not None else environ.get(ROOT_PATH)
    if path is None:
        return None
    path = path.rstrip("/")
    if path and not path.startswith("/"):
        raise ValueError(f"{name} is {path!r}: expected a path that begins with /")
    return quoted(path.encode(), PATH)
