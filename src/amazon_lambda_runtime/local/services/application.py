"""SQS, SNS, S3, EventBridge, Kinesis and DynamoDB on this machine: moto, as a WSGI application.

Everything is in memory, and gone when the process ends. Four things that pollers need and moto
lacks are added around it, and one that AWS lacks: the read of a stream may wait for records, so
that an idle stream costs nothing.

- one request at a time: moto's queues lose messages when threads change them concurrently;
- a long poll waits outside of that lock, and returns as soon as a message arrives;
- the messages of a FIFO group that have failed together become visible together, in their order;
- queues of thousands stay fast: moto goes through all messages several times for each request.
"""

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

from amazon_lambda_runtime.local import host_check
from amazon_lambda_runtime.project.aws_limits import LONG_POLL

#: Where it is served.
HOST = "127.0.0.1"
#: Ends the long polls of a queue, whose name is the query: its poller stops. Without a name, those
#: of all streams.
WAKE = "/_wake"
#: In the user agent of a poller of streams: HOLDS/SECONDS says how long it waits for records.
HOLDS = "lambda-runtime-holds"

#: moto's names of the services.
SERVICES = ("dynamodb", "dynamodbstreams", "events", "kinesis", "s3", "sns", "sqs")
# In seconds: how often a long poll looks for messages that have become visible.
_LOOK = 0.25
# In milliseconds: how much too early a FIFO message may become visible, with its group.
_TOGETHER = 100

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


def make() -> "OneAtATime":
    """Return the application. Imports moto, which takes about a second."""
    from moto import backends
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    # moto lists its folder, of some hundred, for each request.
    modules = tuple(backends.list_of_moto_modules())
    vars(backends)["list_of_moto_modules"] = lambda: modules

    def application(service: Any) -> Application:
        if service not in SERVICES:
            return _not_here
        app: Application = create_backend_app(service)
        return app

    return OneAtATime(DomainDispatcherApplication(application))  # type: ignore[arg-type]


class OneAtATime:
    """The application around moto's: checks Host and Origin, and admits one request at a time."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._turn = threading.Condition()
        # How often each queue's long polls have been ended.
        self._woken: dict[str, int] = {}
        # How many requests may have put something into a stream.
        self._written = 0

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        from werkzeug.wrappers import Response

        headers = {
            name: environ[key]
            for name in ("host", "origin", "sec-fetch-site")
            if (key := f"HTTP_{name.upper().replace('-', '_')}") in environ
        }
        if reason := host_check.refusal(headers, HOST):
            response = Response(reason + "\n", 403)
        elif environ["PATH_INFO"] == WAKE:
            response = self._wake(environ["QUERY_STRING"])
        else:
            # Outside of the lock: a client that sends slowly must not hold up the others.
            body = _read(environ)
            seconds, queue, body = _long_poll(environ, body)
            held = 0 if seconds else _held(environ)
            if held:
                response = self._hold(environ, body, held)
            else:
                response = self._answer(environ, body, seconds, queue)
        return response(environ, start_response)

    def _wake(self, queue: str) -> Any:
        from werkzeug.wrappers import Response

        with self._turn:
            queue = queue or WAKE
            self._woken[queue] = self._woken.get(queue, 0) + 1
            self._turn.notify_all()
        return Response(status=204)

    def _answer(self, environ: Environ, body: bytes, seconds: float, queue: str) -> Any:
        from werkzeug.wrappers import Response

        counting = b"GetQueueAttributes" in body or "GetQueueAttributes" in environ.get(
            "HTTP_X_AMZ_TARGET", ""
        )
        end = time.monotonic() + seconds
        with self._turn:
            woken = self._woken.get(queue)
            while True:
                _prepare(counting)
                try:
                    response = Response.from_app(
                        self._application, _with_body(environ, body), buffered=True
                    )
                except Exception as error:  # something that moto does not support
                    response = Response(_error(f"{type(error).__name__}: {error}"), 501)
                if response.status_code >= 400 or b"ReceiptHandle" in response.data:
                    break
                if not self._wait(queue, woken, end):
                    break
            if not seconds:
                self._written += 1
                self._turn.notify_all()
        return response

    def _hold(self, environ: Environ, body: bytes, seconds: float) -> Any:
        """Answer GetRecords as soon as there are records, or after so many seconds."""
        from werkzeug.wrappers import Response

        end = time.monotonic() + seconds
        with self._turn:
            woken = self._woken.get(WAKE)
            while True:
                written = self._written
                response = Response.from_app(
                    self._application, _with_body(environ, body), buffered=True
                )
                found = json.loads(response.data) if response.status_code == 200 else {}
                is_over = bool(found.get("Records")) or not found.get("NextShardIterator")
                while not is_over and self._written == written:
                    left = end - time.monotonic()
                    is_over = left <= 0 or self._woken.get(WAKE) != woken
                    if not is_over:
                        self._turn.wait(left)
                if is_over:
                    return response

    def _wait(self, queue: str, woken: int | None, end: float) -> bool:
        """Wait until the queue may have a message to receive; return False if it has been enough.

        An empty queue has nothing that could become visible: it costs nothing to wait for it.
        """
        while (left := end - time.monotonic()) > 0 and self._woken.get(queue) == woken:
            self._turn.wait(left if _is_empty(queue) else min(left, _LOOK))
            if not _is_empty(queue):
                return self._woken.get(queue) == woken
        return False


def _read(environ: Environ) -> bytes:
    stream = environ["wsgi.input"]
    if environ.pop("wsgi.input_terminated", False):
        data: bytes = stream.read()
    else:
        data = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return data


def _with_body(environ: Environ, body: bytes) -> Environ:
    return {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}


def _long_poll(environ: Environ, body: bytes) -> tuple[float, str, bytes]:
    """Return how long a request would wait for messages, at which queue, and its body without that
    wait."""
    try:
        if environ.get("HTTP_X_AMZ_TARGET") == "AmazonSQS.ReceiveMessage":
            parameters = json.loads(body)
            seconds = int(parameters.get("WaitTimeSeconds", 0))
            url = str(parameters.get("QueueUrl", ""))
            new_body = json.dumps({**parameters, "WaitTimeSeconds": 0}).encode()
        elif b"Action=ReceiveMessage" in body:
            # The query protocol of older SDKs.
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
            seconds = int(fields.get("WaitTimeSeconds", 0))
            url = str(fields.get("QueueUrl", environ["PATH_INFO"]))
            new_body = urlencode({**fields, "WaitTimeSeconds": "0"}).encode()
        else:
            return 0, "", body
    except (ValueError, AttributeError):
        return 0, "", body
    if not 0 <= seconds <= LONG_POLL:
        return 0, "", body  # moto refuses it
    return seconds, url.rpartition("/")[2], new_body


def _held(environ: Environ) -> float:
    """Return how long a poller of a stream wants to wait, in seconds; 0 for any other client."""
    if not environ.get("HTTP_X_AMZ_TARGET", "").endswith(".GetRecords"):
        return 0
    found = re.search(rf"{HOLDS}/(\d+)", environ.get("HTTP_USER_AGENT", ""))
    return min(int(found[1]), LONG_POLL) if found else 0


def _is_empty(name: str) -> bool:
    """Say whether the queue of this name has no messages, visible or not."""
    from moto.sqs.models import sqs_backends

    return not any(
        name in backend.queues and backend.queues[name]._messages
        for regions in sqs_backends.values()
        for backend in regions.values()
    )


def _prepare(counting: bool) -> None:
    """Prepare moto's queues for a request; `counting` if it asks for the number of messages."""
    from moto.core.utils import unix_time_millis
    from moto.sqs.models import sqs_backends

    quick = _quick_queue()
    quick.counting = counting
    soon = unix_time_millis() + _TOGETHER
    for regions in list(sqs_backends.values()):
        for backend in list(regions.values()):
            for queue in list(backend.queues.values()):
                queue.__class__ = quick
                if queue.fifo_queue and queue.pending_messages:
                    _return_together(queue, soon)


@cache
def _quick_queue() -> Any:
    """Return a faster class of moto's queue, which counts its messages only if `counting` is set.

    moto counts them all three times for each message that is sent or received.
    """
    from moto.core.utils import unix_time_millis
    from moto.sqs.exceptions import ReceiptHandleIsInvalid
    from moto.sqs.models import Message
    from moto.sqs.models import Queue as MotoQueue

    class QuickQueue(MotoQueue):
        counting = False

        @property
        def approximate_number_of_messages(self) -> int:
            return super().approximate_number_of_messages if self.counting else 0

        @property
        def approximate_number_of_messages_delayed(self) -> int:
            return super().approximate_number_of_messages_delayed if self.counting else 0

        @property
        def approximate_number_of_messages_not_visible(self) -> int:
            return super().approximate_number_of_messages_not_visible if self.counting else 0

        @property
        def messages(self) -> list[Message]:
            now = unix_time_millis()
            return [
                message
                for message in self._messages
                if now > message.visible_at and now >= message.delayed_until
            ]

        def delete_message(self, receipt_handle: str) -> None:
            if receipt_handle in self.deleted_messages:
                return
            for index, message in enumerate(self._messages):
                if message.had_receipt_handle(receipt_handle):
                    del self._messages[index]
                    self.pending_messages.discard(message)
                    self.deleted_messages.update(filter(None, message.all_receipt_handles))
                    return
            raise ReceiptHandleIsInvalid

    return QuickQueue


def _return_together(queue: Any, soon: float) -> None:
    """Make the received messages of a FIFO group visible at the same moment.

    moto would return a later message of the group while an earlier one is still invisible.
    """
    groups: dict[str, list[Any]] = {}
    for message in queue.pending_messages:
        groups.setdefault(message.group_id, []).append(message)
    for messages in groups.values():
        if all(message.visible_at <= soon for message in messages):
            for message in messages:
                message.visible_at = 0
                queue.pending_messages.discard(message)


def _not_here(environ: Environ, start_response: Any) -> Iterable[bytes]:
    start_response("501 Not Implemented", [("Content-Type", "text/xml")])
    return [_error(f"This server has only {', '.join(SERVICES)}")]


def _error(message: str) -> bytes:
    code = "<Code>NotImplemented</Code>"
    error = f"<Error>{code}<Message>{escape(message)}</Message></Error>"
    return f"<ErrorResponse>{error}</ErrorResponse>".encode()
