"""The Runtime API of one execution environment: its requests and its status codes.

The texts are those of AWS's own emulator, byte for byte: runtimes have been seen to read them.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import amazon_lambda_runtime._protocol as protocol

from . import guard
from .function import arn
from .http import Request, Response, json_response
from .invocation import Answer, response_too_large
from .states import TransitionError

if TYPE_CHECKING:
    from .environment import Environment

HOST = "127.0.0.1"

_PING = "/2018-06-01/ping"
_OK = json_response(202, {"status": "OK"})

Route = Callable[[Request], Awaitable[Response]]


class UnknownInvocationError(Exception):
    """Raised when a runtime answers an invocation that it does not have."""


class RuntimeApi:
    """Handles the requests that one environment's process makes."""

    def __init__(self, environment: "Environment") -> None:
        self._environment = environment
        self._routes: dict[str, tuple[str, Route]] = {
            protocol.NEXT: ("GET", self._next),
            protocol.INIT_ERROR: ("POST", self._init_error),
            _PING: ("GET", self._ping),
        }

    async def __call__(self, request: Request) -> Response:
        if reason := guard.refusal(request.headers, HOST):
            return _error(403, reason, "Forbidden")
        allowed, route = self._route(request.path)
        if route is None:
            return Response(404, {"Content-Type": "text/plain"}, b"404 page not found\n")
        if request.method != allowed:
            return Response(405, {"Allow": allowed})
        try:
            return await route(request)
        except UnknownInvocationError:
            return _error(400, "Invalid request ID", "InvalidRequestID")
        except TransitionError as error:
            return _error(403, str(error), "InvalidStateTransition")

    def _route(self, path: str) -> tuple[str, Route | None]:
        if path in self._routes:
            return self._routes[path]
        request_id, _, kind = path.removeprefix(protocol.INVOCATION).partition("/")
        if path.startswith(protocol.INVOCATION) and f"/{kind}" in (
            protocol.RESPONSE,
            protocol.ERROR,
        ):
            return "POST", lambda request: self._answer(request, request_id, f"/{kind}")
        return "", None

    async def _next(self, request: Request) -> Response:
        invocation = await self._environment.next()
        headers = {
            "Content-Type": protocol.JSON,
            protocol.REQUEST_ID: invocation.id,
            protocol.DEADLINE_MS: str(invocation.deadline_ms),
            protocol.FUNCTION_ARN: arn(self._environment.function.name),
            protocol.TRACE_ID: invocation.trace_id,
        }
        if invocation.client_context:
            headers[protocol.CLIENT_CONTEXT] = invocation.client_context
        return Response(200, headers, invocation.event)

    async def _answer(self, request: Request, request_id: str, kind: str) -> Response:
        limit = protocol.RESPONSE_LIMIT
        if request.size > limit:
            answer = response_too_large(request.size, limit)
        else:
            answer = Answer(request.body, failed=kind == protocol.ERROR)
        wanted = "InvocationErrorResponse" if kind == protocol.ERROR else "InvocationResponse"
        self._environment.answer(request_id, answer, wanted)
        if request.size > limit:
            message = f"Exceeded maximum allowed payload size ({limit} bytes)."
            return _error(413, message, "RequestEntityTooLarge")
        return _OK

    async def _init_error(self, request: Request) -> Response:
        self._environment.fail_init(Answer(request.body, failed=True))
        return _OK

    async def _ping(self, request: Request) -> Response:
        return Response(200, {"Content-Type": "text/plain"}, b"pong")


def _error(status: int, message: str, error_type: str) -> Response:
    return json_response(status, {"errorMessage": message, "errorType": error_type})
