"""For the tests of your functions: a context, sample events, and an invocation without a network.

With pytest they are fixtures: `make_context`, `lambda_context`, `sample_event` and `invoke`.
"""

import asyncio
import base64
import contextvars
import json
import sys
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.core import codec, serving
from amazon_lambda_runtime.core.applications import kind_of
from amazon_lambda_runtime.core.client import Delivery
from amazon_lambda_runtime.core.context import Context
from amazon_lambda_runtime.core.errors import LambdaError, UnmarshalError
from amazon_lambda_runtime.core.logs import sink
from amazon_lambda_runtime.core.runtime import Runtime
from amazon_lambda_runtime.protocol import (
    CLIENT_CONTEXT,
    COGNITO_IDENTITY,
    DEADLINE_MS,
    ERROR_BODY,
    FUNCTION_ARN,
    HTTP_INTEGRATION,
    JSON,
    PRELUDE_END,
    REQUEST_ID,
    TENANT_ID,
    TRACE_ID,
)

sample_event = samples.load


class FunctionError(LambdaError):
    """The function failed: `error_type`, `message` and `stack` are what its caller reads.

    Its `__cause__` is the exception, if it was one.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.error_type: str = document["errorType"]
        self.message: str = document["errorMessage"]
        self.stack: list[str] = document["stackTrace"]
        super().__init__(f"{self.error_type}: {self.message}")


def make_context(
    *,
    aws_request_id: str | None = None,
    function_name: str = "function",
    function_version: str = "$LATEST",
    invoked_function_arn: str | None = None,
    memory_limit_in_mb: str = "128",
    log_group_name: str | None = None,
    log_stream_name: str = "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
    remaining_ms: int = 3000,
    tenant_id: str | None = None,
    trace_id: str | None = None,
    client_context: dict[str, Any] | None = None,
    cognito_identity_id: str | None = None,
    cognito_identity_pool_id: str | None = None,
) -> Context:
    """Return a Context as Lambda gives it, for an invocation that has `remaining_ms` left.

    The request id is a new one, unless it is given. `client_context` is the JSON object that the
    caller sent.
    """
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"
    headers = {
        REQUEST_ID: aws_request_id or str(uuid.uuid4()),
        FUNCTION_ARN: invoked_function_arn or arn,
        DEADLINE_MS: str(time.time_ns() // 1_000_000 + remaining_ms),
    }
    optional = {
        TENANT_ID: tenant_id,
        TRACE_ID: trace_id,
        CLIENT_CONTEXT: json.dumps(client_context) if client_context is not None else None,
        COGNITO_IDENTITY: _identity(cognito_identity_id, cognito_identity_pool_id),
    }
    headers |= {name: value for name, value in optional.items() if value is not None}
    context = Context(headers)
    vars(context).update(
        function_name=function_name,
        function_version=function_version,
        memory_limit_in_mb=memory_limit_in_mb,
        log_group_name=log_group_name or f"/aws/lambda/{function_name}",
        log_stream_name=log_stream_name,
    )
    return context


def invoke(handler: Any, event: Any, context: Context | None = None) -> Any:
    """Invoke a handler as the runtime does, and return what its caller reads.

    `handler` is a Runtime, a subclass of it, a function, or a web application. The event is encoded
    and decoded, and so is the result: it is a value of JSON, or bytes if the handler returned bytes
    or streamed; of what began with the head of an HTTP response, that head and the `body`. `event`
    may be given encoded, as bytes. A Runtime's `on_init` is called before its first event.
    It may be called where an event loop is running, in an async test: the handler then runs in a
    thread of its own, and the loop waits for it. Raises FunctionError if the function failed, and
    what `on_init` raises.
    """
    return invoke_with(*handler_of(handler), event, context or make_context())


def invoke_with(
    runtime: Runtime,
    handle: Callable[[Any, Context], Any],
    is_ours: bool,
    event: Any,
    context: Context,
) -> Any:
    """Have `handle` answer an event as a handler of `runtime`, and return what its caller reads."""
    wire = _Wire()

    def work() -> None:
        with _readable_log():
            _answer(runtime, handle, is_ours, event, context, wire)

    if _is_in_a_loop():
        _run_apart(work)
    else:
        work()
    return wire.result()


def _answer(
    runtime: Runtime,
    handle: Callable[[Any, Context], Any],
    is_ours: bool,
    event: Any,
    context: Context,
    wire: "_Wire",
) -> None:
    body = event if isinstance(event, bytes) else codec.to_utf8(codec.encode(event))
    headers = {REQUEST_ID: context.aws_request_id, "content-type": JSON}
    delivery = Delivery(wire, headers, body)  # type: ignore[arg-type]
    served = serving.of(runtime)
    token = serving.be_at_work(weakref.ref(served))
    try:
        served.prepare()
        tokens = serving.enter(delivery, context)
        try:
            decoded = served.decode(delivery)
            served.answer(delivery, handle, decoded, context)
        except UnmarshalError as exc:
            served.fail(delivery, exc)
        except SystemExit:
            pass  # the caller has its answer
        finally:
            serving.leave(tokens)
    finally:
        token.var.reset(token)
        if served.loop is not None:
            _put_away(served.loop, None if is_ours else runtime)


def _is_in_a_loop() -> bool:
    """Say whether an event loop is running in this thread."""
    return asyncio._get_running_loop() is not None


def _run_apart(work: Callable[[], None]) -> None:
    """Run `work` in a thread with the context variables of this one, and wait for it."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as exc:
            raised.append(exc)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,))
    thread.start()
    thread.join()
    for exc in raised:
        raise exc


class _Lines:
    """Takes the place of the log of Lambda, whose records have a carriage return for each line."""

    def send(self, text: str, frame_type: int = sink.PLAIN) -> bool:
        sys.stdout.write(text.replace("\r", "\n").rstrip("\n") + "\n")
        return True


@contextmanager
def _readable_log() -> Iterator[None]:
    """Have records of several lines written as lines to stdout."""
    if sink.Telemetry.current is not None:
        yield
        return
    sink.Telemetry.current = _Lines()  # type: ignore[assignment]
    try:
        yield
    finally:
        sink.Telemetry.current = None


def handler_of(handler: Any) -> tuple[Runtime, Callable[[Any, Context], Any], bool]:
    """Return the runtime, its handler, and whether the runtime was made here."""
    if isinstance(handler, type) and issubclass(handler, Runtime):
        made = handler()
        return made, made.handler, True
    if isinstance(handler, Runtime):
        return handler, handler.handler, False
    owner = getattr(handler, "__self__", None)
    if isinstance(owner, Runtime):
        return owner, handler, False
    if callable(handler):
        if kind_of(handler, "the handler"):
            made = __import__("amazon_lambda_runtime.web", fromlist=["Web"]).Web(handler)
            return made, made.handler, True
        return Runtime(), handler, True
    kind = type(handler).__name__
    raise TypeError(f"handler is {kind}: expected a Runtime, a class of it, or a function")


def _put_away(loop: Any, runtime: Runtime | None) -> None:
    """Close the loop; or, if it serves the next invocation of a runtime, close it with that.

    One that the test has made is the test's.
    """
    if loop.is_adopted:
        loop.leave()
    elif runtime is None:
        loop.close()
    else:
        asyncio.set_event_loop(None)  # another runtime would adopt it
        # asyncio knows its tasks weakly: one that is collected with the runtime can't be cancelled.
        loop.left_over = asyncio.all_tasks(loop.loop)
        if not hasattr(loop, "closed_by_testing"):
            loop.closed_by_testing = weakref.finalize(runtime, _close, loop)


def _close(loop: Any) -> None:
    """Close the loop of a runtime that is gone, which may be while another loop runs here."""
    if _is_in_a_loop():
        _run_apart(loop.close)
    else:
        loop.close()


def _identity(identity_id: str | None, pool_id: str | None) -> str | None:
    if identity_id is None and pool_id is None:
        return None
    return json.dumps({"cognitoIdentityId": identity_id, "cognitoIdentityPoolId": pool_id})


class _Wire:
    """Takes the place of the Runtime API's client, and keeps the answer."""

    def __init__(self) -> None:
        #: What kind of answer came, its headers and its body.
        self.answer: tuple[str, str, bytes] | None = None
        self._trailers = ""
        self._cause: BaseException | None = None

    def post(self, path: str, headers: str, body: bytes) -> None:
        self.answer = path.rpartition("/")[2], headers, body
        self._cause = sys.exception()

    def start(self, path: str, headers: str, first: bytes) -> None:
        self.answer = "stream", headers, b""
        self.write(first)

    def write(self, chunk: bytes) -> None:
        assert self.answer is not None
        kind, headers, body = self.answer
        self.answer = kind, headers, body + chunk.partition(b"\r\n")[2][:-2]

    def takes(self, size: int) -> bool:
        return True

    def finish(self, end: bytes) -> None:
        self._trailers = end.decode()
        self._cause = sys.exception()

    def result(self) -> Any:
        assert self.answer is not None
        kind, headers, body = self.answer
        if kind == "error":
            raise FunctionError(json.loads(body)) from self._cause
        if f"{ERROR_BODY}: " in self._trailers:
            encoded = self._trailers.partition(f"{ERROR_BODY}: ")[2].strip()
            raise FunctionError(json.loads(base64.b64decode(encoded))) from self._cause
        if f"Content-Type: {HTTP_INTEGRATION}\r\n" in headers:
            head, _, body = body.partition(PRELUDE_END)
            return {**json.loads(head), "body": body}
        return json.loads(body) if f"Content-Type: {JSON}\r\n" in headers else body
