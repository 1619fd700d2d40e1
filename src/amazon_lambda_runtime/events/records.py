"""The records of an event: where they are, what a report calls them, and which are in one order.

Rule: what is particular to a source is in the tables.
"""

from .sources import at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Sources that take a report of failures, and the path to a record's name in it. The name of a
#: record of Kafka has two parts.
NAMES = {
    "aws:sqs": "messageId",
    "aws:kinesis": "kinesis.sequenceNumber",
    "aws:dynamodb": "dynamodb.SequenceNumber",
    "aws:kafka": "",
}
# The names that EventBridge Pipes give to the same records.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
_PIPE_NAMES = {"aws:sqs": "messageId", "aws:kinesis": "eventID", "aws:dynamodb": "eventID"}

# Sources handled record by record, whose events have `Records` or are a single record.
_BY_RECORD = frozenset(("aws:sqs", "aws:kinesis", "aws:dynamodb", "aws:events", "aws:logs",
                        "aws:s3", "aws:sns"))  # fmt: skip
#: Sources whose events are handled record by record.
BY_RECORD = _BY_RECORD | {"aws:kafka", "aws:mq", "aws:rmq"}


class Records:
    """The records of one event, each with its name and its lane.

    A lane is what the source keeps in order: a group of a FIFO queue, a shard, a partition.
    """

    __slots__ = ("_keys", "is_bare", "members", "source")

    def __init__(self, source: str, event: "Any") -> None:
        self.source = source
        #: Whether a pipe sent them: in a bare list, and it always takes a report.
        self.is_bare = isinstance(event, list)
        self._keys: list[str] | None = None
        self.members: list[Any]
        if self.is_bare:
            self.members = event
        elif source in _BY_RECORD:
            members = event.get("Records")
            # An event of EventBridge, log data, S3's test event: it is its own record.
            self.members = members if isinstance(members, list) else [event]
        elif source == "aws:kafka":
            pairs = [(key, each) for key, each in _parts(event.get("records"))]
            self._keys = [key for key, _ in pairs]
            self.members = [each for _, each in pairs]
        else:
            queues = event.get("rmqMessagesByQueue") or {"": event.get("messages", [])}
            self.members = [each for _, each in _parts(queues)]

    @property
    def takes_report(self) -> bool:
        """Whether the source takes a report of these records."""
        return self.source in (_PIPE_NAMES if self.is_bare else NAMES)

    def name(self, index: int) -> "Any":
        """Return what a report calls a record, None if that can't be told."""
        record = self.members[index]
        if self.is_bare:
            return at(record, _PIPE_NAMES.get(self.source, "")) or None
        if self._keys is not None:
            offset, topic = at(record, "offset"), at(record, "topic")
            partition = at(record, "partition")
            whole = f"{topic}-{partition}" if topic and partition is not None else self._keys[index]
            return None if offset is None else {"partition": whole, "offset": offset}
        path = NAMES.get(self.source)
        return (at(record, path) or None) if path else None

    def lane(self, index: int) -> "str | None":
        """Return the lane of a record, None if it is in no order."""
        if self.source == "aws:sqs":
            return _group(self.members[index])
        if self.source in ("aws:kinesis", "aws:dynamodb"):
            return ""  # a batch is of one shard
        if self._keys is not None:
            return self._keys[index]
        if self.source == "aws:kafka":
            record = self.members[index]
            return f"{at(record, 'topic')}-{at(record, 'partition')}"
        return "" if self.source in ("aws:mq", "aws:rmq") else None


def _group(record: "Any") -> "str | None":
    """Return the lane of a message: its group, if the name of its queue says that it is FIFO.

    A group alone does not: messages of a standard queue may have one, for fairness.
    """
    arn = record.get("eventSourceARN") if isinstance(record, dict) else None
    if not (isinstance(arn, str) and arn.endswith(".fifo")):
        return None
    group = at(record, "attributes.MessageGroupId")
    return group if isinstance(group, str) else ""


def _parts(parts: "Any") -> "list[tuple[str, Any]]":
    """Return the records of a dict of lists, each with the key of its list.

    A value of another form counts as a record, so that it is never overlooked.
    """
    if not isinstance(parts, dict):
        return [] if parts is None else [("", parts)]
    found = []
    for key, members in parts.items():
        found += [(key, each) for each in (members if isinstance(members, list) else [members])]
    return found
