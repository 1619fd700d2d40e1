"""Tumbling windows of a stream: a state that goes from one batch of a window to the next.

Lambda counts an invocation of a window as failed unless the answer has a `state`. At the end of a
window comes a last batch, which may be empty.
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html
"""

from amazon_lambda_runtime.core import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .batch import Batch
    from .host import Host

# What Lambda keeps of a window and shard, as JSON in UTF-8: 1 MB.
_LARGEST_STATE = 1024 * 1024


def answer(
    host: "Host", event: "Any", members: "list[Any]", handler: "Any", batch: "Batch"
) -> "dict[str, Any]":
    """Have one batch of a window handled, and return the new state with the report.

    A class with `on_window` of its own has all records at once; otherwise they are handled one by
    one, and the state comes back as it came. Raises TypeError and ValueError for a state that
    Lambda would refuse, and what the hooks raise.
    """
    window = event["window"]
    state = event.get("state")
    state = {} if state is None else state
    failed: list[Any] = []
    if not getattr(handler, "has_windows", False):
        failed = batch.run()["batchItemFailures"]
    elif members:
        state = _awaited(host, handler.on_window(members, state, window))
        _check(state)
    if event.get("isFinalInvokeForWindow") and not failed and hasattr(handler, "on_window_end"):
        _awaited(host, handler.on_window_end(state, window))
    return {"state": state, "batchItemFailures": failed}


def _awaited(host: "Host", result: "Any") -> "Any":
    return host.wait(result) if hasattr(type(result), "__await__") else result


def _check(state: "Any") -> None:
    if state is None:
        raise TypeError("on_window returned None: it has to return the state of the window")
    size = len(codec.to_utf8(codec.encode(state)))
    if size > _LARGEST_STATE:
        raise ValueError(
            f"the state of the window is {size} bytes of JSON, and Lambda keeps {_LARGEST_STATE}"
        )
