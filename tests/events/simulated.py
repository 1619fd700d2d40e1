"""The other side of the contract: a queue, a FIFO queue and a shard that deliver until all is done.

They do what AWS documents of an event source mapping, and keep what they saw of it. `invoke` is
the function under test; that it raises is a failure of the whole batch. `attempts` is how often a
source delivers before it is a bug that it is not done.
"""

import json
from collections.abc import Callable
from typing import Any

from .support import dynamodb, failures, kinesis, message, records

Invoke = Callable[[Any], Any]


class Stuck(AssertionError):
    """It was delivered over and over, and never came to an end."""


class Queue:
    """A queue of SQS. A message is deleted when it was in a batch and was not reported."""

    def __init__(self, messages: list[Any], batch: int, reports: bool) -> None:
        self.waiting = messages
        self.batch = batch
        self.reports = reports
        self.deleted: list[str] = []

    def receive(self) -> list[Any]:
        taken, self.waiting = self.waiting[: self.batch], self.waiting[self.batch :]
        return taken

    def give_back(self, messages: list[Any]) -> None:
        self.waiting += messages

    def drain(self, invoke: Invoke, attempts: int) -> None:
        for _ in range(attempts):
            batch = self.receive()
            if not batch:
                return
            names = [each["messageId"] for each in batch]
            failed = set(names)
            try:
                answer = invoke(records(*batch))
            except Exception:
                pass
            else:
                # Without the setting the answer is not read: it is a success.
                failed = set(failures(answer)) if self.reports else set()
                assert failed <= set(names), "an unknown id fails the whole batch"
            self.deleted += [name for name in names if name not in failed]
            self.give_back([each for each in batch if each["messageId"] in failed])
        raise Stuck


class FifoQueue(Queue):
    """A message that is given back comes again before the others of its group."""

    def give_back(self, messages: list[Any]) -> None:
        self.waiting = messages + self.waiting


class Shard:
    """A shard of a stream. It goes on where it was told that something failed, and bisects."""

    def __init__(self, stream: list[Any], batch: int, reports: bool, bisects: bool) -> None:
        self.stream = stream
        self.batch = batch
        self.reports = reports
        self.bisects = bisects

    def drain(self, invoke: Invoke, attempts: int) -> None:
        position = 0
        size = self.batch
        for _ in range(attempts):
            batch = self.stream[position : position + size]
            if not batch:
                return
            try:
                answer = invoke(records(*batch))
            except Exception:
                size = max(1, size // 2) if self.bisects else size
                continue
            names = [self.name(each) for each in batch]
            reported = failures(answer) if self.reports else []
            assert set(reported) <= set(names)
            # The lowest that is reported is the checkpoint.
            position += min((names.index(name) for name in reported), default=len(batch))
            size = self.batch
        raise Stuck

    def name(self, record: Any) -> str:
        source = record["eventSource"].removeprefix("aws:")
        inner = record[source]
        found: str = inner.get("sequenceNumber") or inner["SequenceNumber"]
        return found


def drain_window(stream: list[Any], batch: int, invoke: Invoke, attempts: int) -> Any:
    """Deliver a tumbling window of Kinesis up to its end, which has no records; return its state.

    An answer without a state is a failure: then the batch comes again with the state before it.
    """
    window = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:05:00Z"}
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
    state: Any = {}
    position = 0
    for _ in range(attempts):
        part = stream[position : position + batch]
        event = {"window": window, "state": state, "eventSourceARN": arn, "Records": part}
        event["isFinalInvokeForWindow"] = is_final = not part
        try:
            answer = invoke(event)
        except Exception:
            continue
        if "state" not in answer:
            continue
        state = json.loads(json.dumps(answer["state"]))
        if is_final:
            return state
        names = [each["kinesis"]["sequenceNumber"] for each in part]
        reported = failures(answer)
        assert set(reported) <= set(names)
        position += min((names.index(name) for name in reported), default=len(part))
    raise Stuck


def shard_of_kinesis(count: int, *options: Any) -> Shard:
    return Shard([kinesis(str(number), number) for number in range(count)], *options)


def shard_of_dynamodb(count: int, *options: Any) -> Shard:
    images = ({"n": {"N": str(number)}} for number in range(count))
    stream = [dynamodb(str(number), NewImage=image) for number, image in enumerate(images)]
    return Shard(stream, *options)


def queue_of(groups: list[str | None], *options: Any) -> Queue:
    """Return a queue with a message for each group; standard if the groups are None."""
    messages = [message(str(number), number, group) for number, group in enumerate(groups)]
    kind = Queue if None in groups or not groups else FifoQueue
    return kind(messages, *options)
