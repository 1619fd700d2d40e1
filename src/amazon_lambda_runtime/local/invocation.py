"""One event on its way to a function, and the answer on its way back."""

import asyncio
import json
import secrets
import signal
import time
import uuid
from dataclasses import dataclass

# In bytes: what X-Amz-Log-Type: Tail is worth.
TAIL_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets: the payload as the runtime sent it, or an error document."""

    payload: bytes
    failed: bool = False


class Invocation:
    """One event, its identity and its answer.

    `over` is set when the environment has done with it: the runtime has asked for the next event
    or has ended. `reported` is set when its REPORT line is out, or never will be.
    """

    def __init__(self, event: bytes, client_context: str = "") -> None:
        self.id = str(uuid.uuid4())
        self.event = event
        self.client_context = client_context
        root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        self.trace_id = f"Root={root};Parent={secrets.token_hex(8)};Sampled=1"
        self.deadline_ms = 0
        self.over = asyncio.Event()
        self.reported = asyncio.Event()
        self._answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._tail = b""

    async def answer(self) -> Answer:
        """Return the answer when it is there, perhaps long before the invocation is over.

        Raises asyncio.CancelledError if the pool closes first.
        """
        # Shielded: a caller that goes away takes nothing from the others, or from the function.
        return await asyncio.shield(self._answer)

    @property
    def answered(self) -> bool:
        return self._answer.done()

    def settle(self, answer: Answer) -> None:
        """Give the caller this answer, unless there is one: the first counts."""
        if not self.answered:
            self._answer.set_result(answer)

    def fail(self, error_type: str, reason: str) -> None:
        """Give the caller an error of the platform's own, in Lambda's words."""
        self.settle(_error(error_type, f"RequestId: {self.id} Error: {reason}"))

    def abandon(self) -> None:
        """Say that there will be no answer any more."""
        self._answer.cancel()

    @property
    def tail(self) -> bytes:
        """The last TAIL_LIMIT bytes of the log."""
        return self._tail

    def record(self, line: str) -> None:
        """Note a line of the log."""
        self._tail = (self._tail + line.encode("utf-8", "replace") + b"\n")[-TAIL_LIMIT:]


def response_too_large(size: int, limit: int) -> Answer:
    """Return the answer to a response of this size in bytes."""
    message = f"Response payload size ({size} bytes) exceeded maximum allowed payload size"
    return _error("Function.ResponseSizeTooLarge", f"{message} ({limit} bytes).")


def exit_reason(code: int) -> str:
    """Say how a process ended, from its return code (negative: the signal), as Lambda does."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    name = signal.strsignal(-code) or f"signal {-code}"
    return f"Runtime exited with error: signal: {name.lower()}"


def _error(error_type: str, message: str) -> Answer:
    document = {"errorType": error_type, "errorMessage": message}
    return Answer(json.dumps(document, separators=(",", ":")).encode(), failed=True)
