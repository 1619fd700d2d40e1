"""A function URL: any HTTP request to an event in payload format 2.0, and the result to a response.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

import base64
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

from amazon_lambda_runtime.local import host_check
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer, Invocation
from amazon_lambda_runtime.local.http import Request, Response, json_response
from amazon_lambda_runtime.project.aws_limits import PAYLOAD_BYTES
from amazon_lambda_runtime.protocol import HTTP_INTEGRATION, JSON, PRELUDE_END

from .invoke_api import pause_if_full, resume

Submit = Callable[[Invocation], None]

# Header fields that are not passed on: the server frames the response itself.
_HOP_BY_HOP = {"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"}
# A header field's name: no space, no colon, no control character.
_FIELD_NAME = re.compile(r"[!-9;-~\xa1-\U0010ffff]+")
_INTERNAL_ERROR = json_response(502, {"Message": "Internal Server Error"})
# In bytes: a stream without the end of a prelude in its first part has none.
_PRELUDE_LIMIT = 1024 * 1024


class FunctionUrl:
    """Invokes the function with every request, and answers with its result.

    With `streams`, the response is sent as the function writes it (invoke mode RESPONSE_STREAM).
    """

    def __init__(self, function: LocalFunction, submit: Submit, host: str, streams: bool) -> None:
        self._function = function
        self._submit = submit
        self._host = host
        self._streams = streams

    def head(self, request: Request) -> None:
        """Take the body whole."""

    def handle(self, request: Request) -> None:
        """Invoke the function."""
        if reason := host_check.refusal(request.headers, self._host):
            request.answer(json_response(403, {"Message": reason}))
        elif request.size > PAYLOAD_BYTES:
            request.answer(json_response(413, {"Message": "Request entity too large"}))
        else:
            caller = _Streamed(request) if self._streams else _Buffered(request)
            invocation = Invocation(b"", caller=caller)
            event = event_of(request, self._function, invocation.id)
            invocation.event = json.dumps(event).encode()
            request.on_drain = lambda: resume(invocation)
            self._submit(invocation)


def event_of(request: Request, function: LocalFunction, request_id: str) -> dict[str, Any]:
    """Return the event in payload format 2.0."""
    now = time.time()
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    path = unquote(request.path)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": function.name,
            "authentication": None,
            "authorizer": None,
            "domainName": headers.get("host", ""),
            "domainPrefix": function.name,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": f"HTTP/{request.version}",
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookie := request.headers.get("cookie"):
        event["cookies"] = [part.strip() for part in cookie.split(";")]
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    if parameters:
        event["queryStringParameters"] = parameters
    if request.body:
        text = _as_text(request)
        event["isBase64Encoded"] = text is None
        event["body"] = base64.b64encode(request.body).decode() if text is None else text
    return event


def _as_text(request: Request) -> str | None:
    """Return the body if its content type is textual and it is UTF-8; None if it is binary."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    textual = (
        kind.startswith("text/")
        or kind.endswith(("+json", "+xml"))
        or kind in (JSON, "application/xml", "application/javascript", "")
    )
    if textual:
        try:
            return request.body.decode()
        except UnicodeDecodeError:
            return None
    return None


def response_of(payload: bytes) -> Response:
    """Return the response for a function's result.

    An object with a statusCode is a response; anything else is the body of a 200, as JSON.
    """
    try:
        result = json.loads(payload)
    except (ValueError, RecursionError):
        return _INTERNAL_ERROR
    if not (isinstance(result, dict) and "statusCode" in result):
        body = result.encode() if isinstance(result, str) else payload
        return Response(200, {"Content-Type": JSON}, body)
    try:
        text = result.get("body")
        if text is None:
            content = b""
        elif not isinstance(text, str):
            content = json.dumps(text).encode()
        elif result.get("isBase64Encoded"):
            content = base64.b64decode(text, validate=True)
        else:
            content = text.encode()
        status, headers = _head(result)
    except (ValueError, TypeError, AttributeError):
        return _INTERNAL_ERROR
    headers.setdefault("Content-Type", JSON)
    return Response(status, headers, content)


def _head(document: dict[str, Any]) -> tuple[int, "_Headers"]:
    """Return status and headers. Raises ValueError, TypeError or AttributeError if malformed."""
    status = int(document.get("statusCode", 200))
    if not 100 <= status <= 599:
        raise ValueError(f"not a status: {status}")
    headers = _Headers()
    for name, value in (document.get("headers") or {}).items():
        headers.add(name, value)
    for name, values in (document.get("multiValueHeaders") or {}).items():
        for value in values:
            headers.add(name, value)
    for cookie in document.get("cookies") or []:
        headers.add("Set-Cookie", cookie)
    return status, headers


def _head_of(prelude: bytes) -> tuple[int, "_Headers"] | None:
    """Return the status and headers that a stream begins with, None if they are malformed."""
    try:
        return _head(json.loads(prelude))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


class _Headers(dict[str, str]):
    """Header fields for a Response; a field that is added again becomes a line of its own."""

    def add(self, name: str, value: object) -> None:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not _FIELD_NAME.fullmatch(name) or {"\r", "\n"} & set(text):
            raise ValueError(f"not a header field: {name!r}")
        if name.lower() in _HOP_BY_HOP:
            return
        present = next((known for known in self if known.lower() == name.lower()), name)
        self[present] = f"{self[present]}\r\n{present}: {text}" if present in self else text


class _Caller:
    """What both kinds of client have in common."""

    wants_pieces = False

    def __init__(self, request: Request) -> None:
        self._request = request

    def piece(self, invocation: Invocation, data: bytes) -> None:
        """Take a piece of the response, if pieces are wanted."""

    def reported(self, invocation: Invocation) -> None:
        if invocation.answer is None:
            self._request.cut()

    def throttled(self, invocation: Invocation) -> None:
        self._request.answer(json_response(429, {"Message": "Rate Exceeded."}))


class _Buffered(_Caller):
    """A client that gets the response whole."""

    def answered(self, invocation: Invocation, answer: Answer) -> None:
        if answer.failed:
            self._request.answer(_INTERNAL_ERROR)
            return
        if invocation.content_type == HTTP_INTEGRATION:
            prelude, _, body = answer.payload.partition(PRELUDE_END)
            head = _head_of(prelude)
            self._request.answer(Response(*head, body) if head else _INTERNAL_ERROR)
        else:
            self._request.answer(response_of(answer.payload))


class _Streamed(_Caller):
    """A client that gets each piece as it is written."""

    wants_pieces = True

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._started = False
        self._is_broken = False
        self._prelude = b""

    def piece(self, invocation: Invocation, data: bytes) -> None:
        if not self._started:
            if invocation.content_type == HTTP_INTEGRATION:
                data = self._start_from_prelude(self._prelude + data)
            else:
                self._start(200, _Headers({"Content-Type": invocation.content_type}))
        if not self._is_broken:
            self._request.write(data)
        pause_if_full(self._request, invocation)

    def answered(self, invocation: Invocation, answer: Answer) -> None:
        if answer.failed and self._started:
            self._request.cut()
        elif answer.failed or self._prelude:
            self._request.answer(_INTERNAL_ERROR)
        elif self._started:
            self._request.finish()
        elif invocation.is_streamed or invocation.content_type != JSON:
            self._start(200, _Headers({"Content-Type": invocation.content_type}))
            self._request.write(answer.payload)
            self._request.finish()
        else:
            self._request.answer(response_of(answer.payload))

    def _start_from_prelude(self, data: bytes) -> bytes:
        """Start with the status and headers that `data` begins with; return what follows them.

        If they are not complete, wait for more and return nothing.
        """
        prelude, found, rest = data.partition(PRELUDE_END)
        if not found and len(data) < _PRELUDE_LIMIT:
            self._prelude = data
            return b""
        self._prelude = b""
        head = _head_of(prelude)
        self._is_broken = head is None
        self._start(*(head or (502, _Headers())))
        return rest

    def _start(self, status: int, headers: _Headers) -> None:
        self._started = True
        self._request.start(status, headers)
