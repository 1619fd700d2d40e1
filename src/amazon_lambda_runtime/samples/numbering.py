"""Several records in an event, which differ in their ids and sequence numbers only.

Rule: the form of an event says where its records are; the table says which fields number them.
"""

import copy
import re
from typing import Any

# The paths of the fields that differ from record to record.
_NUMBERS = (
    ("messageId",),
    ("eventID",),
    ("recordId",),
    ("messageID",),
    ("offset",),
    ("attributes", "SequenceNumber"),
    ("attributes", "MessageDeduplicationId"),
    ("kinesis", "sequenceNumber"),
    ("dynamodb", "SequenceNumber"),
    ("Sns", "MessageId"),
    ("s3", "object", "sequencer"),
)
_LAST_DIGITS = re.compile(r"[0-9a-fA-F]+$")


def has_records(event: dict[str, Any]) -> bool:
    """Say whether an event may have several records."""
    lists = _lists(event)
    # Lambda@Edge and SES always send a single record, without a number.
    first = lists[0][0] if lists else {}
    is_numbered = any(path[0] in first for path in _NUMBERS)
    return is_numbered or not {"messages", "rmqMessagesByQueue"}.isdisjoint(event)


def repeated(event: dict[str, Any], count: int) -> dict[str, Any]:
    """Return an event with so many records where it has one."""
    for records in _lists(event):
        first = records[0]
        for number in range(1, count):
            record = copy.deepcopy(first)
            for path in _NUMBERS:
                _count_up(record, path, number)
            records.append(record)
    return event


def _lists(event: dict[str, Any]) -> list[list[Any]]:
    for name in ("Records", "records", "messages", "rmqMessagesByQueue"):
        found = event.get(name)
        if isinstance(found, list):
            return [found]
        if isinstance(found, dict):
            return list(found.values())
    return []


def _count_up(record: Any, path: tuple[str, ...], number: int) -> None:
    *outer, name = path
    for key in outer:
        record = record.get(key)
        if not isinstance(record, dict):
            return
    if name in record:
        record[name] = _later(record[name], number)


def _later(value: Any, number: int) -> Any:
    """Return the number that follows `number` steps later, of the same length."""
    if isinstance(value, int):
        return value + number
    digits = _LAST_DIGITS.search(value)
    if digits is None:
        return f"{value}-{number}"
    last = digits[0]
    if last.isdecimal():
        return f"{value[: digits.start()]}{int(last) + number:0{len(last)}d}"
    form = "x" if last.lower() == last else "X"
    return f"{value[: digits.start()]}{int(last, 16) + number:0{len(last)}{form}}"
