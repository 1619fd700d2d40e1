"""What reaches a web application's function and is no request over HTTP.

Rule: nothing is lost. What nobody takes fails its invocation, so that a queue sends it again and an
alarm counts it.
"""

from amazon_lambda_runtime.core import codec

from .errors import NotHttp
from .reply import Reply
from .requests import Request, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from amazon_lambda_runtime.core.context import Context

_WEBSOCKET = (
    "this is a frame of a WebSocket API, and each frame is an invocation of its own: an ASGI"
    " application can't be given a connection. Web(app, events=…) takes the events as they are"
)


def refusal(source: str) -> NotHttp:
    """Return why an event of this source can't be served."""
    if source == "aws:apigateway-websocket":
        return NotHttp(_WEBSOCKET)
    told = source or "of a form that no known source sends"
    hint = "Web(app, events=…) takes events"
    if not source:
        hint = f"{hint}; lambda-runtime events show function-url writes a request"
    return NotHttp(f"this function serves HTTP; the event is {told}. {hint}")


def posted(path: str, event: "Any", context: "Context") -> tuple[Request, Reply]:
    """Return a request that carries an event to a path of the application, and its reply."""
    request = read(
        "aws:lambda-url",
        {
            "rawPath": path,
            "requestContext": {"http": {"method": "POST", "sourceIp": "127.0.0.1"}},
            "headers": {
                "content-type": "application/json",
                "host": "localhost",
                "x-amzn-trace-id": context.trace_id or "",
            },
            "body": codec.to_utf8(codec.encode(event)).decode(),
        },
    )
    reply = Reply("", event, "POST", context.aws_request_id)
    return request, reply


def result_of(reply: Reply, path: str, source: str) -> "Any":
    """Return what the application has answered to such a request. Raises NotHttp."""
    body = b"".join(reply.pieces)
    told = f"POST {path}, with an event {f'of {source}' if source else ''}".rstrip()
    if reply.head is None or not 200 <= reply.head.status <= 299:
        status = reply.head.status if reply.head is not None else "nothing"
        hint = ". Does it refuse the host localhost?" if status == 400 else ""
        raise NotHttp(f"{told}: the application answered {status}{hint}")
    if not body:
        return None
    try:
        return codec.decode(body)
    except ValueError:
        raise NotHttp(f"{told}: the application's answer is not JSON") from None
