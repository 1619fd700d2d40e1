"""Documents of the Lambda API: as JSON, with times as it tells them; and its errors."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from amazon_lambda_runtime.local.api.api_errors import InvokeError

Document = dict[str, Any]


def invalid(message: str) -> InvokeError:
    """Return the error of a request with a wrong value."""
    return InvokeError(400, "InvalidParameterValueException", message)


def conflict(message: str) -> InvokeError:
    """Return the error of a request that does not fit the state of what it is for."""
    return InvokeError(409, "ResourceConflictException", message)


def as_json(document: Mapping[str, Any]) -> bytes:
    """Return a document as the Lambda API has it: times are seconds since 1970."""
    return json.dumps(document, default=_plain, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return told(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def told(at: datetime) -> float:
    """Return a time in seconds, down to whole milliseconds, as the engine keeps it in a file."""
    return int(at.timestamp() * 1000 + 0.0005) / 1000
