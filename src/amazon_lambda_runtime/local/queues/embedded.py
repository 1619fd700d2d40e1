"""SQS on this machine: moto's server, in a thread of this process.

It serves SNS and S3, too, for topics and buckets that send to a queue. Everything is in memory, and
gone when the process ends. Four things that a poller needs and moto lacks are added around it:

- one request at a time: moto's queues lose messages when threads change them concurrently;
- a long poll waits outside of that lock, and returns as soon as a message arrives;
- the messages of a FIFO group that have failed together become visible together, in their order;
- queues of thousands stay fast: moto goes through all messages several times for each request.
"""

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

from amazon_lambda_runtime.local import host_check
from amazon_lambda_runtime.project.aws_limits import LONG_POLL

from .settings import QueueSettings
from .sqs import Queue, QueueError

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

HOST = "127.0.0.1"

_SERVICES = ("s3", "sns", "sqs")
# In seconds: how often the server looks whether it has been stopped.
_STOPPABLE = 0.1
# In seconds: how often a long poll looks for messages whose visibility timeout has expired.
_LOOK = 0.25
# In milliseconds: how much too early a FIFO message may become visible, with its group.
_TOGETHER = 100

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class EmbeddedSqs:
    """moto's server from `start` to `close`."""

    def __init__(self, server: "BaseWSGIServer", requests: "_OneAtATime") -> None:
        self.endpoint = f"http://{HOST}:{server.port}"
        self._made: set[str] = set()
        self._server = server
        self._requests = requests
        self._thread = threading.Thread(
            target=server.serve_forever, args=[_STOPPABLE], name="moto", daemon=True
        )
        self._thread.start()

    @classmethod
    def start(cls, port: int = 0) -> Self:
        """Serve at this port (0: any free one). Blocks for about a second, while moto is imported.

        Raises QueueError if moto is not installed or the port is not available.
        """
        try:
            from moto.moto_server.werkzeug_app import (
                DomainDispatcherApplication,
                MotoRequestHandler,
                create_backend_app,
            )
            from werkzeug.serving import make_server
        except ModuleNotFoundError as error:
            raise QueueError(
                f"cannot make a queue: it needs moto and flask ({error.name} is missing): "
                'pip install "amazon-lambda-runtime[tools]"'
            ) from None

        class Quiet(MotoRequestHandler):
            def log(self, kind: str, message: str, *args: Any) -> None:
                """Log nothing: the poller's requests do not belong in the function's log."""

        def application(service: Any) -> Application:
            if service not in _SERVICES:
                return _not_here
            app: Application = create_backend_app(service)
            return app

        try:
            listener = socket.create_server((HOST, port))
        except OSError as error:
            raise QueueError(
                f"cannot listen on {HOST}:{port} for the queues: {error.strerror}. "
                "Choose another port."
            ) from None
        requests = _OneAtATime(DomainDispatcherApplication(application))  # type: ignore[arg-type]
        with listener:
            # Given the open socket: werkzeug ends the process when an address is in use.
            server = make_server(
                HOST, port, requests, True, request_handler=Quiet, fd=listener.fileno()
            )
        return cls(server, requests)

    def close(self) -> None:
        """Stop serving; long polls are answered at once. Blocks for a moment."""
        self._requests.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    async def queue(self, settings: QueueSettings, visibility: int) -> Queue:
        """Create the queue of this name, and its dead-letter queue. Raises QueueError.

        `visibility`, in seconds, is the default for settings that have none. A queue that exists,
        as another's dead-letter queue, is taken as it is.
        """
        if settings.queue in self._made and settings.redrive is None:
            return await Queue.open(settings.queue, self.endpoint)
        chosen = settings.visibility if settings.visibility is not None else visibility
        attributes = {"VisibilityTimeout": str(chosen)}
        fifo = {}
        if settings.is_fifo:
            fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        if settings.redrive is not None:
            name, count = settings.redrive
            dlq = await Queue.create(name, self.endpoint, {**attributes, **fifo})
            await dlq.close()
            self._made.add(name)
            policy = {"deadLetterTargetArn": dlq.arn, "maxReceiveCount": str(count)}
            attributes["RedrivePolicy"] = json.dumps(policy)
        self._made.add(settings.queue)
        return await Queue.create(settings.queue, self.endpoint, {**attributes, **fifo})


class _OneAtATime:
    """The application around moto's: checks Host and Origin, and admits one request at a time."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._turn = threading.Condition()
        self._closing = False

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        from werkzeug.wrappers import Response

        headers = {
            name: environ[key]
            for name in ("host", "origin", "sec-fetch-site")
            if (key := f"HTTP_{name.upper().replace('-', '_')}") in environ
        }
        if reason := host_check.refusal(headers, HOST):
            response = Response(reason + "\n", 403)
        else:
            # Outside of the lock: a client that sends slowly must not hold up the others.
            body = _read(environ)
            seconds, body = _long_poll(environ, body)
            response = self._answer(environ, body, seconds)
        return response(environ, start_response)

    def close(self) -> None:
        with self._turn:
            self._closing = True
            self._turn.notify_all()

    def _answer(self, environ: Environ, body: bytes, seconds: float) -> Any:
        from werkzeug.wrappers import Response

        counting = b"GetQueueAttributes" in body or "GetQueueAttributes" in environ.get(
            "HTTP_X_AMZ_TARGET", ""
        )
        end = time.monotonic() + seconds
        with self._turn:
            while True:
                _prepare(counting)
                try:
                    response = Response.from_app(
                        self._application, _with_body(environ, body), buffered=True
                    )
                except Exception as error:  # something that moto does not support
                    response = Response(_error(f"{type(error).__name__}: {error}"), 501)
                left = end - time.monotonic()
                if left <= 0 or self._closing or b"ReceiptHandle" in response.data:
                    break
                self._turn.wait(min(left, _LOOK))
            if not seconds:
                self._turn.notify_all()
        return response


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


def _long_poll(environ: Environ, body: bytes) -> tuple[float, bytes]:
    """Return how long a request would wait for messages, and its body without that wait."""
    try:
        if environ.get("HTTP_X_AMZ_TARGET") == "AmazonSQS.ReceiveMessage":
            parameters = json.loads(body)
            seconds = int(parameters.get("WaitTimeSeconds", 0))
            new_body = json.dumps({**parameters, "WaitTimeSeconds": 0}).encode()
        elif b"Action=ReceiveMessage" in body:
            # The query protocol of older SDKs.
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
            seconds = int(fields.get("WaitTimeSeconds", 0))
            new_body = urlencode({**fields, "WaitTimeSeconds": "0"}).encode()
        else:
            return 0, body
    except (ValueError, AttributeError):
        return 0, body
    if not 0 <= seconds <= LONG_POLL:
        return 0, body  # moto refuses it
    return seconds, new_body


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
    return [_error(f"This server has only {', '.join(_SERVICES)}")]


def _error(message: str) -> bytes:
    code = "<Code>NotImplemented</Code>"
    error = f"<Error>{code}<Message>{escape(message)}</Message></Error>"
    return f"<ErrorResponse>{error}</ErrorResponse>".encode()
