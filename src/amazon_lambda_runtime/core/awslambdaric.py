"""What a library replaces inside of AWS's own client: Sentry's AwsLambdaIntegration does.

Such a library looks for `__main__.bootstrap`. This file is loaded at that moment and takes its
place: from then on, serving calls the names below, which do nothing by themselves.
"""

from amazon_lambda_runtime.protocol import JSON

from .client import Delivery, RuntimeClient
from .serving import Serving

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .context import Context
    from .typing import Handler

_answer = Serving.answer
_respond, _fail, _finish = Delivery.respond, Delivery.fail, Delivery.finish
_init_error = RuntimeClient.init_error


def handle_event_request(
    client: "LambdaRuntimeClient", request_handler: "Handler", event: "Any", context: "Context"
) -> "Any":
    """Call the handler."""
    return request_handler(event, context)


class LambdaRuntimeClient:
    """One post to the Runtime API; `post` sends it. The arguments are for those who look on."""

    def __init__(self, post: "Callable[[], None]") -> None:
        self._post = post

    def post_invocation_result(self, *_: object) -> None:
        self._post()

    def post_invocation_error(self, *_: object) -> None:
        self._post()

    def post_init_error(self, *_: object) -> None:
        # There a library waits until what it has to say is sent: the process ends after this.
        self.post_invocation_error()


def _answer_through(
    self: Serving, delivery: Delivery, handler: "Handler", event: "Any", context: "Context"
) -> None:
    def awaited(event: "Any", context: "Context") -> "Any":
        result = handler(event, context)
        return self.wait(result) if hasattr(type(result), "__await__") else result

    def called(event: "Any", context: "Context") -> "Any":
        client = LambdaRuntimeClient(lambda: None)
        return handle_event_request(client, awaited, event, context)

    _answer(self, delivery, called, event, context)


def _respond_through(self: Delivery, body: bytes, content_type: str = JSON) -> None:
    client = LambdaRuntimeClient(lambda: _respond(self, body, content_type))
    client.post_invocation_result(self.request_id, body, content_type)


def _fail_through(self: Delivery, body: bytes, error_type: str, cause: str = "") -> None:
    client = LambdaRuntimeClient(lambda: _fail(self, body, error_type, cause))
    client.post_invocation_error(self.request_id, body.decode(), cause)


def _finish_through(self: Delivery, trailers: str = "") -> None:
    client = LambdaRuntimeClient(lambda: _finish(self, trailers))
    client.post_invocation_result(self.request_id, b"", "")


def _init_error_through(self: RuntimeClient, body: bytes, error_type: str, cause: str = "") -> None:
    client = LambdaRuntimeClient(lambda: _init_error(self, body, error_type, cause))
    client.post_init_error(body.decode(), error_type)


Serving.answer = _answer_through  # type: ignore[method-assign]
Delivery.respond = _respond_through  # type: ignore[method-assign]
Delivery.fail = _fail_through  # type: ignore[method-assign]
Delivery.finish = _finish_through  # type: ignore[method-assign]
RuntimeClient.init_error = _init_error_through  # type: ignore[method-assign]
