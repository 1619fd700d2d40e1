"""The framing of InvokeWithResponseStream: messages with headers, lengths and checksums.

https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
"""

import json
import struct
import zlib

CONTENT_TYPE = "application/vnd.amazon.eventstream"
# In bytes: AWS's limit for the payload of one message.
_LIMIT = 16 * 1024 * 1024 - 1024

_STRING = 7


def chunks(data: bytes) -> bytes:
    """Return the PayloadChunk messages that carry `data`."""
    return b"".join(
        _message("PayloadChunk", "application/octet-stream", data[start : start + _LIMIT])
        for start in range(0, len(data), _LIMIT)
    )


def complete(error_code: str = "", error_details: str = "", log_result: str = "") -> bytes:
    """Return the InvokeComplete message that ends a stream; the error is "" if there was none."""
    document = {"ErrorCode": error_code, "ErrorDetails": error_details, "LogResult": log_result}
    told = {name: value for name, value in document.items() if value}
    return _message("InvokeComplete", "application/json", json.dumps(told).encode())


def _message(event_type: str, content_type: str, payload: bytes) -> bytes:
    headers = b"".join(
        _header(name, value)
        for name, value in (
            (":event-type", event_type),
            (":content-type", content_type),
            (":message-type", "event"),
        )
    )
    prelude = struct.pack("!II", 12 + len(headers) + len(payload) + 4, len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    return (
        struct.pack("!B", len(name))
        + name.encode()
        + struct.pack("!BH", _STRING, len(value))
        + value.encode()
    )
