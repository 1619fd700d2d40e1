"""The Invoke API: what `aws lambda invoke` and every SDK talk to.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import NoReturn, Protocol
from urllib.parse import parse_qs, unquote

from amazon_lambda_runtime.local import host_check
from amazon_lambda_runtime.local.engine.function import VERSION, LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer, Invocation
from amazon_lambda_runtime.local.http import Request, Response
from amazon_lambda_runtime.project.aws_limits import ASYNC_PAYLOAD_BYTES, PAYLOAD_BYTES
from amazon_lambda_runtime.protocol import JSON

from . import event_stream
from .api_errors import InvokeError, refusal, too_many_requests
from .function_names import Target, find
from .functions_api import Functions, FunctionsApi

_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_STREAM = re.compile(r"/2021-11-15/functions/([^/]+)/response-streaming-invocations")
_INVOKE_PATH = "/2015-03-31/functions/NAME/invocations"
#: How the paths of durable executions begin.
DURABLE_PATH = "/2025-12-01/"
# A request of AWS's own engine, which starts no execution: it is one invocation of the handler.
_ONCE = "x-dex-handler-invoke"
_TENANT = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")


class Service(Functions, Protocol):
    """The functions, and how they are invoked."""

    def submit(self, function: LocalFunction, invocation: Invocation, kind: str) -> None:
        """Run it and answer its caller; `kind` is for the journal."""

    def accept(self, function: LocalFunction, invocation: Invocation) -> None:
        """Run it asynchronously, with retries. Raises InvokeError if too many are queued."""

    @property
    def durable(self) -> "Durable | None":
        """The durable executions, None if no function is durable."""


class Durable(Protocol):
    """Durable executions. Both methods raise InvokeError."""

    def invoke(
        self, request: Request, target: Target, invocation: Invocation, kind: str
    ) -> None: ...

    def respond(self, request: Request) -> None: ...


class InvokeApi:
    """Answers the requests of the service port."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._functions = FunctionsApi(service)

    def handle(self, request: Request, host: str) -> None:
        """Answer the request, now or when the function does; `host` is where the server listens."""
        try:
            if reason := host_check.refusal(request.headers, host):
                raise InvokeError(403, "AccessDeniedException", reason)
            self._route(request)
        except InvokeError as error:
            request.answer(refusal(error))

    def _route(self, request: Request) -> None:
        path = request.path
        if match := _INVOKE.fullmatch(path):
            _expect("POST", request)
            self._invoke(request, unquote(match[1]))
        elif match := _STREAM.fullmatch(path):
            _expect("POST", request)
            self._stream(request, unquote(match[1]))
        elif path.startswith(DURABLE_PATH) and self._service.durable is not None:
            self._service.durable.respond(request)
        elif (response := self._functions.respond(request)) is not None:
            _expect("GET", request)
            request.answer(response)
        else:
            message = f"Unknown path {path}: to invoke, POST to {_INVOKE_PATH}"
            raise InvokeError(404, "UnknownOperationException", message)

    def _invoke(self, request: Request, name: str) -> None:
        target = self._target(name, request)
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind not in ("RequestResponse", "Event", "DryRun"):
            raise _unknown_type(kind, "RequestResponse, Event or DryRun")
        event = event_of(request, ASYNC_PAYLOAD_BYTES if kind == "Event" else PAYLOAD_BYTES)
        invocation = _invocation(request, event, target.qualifier)
        if kind == "DryRun":
            request.answer(Response(204, ids_of(invocation)))
        elif target.function.durable is not None and _ONCE not in request.headers:
            assert self._service.durable is not None
            self._service.durable.invoke(request, target, invocation, kind)
        elif kind == "Event":
            self._service.accept(target.function, invocation)
            request.answer(Response(202, ids_of(invocation)))
        else:
            invocation.caller = _Waiting(request)
            self._service.submit(target.function, invocation, kind)

    def _stream(self, request: Request, name: str) -> None:
        target = self._target(name, request)
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind not in ("RequestResponse", "DryRun"):
            raise _unknown_type(kind, "RequestResponse or DryRun for a stream")
        if target.function.durable is not None:
            message = "You cannot invoke a durable function with response streaming."
            raise InvokeError(400, "InvalidParameterValueException", message)
        event = event_of(request, PAYLOAD_BYTES)
        invocation = _invocation(request, event, target.qualifier)
        if kind == "DryRun":
            request.answer(Response(204, ids_of(invocation)))
        else:
            invocation.caller = _Streaming(request, invocation)
            self._service.submit(target.function, invocation, "stream")

    def _target(self, name: str, request: Request) -> Target:
        query = request.query
        qualifier = parse_qs(query).get("Qualifier", [""])[0] if query else ""
        return find(self._service.functions(), name, qualifier, default=VERSION)


class _Caller:
    """What both kinds of caller have in common: X-Amz-Log-Type, and being throttled."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._wants_log = request.headers.get("x-amz-log-type") == "Tail"

    def throttled(self, invocation: Invocation) -> None:
        self._request.answer(refusal(too_many_requests(), invocation.id))


class _Waiting(_Caller):
    """A caller of Invoke, which gets the answer whole."""

    wants_pieces = False

    def piece(self, invocation: Invocation, data: bytes) -> None:
        """Not called: it wants no pieces."""

    def answered(self, invocation: Invocation, answer: Answer) -> None:
        if not self._wants_log:
            self._send(invocation, answer, {})

    def reported(self, invocation: Invocation) -> None:
        if invocation.answer is None:
            self._request.answer(refusal(closing(), invocation.id))
        elif self._wants_log:
            self._send(invocation, invocation.answer, {"X-Amz-Log-Result": _tail(invocation)})

    def _send(self, invocation: Invocation, answer: Answer, more: Mapping[str, str]) -> None:
        headers = {"Content-Type": JSON, **identity_of(invocation), **more}
        if answer.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        self._request.answer(Response(200, headers, answer.payload))


class _Streaming(_Caller):
    """A caller of InvokeWithResponseStream, which gets each piece as it comes."""

    wants_pieces = True

    def __init__(self, request: Request, invocation: Invocation) -> None:
        super().__init__(request)
        self._started = False
        request.on_drain = lambda: resume(invocation)

    def piece(self, invocation: Invocation, data: bytes) -> None:
        self._start(invocation)
        self._request.write(event_stream.chunks(data))
        pause_if_full(self._request, invocation)

    def answered(self, invocation: Invocation, answer: Answer) -> None:
        self._start(invocation)
        if not answer.failed:
            self._request.write(event_stream.chunks(answer.payload))
        if not self._wants_log:
            self._finish(answer, "")

    def reported(self, invocation: Invocation) -> None:
        if invocation.answer is None:
            if self._started:
                self._request.cut()
            else:
                self._request.answer(refusal(closing(), invocation.id))
        elif self._wants_log:
            self._finish(invocation.answer, _tail(invocation))

    def _start(self, invocation: Invocation) -> None:
        if not self._started:
            self._started = True
            headers = {
                "Content-Type": event_stream.CONTENT_TYPE,
                "X-Amzn-Remapped-Content-Type": invocation.content_type,
                **identity_of(invocation),
            }
            self._request.start(200, headers)

    def _finish(self, answer: Answer, log: str) -> None:
        code, details = error_of(answer) if answer.failed else ("", "")
        self._request.write(event_stream.complete(code, details, log))
        self._request.finish()


def _tail(invocation: Invocation) -> str:
    return base64.b64encode(invocation.tail).decode()


def pause_if_full(request: Request, invocation: Invocation) -> None:
    """Stop reading the response while the caller reads more slowly than the function writes."""
    if request.is_full and invocation.source is not None:
        invocation.source.pause()


def resume(invocation: Invocation) -> None:
    """Read on."""
    if invocation.source is not None:
        invocation.source.resume()


def error_of(answer: Answer) -> tuple[str, str]:
    """Return the error type of a failure, and its document as text."""
    text = answer.payload.decode("utf-8", "replace")
    try:
        return str(json.loads(text)["errorType"]), text
    except (ValueError, KeyError, TypeError, RecursionError):
        return "Function.Unknown", text


def event_of(request: Request, limit: int) -> bytes:
    """Return the payload as it came, `{}` for none. Raises InvokeError if it is not JSON."""
    if request.size > limit:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        raise InvokeError(413, "RequestTooLargeException", message)
    if not request.body:
        return b"{}"
    try:
        _DECODER.decode(str(request.body, "utf-8"))
    except (ValueError, RecursionError) as error:
        reason = f"Could not parse payload into json: {error}"
        message = f"Could not parse request body into json: {reason}"
        raise InvokeError(400, "InvalidRequestContentException", message) from None
    return request.body


def _invocation(request: Request, event: bytes, qualifier: str) -> Invocation:
    headers = request.headers
    tenant_id = headers.get("x-amz-tenant-id", "")
    if tenant_id and not _TENANT.fullmatch(tenant_id):
        message = "Invalid tenant id: give up to 256 letters, digits, blanks and . _ : / = + - @"
        raise InvokeError(400, "InvalidParameterValueException", message)
    return Invocation(
        event,
        _client_context(headers.get("x-amz-client-context", "")),
        trace_id=_on_one_line(headers.get("x-amzn-trace-id", "")),
        tenant_id=tenant_id,
        qualifier=qualifier,
    )


def _client_context(header: str) -> str:
    """Return the client context as JSON on one line. Raises InvokeError if it is malformed."""
    if not header:
        return ""
    try:
        document = json.loads(base64.b64decode(header, validate=True))
    except (ValueError, RecursionError) as error:
        raise _bad_client_context(str(error)) from None
    if not isinstance(document, dict):
        raise _bad_client_context("it is not an object")
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _bad_client_context(reason: str) -> InvokeError:
    message = f"Client context must be a valid Base64-encoded JSON object: {reason}"
    return InvokeError(400, "InvalidRequestContentException", message)


def ids_of(invocation: Invocation) -> dict[str, str]:
    """Return the header fields of an invocation that has been accepted."""
    return {"X-Amzn-RequestId": invocation.id, "X-Amzn-Trace-Id": invocation.trace_id}


def identity_of(invocation: Invocation) -> dict[str, str]:
    """Return the header fields of an invocation that has been run."""
    return {**ids_of(invocation), "X-Amz-Executed-Version": VERSION}


def _on_one_line(text: str) -> str:
    return text if text.isprintable() else ""


def _expect(method: str, request: Request) -> None:
    if request.method != method:
        raise InvokeError(
            405, "UnknownOperationException", f"Cannot {request.method} {request.path}: {method} it"
        )


def closing() -> InvokeError:
    """Return the error of a request that comes when the server stops."""
    return InvokeError(503, "ServiceException", "The local Lambda is stopping: start it again")


def _unknown_type(kind: str, types: str) -> InvokeError:
    message = f"Unknown invocation type: {kind}. Give {types}"
    return InvokeError(400, "InvalidParameterValueException", message)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
