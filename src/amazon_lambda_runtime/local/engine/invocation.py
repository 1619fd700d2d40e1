"""One event on its way to a function, and the answer on its way back."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from amazon_lambda_runtime.project.aws_limits import STREAMED_RESPONSE_BYTES
from amazon_lambda_runtime.protocol import JSON, RESPONSE_LIMIT

from .exchange import Exchange
from .states import FINAL, STAGES, Stage, StageError, Step

# In bytes: the end of the log that X-Amz-Log-Type: Tail returns.
TAIL_LIMIT = 4096
# In seconds: the deadline of a function without a timeout.
_NO_TIMEOUT = 86_400


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets: the payload as the runtime sent it, or an error document."""

    payload: bytes
    failed: bool = False


class Caller(Protocol):
    """Waits for an answer. `piece` is called only if `wants_pieces`."""

    wants_pieces: bool

    def piece(self, invocation: "Invocation", data: bytes) -> None:
        """Take a piece of the response, as the function has written it."""

    def answered(self, invocation: "Invocation", answer: Answer) -> None:
        """Take the answer. After pieces, it is empty, or says what went wrong."""

    def reported(self, invocation: "Invocation") -> None:
        """Take note that the log of the invocation is complete, or that it is lost."""

    def throttled(self, invocation: "Invocation") -> None:
        """Take note that the function is at its concurrency: the invocation does not run."""


class Observer(Protocol):
    """Is told of the response, beside the caller."""

    def piece(self, invocation: "Invocation", data: bytes) -> None: ...
    def answered(self, invocation: "Invocation", answer: Answer) -> None: ...


class Source(Protocol):
    """Where a response comes from, while it comes in pieces."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...


class TooManyRequests(Exception):
    """Raised for an invocation that does not run because the function is at its concurrency."""


class Invocation:
    """One event, its identity, its stage and its answer.

    `event` is JSON; `client_context` is JSON, or "". An id and a trace are made where none is
    given. The stages are in `states.STAGES`.
    """

    __slots__ = (
        "_pieces",
        "_size",
        "_tail",
        "_tail_size",
        "_waiting",
        "answer",
        "caller",
        "client_context",
        "content_type",
        "deadline_ms",
        "event",
        "exchange",
        "exit",
        "id",
        "init_ms",
        "is_streamed",
        "kind",
        "observer",
        "qualifier",
        "source",
        "stage",
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
        self.id = request_id or new_id()
        self.event = event
        self.client_context = client_context
        self.trace_id = trace_id or new_trace()
        self.tenant_id = tenant_id
        self.qualifier = qualifier
        self.caller = caller
        self.stage = Stage.WAITING
        #: In ms since the epoch: when its time is up.
        self.deadline_ms = 0
        #: time.perf_counter() when its time began.
        self.started = 0.0
        #: How it was asked for; for the journal.
        self.kind = ""
        #: The request that it is, if it came over HTTP; for the journal.
        self.exchange: Exchange | None = None
        self.observer: Observer | None = None
        #: The duration of the init that was done for it; None if there was none.
        self.init_ms: float | None = None
        #: The error type of an environment that has ended while it ran, or was initialised for it,
        #: and the reason, "" if the runtime has told it.
        self.exit: tuple[str, str] | None = None
        #: Whether its time was up, before its answer or after it: REPORT says so.
        self.timed_out = False
        self.timer: asyncio.TimerHandle | None = None
        self.answer: Answer | None = None
        #: Of the response, as the runtime has sent it.
        self.content_type = JSON
        #: Whether the caller has been given pieces of the response.
        self.is_streamed = False
        self.source: Source | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._tail: list[str] = []
        self._tail_size = 0
        self._waiting: list[asyncio.Future[None]] = []

    def again(self) -> "Invocation":
        """Return another attempt at the same event, under the same id."""
        return Invocation(
            self.event,
            self.client_context,
            request_id=self.id,
            trace_id=self.trace_id,
            tenant_id=self.tenant_id,
            qualifier=self.qualifier,
        )

    # What a caller may wait for.

    async def wait(self) -> Answer:
        """Return the answer as soon as it is known, perhaps long before the invocation is over.

        Raises TooManyRequests if it was throttled, and asyncio.CancelledError if the pool closes
        first.
        """
        await self._until(lambda: self.stage not in (Stage.WAITING, Stage.RUNNING))
        if self.stage is Stage.THROTTLED:
            raise TooManyRequests(f"{self.id} found the function at its concurrency")
        if self.answer is None:
            raise asyncio.CancelledError("the local Lambda has closed")
        return self.answer

    async def wait_until_reported(self) -> None:
        """Return when its REPORT line is written, or never will be."""
        await self._until(lambda: self.stage in FINAL)

    @property
    def answered(self) -> bool:
        return self.answer is not None

    # What happens to it, stage by stage.

    def begin(self, timeout: float) -> None:
        """Let its time begin; `timeout` is in seconds, 0 for none."""
        self._move(Step.BEGIN)
        self.started = time.perf_counter()
        self.deadline_ms = int((time.time() + (timeout or _NO_TIMEOUT)) * 1000)

    @property
    def limit(self) -> int:
        """The limit of the response, in bytes."""
        streamed = self.caller is not None and self.caller.wants_pieces
        return STREAMED_RESPONSE_BYTES if streamed else RESPONSE_LIMIT

    def piece(self, data: bytes) -> bool:
        """Take a piece of the response; return whether it is within the limit."""
        self._size += len(data)
        if self._size > self.limit:
            return False
        if self.caller is not None and self.caller.wants_pieces:
            self.is_streamed = True
            self.caller.piece(self, data)
            if self.observer is not None:
                self.observer.piece(self, data)
        else:
            self._pieces.append(data)
        return True

    def complete(self) -> None:
        """Answer with the pieces, which are all there."""
        self.settle(Answer(b"".join(self._pieces)))

    def settle(self, answer: Answer) -> None:
        """Give the caller this answer, unless it has one or the pool has closed."""
        before = self.stage
        self._move(Step.ANSWER)
        if before is not Stage.RUNNING:
            return
        self.answer = answer
        if self.caller is not None:
            self.caller.answered(self, answer)
        if self.observer is not None:
            self.observer.answered(self, answer)
        self._wake()

    def fail(self, error_type: str, reason: str) -> None:
        """Give the caller an error of the platform's own, in Lambda's words."""
        self.settle(platform_error(error_type, f"RequestId: {self.id} Error: {reason}"))

    def break_off(self, error_type: str, reason: str) -> None:
        """Take note that its environment has ended, and tell its caller unless it has an answer."""
        self.exit = error_type, reason
        self.fail(error_type, reason)

    def end(self) -> None:
        """Take note that its environment is done with it."""
        self._move(Step.END)

    def report(self) -> None:
        """Take note that its log is complete."""
        self._move(Step.REPORT)
        self._reported()

    def abandon(self) -> None:
        """Take note that the pool closes: nothing more will happen."""
        self._move(Step.ABANDON)
        self._reported()

    def throttle(self) -> None:
        """Refuse to run it."""
        self._move(Step.THROTTLE)
        if self.observer is not None:
            # It has been queued, and was accepted then.
            self.observer.answered(
                self, platform_error("TooManyRequestsException", "Rate Exceeded.")
            )
        if self.caller is not None:
            self.caller.throttled(self)
        self._wake()

    @property
    def tail(self) -> bytes:
        """The last TAIL_LIMIT bytes of its log."""
        return "".join(f"{line}\n" for line in self._tail).encode("utf-8", "replace")[-TAIL_LIMIT:]

    def record(self, line: str) -> None:
        """Keep a line of its log."""
        self._tail.append(line)
        self._tail_size += len(line) + 1
        # Much is dropped at a time: each time costs a copy.
        if self._tail_size > 2 * TAIL_LIMIT:
            self._tail = ["\n".join(self._tail)[-TAIL_LIMIT:]]
            self._tail_size = TAIL_LIMIT

    def _move(self, step: Step) -> None:
        try:
            self.stage = STAGES[self.stage][step]
        except KeyError:
            raise StageError(f"{self.id}: {step.value} while {self.stage.value}") from None

    def _reported(self) -> None:
        if self.caller is not None:
            self.caller.reported(self)
        self._wake()

    async def _until(self, happened: Callable[[], bool]) -> None:
        while not happened():
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


def new_id() -> str:
    """Return a new UUID, version 4, in a fifth of the time that uuid.uuid4 takes."""
    h = os.urandom(16).hex()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{'89ab'[int(h[16], 16) & 3]}{h[17:20]}-{h[20:]}"


def new_trace() -> str:
    """Return the X-Ray header of a request that came without one."""
    h = os.urandom(20).hex()
    return f"Root=1-{int(time.time()):08x}-{h[:24]};Parent={h[24:]};Sampled=1"


def response_too_large(limit: int) -> Answer:
    """Return the answer in place of a response that is longer than this limit, in bytes."""
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
