"""The Invoke API: what `aws lambda invoke` and every SDK talk to.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import asyncio
import base64
import json
import re
from types import TracebackType
from typing import NoReturn, Self
from urllib.parse import unquote

from amazon_lambda_runtime._protocol import JSON

from . import guard
from .function import VERSION, Function, arn
from .http import Request, Response, Server, json_response, serve
from .invocation import Invocation
from .output import Log, to_stderr
from .pool import Pool

# In bytes: what Invoke takes.
PAYLOAD_LIMIT = 6 * 1024 * 1024

_INVOCATIONS = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
# "name", "account:function:name" or an ARN, with a version or an alias or without.
_NAME = re.compile(
    r"(?:(?:arn:[\w-]+:lambda:[\w-]*:)?(?:\d{12}:)?function:)?([\w-]+)(?::(?:\$LATEST|[\w-]+))?"
)
# What AWS's own emulator calls its only function, whatever its name.
_THE_FUNCTION = "function"


class InvokeError(Exception):
    """Raised for a request that Invoke refuses. SDKs know the error by its name."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name


class LocalLambda:
    """A Lambda with one function. An async context manager: its end is the function's end."""

    def __init__(self, function: Function, log: Log = to_stderr) -> None:
        self.pool = Pool(function, log)
        self._log = log
        self._host = ""
        self._server: Server | None = None
        self._background: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve the Invoke API at this address and return its port (0: any that is free).

        Raises OSError if the address cannot be had.
        """
        self._host = host
        self._server = await serve(host, port, self._handle)
        return self._server.port

    async def close(self) -> None:
        """Stop serving and end the function's processes."""
        if self._server is not None:
            await self._server.close()
        await self.pool.close()
        # What they wait for has ended with the pool.
        await asyncio.gather(*self._background, return_exceptions=True)

    async def _handle(self, request: Request) -> Response:
        if reason := guard.refusal(request.headers, self._host):
            return json_response(403, {"Type": "User", "Message": reason})
        try:
            return await self._invoke(request)
        except InvokeError as error:
            document = {"Type": "User", "Message": str(error)}
            return json_response(error.status, document, {"x-amzn-errortype": error.name})

    async def _invoke(self, request: Request) -> Response:
        route = _INVOCATIONS.fullmatch(request.path)
        if route is None:
            raise InvokeError(404, "UnknownOperationException", f"Unknown path {request.path}")
        if request.method != "POST":
            raise InvokeError(405, "UnknownOperationException", f"Cannot {request.method} it")
        self._check_name(unquote(route[1]))
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind not in ("RequestResponse", "Event", "DryRun"):
            raise InvokeError(
                400, "InvalidParameterValueException", f"Unknown invocation type: {kind}"
            )
        event = _event(request)
        client_context = _client_context(request.headers.get("x-amz-client-context", ""))
        if kind == "DryRun":
            return Response(204)
        invocation = self.pool.invoke(event, client_context)
        headers = {"x-amzn-RequestId": invocation.id, "X-Amz-Executed-Version": VERSION}
        if kind == "Event":
            task = asyncio.create_task(self._log_failure(invocation))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
            return Response(202, headers)
        answer = await invocation.answer()
        if answer.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if request.headers.get("x-amz-log-type") == "Tail":
            await invocation.reported.wait()
            headers["X-Amz-Log-Result"] = base64.b64encode(invocation.tail).decode()
        return Response(200, {"Content-Type": JSON, **headers}, answer.payload)

    def _check_name(self, name: str) -> None:
        match = _NAME.fullmatch(name)
        plain = match[1] if match else name
        if plain not in (self.pool.function.name, _THE_FUNCTION):
            raise InvokeError(404, "ResourceNotFoundException", f"Function not found: {arn(plain)}")

    async def _log_failure(self, invocation: Invocation) -> None:
        answer = await invocation.answer()
        if answer.failed:
            # Nobody waits for this answer: the log is where it can be seen.
            await invocation.reported.wait()
            payload = answer.payload.decode("utf-8", "replace")
            self._log(f"Event RequestId: {invocation.id} failed: {payload}")


def _event(request: Request) -> bytes:
    """Return the payload as it came, `{}` for none. Raises InvokeError if it is no JSON."""
    if request.size > PAYLOAD_LIMIT:
        message = f"Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction"
        raise InvokeError(413, "RequestTooLargeException", f"{message} operation")
    if not request.body:
        return b"{}"
    try:
        json.loads(request.body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        message = f"Could not parse request body into json: {error}"
        raise InvokeError(400, "InvalidRequestContentException", message) from None
    return request.body


def _client_context(header: str) -> str:
    """Return the client context as JSON on one line. Raises InvokeError if it is none."""
    if not header:
        return ""
    try:
        document = json.loads(base64.b64decode(header, validate=True))
    except (ValueError, RecursionError) as error:
        message = f"Client context must be a valid Base64-encoded JSON object: {error}"
        raise InvokeError(400, "InvalidRequestContentException", message) from None
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
