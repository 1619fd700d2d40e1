"""The Runtime API of one execution environment: its requests and its status codes.

The texts are those of AWS's own emulator, byte for byte: runtimes have been seen to read them.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Protocol

import amazon_lambda_runtime.protocol as protocol
from amazon_lambda_runtime.local import host_check
from amazon_lambda_runtime.local.engine.extensions import Extensions
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import (
    Answer,
    Invocation,
    platform_error,
    response_too_large,
)
from amazon_lambda_runtime.local.engine.runtime_link import NextRequest
from amazon_lambda_runtime.local.engine.states import (
    LateAnswerError,
    TransitionError,
    UnknownInvocationError,
)
from amazon_lambda_runtime.local.http import Request, Response, json_response

from .extensions_api import ExtensionsApi, Route, error_response

HOST = "127.0.0.1"

_PING = "/2018-06-01/ping"
_OK = json_response(202, {"status": "OK"})
_NOT_FOUND = Response(404, {"Content-Type": "text/plain"}, b"404 page not found\n")


class Served(Protocol):
    """What the Runtime API asks of the environment that it belongs to."""

    @property
    def function(self) -> LocalFunction: ...
    @property
    def extensions(self) -> Extensions: ...
    def next(self, request: NextRequest) -> None: ...
    def unanswered(self, request_id: str, wanted: str) -> Invocation: ...
    def answered(self, invocation: Invocation) -> None: ...
    def fail_init(self, answer: Answer, error_type: str) -> None: ...


class RuntimeApi:
    """Handles the requests that one environment's processes make."""

    def __init__(self, environment: Served) -> None:
        self._environment = environment
        self._routes: dict[str, tuple[str, Route]] = {
            protocol.NEXT: ("GET", self._next),
            protocol.INIT_ERROR: ("POST", self._init_error),
            _PING: ("GET", self._ping),
            **ExtensionsApi(environment.function, environment.extensions).routes,
        }

    def head(self, request: Request) -> None:
        """Pass on the pieces of a streamed response as they come."""
        if request.method != "POST" or "transfer-encoding" not in request.headers:
            return
        request_id, kind = _answered(request.path)
        if (
            kind != protocol.RESPONSE
            or host_check.refusal(request.headers, HOST)
            or _bad_mode(request)
        ):
            return
        try:
            invocation = self._environment.unanswered(request_id, "InvocationResponse")
        except (UnknownInvocationError, TransitionError, LateAnswerError):
            return  # it is told when it has sent everything
        _Stream(request, invocation)

    def handle(self, request: Request) -> None:
        """Answer the request, or keep it to be answered later."""
        try:
            response = self._handle(request)
        except UnknownInvocationError:
            response = error_response(400, "Invalid request ID", "InvalidRequestID")
        except TransitionError as error:
            response = error_response(403, str(error), "InvalidStateTransition")
        except LateAnswerError:
            response = error_response(410, "Invoke timeout", "InvokeTimeout")
        if response is not None:
            request.answer(response)

    def _handle(self, request: Request) -> Response | None:
        if reason := host_check.refusal(request.headers, HOST):
            return error_response(403, reason, "Forbidden")
        path = request.path
        route = self._routes.get(path)
        if route is None:
            request_id, kind = _answered(path)
            if not kind:
                return _NOT_FOUND
            if request.method == "POST":
                return self._answer(request, request_id, kind)
            return Response(405, {"Allow": "POST"})
        allowed, answer = route
        if request.method != allowed:
            return Response(405, {"Allow": allowed})
        return answer(request)

    def _next(self, request: Request) -> None:
        self._environment.next(_NextEvent(request, self._environment.function))

    def _answer(self, request: Request, request_id: str, kind: str) -> Response:
        if isinstance(request.sink, _Stream):
            response = request.sink.end()
            self._environment.answered(request.sink.invocation)
            return response
        if _bad_mode(request):
            message = "Invalid function response mode"
            return error_response(400, message, "InvalidFunctionResponseMode")
        wanted = "InvocationErrorResponse" if kind == protocol.ERROR else "InvocationResponse"
        invocation = self._environment.unanswered(request_id, wanted)
        if request.size > protocol.RESPONSE_LIMIT:
            invocation.settle(response_too_large(protocol.RESPONSE_LIMIT))
            self._environment.answered(invocation)
            return _too_large()
        if kind == protocol.ERROR:
            invocation.settle(Answer(request.body, failed=True))
        else:
            invocation.content_type = request.headers.get("content-type", protocol.JSON)
            invocation.settle(Answer(request.body))
        self._environment.answered(invocation)
        return _OK

    def _init_error(self, request: Request) -> Response:
        error_type = request.headers.get(protocol.ERROR_TYPE, "")
        self._environment.fail_init(Answer(request.body, failed=True), error_type)
        return _OK

    def _ping(self, request: Request) -> Response:
        return Response(200, {"Content-Type": "text/plain"}, b"pong")


class _NextEvent:
    """A runtime's request for its next event."""

    __slots__ = ("_function", "_request")

    def __init__(self, request: Request, function: LocalFunction) -> None:
        self._request = request
        self._function = function

    def deliver(self, invocation: Invocation) -> None:
        self._request.on_gone = None
        self._request.answer(event_response(self._function, invocation))

    def when_gone(self, callback: Callable[[], None]) -> None:
        self._request.on_gone = callback


class _Stream:
    """A response that comes in pieces."""

    def __init__(self, request: Request, invocation: Invocation) -> None:
        self._request = request
        self.invocation = invocation
        invocation.content_type = request.headers.get("content-type", protocol.STREAM)
        invocation.source = request
        self._too_large = False
        request.sink = self
        request.on_gone = self._broken

    def __call__(self, data: bytes) -> None:
        if not self._too_large and not self.invocation.answered:
            self._too_large = not self.invocation.piece(data)

    def end(self) -> Response:
        """Settle the invocation: the body is complete, and so are its trailers."""
        request, invocation = self._request, self.invocation
        request.on_gone = None
        invocation.source = None
        if self._too_large:
            limit = invocation.limit
            invocation.settle(response_too_large(limit))
            return _too_large(limit)
        error_type = request.trailers.get(protocol.ERROR_TYPE)
        if error_type is None:
            invocation.complete()
        else:
            invocation.settle(_failure(error_type, request.trailers.get(protocol.ERROR_BODY, "")))
        return _OK

    def _broken(self) -> None:
        self.invocation.source = None
        self.invocation.fail("Runtime.TruncatedResponse", "Response stream was broken off")


def event_response(function: LocalFunction, invocation: Invocation) -> Response:
    """Return the response to /next that carries this invocation."""
    arn = function.arn
    headers = {
        "Content-Type": protocol.JSON,
        "Lambda-Runtime-Aws-Request-Id": invocation.id,
        "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": (
            f"{arn}:{invocation.qualifier}" if invocation.qualifier else arn
        ),
        "Lambda-Runtime-Trace-Id": invocation.trace_id,
    }
    if invocation.client_context:
        headers["Lambda-Runtime-Client-Context"] = invocation.client_context
    if invocation.tenant_id:
        headers["Lambda-Runtime-Aws-Tenant-Id"] = invocation.tenant_id
    return Response(200, headers, invocation.event)


def _answered(path: str) -> tuple[str, str]:
    """Return the request id and the kind of answer that a path names; both "" for any other."""
    if path.startswith(protocol.INVOCATION):
        request_id, _, kind = path[len(protocol.INVOCATION) :].partition("/")
        kind = f"/{kind}"
        if kind in (protocol.RESPONSE, protocol.ERROR):
            return request_id, kind
    return "", ""


def _bad_mode(request: Request) -> bool:
    mode = request.headers.get(protocol.RESPONSE_MODE)
    return mode is not None and mode != protocol.STREAMING


def _failure(error_type: str, encoded: str) -> Answer:
    try:
        document = base64.b64decode(encoded, validate=True)
        json.loads(document)
    except (ValueError, binascii.Error):
        return platform_error(error_type, "the function's stream ended in an error")
    return Answer(document, failed=True)


def _too_large(limit: int = protocol.RESPONSE_LIMIT) -> Response:
    message = f"Exceeded maximum allowed payload size ({limit} bytes)."
    return error_response(413, message, "RequestEntityTooLarge")
