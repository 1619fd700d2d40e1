"""What is inside of a record: an S3 event in an SNS notification in an SQS message, and so on.

Rule 1: nothing here raises. A payload that can't be decoded is handed on as it came.

Rule 2: the user's own data is never taken for an envelope. Only text is opened, and only if it has
all the parts of the envelope that it looks like. Otherwise it is handed on unchanged.

Rule 3: at most eight levels are opened. What is nested deeper stays text.
"""

from binascii import a2b_base64, a2b_hex

from amazon_lambda_runtime.core import codec

from .records import BY_RECORD, Records
from .sources import at, record_source, source_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # A source and its record.
    Level = tuple[str, Any]

_LEVELS = 8
# The first characters of a JSON object, list, string or number, and white space. Other text is not
# tried, and `json` is not loaded to refuse it.
_BEGINS_JSON = frozenset('{["-0123456789 \t\r\n')
_WORDS = frozenset(("true", "false", "null"))
# What gzip begins with, and zlib at its levels.
_PACKED = frozenset((b"\x1f\x8b", b"x\x01", b"x^", b"x\x9c", b"x\xda"))
# Log data is never larger than this when unpacked. Without a limit, a few bytes on a stream could
# fill the memory.
_UNPACKED_LIMIT = 64 * 1024 * 1024
# So much is unpacked first, to see whether it may be log data.
_UNPACKED_FIRST = 1024
#: Every envelope has one of these keys; most payloads have none.
MARKS = frozenset(("Records", "Event", "Type", "detail-type", "awslogs"))
# Sources whose records are recognised inside of others, and the part that such a record has.
_INSIDE = {
    "aws:s3": ("s3", dict),
    "aws:sns": ("Sns", dict),
    "aws:sqs": ("body", str),
    "aws:kinesis": ("kinesis", dict),
    "aws:dynamodb": ("dynamodb", dict),
}


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
    """Return the payloads inside of a record, or of a whole event, through all envelopes.

    A record has one payload, as a rule: a message's JSON, or its text, or bytes; several if it
    holds an S3 event of several records; none if it is S3's test event or a control message. An S3
    record and an event of EventBridge are payloads themselves. Never raises: what can't be decoded
    comes as it is.
    """
    source = source_of(record)
    if source in BY_RECORD and _is_whole(record):
        members = Records(source, record).members
        return [item.payload for member in members for item in opened(source, member)]
    if source in ("aws:firehose", "aws:kinesis-analytics") and isinstance(record["records"], list):
        source = "aws:firehose"
        return [item.payload for member in record["records"] for item in opened(source, member)]
    source = record_source(record) or _source_of_part(record)
    items = opened(source, record) if source else found(record, ())
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


def _is_whole(event: "Any") -> bool:
    """Say whether it is an event with records in it, not a record."""
    return isinstance(event, list) or not {"Records", "records", "messages",
                                           "rmqMessagesByQueue"}.isdisjoint(event)  # fmt: skip


def _open(source: str, record: "Any", outside: "tuple[Level, ...]") -> list[Item]:
    levels = (*outside, (source, record))
    if not isinstance(record, dict):
        return [Item(record, levels)]
    way = CONTENTS.get(source)
    if way is None:
        return [] if _is_test_event(record) else [Item(record, levels)]
    content, decode = way
    text = content(record)
    if not isinstance(text, str) or len(levels) == _LEVELS:
        return [Item(text, levels)]
    return found(decode(text), levels)


def found(payload: "Any", levels: "tuple[Level, ...]") -> list[Item]:
    """Return the things inside of a payload, which is decoded and may be an envelope in its turn.

    `levels` are those that it has come through.
    """
    if not isinstance(payload, dict):
        return (
            _logged(payload, levels) if isinstance(payload, _LogData) else [Item(payload, levels)]
        )
    if MARKS.isdisjoint(payload):
        return [Item(payload, levels)]
    records = payload.get("Records")
    if isinstance(records, list) and records:
        sources = [_source_inside(record) for record in records]
        if all(sources):
            pairs = zip(sources, records, strict=True)
            return [item for pair in pairs for item in _open(*pair, levels)]
    source = _source_of_payload(payload)
    if source:
        return _open(source, payload, levels)
    return [] if _is_test_event(payload) else [Item(payload, levels)]


def _logged(payload: "_LogData", levels: "tuple[Level, ...]") -> list[Item]:
    document = payload.document
    if document.get("messageType") == "CONTROL_MESSAGE":
        return []  # a health check of the destination
    inside = () if levels[-1][0] == "aws:logs" else (("aws:logs", document),)
    return [Item(document, (*levels, *inside))]


def _source_inside(record: "Any") -> str:
    """Return the source of a record inside of another, "" if it is none."""
    source = record_source(record)
    part, kind = _INSIDE.get(source, ("", dict))
    return source if part and isinstance(record.get(part), kind) else ""


def _source_of_part(record: "Any") -> str:
    """Return the source of a record whose event names the source, not the record itself."""
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
    if payload.get("Type") == "Notification" and isinstance(payload.get("Message"), str):
        return "aws:sns" if "TopicArn" in payload or "MessageId" in payload else ""
    if isinstance(payload.get("detail-type"), str):
        return (
            "aws:events" if isinstance(payload.get("source"), str) and "detail" in payload else ""
        )
    data = at(payload, "awslogs.data")
    return "aws:logs" if isinstance(data, str) and isinstance(_of_base64(data), _LogData) else ""


def _is_test_event(payload: "dict[str, Any]") -> bool:
    """Say whether it is the test that S3 sends when notifications are set up."""
    return payload.get("Event") == "s3:TestEvent" and "Service" in payload and "Bucket" in payload


class _LogData:
    """What CloudWatch Logs has packed."""

    __slots__ = ("document",)

    def __init__(self, document: "dict[str, Any]") -> None:
        self.document = document


def _of_json(text: str) -> "Any":
    if text[:1] not in _BEGINS_JSON and text.rstrip() not in _WORDS:
        return text
    try:
        return codec.decode_text(text)
    except (ValueError, RecursionError):
        return text


def _of_base64(text: str) -> "Any":
    """Return what base64 stands for: log data, or JSON, else text, else bytes."""
    try:
        data = a2b_base64(text, strict_mode=True)
    except ValueError:
        return text
    if data[:2] in _PACKED:
        found = _log_data(data)
        if found is not None:
            return found
    try:
        return _of_json(data.decode())
    except ValueError:
        return data


def _log_data(data: bytes) -> "_LogData | None":
    """Return what CloudWatch Logs has packed; None if it is another's, or too large."""
    import zlib

    unpacker = zlib.decompressobj(47)  # with a header of gzip or of zlib
    try:
        first = unpacker.decompress(data, _UNPACKED_FIRST)
        if not first.startswith(b"{"):
            return None
        rest = unpacker.decompress(unpacker.unconsumed_tail, _UNPACKED_LIMIT)
        document = _of_json((first + rest).decode()) if unpacker.eof else None
    except (ValueError, zlib.error):
        return None
    if isinstance(document, dict) and isinstance(document.get("logEvents"), list):
        return _LogData(document)
    return None


def _notified(record: "dict[str, Any]") -> "Any":
    sns = record.get("Sns", record)
    return sns.get("Message") if isinstance(sns, dict) else sns


def _streamed(record: "dict[str, Any]") -> "Any":
    # A pipe flattens the record.
    return at(record, "kinesis.data") if "kinesis" in record else record.get("data")


#: The content of a record of each source, and how it is decoded. A record of a source that is not
#: listed is a payload itself.
CONTENTS: "dict[str, tuple[Callable[[dict[str, Any]], Any], Callable[[str], Any]]]" = {
    "aws:firehose": (lambda record: record.get("data"), _of_base64),
    "aws:kafka": (lambda record: record.get("value"), _of_base64),
    "aws:kinesis": (_streamed, _of_base64),
    "aws:logs": (lambda record: at(record, "awslogs.data"), _of_base64),
    "aws:mq": (lambda record: record.get("data"), _of_base64),
    "aws:rmq": (lambda record: record.get("data"), _of_base64),
    "aws:sns": (_notified, _of_json),
    "aws:sqs": (lambda record: record.get("body"), _of_json),
}
