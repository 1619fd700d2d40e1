"""What is inside of a record: an S3 event in an SNS notification in an SQS message, and so on.

Rule: nothing here raises. What can't be decoded is left as it came, for whoever is to handle it.
"""

from binascii import a2b_base64, a2b_hex

from amazon_lambda_runtime.core import codec

from .sources import at, record_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # A source and its record.
    Level = tuple[str, Any]

# What JSON may begin with. Other text need not be tried, and `json` not be loaded to say so.
_BEGINS_JSON = '{["-0123456789tfn \t\r\n'
_GZIP = b"\x1f\x8b"
# No log data that Lambda delivers is larger than this when it is unpacked. It keeps a few bytes
# that someone has put on a stream from filling the memory.
_UNPACKED_LIMIT = 64 * 1024 * 1024
# An envelope has one of these, and most payloads have none.
_MARKS = frozenset(("Records", "Event", "messageType", "Type", "detail-type", "awslogs"))
# Records of these are looked for inside of others.
_INSIDE = frozenset(("aws:s3", "aws:sns", "aws:sqs", "aws:kinesis", "aws:dynamodb"))


class Item:
    """One thing that was inside of a record.

    `payload` is the innermost content, decoded; `levels` the sources that it came through, each
    with its record, from the outside in.
    """

    __slots__ = ("levels", "payload")

    def __init__(self, payload: "Any", levels: "tuple[Level, ...]") -> None:
        self.payload = payload
        self.levels = levels


def unwrap(record: "Any") -> "list[Any]":
    """Return what is inside of a record, or of a whole event, through all envelopes.

    That is one thing, as a rule: a message's JSON, or its text, or bytes; several if an S3 event of
    several records was inside; none if it was S3's test event or the like. An S3 record or an event
    of EventBridge is itself what is inside. Never raises: what can't be decoded comes as it is.
    """
    source = record_source(record) or _source_of_part(record)
    items = opened(source, record) if source else _found(record, ())
    return [item.payload for item in items]


def opened(source: str, record: "Any") -> list[Item]:
    """Return the things inside of a record of this source."""
    return _open(source, record, ())


def object_key(record: "Any") -> str:
    """Return the key of the object that an S3 record, or S3's event on EventBridge, is about.

    S3 writes "a b.csv" as "a+b.csv" in its records, and as it is on EventBridge. "" if there is
    none.
    """
    key = at(record, "s3.object.key") or at(record, "s3Key")
    if isinstance(key, str):
        return unquoted(key)
    key = at(record, "detail.object.key")
    return key if isinstance(key, str) else ""


def unquoted(text: str) -> str:
    """Return what a part of a URL stands for: a space for "+", a character for "%XX"."""
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    first, *others = text.encode("utf-8", "surrogatepass").split(b"%")
    pieces = [first]
    for other in others:
        try:
            pieces += a2b_hex(other[:2]) or b"%", other[2:]
        except ValueError:
            pieces += b"%", other
    return b"".join(pieces).decode("utf-8", "replace")


def _open(source: str, record: "Any", outside: "tuple[Level, ...]") -> list[Item]:
    levels = (*outside, (source, record))
    if not isinstance(record, dict):
        return [Item(record, levels)]
    content = _CONTENTS.get(source)
    if content is None:
        return [] if record.get("Event") == "s3:TestEvent" else [Item(record, levels)]
    return _found(content(record), levels)


def _found(payload: "Any", levels: "tuple[Level, ...]") -> list[Item]:
    """Look whether a payload is an envelope in its turn."""
    if not isinstance(payload, dict) or _MARKS.isdisjoint(payload):
        return [Item(payload, levels)]
    records = payload.get("Records")
    if isinstance(records, list) and records:
        sources = [record_source(record) for record in records]
        if _INSIDE.issuperset(sources):
            pairs = zip(sources, records, strict=True)
            return [item for pair in pairs for item in _open(*pair, levels)]
    if payload.get("Event") == "s3:TestEvent" or _is_control_message(payload):
        return []
    source = _source_of_payload(payload)
    return _open(source, payload, levels) if source else [Item(payload, levels)]


def _source_of_part(record: "Any") -> str:
    """Return the source of a record that says nothing of it, since its event does."""
    if not isinstance(record, dict):
        return ""
    if "data" in record:
        if "recordId" in record:
            return "aws:firehose"
        if "messageID" in record or "basicProperties" in record:
            return "aws:mq"
    return "aws:kafka" if {"topic", "partition", "offset"} <= record.keys() else ""


def _source_of_payload(payload: "dict[str, Any]") -> str:
    """Return the source of an envelope that is no record, or ""."""
    if payload.get("Type") == "Notification" and "TopicArn" in payload and "Message" in payload:
        return "aws:sns"
    if "detail-type" in payload:
        return "aws:events"
    return "aws:logs" if "awslogs" in payload else ""


def _is_control_message(payload: "dict[str, Any]") -> bool:
    """Say whether CloudWatch Logs only wanted to know if it gets through."""
    return payload.get("messageType") == "CONTROL_MESSAGE" and "logEvents" in payload


def _of_json(text: "Any") -> "Any":
    if not isinstance(text, str) or text[:1] not in _BEGINS_JSON:
        return text
    try:
        return codec.decode(text.encode())
    except (ValueError, RecursionError):
        return text


def _of_base64(text: "Any") -> "Any":
    """Return what base64 stands for: JSON, else text, else bytes."""
    if not isinstance(text, str):
        return text
    try:
        data = a2b_base64(text, strict_mode=True)
    except ValueError:
        return text
    if data.startswith(_GZIP):
        return _of_log_data(data)
    try:
        return _of_json(data.decode())
    except ValueError:
        return data


def _of_log_data(data: bytes) -> "Any":
    """Return what CloudWatch Logs has packed; the bytes if it is another's."""
    import zlib

    try:
        found = _of_json(zlib.decompressobj(31).decompress(data, _UNPACKED_LIMIT).decode())
    except (ValueError, zlib.error):
        return data
    return found if isinstance(found, dict) and "logEvents" in found else data


def _of_notification(record: "dict[str, Any]") -> "Any":
    sns = record.get("Sns", record)
    return _of_json(sns.get("Message")) if isinstance(sns, dict) else sns


# What of a record is its content. Of a source that is not listed, it is the record itself.
_CONTENTS: "dict[str, Callable[[dict[str, Any]], Any]]" = {
    "aws:firehose": lambda record: _of_base64(record.get("data")),
    "aws:kafka": lambda record: _of_base64(record.get("value")),
    "aws:kinesis": lambda record: _of_base64(at(record, "kinesis.data")),
    "aws:logs": lambda record: _of_base64(at(record, "awslogs.data")),
    "aws:mq": lambda record: _of_base64(record.get("data")),
    "aws:rmq": lambda record: _of_base64(record.get("data")),
    "aws:sns": _of_notification,
    "aws:sqs": lambda record: _of_json(record.get("body")),
}
