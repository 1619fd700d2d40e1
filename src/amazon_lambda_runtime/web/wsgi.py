"""WSGI applications: one request, and its answer (PEP 3333).

The application runs in the thread that has the invocation: there is no event loop and no pool.
`close()` of what it returns is called when the answer is complete, so it is work after the
response.
"""

import sys
from functools import lru_cache
from io import BytesIO

from amazon_lambda_runtime.core import serving
from amazon_lambda_runtime.core.errors import Shutdown
from amazon_lambda_runtime.core.logs.sink import flush
from amazon_lambda_runtime.core.streaming import ResponseStream
from amazon_lambda_runtime.events.sources import source_of
from amazon_lambda_runtime.protocol import HTTP_INTEGRATION

from .answers import Head
from .others import posted, refusal, result_of
from .percent import unquoted
from .reply import Reply, as_bytes
from .requests import DOORS, Request
from .settings import in_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from amazon_lambda_runtime.core.client import Delivery
    from amazon_lambda_runtime.core.context import Context

    from .settings import Settings
    from .typing import Site

_BLOCK = 65536


class FileWrapper:
    """Reads a file in blocks: what `wsgi.file_wrapper` stands for."""

    def __init__(self, file: "Any", size: int = _BLOCK) -> None:
        self._file = file
        self._size = max(size, _BLOCK)
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> "Iterator[bytes]":
        while block := self._file.read(self._size):
            yield block


@lru_cache(256)
def _variable(name: bytes) -> str:
    """Return the key of a header field; "" if it has none.

    A name with "_" has none: a client could send `remote_user` for `remote-user`.
    """
    key = name.decode("latin-1").upper()
    if "_" in key:
        return ""
    key = key.replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def environ_of(
    request: Request, event: "Any", context: "Context", *, in_threads: bool
) -> "dict[str, Any]":
    """Return the environ of a request. Its text is bytes as latin-1, as PEP 3333 wants it."""
    path = request.path
    environ: dict[str, Any] = {}
    for name, value in request.headers:
        key, text = _variable(name), value.decode("latin-1")
        if key in environ:
            text = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
        if key:
            environ[key] = text
    server, port = request.server or ("localhost", 443 if request.scheme == "https" else 80)
    raw = path.decode("ascii") + ("?" + request.query.decode("latin-1") if request.query else "")
    return environ | {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": unquoted(request.root_path).decode("latin-1"),
        "PATH_INFO": unquoted(path[len(request.root_path) :]).decode("latin-1"),
        "QUERY_STRING": request.query.decode("latin-1"),
        "RAW_URI": raw,
        "REQUEST_URI": raw,
        "SERVER_NAME": server,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{request.http_version}",
        "REMOTE_ADDR": request.client[0] if request.client else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.multithread": in_threads,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "aws.event": event,
        "aws.context": context,
    }


class Server:
    """Serves an application."""

    lifespan = None

    def __init__(self, site: "Site", settings: "Settings") -> None:
        self._site = site
        self._settings = settings

    def handle(self, event: "Any", context: "Context") -> "Any":
        """Answer one event."""
        source = source_of(event)
        if source not in DOORS:
            return self._handle_other(source, event, context)
        settings = self._settings
        request, reply = settings.open(source, event, context)
        exchange = Exchange(reply, serving.of(self._site).delivery())
        try:
            if settings.is_hidden(request):
                exchange.answer(404)
            else:
                environ = environ_of(request, event, context, in_threads=in_threads(self._site))
                exchange.run(self._site.app, environ, settings.raises)
        finally:
            settings.close(request, reply)
        return None

    def _handle_other(self, source: str, event: "Any", context: "Context") -> "Any":
        path = self._settings.events_path
        if self._site.event_handler is not None:
            return self._site.event_handler(event, context)
        if not path:
            raise refusal(source)
        request, reply = posted(path, event, context)
        environ = environ_of(request, event, context, in_threads=in_threads(self._site))
        Exchange(reply, None).run(self._site.app, environ, True)
        return result_of(reply, path, source)


class Exchange:
    """The answer of an application to one request. Without a delivery it stays in the reply."""

    def __init__(self, reply: Reply, delivery: "Delivery | None") -> None:
        self._reply = reply
        self._delivery = delivery
        self._stream: ResponseStream | None = None
        self._is_complete = False

    def run(self, app: "Any", environ: "dict[str, Any]", raises: bool) -> None:
        """Call the application, and see to it that there is an answer.

        `raises` leaves an exception to the caller, if there is no answer yet; else the answer is a
        500.
        """
        pieces: Any = ()
        try:
            pieces = app(environ, self._start_response)
            self._answer(pieces)
        except SystemExit as exc:
            if not isinstance(exc, Shutdown):
                self.answer(500)
            raise
        except Exception as exc:
            if raises or self._is_complete or self._stream is not None:
                raise
            self._reply.log_exception(exc)
            self.answer(500)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def _start_response(
        self, status: str, headers: "list[tuple[str, str]]", exc_info: "Any" = None
    ) -> "Callable[[bytes], None]":
        if exc_info is not None:
            if self._stream is not None or self._reply.pieces:
                raise exc_info[1].with_traceback(exc_info[2])
        elif self._reply.head is not None:
            raise AssertionError("start_response was called twice, without exc_info")
        if type(status) is not str:
            raise TypeError(f"the response has the status {status!r}: expected '200 OK'")
        code, _, reason = status.partition(" ")
        if len(code) != 3 or not (code.isascii() and code.isdigit()):
            raise ValueError(f"the response has the status {status!r}: expected '200 OK'")
        for name, value in headers:
            for each in (name, value):
                if not isinstance(each, str):
                    raise TypeError(f"a header field of the response has {each!r}: expected a str")
                if not each.isascii() and max(each) > "\xff":
                    raise ValueError(
                        f"the response's header field {name} has {each!r}: expected latin-1"
                    )
        self._reply.begin(Head(int(code), headers, reason))
        return self._write

    def _answer(self, pieces: "Any") -> None:
        """Send what the application returns, each piece before the next is asked for."""
        if type(pieces) in (list, tuple) and len(pieces) == 1:
            self._write(pieces[0], is_last=True)
            return
        for piece in pieces:
            if piece:
                self._write(piece)
        self._write(b"", is_last=True)

    def _write(self, data: bytes, is_last: bool = False) -> None:
        reply, piece = self._reply, as_bytes(data)
        if reply.head is None:
            raise RuntimeError("the application has sent its body before start_response()")
        if self._delivery is None or not reply.streams:
            reply.add(piece)
            self._is_complete = is_last
            if is_last and self._delivery is not None:
                data = reply.whole()
                flush()
                self._delivery.respond(data)
            return
        if self._stream is None:
            if not (piece or is_last):
                return
            flush()
            opening = reply.opening()
            self._stream = ResponseStream(self._delivery, HTTP_INTEGRATION, opening)
            self._stream.begin(b"" if reply.is_dropped else piece)
        elif not reply.is_dropped:
            self._stream.write(piece)
        if is_last:
            self._is_complete = True
            self._stream.close()

    def answer(self, status: int) -> None:
        """Answer with a status and its name, if nothing has been sent."""
        if not self._is_complete and self._stream is None:
            self._write(self._reply.plain(status), is_last=True)
