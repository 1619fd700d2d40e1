"""The response to a custom resource of CloudFormation: one PUT to the address that came along.

Rule 1: a stack waits an hour for a missing response. So one is always sent: for the hook's result,
for its exception, or by a timer two seconds before the deadline.

Rule 2: the address is a secret: it is all that is needed to answer. It is never logged, it has to
be https, and no redirect is followed.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

from threading import Lock, Timer

from amazon_lambda_runtime.core import codec
from amazon_lambda_runtime.core.stdlib import load

from .errors import ResponseNotSent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from amazon_lambda_runtime.core.context import Context

    from .host import Host

_LEFT_FOR_FAILED = 2.0
_LONGEST_REASON = 1000
# The largest response that CloudFormation accepts, in bytes.
_LARGEST_RESPONSE = 4096
# How often the PUT is tried, and how long one try may take, in seconds.
_TRIES = 3
_LONGEST_PUT = 5.0


def answer(
    host: "Host", event: "dict[str, Any]", context: "Context", work: "Callable[[], Any]"
) -> "Any":
    """Have `work` done and its result sent to the stack; return what was sent.

    An event without a ResponseURL is from a framework that sends the response by itself: the
    result, or the exception, is the answer to it. Raises ResponseNotSent.
    """
    address = event.get("ResponseURL")
    if not (isinstance(address, str) and address.partition("://")[1]):
        return _awaited(host, work())
    if not address.lower().startswith("https://"):
        raise ResponseNotSent("the ResponseURL is not https: nothing is sent to it")
    response = _Response(host, event, context, address)
    with response:
        try:
            result = _awaited(host, work())
        except BaseException as exc:
            host.logger.error("the CloudFormation request failed", exc_info=exc)
            sent = response.send("FAILED", {}, f"{type(exc).__name__}: {_text_of(exc)}")
            if not isinstance(exc, Exception):
                raise  # the process ends
            return sent
        return response.send_result(result)


def _awaited(host: "Host", result: "Any") -> "Any":
    return host.wait(result) if hasattr(type(result), "__await__") else result


def _text_of(exc: BaseException) -> str:
    from amazon_lambda_runtime.core.errors import text_of

    return text_of(exc)  # its `__str__` may raise


class _Response:
    """The response to one event. It is sent once, by the hook's result or by the timer."""

    def __init__(
        self, host: "Host", event: "dict[str, Any]", context: "Context", address: str
    ) -> None:
        self._host = host
        self._event = event
        self._context = context
        self._address = address
        self._lock = Lock()
        self._sent: dict[str, Any] | None = None
        left = context.get_remaining_time_in_millis() / 1000
        delay = left - _LEFT_FOR_FAILED if left > _LEFT_FOR_FAILED else left / 2
        self._timer = Timer(delay, self._out_of_time) if context.deadline_ms else None

    def __enter__(self) -> None:
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def __exit__(self, *exc: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def send_result(self, result: "Any") -> "dict[str, Any]":
        """Send what a hook has returned."""
        if result is None:
            result = {}
        if not isinstance(result, dict) or not result.keys() <= {
            "PhysicalResourceId",
            "Data",
            "NoEcho",
        }:
            reason = "the hook has to return None or a dict of PhysicalResourceId, Data and NoEcho"
            self._host.logger.error("the CloudFormation request failed: %s", reason)
            return self.send("FAILED", {}, reason)
        return self.send("SUCCESS", result, "")

    def send(self, status: str, result: "dict[str, Any]", reason: str) -> "dict[str, Any]":
        """Send a response unless one was sent; return the one that was."""
        with self._lock:
            if self._sent is not None:
                self._host.logger.warning(
                    "%s comes too late: the stack already has its response", status
                )
                return self._sent
            document = self._document(status, result, reason)
            self._sent = document
            self._put(codec.to_utf8(codec.encode(document)))
        return document

    def _out_of_time(self) -> None:
        if self._sent is not None:
            return
        try:
            reason = "the hook had not returned shortly before the deadline"
            self._host.logger.error("the CloudFormation request failed: %s", reason)
            self.send("FAILED", {}, reason)
        except Exception as exc:
            self._host.logger.error("the response was not sent: %s", exc)

    def _document(self, status: str, result: "dict[str, Any]", reason: str) -> "dict[str, Any]":
        event = self._event
        known = event.get("PhysicalResourceId") or self._context.aws_request_id
        document = {
            "Status": status,
            "Reason": reason[:_LONGEST_REASON],
            "PhysicalResourceId": result.get("PhysicalResourceId") or known,
            "StackId": event.get("StackId"),
            "RequestId": event.get("RequestId"),
            "LogicalResourceId": event.get("LogicalResourceId"),
            "NoEcho": bool(result.get("NoEcho")),
            "Data": result.get("Data") or {},
        }
        try:
            size = len(codec.to_utf8(codec.encode(document)))
        except (TypeError, ValueError, RecursionError) as exc:
            return self._document("FAILED", {}, f"the result has no JSON form: {exc}")
        if size <= _LARGEST_RESPONSE:
            return document
        if result:
            largest = f"{size} bytes, and CloudFormation takes {_LARGEST_RESPONSE}"
            return self._document("FAILED", {}, f"the response is too large: {largest}")
        # A character may take 12 bytes.
        return document | {"Reason": reason[: _LONGEST_REASON // 6]}

    def _put(self, body: bytes) -> None:
        """Send the body, up to three times. Raises ResponseNotSent."""
        host, slash, target = self._address.partition("://")[2].partition("/")
        reason = ""
        for _ in range(_TRIES):
            left = self._context.get_remaining_time_in_millis() / 1000 - 0.2
            if self._context.deadline_ms and left <= 0:
                break
            timeout = min(_LONGEST_PUT, left) if self._context.deadline_ms else _LONGEST_PUT
            try:
                status = _status_of_put(host, slash + target, body, timeout)
            except (OSError, ValueError) as exc:
                # Not its text, which may contain the address.
                reason = f"{type(exc).__name__} from the server of the ResponseURL"
                continue
            if status < 300:
                return
            reason = f"the server of the ResponseURL answered {status}"
            if status < 500:
                break
        raise ResponseNotSent(f"the stack has no response: {reason or 'there was no time left'}")


def _status_of_put(host: str, target: str, body: bytes, timeout: float) -> int:
    """Return the status of the answer. Raises OSError and ValueError."""
    client = load("http.client")
    try:
        connection = client.HTTPSConnection(host, timeout=timeout)
        try:
            # The signature covers the content type, which is empty.
            connection.request("PUT", target, body, {"Content-Type": ""})
            status: int = connection.getresponse().status
            return status
        finally:
            connection.close()
    except client.HTTPException as exc:
        raise ValueError(type(exc).__name__) from None
