"""The records of one event, each tried once, and the answer that has none of them lost.

Rule 1: a record counts as failed until all that was called for it has returned. So nothing that
goes wrong here or in a hook, foreseen or not, makes one a success.

Rule 2: records of one lane go in their order, and none after one that failed. A lane is what the
source keeps in order: a group of a FIFO queue, a shard, a partition; each message of another queue
is a lane to itself.
"""

from .errors import BatchFailed
from .routes import is_async
from .sources import at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from amazon_lambda_runtime.core.context import Context

    from .host import Host
    from .routes import Call

# Sources that take a report of what failed, and where the name of a record is in it.
_NAMES = {
    "aws:sqs": "messageId",
    "aws:kinesis": "kinesis.sequenceNumber",
    "aws:dynamodb": "dynamodb.SequenceNumber",
    "aws:kafka": "",
}
# Sources whose events are handled by the record; Kafka's and the brokers' have forms of their own.
_BY_RECORD = frozenset((*_NAMES, "aws:events", "aws:logs", "aws:s3", "aws:sns"))


class _Exit(Exception):
    """A hook wants the process to end."""


class Entry:
    """One record of a batch. `name` is what a report calls it, None if that can't be told."""

    __slots__ = ("calls", "done", "lane", "name", "record")

    def __init__(self, record: "Any", name: "Any", lane: "Any") -> None:
        self.record = record
        self.name = name
        self.lane = lane
        self.calls: list[Call] = []
        self.done = False


def entries_of(source: str, event: "dict[str, Any]") -> "list[Entry] | None":
    """Return the records of an event, None if it is one that is handled whole."""
    if source == "aws:kafka":
        return list(_kafka_entries(event.get("records")))
    if source in ("aws:mq", "aws:rmq"):
        return [Entry(record, None, "") for record in _messages(event)]
    if source not in _BY_RECORD:
        return None
    records = event.get("Records")
    if not isinstance(records, list):
        return [Entry(event, None, "")]  # an event of EventBridge, log data, S3's test event
    lane = _LANES.get(source, _alone)
    return [Entry(record, _name(source, record), lane(record)) for record in records]


class Batch:
    """The records of one event on their way. `find` tells the calls that a record asks for."""

    def __init__(
        self,
        runtime: "Host",
        context: "Context",
        source: str,
        entries: list[Entry],
        find: "Callable[[Any], list[Call]]",
    ) -> None:
        self._runtime = runtime
        self._context = context
        self._source = source
        self._entries = entries
        self._blocked: set[Any] = set()
        self._failures: list[Exception] = []
        self._tried = 0
        self._exit: BaseException | None = None
        for entry in entries:
            entry.calls = find(entry.record)

    def run(self) -> "dict[str, Any]":
        """Try the records and return the answer to the event.

        Raises BatchFailed, or what the only record raised, if not all of them succeeded and there
        is no telling the source which.
        """
        functions = {id(call[0]): call[0] for entry in self._entries for call in entry.calls}
        if any(map(is_async, functions.values())):
            self._runtime.wait(self._run_async())
            if self._exit is not None:
                raise self._exit
        else:
            for entry in self._entries:
                if entry.lane not in self._blocked and not self._is_late():
                    self._try(entry)
        return self._outcome()

    def _try(self, entry: Entry) -> None:
        try:
            for function, arguments in entry.calls:
                result = function(*arguments)
                if result is not None:
                    if hasattr(type(result), "__await__"):
                        result = self._runtime.wait(result)
                    _check(function, result)
        except Exception as exc:
            self._fail(entry, exc)
        else:
            entry.done = True

    async def _run_async(self) -> None:
        from asyncio import TaskGroup

        lanes: dict[Any, list[Entry]] = {}
        for entry in self._entries:
            lanes.setdefault(entry.lane, []).append(entry)
        waiting = iter(lanes.values())
        try:
            async with TaskGroup() as workers:
                for _ in range(min(len(lanes), max(1, self._runtime.max_concurrency))):
                    workers.create_task(self._work(waiting))
        except* _Exit:
            pass

    async def _work(self, waiting: "Iterable[list[Entry]]") -> None:
        """Try one lane after the other, for as long as there is one that nobody has taken."""
        for lane in waiting:
            for entry in lane:
                if entry.lane not in self._blocked and not self._is_late():
                    await self._try_async(entry)

    async def _try_async(self, entry: Entry) -> None:
        from asyncio import CancelledError, current_task

        try:
            for function, arguments in entry.calls:
                result = function(*arguments)
                if hasattr(type(result), "__await__"):
                    result = await result
                _check(function, result)
        except Exception as exc:
            self._fail(entry, exc)
        except CancelledError as exc:
            task = current_task()
            if task is None or task.cancelling():
                raise  # the environment ends
            from amazon_lambda_runtime.core.event_loop import CancelledError as Cancelled

            cancelled = Cancelled("the hook was cancelled")
            cancelled.__cause__ = exc
            self._fail(entry, cancelled)
        except (SystemExit, KeyboardInterrupt) as exc:
            # In a task it would break the loop off at once, the other hooks in the middle of it.
            self._exit = exc
            raise _Exit from None
        else:
            entry.done = True

    def _is_late(self) -> bool:
        """Say whether there is no time for another record. The first one is tried in any case."""
        self._tried += 1
        if self._tried == 1 or not self._context.deadline_ms:
            return False
        return self._context.get_remaining_time_in_millis() < self._runtime.margin_ms

    def _fail(self, entry: Entry, exc: Exception) -> None:
        self._blocked.add(entry.lane)
        self._failures.append(exc)
        if len(self._entries) == 1 and not self._reports:
            exc.add_note(f"The record was {self._describe(entry)}")
        else:  # what is raised by itself, the runtime logs
            trace = exc.__traceback__
            user_trace = trace.tb_next if trace else None  # behind our own frame
            told = (type(exc), exc, user_trace or trace)
            self._runtime.logger.error("%s failed", self._describe(entry), exc_info=told)

    def _describe(self, entry: Entry) -> str:
        record = entry.record
        name = entry.name or at(record, "Sns.MessageId") or at(record, "id")
        return f"{self._source} {name}" if name else f"one of {self._source}"

    @property
    def _reports(self) -> bool:
        return self._runtime.partial_failures and self._source in _NAMES

    def _outcome(self) -> "dict[str, Any]":
        open_entries = [entry for entry in self._entries if not entry.done]
        if open_entries and len(self._failures) < len(open_entries):
            self._tell_of_the_rest(len(open_entries) - len(self._failures))
        if self._reports:
            names = [entry.name for entry in self._reported(open_entries)]
            if None not in names:
                return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}
        if open_entries:
            self._raise(len(open_entries))
        # To a queue or a stream it says that all is well whether it expects a report or not.
        return {"batchItemFailures": []} if self._source in _NAMES else {"status": "ok"}

    def _reported(self, open_entries: list[Entry]) -> list[Entry]:
        """Return those that are to be reported: of a stream, where it is to begin again."""
        if self._source == "aws:sqs":
            return open_entries
        first: dict[Any, Entry] = {}
        for entry in open_entries:
            first.setdefault(entry.lane, entry)
        return list(first.values())

    def _tell_of_the_rest(self, count: int) -> None:
        self._runtime.logger.warning(
            "%d of %d records of %s were not tried, and are to come again",
            count,
            len(self._entries),
            self._source,
        )

    def _raise(self, count: int) -> None:
        first = self._failures[0] if self._failures else None
        if first is not None and len(self._entries) == 1 and not self._reports:
            raise first
        raise BatchFailed(
            f"{count} of {len(self._entries)} records of {self._source} failed or were not tried:"
            " all are to come again"
        ) from first


def _check(function: "Callable[..., Any]", result: "Any") -> None:
    """Refuse what a function with a `yield` in it returns: nothing of it has been run."""
    kind = type(result)
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        name = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"{name} returned a generator, which nobody reads: it must not yield")


def _name(source: str, record: "Any") -> "Any":
    if source == "aws:sqs":
        return (record.get("messageId") or None) if isinstance(record, dict) else None
    path = _NAMES.get(source)
    return (at(record, path) or None) if path else None


def _group(record: "Any") -> "Any":
    """Return the lane of a message.

    The name of the queue tells that it is FIFO. That there is a group does not: messages of other
    queues may have one, for fairness.
    """
    arn = record.get("eventSourceARN") if isinstance(record, dict) else None
    if isinstance(arn, str) and arn.endswith(".fifo"):
        return at(record, "attributes.MessageGroupId")
    return _alone(record)


def _alone(record: "Any") -> "Any":
    return object()


def _shard(record: "Any") -> "Any":
    """Return the lane of a record of a stream: a batch is of one shard."""
    return ""


def _kafka_entries(partitions: "Any") -> "Iterable[Entry]":
    for key, records in partitions.items() if isinstance(partitions, dict) else ():
        for record in records:
            offset = at(record, "offset")
            topic, partition = at(record, "topic"), at(record, "partition")
            name = f"{topic}-{partition}" if topic and partition is not None else key
            yield Entry(
                record, None if offset is None else {"partition": name, "offset": offset}, key
            )


def _messages(event: "dict[str, Any]") -> "list[Any]":
    """Return the messages of an Amazon MQ broker, of all queues."""
    queues = event.get("rmqMessagesByQueue")
    if isinstance(queues, dict):
        return [message for messages in queues.values() for message in messages]
    messages = event.get("messages")
    return messages if isinstance(messages, list) else []


# Where the order of records does not count, each has a lane to itself.
_LANES: "dict[str, Callable[[Any], Any]]" = {
    "aws:sqs": _group,
    "aws:kinesis": _shard,
    "aws:dynamodb": _shard,
}
