"""A tumbling window of a shard: a state that goes from one batch of the window to the next.

AWS says that windows lie side by side, that a record belongs to the one in which it arrived, and
that a response without a state has failed. They begin at multiples of their length since 1970.
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html
"""

import json
from typing import Any

from amazon_lambda_runtime.local.engine.invocation import Answer

from .records import moment as written

# What Lambda keeps of a window, as JSON in UTF-8: 1 MB.
_LARGEST_STATE = 1024 * 1024
# What the names of the fields take of an event, and the two moments, in bytes, or a little more.
_FIELDS = 256


class Window:
    """The window of this moment, `length` seconds long."""

    def __init__(self, moment: float, length: int, *, shard: str, arn: str) -> None:
        self.start = moment // length * length
        self.end = self.start + length
        self._shard = shard
        self._arn = arn
        self._state: Any = {}
        self._size = 2

    @property
    def is_too_large(self) -> bool:
        """Whether its state is larger than Lambda keeps: it is terminated early."""
        return self._size > _LARGEST_STATE

    @property
    def size(self) -> int:
        """What its fields take of an event, in bytes, or a little more."""
        return self._size + len(self._shard) + len(self._arn) + _FIELDS

    def fields(self, *, is_final: bool = False) -> dict[str, Any]:
        """Return what an event of this window has besides its records."""
        return {
            "window": {"start": written(self.start), "end": written(self.end)},
            "state": self._state,
            "shardId": self._shard,
            "eventSourceARN": self._arn,
            "isFinalInvokeForWindow": is_final,
            "isWindowTerminatedEarly": is_final and self.is_too_large,
        }

    def take(self, answer: Answer) -> bool:
        """Take over the state of an answer. Return False if it has none: the batch has failed."""
        try:
            response = None if answer.failed else json.loads(answer.payload)
            if not isinstance(response, dict) or "state" not in response:
                return False
            text = json.dumps(response["state"], ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            return False
        self._state = response["state"]
        self._size = len(text.encode(errors="replace"))
        return True
