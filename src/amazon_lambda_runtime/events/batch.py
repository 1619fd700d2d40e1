"""The records of one event: each is tried once, and reported if it was not handled.

Rule 1: a record counts as failed until all hooks that were called for it have returned. So no
error, here or in a hook, makes it a success.

Rule 2: records of one lane are tried in their order, and none after one that failed.

Rule 3: the hooks of a record are looked up when its turn comes. An error on the way fails this
record only, and the payloads of a large batch are not in memory at the same time.

Hooks are called one after the other until the first one returns an awaitable. From there on the
records run on the event loop, up to `max_concurrency` at a time.
"""

import sys
from time import time_ns

from .errors import BatchFailed
from .sources import at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from typing import Any

    from amazon_lambda_runtime.core.context import Context

    from .host import Host
    from .records import Records
    from .routes import Call

    # A record whose hook has returned an awaitable: its index, the hook, the awaitable, and the
    # calls that are left.
    Begun = tuple[int, Callable[..., Any], Awaitable[Any], Iterator[Call]]


# logging.ERROR
_ERROR = 40


class _Exit(Exception):
    """A hook raised SystemExit or the like: the process has to end."""


class Batch:
    """The records of one event. `find` returns the calls for a record."""

    def __init__(
        self,
        host: "Host",
        context: "Context",
        records: "Records",
        find: "Callable[[Any], Iterable[Call]]",
    ) -> None:
        self._host = host
        self._records = records
        self._find = find
        self._reports = records.takes_report and (records.is_bare or host.partial_failures)
        # In a durable function the context is AWS's, which has ours inside.
        deadline_ms = getattr(context, "lambda_context", context).deadline_ms
        # Behind this, in nanoseconds since 1970, no record is begun; 0 if there is no deadline.
        self._limit = (deadline_ms - host.margin_ms) * 1_000_000 if deadline_ms else 0
        self._is_begun = False
        self._blocked: set[str] = set()
        self._failures: list[Exception] = []
        # The indexes of the records that are not handled, or not yet.
        self._open = dict.fromkeys(range(len(records.members)))
        self._exit: BaseException | None = None

    def run(self) -> "dict[str, Any]":
        """Try the records and return the answer to the event.

        Raises BatchFailed, or what the only record raised, if not all of them succeeded and the
        source can't be told which.
        """
        begun = self._run_sync()
        if begun is not None:
            self._host.wait(self._run_async(begun))
            if self._exit is not None:
                raise self._exit
        return self._outcome()

    def _run_sync(self) -> "Begun | None":
        """Try the records one by one, up to the first that has to be awaited, which is returned."""
        find, limit, still_open, blocked = self._find, self._limit, self._open, self._blocked
        for index, record in enumerate(self._records.members):
            if blocked and self._records.lane(index) in blocked:
                continue
            if limit and self._is_begun and limit < time_ns():
                break
            self._is_begun = True
            try:
                calls = iter(find(record))
                for function, arguments in calls:
                    result = function(*arguments)
                    if result is not None:
                        kind = type(result)
                        if hasattr(kind, "__await__"):
                            return index, function, result, calls
                        _check(function, kind)
            except BaseException as exc:
                self._fail(index, _failure(exc))
            else:
                del still_open[index]
        return None

    async def _run_async(self, begun: "Begun") -> None:
        from asyncio import TaskGroup

        # The lanes of what is left. The record that was begun is the first of its own.
        lanes: dict[Any, list[int]] = {}
        for index in range(begun[0], len(self._records.members)):
            lane = self._records.lane(index)
            if lane is None:
                lanes[index] = [index]
            elif lane not in self._blocked:
                lanes.setdefault(lane, []).append(index)
        waiting = iter(lanes.values())
        try:
            async with TaskGroup() as workers:
                for number in range(min(len(lanes), self._host.max_concurrency)):
                    workers.create_task(self._work(waiting, begun if number == 0 else None))
        except* _Exit:
            pass

    async def _work(self, waiting: "Iterator[list[int]]", begun: "Begun | None") -> None:
        """Try one lane after the other, for as long as there is one that no other worker took."""
        from asyncio import current_task

        task = current_task()
        for lane in waiting:
            for index in lane:
                if begun is None and self._limit and self._is_begun and self._limit < time_ns():
                    return
                if not await self._try_async(index, begun, task):
                    break
                begun = None
            begun = None

    async def _try_async(self, index: int, begun: "Begun | None", task: "Any") -> bool:
        """Try a record, and return whether the next one of its lane may be tried."""
        self._is_begun = True
        try:
            if begun is None:
                calls = iter(self._find(self._records.members[index]))
            else:
                _, function, result, calls = begun
                _check(function, type(await result))
            for function, arguments in calls:
                result = function(*arguments)
                if hasattr(type(result), "__await__"):
                    result = await result
                _check(function, type(result))
        except BaseException as exc:
            if not isinstance(exc, Exception) and _is_ended(task):
                raise
            try:
                failure = _failure(exc)
            except BaseException as left:
                # In a task it would break the loop off at once, in the middle of the other hooks.
                self._exit = left
                raise _Exit from None
            self._fail(index, failure)
            return False
        del self._open[index]
        return True

    def _fail(self, index: int, exc: Exception) -> None:
        lane = self._records.lane(index)
        if lane is not None:
            self._blocked.add(lane)
        self._failures.append(exc)
        if len(self._records.members) == 1 and not self._reports:
            exc.add_note(f"The record was {self._describe(index)}")
            return  # the runtime logs what is raised by itself
        logger = self._host.logger
        if logger.isEnabledFor(_ERROR):
            trace = exc.__traceback__
            user_trace = trace.tb_next if trace else None  # behind our own frame
            told = (type(exc), exc, user_trace or trace)
            logger.error("%s failed", self._describe(index), exc_info=told)

    def _describe(self, index: int) -> str:
        record = self._records.members[index]
        name = self._records.name(index) or at(record, "Sns.MessageId") or at(record, "id")
        source = self._records.source
        return f"{source} {name}" if name else f"one of {source}"

    def _outcome(self) -> "dict[str, Any]":
        count = len(self._open)
        if count > len(self._failures):
            self._host.logger.warning(
                "%d of %d records of %s were not tried, and are redelivered",
                count - len(self._failures),
                len(self._records.members),
                self._records.source,
            )
        if self._reports:
            names = [self._records.name(index) for index in self._reported()]
            if None not in names:
                return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}
        if count:
            self._raise(count)
        # An empty report is a success to a queue or stream, whether it expects a report or not.
        records = self._records
        return (
            {"batchItemFailures": []}
            if records.takes_report or records.is_bare
            else {"status": "ok"}
        )

    def _reported(self) -> "Iterable[int]":
        """Return the records to report: of a stream, the first of each lane not handled."""
        if self._records.is_bare or self._records.source == "aws:sqs":
            return self._open
        first: dict[Any, int] = {}
        for index in self._open:
            first.setdefault(self._records.lane(index), index)
        return first.values()

    def _raise(self, count: int) -> None:
        first = self._failures[0] if self._failures else None
        if first is not None and len(self._records.members) == 1 and not self._reports:
            raise first
        raise BatchFailed(
            f"{count} of {len(self._records.members)} records of {self._records.source} failed or"
            " were not tried: all of them are redelivered"
        ) from first


def _failure(exc: BaseException) -> Exception:
    """Return the exception that a record fails with. Raises what is meant for the whole process."""
    if isinstance(exc, Exception):
        return exc
    asyncio = sys.modules.get("asyncio")
    if isinstance(exc, GeneratorExit) or (asyncio and isinstance(exc, asyncio.CancelledError)):
        from amazon_lambda_runtime.core.event_loop import CancelledError

        cancelled = CancelledError(f"the hook was cancelled: {type(exc).__name__}")
        cancelled.__cause__ = exc
        return cancelled
    raise exc


def _is_ended(task: "Any") -> bool:
    """Say whether the task was cancelled or its loop was closed, and not only a hook ended."""
    import asyncio

    running = asyncio._get_running_loop() is not None and asyncio.current_task() is task
    return not running or bool(task.cancelling())


def _check(function: "Callable[..., Any]", kind: type) -> None:
    """Refuse the result of a function with a `yield` in it: none of its code has run."""
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        name = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"{name} returned a generator, which is never read: it must not yield")
