"""The console: a page at the root of the service port, and the routes that it reads.

The page invokes through the Invoke API, like any client. From here it only learns which functions
there are and what has happened.
"""

import asyncio
import hashlib
import json
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

from amazon_lambda_runtime.local.engine.journal import Journal
from amazon_lambda_runtime.local.http import Request, Response, json_response

_PAGE = Path(__file__).with_name("page")
_PREFIX = "/console/"
_HEADERS = {
    # Events and logs are foreign text, and the page shows them as text. If it ever failed to, the
    # browser would still run and fetch nothing that this server has not served.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Revalidated each time: the answer is a 304 unless the package has been upgraded.
    "Cache-Control": "no-cache",
}


class Shown(Protocol):
    """A function, as the page shows it: memory in MB, timeout in seconds, queues by name."""

    @property
    def name(self) -> str: ...
    @property
    def handler(self) -> str: ...
    @property
    def memory(self) -> int: ...
    @property
    def timeout(self) -> float: ...
    @property
    def concurrency(self) -> int: ...
    @property
    def url(self) -> str | None: ...
    @property
    def queues(self) -> Sequence[str]: ...
    @property
    def durable(self) -> bool: ...


class Source(Protocol):
    """What invokes a function besides: a queue, a schedule, a topic, a stream …"""

    @property
    def actions(self) -> Mapping[str, Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]]: ...
    @property
    def is_idle(self) -> Callable[[], bool]: ...
    async def document(self) -> dict[str, Any]: ...


class Served(Protocol):
    """What the page is about."""

    def shown_functions(self) -> Sequence[Shown]: ...
    @property
    def sources(self) -> Sequence[Source]: ...
    @property
    def is_idle(self) -> bool: ...
    @property
    def services_endpoint(self) -> str | None: ...


class Console:
    """Answers the requests of the console page."""

    def __init__(self, journal: Journal, served: Served) -> None:
        self._journal = journal
        self._served = served
        self._acting: set[asyncio.Task[None]] = set()

    def has(self, path: str) -> bool:
        """Return whether this is one of the console's paths."""
        return path == "/" or path.startswith(_PREFIX)

    def handle(self, request: Request) -> None:
        """Answer a request for one of the console's paths."""
        area, _, rest = request.path.removeprefix(_PREFIX).partition("/")
        if area == "sources" and (rest or request.method == "GET"):
            task = asyncio.create_task(self._answer(request, rest))
            self._acting.add(task)
            task.add_done_callback(self._acting.discard)
        else:
            request.answer(self.respond(request))

    async def _answer(self, request: Request, rest: str) -> None:
        try:
            request.answer(await (self._act(request, rest) if rest else self._list_sources()))
        except Exception as error:  # a service that refuses, or has gone
            request.answer(_refusal(502, str(error)))

    async def _list_sources(self) -> Response:
        documents = (source.document() for source in self._served.sources)
        return _json(await asyncio.gather(*documents))

    async def _act(self, request: Request, rest: str) -> Response:
        """Do what was asked for: POST /console/sources/NUMBER/ACTION with a JSON object."""
        number, _, action = rest.partition("/")
        sources = self._served.sources
        if request.method != "POST":
            return _refusal(405, f"Cannot {request.method} {request.path}", {"Allow": "POST"})
        if not number.isdecimal() or int(number[:9]) >= len(sources):
            return _refusal(404, f"Not found: {request.path}")
        act = sources[int(number)].actions.get(action)
        if act is None:
            return _refusal(404, f"Not found: {request.path}")
        try:
            given = json.loads(request.body or b"{}")
            if not isinstance(given, dict):
                raise ValueError("the body is not a JSON object")
            return _json(await act(given))
        except (ValueError, RecursionError) as error:
            return _refusal(400, f"Cannot {action}: {error}")

    def respond(self, request: Request) -> Response:
        """Return the response to a request that needs nothing but what is here."""
        rest = "index.html" if request.path == "/" else request.path.removeprefix(_PREFIX)
        if request.method != "GET":
            return _refusal(405, f"Cannot {request.method} {request.path}", {"Allow": "GET"})
        area, _, name = rest.partition("/")
        if rest == "functions":
            return self._list_functions()
        if rest == "idle":
            served = self._served
            return _json({"idle": served.is_idle, "services": served.services_endpoint})
        if rest == "journal":
            headers = {"Content-Type": "text/event-stream", **_HEADERS, "Cache-Control": "no-store"}
            return Response(200, headers, self._events())
        if rest == "samples":
            return _list_samples()
        if area == "samples":
            return _sample(unquote(name), request)
        if area == "invocations":
            return self._invocation(unquote(name))
        return self._file(rest, request)

    def _list_functions(self) -> Response:
        return _json(
            [
                {
                    "name": function.name,
                    "handler": function.handler,
                    "memory": function.memory,
                    "timeout": function.timeout,
                    "concurrency": function.concurrency,
                    "url": function.url,
                    "queues": list(function.queues),
                    "durable": function.durable,
                }
                for function in self._served.shown_functions()
            ]
        )

    def _invocation(self, request_id: str) -> Response:
        entry = self._journal.find(request_id)
        if entry is None:
            return _refusal(404, f"The invocation {request_id} is not in the journal")
        return _json(entry.whole())

    async def _events(self) -> AsyncIterator[bytes]:
        async with aclosing(self._journal.subscribe()) as changes:
            while True:
                change = await anext(changes)
                yield b"data: %s\n\n" % json.dumps(change, separators=(",", ":")).encode()

    def _file(self, name: str, request: Request) -> Response:
        if name not in self._files:
            return _refusal(404, f"Not found: {request.path}")
        kind, tag, content = self._files[name]
        headers = {"Content-Type": kind, "ETag": tag, **_HEADERS}
        if request.headers.get("if-none-match") == tag:
            return Response(304, headers)
        return Response(200, headers, content)

    @cached_property
    def _files(self) -> dict[str, tuple[str, str, bytes]]:
        """The page's files by their names: content type, entity tag, content."""
        files = {}
        for file in _PAGE.iterdir():
            content = file.read_bytes()
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            files[file.name] = f"{kind}; charset=utf-8", tag, content
        return files


def _list_samples() -> Response:
    # Imported when it is asked for: most invocations come without a browser.
    from amazon_lambda_runtime import samples

    return _json(
        [
            {"name": name, "description": samples.describe(name), "fields": samples.fields(name)}
            for name in samples.names()
        ]
    )


def _sample(name: str, request: Request) -> Response:
    from amazon_lambda_runtime import samples

    if name not in samples.names():
        return _refusal(404, f"Unknown sample event: {name}")
    defaults = samples.fields(name)
    query = parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
    try:
        # As in `lambda-runtime events show`: a field that is not text by default is given as JSON.
        fields = {
            field: text if isinstance(defaults.get(field, ""), str) else json.loads(text)
            for field, text in query
        }
        return _json(samples.load(name, **fields))
    except (LookupError, TypeError, ValueError) as error:
        return _refusal(400, f"Cannot make the sample event {name}: {error}")


def _json(document: object) -> Response:
    return json_response(200, document, {**_HEADERS, "Cache-Control": "no-store"})


def _refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    document = {"Type": "User", "Message": message}
    return json_response(status, document, {**_HEADERS, **(headers or {})})
