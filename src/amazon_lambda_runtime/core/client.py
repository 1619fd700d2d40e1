"""The runtime's side of the Runtime API: fetch a delivery, answer it once.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from os import environ, register_at_fork
from time import sleep

from amazon_lambda_runtime.protocol import (
    ERROR,
    ERROR_BODY,
    ERROR_TYPE,
    INIT_ERROR,
    INVOCATION,
    INVOCATION_ID,
    JSON,
    NEXT,
    REQUEST_ID,
    RESPONSE,
    RESPONSE_MODE,
    RESTORE_ERROR,
    RESTORE_NEXT,
    STREAMING,
    XRAY_CAUSE,
    XRAY_CAUSE_LIMIT,
    chunk,
)

from .errors import LambdaError, RuntimeApiError, StreamClosed, text_of
from .http import Connection, Disconnected, ProtocolError
from .logs import sink

VERSION = "0.1.0"

# Pauses before each new attempt, in seconds. An API that is away for longer does not return.
_PAUSES = (0.05, 0.1, 0.2, 0.4)

# In bytes: a socket that can be written to takes about as much.
_AT_ONCE = 16384

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar

    from .http import Reply


class Delivery:
    """An event as the Runtime API delivered it, with the one answer it gets.

    A second answer raises LambdaError.

    `headers` are those of the reply to /next, names in lower case; `body` is the event's bytes.
    """

    __slots__ = ("answered", "body", "client", "headers", "pending", "request_id", "stream")

    def __init__(self, client: "RuntimeClient", headers: dict[str, str], body: bytes) -> None:
        #: What sends the answer.
        self.client = client
        self.request_id = headers[REQUEST_ID]
        self.headers = headers
        self.body = body
        self.answered = False
        #: The ResponseStream that is answering, if one is.
        self.stream: Any = None
        #: The task that sends the answer, if a coroutine has asked for one that takes its loop.
        self.pending: Any = None

    def respond(self, body: bytes, content_type: str = JSON) -> None:
        """Post the handler's result. Raises RuntimeApiError if the environment has to end."""
        self._post(RESPONSE, f"Content-Type: {content_type}\r\n", body)

    def fail(self, body: bytes, error_type: str, cause: str = "") -> None:
        """Post an error document instead of a result.

        `cause` is a JSON document for X-Ray, a single line of ASCII; it is left out where the
        platform would refuse its size. Raises RuntimeApiError if the environment has to end.
        """
        self._post(ERROR, _error_headers(error_type, cause), body)

    def start(self, stream: "Any", content_type: str, data: bytes) -> None:
        """Begin a streamed result, that of `stream`, with its first piece, which may be empty.

        Raises StreamClosed if the API has hung up, RuntimeApiError if it cannot be reached.
        """
        headers = self._headers(
            f"Content-Type: {content_type}\r\n{RESPONSE_MODE}: {STREAMING}\r\n"
            f"Transfer-Encoding: chunked\r\nTrailer: {ERROR_TYPE}, {ERROR_BODY}\r\n"
        )
        try:
            self.answered, self.stream = True, stream
            first = chunk(data) if data else b""
            self.client.start(INVOCATION + self.request_id + RESPONSE, headers, first)
        except (StreamClosed, RuntimeApiError):
            raise
        except Exception:  # from a signal handler of the user's
            self.client.close()  # there may be a part of the stream on it
            self.answered, self.stream = False, None
            raise

    def write(self, data: bytes) -> None:
        """Send another piece, which must not be empty. Raises StreamClosed."""
        self.client.write(chunk(data))

    def finish(self, trailers: str = "") -> None:
        """End a streamed result. Raises StreamClosed, RuntimeApiError."""
        self.client.finish(f"0\r\n{trailers}\r\n".encode())

    def _post(self, kind: str, headers: str, body: bytes) -> None:
        headers = self._headers(headers)
        try:
            self.answered = True
            self.client.post(INVOCATION + self.request_id + kind, headers, body)
        except RuntimeApiError:
            raise
        except Exception:  # from a signal handler of the user's, before anything was sent
            self.answered = False
            raise

    def _headers(self, headers: str) -> str:
        """Return the headers of the only answer. Raises LambdaError if it has been given."""
        if self.answered:
            raise LambdaError(f"invocation {self.request_id} has been answered already")
        nonce = self.headers.get(INVOCATION_ID)
        if nonce and nonce.isprintable():
            headers += f"Lambda-Runtime-Invocation-Id: {nonce}\r\n"
        return headers


class RuntimeClient:
    """A client for the Runtime API at `address`, "host:port".

    Raises ValueError if it is anything else.
    """

    #: The client of this process, once the bootstrap has made it: there is one Runtime API to a
    #: process, and an `__init__` of the user's may need it before there is a Runtime.
    current: "ClassVar[RuntimeClient | None]" = None

    __slots__ = (
        "_connection",
        "_ending",
        "_is_streaming",
        "_mark",
        "_next",
        "_streamed",
        "init_failed",
        "wait",
    )

    def __init__(self, address: str) -> None:
        self._connection = Connection(address)
        self.adopt()
        agent = f"amazon-lambda-runtime-python/{VERSION}"
        self._ending = f" HTTP/1.1\r\nHost: {address}\r\nUser-Agent: {agent}\r\n"
        self._streamed = ""  # the path of the latest stream
        self._is_streaming = False  # whether it has begun and not ended
        self._next = f"GET {NEXT}{self._ending}\r\n".encode()
        #: What waits until a descriptor can be read, where signals have to be noticed meanwhile.
        self.wait: Callable[[int], None] | None = None
        #: Whether an init error has been posted.
        self.init_failed = False

    def adopt(self) -> None:
        """Serve this process from now on, one that was forked to be served."""
        # set(mark) uses it up in a child. As a method it is called where the stack is full and a
        # function would fail; and to look at the mark is no system call, as getpid() is.
        self._mark: Any = iter((None,))
        method: Any = type(self.adopt)
        register_at_fork(after_in_child=method(set, self._mark))

    @property
    def is_inherited(self) -> bool:
        """Whether this process is a child that the handler forked: its parent answers."""
        return not self._mark.__length_hint__()

    def open(self) -> None:
        """Connect, if that can be done now. Else the first request connects."""
        try:
            self._connection.open()
        except OSError:
            pass

    def next(self) -> Delivery:
        """Wait for the next delivery, for as long as it takes.

        A repeated request is harmless: the API repeats an event until it is answered. Raises
        RuntimeApiError if a few attempts failed, and at once if the API refuses.
        """
        attempts = 0
        while True:
            try:
                status, headers, body = self._fetch()
            except (Disconnected, ProtocolError) as exc:
                attempts += 1
                sleep(pause_before_next(attempts, exc))
            except Exception:  # from a signal handler of the user's
                self.close()  # a reply may be on its way
                raise
            else:
                return self.delivered(status, headers, body)

    def init_error(self, body: bytes, error_type: str, cause: str = "") -> None:
        """Post why the function could not be loaded; the process must then exit. Done once."""
        if not self.init_failed:
            self.init_failed = True
            self.post(INIT_ERROR, _error_headers(error_type, cause), body)

    def restore(self) -> None:
        """Wait until the snapshot is taken and restored, in another environment.

        Raises RuntimeApiError.
        """
        self._check_process()
        head = f"GET {RESTORE_NEXT}{self._ending}\r\n".encode()
        try:
            if not self._connection.is_open:
                self._connect()
            status, _, body = self._connection.request(head)
        except (Disconnected, ProtocolError) as exc:
            raise RuntimeApiError(f"GET {RESTORE_NEXT}: {exc}") from exc
        self.close()  # a connection does not survive a snapshot
        if status != 200:
            told = _told(status, body)
            raise RuntimeApiError(f"GET {RESTORE_NEXT}: the Runtime API answered {told}")

    def restore_error(self, body: bytes, error_type: str, cause: str = "") -> None:
        """Post why the restore from the snapshot failed; the process must then exit."""
        self.post(RESTORE_ERROR, _error_headers(error_type, cause), body)

    def post(self, path: str, headers: str, body: bytes) -> None:
        """Post `body` and make sure that it arrived.

        An answer that the API refuses (400, 403, 410, 413) concerns one invocation, which the
        platform has settled by then: it is logged in one line. Raises RuntimeApiError if the API
        failed (5xx) or cannot be reached.
        """
        self._check_process()
        if self._is_streaming:
            self._break_off()
        head = self.head(path, headers, len(body))
        connection = self._connection
        resent = False
        while True:
            reused = connection.is_open
            if not reused:
                self._connect()
            try:
                status, _, reply = connection.request(head, body)
                break
            except (Disconnected, ProtocolError) as exc:
                check_resend(path, exc, reused and not resent)
                resent = True
            except Exception as exc:  # from a signal handler of the user's
                connection.close()  # a reply may be on its way
                told = f"POST {path}: interrupted by {type(exc).__name__}: {text_of(exc)}"
                if resent:
                    raise RuntimeApiError(told) from exc
                sink.log_error(f"[ERROR] LAMBDA_RUNTIME {told}\n")
                resent = True
        settle(path, status, reply, resent)

    def head(self, path: str, headers: str, size: int) -> bytes:
        """Return the head of a POST with a body of `size` bytes."""
        return f"POST {path}{self._ending}{headers}Content-Length: {size}\r\n\r\n".encode()

    def delivered(self, status: int, headers: dict[str, str], body: bytes) -> Delivery:
        """Return what a reply to /next delivers. Raises RuntimeApiError if that is nothing."""
        if status != 200:
            raise RuntimeApiError(f"GET {NEXT}: the Runtime API answered {_told(status, body)}")
        request_id = headers.get(REQUEST_ID, "")
        if not request_id.isprintable() or " " in request_id or not request_id:
            raise RuntimeApiError(
                f"GET {NEXT}: the event came without Lambda-Runtime-Aws-Request-Id"
            )
        return Delivery(self, headers, body)

    def chunked_head(self, path: str, headers: str) -> bytes:
        """Return the head of a POST whose body comes in chunks, as `headers` say."""
        return f"POST {path}{self._ending}{headers}\r\n".encode()

    def start(self, path: str, headers: str, first: bytes) -> None:
        """Send the head of a chunked POST and its first chunks. Raises StreamClosed."""
        self._streamed = path
        self._is_streaming = True
        head = self.chunked_head(path, headers)
        if not self._connection.is_open:
            self._connect()
        self.write(head + first)

    def write(self, data: bytes) -> None:
        """Send more of the chunked POST, framed as it is. Raises StreamClosed.

        An early reply says why the API hung up; it is logged in one line.
        """
        self._check_process()
        if not (self._is_streaming and self._connection.is_open):
            raise StreamClosed(f"POST {self._streamed}: the stream was interrupted by a signal")
        try:
            self._connection.send(data)
        except Disconnected as exc:
            try:
                status, _, reply = self._connection.receive()
            except (Disconnected, ProtocolError):
                raise StreamClosed(f"POST {self._streamed}: {exc}") from None
            self._connection.close()
            settle(self._streamed, status, reply)
            raise StreamClosed(f"POST {self._streamed}: HTTP {status}") from None

    def takes(self, size: int) -> bool:
        """Say whether a piece of this size can be written without waiting for who reads it."""
        if size > _AT_ONCE or not self._connection.is_open:
            return False
        from .stdlib import load

        select = load("select")
        ready = select.poll()
        ready.register(self._connection.fileno(), select.POLLOUT)
        return bool(ready.poll(0) == [(self._connection.fileno(), select.POLLOUT)])

    def finish(self, data: bytes) -> None:
        """Send the end of the chunked POST and make sure that it arrived."""
        try:
            self.write(data)
            status, _, reply = self._connection.receive()
            self._is_streaming = False
        except (Disconnected, ProtocolError) as exc:
            raise StreamClosed(f"POST {self._streamed}: {exc}") from None
        except Exception:  # from a signal handler of the user's
            self._break_off()
            raise
        settle(self._streamed, status, reply)

    @property
    def address(self) -> str:
        """Where the Runtime API is, "host:port"."""
        return self._connection.address

    def close(self) -> None:
        """Close the connection to the API; the next request opens another."""
        self._connection.close()

    def _fetch(self) -> "Reply":
        """Ask for the next event and return the reply, which may come in an hour."""
        self._check_process()
        if self._is_streaming:
            self._break_off()
        connection = self._connection
        if not connection.is_open:
            self._connect()
        if self.wait is None:
            return connection.request(self._next)
        connection.send(self._next)
        self.wait(connection.fileno())
        return connection.receive()

    def _break_off(self) -> None:
        """Close the connection of a stream that has not ended: a signal handler has interrupted it.

        What follows on it would be taken for a part of the stream.
        """
        self._connection.close()
        self._is_streaming = False

    def _check_process(self) -> None:
        """Raise SystemExit in a child that the handler forked: it would answer for its parent."""
        if not self._mark.__length_hint__():
            raise SystemExit(0)

    def _connect(self) -> None:
        """Open the connection; one that is refused is tried a few times."""
        attempts = 0
        while True:
            try:
                return self._connection.open()
            except OSError as exc:
                attempts += 1
                sleep(pause_before_connect(attempts, self.address, exc))


# The rules that do no I/O. The client of `tasks.py` obeys the same.


def pause_before_connect(attempts: int, address: str, failure: OSError) -> float:
    """Return how long to wait, in seconds, before another attempt to connect after so many.

    Raises RuntimeApiError if there is to be none.
    """
    if attempts > len(_PAUSES):
        message = f"Unable to connect to the Runtime API at {address}: {failure}"
        raise RuntimeApiError(message) from failure
    return _PAUSES[attempts - 1]


def pause_before_next(attempts: int, failure: Exception) -> float:
    """Return how long to wait, in seconds, before /next is asked again after so many attempts.

    Raises RuntimeApiError if it is not to be asked again.
    """
    if attempts > len(_PAUSES):
        raise RuntimeApiError(f"GET {NEXT}: failed {attempts} times ({failure})")
    return _PAUSES[attempts - 1]


def check_resend(path: str, failure: Exception, may_be_idle: bool) -> None:
    """Raise RuntimeApiError unless a POST that failed is to be sent again.

    An idle connection may have been closed while the request was on its way: `may_be_idle`.
    """
    if not (may_be_idle and isinstance(failure, Disconnected)):
        raise RuntimeApiError(f"POST {path}: {failure}") from failure


def settle(path: str, status: int, reply: bytes, resent: bool = False) -> None:
    """Log that the API has refused an answer. Raises RuntimeApiError if the API failed (5xx)."""
    if status >= 500:
        raise RuntimeApiError(f"POST {path}: the Runtime API answered {_told(status, reply)}")
    # A resend is refused where the first one had arrived after all.
    if status >= 300 and not (resent and status in (400, 403, 410)):
        told = _told(status, reply)
        sink.log_error(f"[ERROR] LAMBDA_RUNTIME Failed to post to {path}. {told}\n")


def connect() -> RuntimeClient:
    """Return a client for the Runtime API that AWS_LAMBDA_RUNTIME_API names.

    Raises RuntimeApiError if the variable is not set or not an address.
    """
    address = environ.get("AWS_LAMBDA_RUNTIME_API")
    if not address:
        raise RuntimeApiError(
            "AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda."
            " To run the function on this machine: lambda-runtime local HANDLER"
        )
    try:
        return RuntimeClient(address)
    except ValueError as exc:
        raise RuntimeApiError(f"AWS_LAMBDA_RUNTIME_API: {exc}") from None


def _error_headers(error_type: str, cause: str) -> str:
    headers = f"Content-Type: {JSON}\r\n{ERROR_TYPE}: {error_type}\r\n"
    if cause and len(cause) < XRAY_CAUSE_LIMIT:
        headers += f"{XRAY_CAUSE}: {cause}\r\n"
    return headers


def _told(status: int, body: bytes) -> str:
    """Describe a reply in one line; the API's error bodies are short JSON documents."""
    return f"HTTP {status}: {' '.join(body[:300].decode('utf-8', 'replace').split())}"
