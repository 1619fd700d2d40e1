"""The values that the files of samples ask for: {"$md5": "body"} and so on.

Rule: a function gets the value that follows its name, already filled in, and its result replaces
the object. ABSENT removes the field.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, ItemsView, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode

#: Removes the field whose value it is.
ABSENT: Any = object()


class Md5:
    """The MD5 digest of another field of the same object, as SQS has it of a body."""

    def __init__(self, field: str) -> None:
        self.field = field


def text(value: Any) -> Any:
    """Return text as it is, bytes for an HTTP body, and JSON of anything else."""
    return value if isinstance(value, str | bytes) else json.dumps(value)


def encoded(value: Any) -> str:
    """Return base64 of bytes, text, or JSON."""
    return base64.b64encode(_bytes(value)).decode()


def packed(value: Any) -> str:
    """Return the gzipped value in base64."""
    return encoded(gzip.compress(_bytes(value), mtime=0))


def _bytes(value: Any) -> bytes:
    value = text(value)
    return value if isinstance(value, bytes) else value.encode()


def sqs_attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return message attributes as SQS sends them: of text, numbers and bytes."""
    found = {}
    for name, value in _items("attributes", values):
        kind = _kind(name, value)
        one = {"binaryValue": encoded(value)} if kind == "Binary" else {"stringValue": str(value)}
        found[name] = {**one, "stringListValues": [], "binaryListValues": [], "dataType": kind}
    return found


def sns_attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return message attributes as SNS sends them: of text, lists, numbers and bytes."""
    found: dict[str, Any] = {}
    for name, value in _items("attributes", values):
        if isinstance(value, list):
            found[name] = {"Type": "String.Array", "Value": json.dumps(value)}
            continue
        kind = _kind(name, value)
        found[name] = {"Type": kind, "Value": encoded(value) if kind == "Binary" else str(value)}
    return found


def _items(what: str, values: Any) -> ItemsView[str, Any]:
    if not isinstance(values, Mapping):
        raise TypeError(f"expected a dict for {what}, not {type(values).__name__}")
    return values.items()


def _kind(name: str, value: Any) -> str:
    for types, kind in ((str, "String"), (bytes, "Binary"), (int | float, "Number")):
        if isinstance(value, types) and not isinstance(value, bool):
            return kind
    raise TypeError(f"the attribute {name} is text, a number or bytes, not {type(value).__name__}")


def md5_of_attributes(attributes: Mapping[str, Any]) -> str:
    """Return the digest that SQS sends of message attributes.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        is_binary = attribute["dataType"].startswith("Binary")
        value = (
            base64.b64decode(attribute["binaryValue"])
            if is_binary
            else attribute["stringValue"].encode()
        )
        for part in (name.encode(), attribute["dataType"].encode()):
            digest.update(len(part).to_bytes(4, "big") + part)
        digest.update(b"\2" if is_binary else b"\1")
        digest.update(len(value).to_bytes(4, "big") + value)
    return digest.hexdigest()


def md5(value: str) -> str:
    """Return the digest that SQS sends of a body."""
    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()


def _pairs(query: Any) -> list[tuple[str, str]]:
    """Return the pairs of a query, which is text or a dict whose values may be lists."""
    if isinstance(query, str):
        return parse_qsl(query, keep_blank_values=True)
    return [
        (name, str(each))
        for name, value in _items("query", query)
        for each in (value if isinstance(value, list) else [value])
    ]


def _lists(query: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in _pairs(query):
        found.setdefault(name, []).append(value)
    return found


def query_string(query: Any) -> str:
    """Return the query of a URL."""
    return query if isinstance(query, str) else urlencode(_pairs(query))


def joined(query: Any) -> Any:
    """Return the fields as an HTTP API sends them: several values with commas between them."""
    return {name: ",".join(values) for name, values in _lists(query).items()} or ABSENT


def last(query: Any) -> Any:
    """Return the fields as a REST API sends them, each with its last value; null for none."""
    return {name: values[-1] for name, values in _lists(query).items()} or None


def lists(query: Any) -> Any:
    """Return the fields with all their values; null for none."""
    return _lists(query) or None


def undecoded(query: Any) -> dict[str, str]:
    """Return the fields as a load balancer sends them: the last values, as in the URL."""
    return {quote_plus(name): quote_plus(values[-1]) for name, values in _lists(query).items()}


def undecoded_lists(query: Any) -> dict[str, list[str]]:
    """Return the fields as a load balancer sends them to a target of several values."""
    return {
        quote_plus(name): [quote_plus(value) for value in values]
        for name, values in _lists(query).items()
    }


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "$text": text,
    "$base64": encoded,
    "$gzip": packed,
    "$md5": Md5,
    "$sqsAttributes": sqs_attributes,
    "$snsAttributes": sns_attributes,
    "$query": query_string,
    "$joined": joined,
    "$last": last,
    "$lists": lists,
    "$encoded": undecoded,
}
