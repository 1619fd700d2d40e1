"""One event on its way to a function, and the answer on its way back."""

import asyncio
import json
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from amazon_lambda_runtime.protocol import JSON, RESPONSE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from amazon_lambda_runtime.local.http import Request

    from .journal import Journal

# In bytes: what X-Amz-Log-Type: Tail is worth, and the most that is streamed.
TAIL_LIMIT = 4096
STREAM_LIMIT = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets: the payload as the runtime sent it, or an error document."""

    payload: bytes
    failed: bool = False


class Caller(Protocol):
    """Who waits for an answer. Without pieces wanted, `piece` is not called."""

    wants_pieces: bool

    def piece(self, invocation: "Invocation", data: bytes) -> None:
        """Take a piece of the answer, as the function has written it."""

    def answered(self, invocation: "Invocation", answer: Answer) -> None:
        """Take the answer. After pieces, it is empty, or says what went wrong."""

    def reported(self, invocation: "Invocation") -> None:
        """Take note that the log of the invocation is complete."""

    def throttled(self, invocation: "Invocation") -> None:
        """Take note that there is no environment for it: it will not run."""


class TooManyRequests(Exception):
    """Raised where an invocation was not run: the function is at its limit of concurrency."""


class Invocation:
    """One event, its identity and its answer.

    `over` is whether the environment has done with it: the runtime has asked for the next event or
    has ended. `lost` is whether the pool has closed before there was an answer.
    """

    __slots__ = (
        "_gathered",
        "_size",
        "_tail",
        "_waiting",
        "answer",
        "caller",
        "client_context",
        "content_type",
        "deadline_ms",
        "event",
        "id",
        "init_ms",
        "is_streamed",
        "journal",
        "kind",
        "lost",
        "over",
        "qualifier",
        "refused",
        "reported",
        "source",
        "started",
        "tenant_id",
        "timed_out",
        "timer",
        "trace_id",
    )

    def __init__(
        self,
        event: bytes,
        client_context: str = "",
        *,
        caller: Caller | None = None,
        request_id: str = "",
        trace_id: str = "",
        tenant_id: str = "",
        qualifier: str = "",
    ) -> None:
        self.id = request_id or _new_id()
        self.event = event
        self.client_context = client_context
        self.trace_id = trace_id or new_trace()
        self.tenant_id = tenant_id
        self.qualifier = qualifier
        self.caller = caller
        self.deadline_ms = 0
        #: time.perf_counter() when it was given to an environment.
        self.started = 0.0
        #: How it was asked for; for the journal.
        self.kind = ""
        #: Is told of the answer and its pieces.
        self.journal: Journal | None = None
        #: How long the init took that was done for it; None if there was none.
        self.init_ms: float | None = None
        self.timed_out = False
        self.timer: asyncio.TimerHandle | None = None
        self.answer: Answer | None = None
        self.over = False
        self.reported = False
        self.lost = False
        self.refused = False
        #: Of the response, as its runtime has said it.
        self.content_type = JSON
        self.is_streamed = False
        #: The request that the response comes with, while it comes in pieces.
        self.source: Request | None = None
        self._gathered: list[bytes] = []
        self._size = 0
        self._tail: list[str] = []
        self._waiting: list[asyncio.Future[None]] = []

    def again(self) -> "Invocation":
        """Return another attempt at the same, under the same id."""
        return Invocation(
            self.event,
            self.client_context,
            request_id=self.id,
            trace_id=self.trace_id,
            tenant_id=self.tenant_id,
            qualifier=self.qualifier,
        )

    async def wait(self) -> Answer:
        """Return the answer when it is there, perhaps long before the invocation is over.

        Raises TooManyRequests if there are too many others, and asyncio.CancelledError if the pool
        closes first.
        """
        await self._until(lambda: self.answer is not None or self.lost or self.refused)
        if self.refused:
            raise TooManyRequests(f"{self.id} found the function at its concurrency")
        if self.answer is None:
            raise asyncio.CancelledError("the local Lambda has closed")
        return self.answer

    async def wait_until_reported(self) -> None:
        """Return when its REPORT line is out, or never will be."""
        await self._until(lambda: self.reported)

    @property
    def answered(self) -> bool:
        return self.answer is not None

    @property
    def limit(self) -> int:
        """How long the response may be, in bytes."""
        streamed = self.caller is not None and self.caller.wants_pieces
        return STREAM_LIMIT if streamed else RESPONSE_LIMIT

    def piece(self, data: bytes) -> bool:
        """Take a piece of the response; say whether it is within the limits."""
        self._size += len(data)
        if self._size > self.limit:
            return False
        if self.caller is not None and self.caller.wants_pieces:
            self.is_streamed = True
            self.caller.piece(self, data)
            if self.journal is not None:
                self.journal.piece(self, data)
        else:
            self._gathered.append(data)
        return True

    def complete(self) -> None:
        """Take note that the pieces are all there: they are the answer."""
        self.settle(Answer(b"".join(self._gathered)))

    def settle(self, answer: Answer) -> None:
        """Give the caller this answer, unless there is one: the first counts."""
        if self.answer is None and not self.lost:
            self.answer = answer
            if self.caller is not None:
                self.caller.answered(self, answer)
            if self.journal is not None:
                self.journal.answered(self, answer.payload, answer.failed)
            self._wake()

    def fail(self, error_type: str, reason: str) -> None:
        """Give the caller an error of the platform's own, in Lambda's words."""
        self.settle(platform_error(error_type, f"RequestId: {self.id} Error: {reason}"))

    def report(self) -> None:
        """Take note that its log is complete, or that it is lost where there is no answer."""
        if not self.reported:
            self.reported = True
            self.lost = self.answer is None
            if self.caller is not None:
                self.caller.reported(self)
            self._wake()

    def throttle(self) -> None:
        """Say that it will not run."""
        self.refused = self.reported = True
        if self.journal is not None:
            # It has waited for a while, in vain.
            error = platform_error("TooManyRequestsException", "Rate Exceeded.")
            self.journal.answered(self, error.payload, error.failed)
        if self.caller is not None:
            self.caller.throttled(self)
        self._wake()

    def end(self) -> None:
        """Take note that the environment has done with it."""
        self.over = True

    @property
    def tail(self) -> bytes:
        """The last TAIL_LIMIT bytes of the log."""
        return "".join(f"{line}\n" for line in self._tail).encode("utf-8", "replace")[-TAIL_LIMIT:]

    def record(self, line: str) -> None:
        """Note a line of the log."""
        self._tail.append(line)
        if len(self._tail) > TAIL_LIMIT:
            del self._tail[: -TAIL_LIMIT // 2]

    async def _until(self, happened: "Callable[[], bool]") -> None:
        while not happened():
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


def _new_id() -> str:
    """Return a new UUID, version 4, at a fifth of what the library takes."""
    h = os.urandom(16).hex()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{'89ab'[int(h[16], 16) & 3]}{h[17:20]}-{h[20:]}"


def new_trace() -> str:
    """Return the X-Ray header of a request that came without one."""
    h = os.urandom(20).hex()
    return f"Root=1-{int(time.time()):08x}-{h[:24]};Parent={h[24:]};Sampled=1"


def response_too_large(limit: int) -> Answer:
    """Return the answer to a response that is longer than this, in bytes."""
    message = "Response payload size exceeded maximum allowed payload size"
    return platform_error("Function.ResponseSizeTooLarge", f"{message} ({limit} bytes).")


def platform_error(error_type: str, message: str) -> Answer:
    """Return an error document of Lambda's own."""
    document = {"errorType": error_type, "errorMessage": message}
    return Answer(json.dumps(document, separators=(",", ":")).encode(), failed=True)


def exit_reason(code: int) -> str:
    """Say how a process ended, from its return code (negative: the signal), as Lambda does."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    name = signal.strsignal(-code) or f"signal {-code}"
    return f"Runtime exited with error: signal: {name.lower()}"
