"""The Extensions API of one execution environment: its requests and its status codes.

Texts and error types are those of AWS's own emulator: extensions have been seen to read them.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import json
import uuid
from collections.abc import Callable

import amazon_lambda_runtime.protocol as protocol
from amazon_lambda_runtime.local.engine.extensions import (
    INVOKE,
    SHUTDOWN,
    Extension,
    Extensions,
    RegistrationError,
)
from amazon_lambda_runtime.local.engine.function import VERSION, LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Invocation
from amazon_lambda_runtime.local.http import Request, Response, json_response

#: Answers a request, or returns None to answer it later.
Route = Callable[[Request], Response | None]

# AWS's emulator serves neither, says so, and lets the extension go on.
_NOT_SUPPORTED = {"/2022-07-01/telemetry": "Telemetry", "/2020-08-15/logs": "Logs"}


class ExtensionsApi:
    """Answers the requests of one environment's extensions.

    `routes` are its paths, each with the method that it allows.
    """

    def __init__(self, function: LocalFunction, extensions: Extensions) -> None:
        self._function = function
        self._extensions = extensions
        self.routes: dict[str, tuple[str, Route]] = {
            protocol.REGISTER: ("POST", self._register),
            protocol.EVENT_NEXT: ("GET", self._next),
            protocol.EXTENSION_INIT_ERROR: ("POST", self._fail),
            protocol.EXTENSION_EXIT_ERROR: ("POST", self._fail),
            **dict.fromkeys(_NOT_SUPPORTED, ("PUT", _not_supported)),
        }

    def _register(self, request: Request) -> Response:
        name = request.headers.get("lambda-extension-name", "")
        if not name:
            return error_response(400, "Extension name missing", "Extension.InvalidExtensionName")
        try:
            events = _events(request.body)
        except ValueError:
            return error_response(400, "Request body is not valid JSON", "InvalidRequestFormat")
        for event in events:
            if event not in (INVOKE, SHUTDOWN):
                message = f"{event}: no such event"
                return error_response(400, message, "Extension.InvalidEventType")
        if SHUTDOWN in events and not self._extensions.is_external(name):
            message = "SHUTDOWN event is not supported for internal extensions"
            return error_response(400, message, "ShutdownEventNotSupportedForInternalExtension")
        try:
            identifier = self._extensions.register(name, events)
        except RegistrationError as error:
            return error_response(403, str(error), error.error_type)
        document = {
            "functionName": self._function.name,
            "functionVersion": VERSION,
            "handler": self._function.handler,
        }
        return json_response(200, document, {"Lambda-Extension-Identifier": identifier})

    def _next(self, request: Request) -> Response | None:
        extension = self._find(request)
        if isinstance(extension, Response):
            return extension
        self._extensions.next(extension, _NextEvent(request, self._function))
        return None

    def _fail(self, request: Request) -> Response:
        extension = self._find(request)
        if isinstance(extension, Response):
            return extension
        self._extensions.fail(extension)
        return json_response(202, {"status": "OK"})

    def _find(self, request: Request) -> Extension | Response:
        """Return the extension that sends the request, or the response to one that is unknown."""
        identifier = request.headers.get(protocol.EXTENSION_ID, "")
        if not identifier:
            message = "Missing Lambda-Extension-Identifier header"
            return error_response(403, message, "Extension.MissingExtensionIdentifier")
        try:
            uuid.UUID(identifier)
        except ValueError:
            message = "Invalid Lambda-Extension-Identifier"
            return error_response(403, message, "Extension.InvalidExtensionIdentifier")
        return self._extensions.find(identifier) or error_response(
            403, "Unknown extension", "Extension.UnknownExtensionIdentifier"
        )


class _NextEvent:
    """An extension's request for its next event."""

    def __init__(self, request: Request, function: LocalFunction) -> None:
        self._request = request
        self._function = function

    def invoke(self, invocation: Invocation) -> None:
        self._answer(
            {
                "eventType": INVOKE,
                "deadlineMs": invocation.deadline_ms,
                "requestId": invocation.id,
                "invokedFunctionArn": self._function.arn,
                "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id},
            }
        )

    def shut_down(self, reason: str, deadline_ms: int) -> None:
        self._answer({"eventType": SHUTDOWN, "shutdownReason": reason, "deadlineMs": deadline_ms})

    def _answer(self, document: dict[str, object]) -> None:
        self._request.answer(json_response(200, document))


def error_response(status: int, message: str, error_type: str) -> Response:
    """Return an error of the Runtime API, or of the Extensions API."""
    return json_response(status, {"errorMessage": message, "errorType": error_type})


def _events(body: bytes) -> list[str]:
    """Return the events that a registration names. Raises ValueError if it is malformed."""
    try:
        document = json.loads(body or b"{}")
    except RecursionError as error:
        raise ValueError(str(error)) from None
    if not isinstance(document, dict):
        raise ValueError("not an object")
    events = document.get("events") or []
    if not (isinstance(events, list) and all(isinstance(event, str) for event in events)):
        raise ValueError("events are not a list of names")
    return events


def _not_supported(request: Request) -> Response:
    name = _NOT_SUPPORTED[request.path]
    return error_response(202, f"{name} API is not supported", f"{name}.NotSupported")
