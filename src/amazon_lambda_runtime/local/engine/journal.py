"""The journal: the last invocations and environments, for the console and other subscribers.

Rule 1: it is written while invocations run, so a note costs a time stamp and a reference. What a
subscriber is sent is made only if there is one.

Rule 2: it is bounded in every direction, to 64 MiB in all. Long payloads are cut and marked as cut,
old entries are forgotten, and a subscriber that is too slow gets a new snapshot.
"""

import asyncio
import base64
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Protocol

from .exchange import Exchange

# How many invocations are kept, and how many environments that are gone.
INVOCATIONS = 500
GONE = 50
# How many changes of state are kept of one environment.
STATES = 256
# In bytes: how much is kept of an event, and of an answer.
PAYLOAD_LIMIT = 256 * 1024
# How many lines are kept of one invocation and of all together, and how many characters of a line.
LINES = 200
LINE_LIMIT = 8 * 1024
# In bytes: the limit of all invocations together. The oldest are forgotten first. The rest of the
# 64 MiB is for the tail, the environments' states, and what subscribers have not taken.
MEMORY_LIMIT = 28 * 1024 * 1024
# In bytes: what a line takes beside its text, which is a time and two references.
_LINE_SIZE = 88
# How far a subscriber may lag behind, in changes and in bytes of their content.
BACKLOG = 2000
BACKLOG_SIZE = 4 * 1024 * 1024

Change = dict[str, Any]


class Reported(Protocol):
    """What the journal reads of an invocation."""

    @property
    def id(self) -> str: ...
    @property
    def event(self) -> bytes: ...
    @property
    def trace_id(self) -> str: ...
    @property
    def exchange(self) -> Exchange | None: ...


@dataclass(slots=True)
class Entry:
    """What is kept of one invocation. Times are those of time.time()."""

    id: str
    kind: str
    function: str
    trace_id: str
    event: bytes
    event_size: int
    accepted_at: float
    exchange: Exchange | None = None
    started_at: float | None = None
    environment: int | None = None
    cold: bool = False
    answered_at: float | None = None
    failed: bool = False
    streamed: bool = False
    answer: bytes | bytearray = b""
    answer_size: int = 0
    # Why a stream broke off. Any other failure is the answer itself.
    error: bytes = b""
    reported_at: float | None = None
    duration_ms: float | None = None
    init_ms: float | None = None
    memory_used: int | None = None
    lines: deque[tuple[float, str]] = field(default_factory=deque)
    line_count: int = 0
    held: int = 0

    def summary(self) -> Change:
        """Return everything but the payloads and the lines, fit for JSON."""
        http = self.exchange
        return {
            "id": self.id,
            "kind": self.kind,
            "method": http and http.method,
            "path": http and http.path,
            "status": http and http.status,
            "function": self.function,
            "trace_id": self.trace_id,
            "event_size": self.event_size,
            "accepted_at": self.accepted_at,
            "started_at": self.started_at,
            "environment": self.environment,
            "cold": self.cold,
            "answered_at": self.answered_at,
            "failed": self.failed,
            "streamed": self.streamed,
            "answer_size": self.answer_size,
            "reported_at": self.reported_at,
            "duration_ms": self.duration_ms,
            "init_ms": self.init_ms,
            "memory_used": self.memory_used,
        }

    def whole(self) -> Change:
        """Return everything that is kept, fit for JSON; payloads are in base64.

        `lines` are the last ones of `line_count`.
        """
        return {
            **self.summary(),
            "event": _base64(self.event),
            "event_cut": self.event_size > len(self.event),
            "answer": _base64(self.answer),
            "answer_cut": self.answer_size > len(self.answer),
            "error": _base64(self.error),
            "lines": list(self.lines),
            "line_count": self.line_count,
        }


class _Listener:
    """The changes that one subscriber has not taken yet."""

    def __init__(self) -> None:
        self.behind = False
        self._changes: deque[tuple[Change, int]] = deque()
        self._size = 0
        self._news = asyncio.Event()

    def start(self) -> None:
        self.behind = False
        self._news.clear()

    def tell(self, change: Change, size: int) -> None:
        if self.behind:
            return
        self._changes.append((change, size))
        self._size += size
        if len(self._changes) > BACKLOG or self._size > BACKLOG_SIZE:
            self._changes.clear()
            self._size = 0
            self.behind = True
        self._news.set()

    async def next(self) -> Change | None:
        """Return the next change, or None if changes have been dropped."""
        await self._news.wait()
        if self.behind:
            return None
        change, size = self._changes.popleft()
        self._size -= size
        if not self._changes:
            self._news.clear()
        return change


class Journal:
    """Remembers the last invocations and the life of their environments."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._environments: dict[int, deque[tuple[float, str]]] = {}
        self._tail: deque[tuple[float, str | None, str]] = deque(maxlen=LINES)
        self._held = 0
        self._listeners: set[_Listener] = set()

    # What Telling notes.

    def environment(self, number: int, state: str) -> None:
        """Note an environment's new state: starting, idle, busy, frozen, stopping or gone."""
        now = time.time()
        states = self._environments.get(number)
        if states is None:
            states = self._environments[number] = deque(maxlen=STATES)
        states.append((now, state))
        if state == "gone":
            self._bury()
        if self._listeners:
            self._tell({"type": "environment", "number": number, "state": state, "at": now})

    def accepted(self, invocation: Reported, kind: str, function: str) -> None:
        """Note a new invocation; its kind is RequestResponse, Event, stream, url or sqs.

        A retry has the same id. It replaces the attempt before and continues its log, as in
        CloudWatch.
        """
        event = invocation.event
        entry = Entry(
            id=invocation.id,
            kind=kind,
            function=function,
            trace_id=invocation.trace_id,
            event=event if len(event) <= PAYLOAD_LIMIT else event[:PAYLOAD_LIMIT],
            event_size=len(event),
            accepted_at=time.time(),
            exchange=invocation.exchange,
        )
        if before := self._entries.pop(entry.id, None):
            self._held -= before.held
            entry.lines, entry.line_count = before.lines, before.line_count
            self._hold(entry, sum(_size(text) for _, text in entry.lines))
        self._entries[entry.id] = entry
        if len(self._entries) > INVOCATIONS:
            self._forget_oldest()
        self._hold(entry, sys.getsizeof(entry.event))
        self._changed(entry)

    def started(self, invocation: Reported, environment: int, cold: bool) -> None:
        """Note that an environment has the event; `cold` if it was started for it."""
        if entry := self._entries.get(invocation.id):
            entry.started_at = time.time()
            entry.environment = environment
            entry.cold = cold
            self._changed(entry)

    def line(self, invocation: Reported | None, text: str) -> None:
        """Note a line of the log; the invocation is None if it belongs to none."""
        now = time.time()
        text = text[:LINE_LIMIT]
        entry = self._entries.get(invocation.id) if invocation else None
        if entry:
            entry.lines.append((now, text))
            entry.line_count += 1
            lost = _size(entry.lines.popleft()[1]) if len(entry.lines) > LINES else 0
            self._hold(entry, _size(text) - lost)
        request_id = invocation.id if invocation else None
        self._tail.append((now, request_id, text))
        if self._listeners:
            number = entry.line_count if entry else 0
            change = {"type": "line", "at": now, "id": request_id, "number": number, "text": text}
            self._tell(change, _size(text))

    def piece(self, invocation: Reported, data: bytes) -> None:
        """Note a piece of a streamed answer."""
        entry = self._entries.get(invocation.id)
        if entry is None:
            return
        if not isinstance(entry.answer, bytearray):
            entry.answer = bytearray()
            entry.streamed = True
        offset = len(entry.answer)
        kept = data[: PAYLOAD_LIMIT - offset]
        entry.answer += kept
        entry.answer_size += len(data)
        self._hold(entry, len(kept))
        if self._listeners:
            change = {
                "type": "piece",
                "id": entry.id,
                "offset": offset,
                "data": _base64(kept),
                "size": entry.answer_size,
            }
            self._tell(change, len(kept))

    def answered(self, invocation: Reported, payload: bytes, failed: bool) -> None:
        """Note the answer. Of a streamed answer, the payload is the reason why it broke off."""
        entry = self._entries.get(invocation.id)
        if entry is None:
            return
        entry.answered_at = time.time()
        entry.failed = failed
        kept = payload if len(payload) <= PAYLOAD_LIMIT else payload[:PAYLOAD_LIMIT]
        if not entry.streamed:
            entry.answer = kept
            entry.answer_size = len(payload)
            self._hold(entry, sys.getsizeof(kept))
        elif failed:
            entry.error = kept
            self._hold(entry, sys.getsizeof(kept))
        self._changed(entry)

    def reported(
        self,
        invocation: Reported,
        duration_ms: float,
        init_ms: float | None,
        memory_used: int,
    ) -> None:
        """Note the figures of the REPORT line; the memory is in MB."""
        if entry := self._entries.get(invocation.id):
            entry.reported_at = time.time()
            entry.duration_ms = duration_ms
            entry.init_ms = init_ms
            entry.memory_used = memory_used
            self._changed(entry)

    def sources(self) -> None:
        """Tell that there is one more of what invokes functions. It is not kept here."""
        if self._listeners:
            self._tell({"type": "sources", "at": time.time()})

    # What others read.

    def find(self, request_id: str) -> Entry | None:
        """Return what is kept of this invocation, None if nothing is."""
        return self._entries.get(request_id)

    async def subscribe(self) -> AsyncGenerator[Change, None]:
        """Yield a snapshot and then every change, each fit for JSON, until closed.

        A subscriber that is too slow gets another snapshot in place of the changes it missed.
        """
        listener = _Listener()
        self._listeners.add(listener)
        try:
            while True:
                listener.start()
                yield self._snapshot()
                while change := await listener.next():
                    yield change
        finally:
            self._listeners.discard(listener)

    def _snapshot(self) -> Change:
        return {
            "type": "snapshot",
            "now": time.time(),
            "environments": [
                {"number": number, "states": list(states)}
                for number, states in self._environments.items()
            ],
            "invocations": [entry.summary() for entry in self._entries.values()],
            "tail": list(self._tail),
        }

    def _changed(self, entry: Entry) -> None:
        if self._listeners:
            self._tell({"type": "invocation", **entry.summary()})

    def _tell(self, change: Change, size: int = 0) -> None:
        for listener in self._listeners:
            listener.tell(change, size)

    def _hold(self, entry: Entry, size: int) -> None:
        entry.held += size
        self._held += size
        while self._held > MEMORY_LIMIT:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = next(iter(self._entries))
        self._held -= self._entries.pop(oldest).held

    def _bury(self) -> None:
        gone = [n for n, states in self._environments.items() if states[-1][1] == "gone"]
        for number in gone[:-GONE]:
            del self._environments[number]


def _size(line: str) -> int:
    return sys.getsizeof(line) + _LINE_SIZE


def _base64(data: bytes | bytearray) -> str:
    return base64.b64encode(data).decode()
