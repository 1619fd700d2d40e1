"""A function that does what its event says, in this order; all of it is optional.

log      lines to print
sleep    seconds
stream   pieces to send, in latin-1, so that a piece may be any bytes
hold     a file to wait for: behind the first piece, or before the answer
error    what to raise: its type, its message and the file that the stack names
answer   what to return
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def handler(event: Any, context: Any) -> Any:
    for line in event.get("log", []):
        print(line, flush=True)
    time.sleep(event.get("sleep", 0))
    if "stream" in event:
        return stream(event)
    hold(event)
    fail(event)
    return event.get("answer")


def stream(event: Any) -> Iterator[bytes]:
    for index, piece in enumerate(event["stream"]):
        if index == 1:
            hold(event)
        yield piece.encode("latin-1")
    fail(event)


def hold(event: Any) -> None:
    if "hold" in event:
        until = time.monotonic() + 60
        while not Path(event["hold"]).exists():
            if time.monotonic() > until:
                raise TimeoutError(event["hold"])
            time.sleep(0.01)


def fail(event: Any) -> None:
    if "error" in event:
        kind, message, file = event["error"]
        problem = type(kind, (Exception,), {})(message)
        exec(compile("raise problem", file, "exec"), {"problem": problem})
