"""An application behind a front door: what its client sends becomes an event, what it answers a
response. Any framework's own tests can be run on the application that this makes.
"""

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

from amazon_lambda_runtime.testing import FunctionError, invoke
from amazon_lambda_runtime.web import Web

from .doors import Request, Response, event_of, response_of

# Fields that the client's own library sets anew, and those that the door adds.
_HOPS = ("connection", "content-length", "transfer-encoding", "keep-alive", "upgrade")


def answer(site: Web, door: str, request: Request) -> Response:
    """Return what the client gets. What the application raises is raised, as its tests expect."""
    try:
        return response_of(door, invoke(site, event_of(door, request)))
    except FunctionError as exc:
        raise exc.__cause__ or exc from None


def wsgi(app: Callable[..., Any], door: str, stream: bool = False) -> Callable[..., Any]:
    """Return the WSGI application `app` as it is behind a door."""

    @cache
    def mounted(root_path: str) -> Web:
        return Web(app, stream=stream, errors="raise", root_path=root_path or None)

    def through(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        headers = [
            (name[5:].replace("_", "-").lower(), value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ]
        if environ.get("CONTENT_TYPE"):
            headers.append(("content-type", environ["CONTENT_TYPE"]))
        path = _quoted(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
        query = environ.get("QUERY_STRING", "")
        length = environ.get("CONTENT_LENGTH") or (
            "-1" if environ.get("wsgi.input_terminated") else "0"
        )
        request = Request(
            path + (f"?{query}" if query else ""),
            environ["REQUEST_METHOD"],
            [pair for pair in headers if pair[0] not in _HOPS],
            environ["wsgi.input"].read(int(length)),
            environ.get("REMOTE_ADDR", "127.0.0.1"),
            scheme=environ["wsgi.url_scheme"],
        )
        found = answer(mounted(environ.get("SCRIPT_NAME", "")), door, request)
        kept = [pair for pair in found.headers if pair[0] != "content-length"]
        if request.method != "HEAD":
            kept.append(("content-length", str(len(found.body))))
        else:
            kept = found.headers
        start_response(f"{found.status} {_reason(found.status)}", kept)
        return [found.body]

    return through


def asgi(
    app: Callable[..., Any], door: str, stream: bool = False, errors: str = "raise"
) -> Callable[..., Any]:
    """Return the ASGI application `app` as it is behind a door; its lifespan is the client's."""

    async def called(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await app(scope, receive, send)  # a class that is called would be a handler's class to us

    @cache
    def mounted(root_path: str) -> Web:
        root = root_path or None
        return Web(called, stream=stream, lifespan="off", errors=errors, root_path=root)

    async def through(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        query = scope["query_string"].decode("latin-1")
        headers = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in scope["headers"]]
        request = Request(
            scope["raw_path"].decode("ascii") + (f"?{query}" if query else ""),
            scope["method"],
            [pair for pair in headers if pair[0] not in _HOPS],
            body,
            scope["client"][0] if scope.get("client") else "127.0.0.1",
            scheme=scope["scheme"],
        )
        found = await asyncio.to_thread(answer, mounted(scope.get("root_path", "")), door, request)
        pairs = [
            (n.encode("latin-1"), v.encode("latin-1"))
            for n, v in found.headers
            if n != "content-length" or scope["method"] == "HEAD"
        ]
        if scope["method"] != "HEAD":
            pairs.append((b"content-length", str(len(found.body)).encode()))
        await send({"type": "http.response.start", "status": found.status, "headers": pairs})
        await send({"type": "http.response.body", "body": found.body})

    return through


def _quoted(path: str) -> str:
    """Return the percent-encoded form of a path whose bytes are given as latin-1."""
    from urllib.parse import quote

    return quote(path.encode("latin-1"), safe="/:@!$&'()*+,;=~-._") or "/"


def _reason(status: int) -> str:
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
