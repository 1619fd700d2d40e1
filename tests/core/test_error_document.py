"""What is left to say when even telling a failure fails."""

import json
import sys
from types import SimpleNamespace

import pytest

from amazon_lambda_runtime.core import error_document, errors


def test_telling_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """52, 54: without memory for a traceback there is a document all the same."""

    def extract_tb(tb: object) -> None:
        raise MemoryError

    monkeypatch.setitem(sys.modules, "traceback", SimpleNamespace(extract_tb=extract_tb))
    told = error_document.of_exception(ValueError("lost"), "id-1")
    assert json.loads(told.body) == {
        "errorMessage": "",
        "errorType": "ValueError",
        "requestId": "id-1",
        "stackTrace": [],
    }
    assert told.cause == ""
    assert told.record == "[ERROR] ValueError\rTraceback (most recent call last):\n"


@pytest.mark.parametrize(
    ("exc", "error_type", "xray_type"),
    [
        (errors.HandlerNotFound("m"), "Runtime.HandlerNotFound", "LambdaValidationError"),
        (errors.UnmarshalError("m"), "Runtime.UnmarshalError", "LambdaValidationError"),
        (errors.LambdaError("m"), "LambdaError", "LambdaError"),
        (KeyError("m"), "KeyError", "KeyError"),
    ],
)
def test_xray_type(exc: Exception, error_type: str, xray_type: str) -> None:
    """X-Ray gets one type for all faults of the runtime itself, the one that awslambdaric sends."""
    failure = error_document.of_exception(exc, "id-1")
    assert failure.error_type == error_type
    (told,) = json.loads(failure.cause)["exceptions"]
    assert told == {"message": str(exc), "type": xray_type, "stack": []}


@pytest.mark.parametrize(
    ("error_type", "header"),
    [
        ("ValueError", "Function.ValueError"),
        ("Runtime.MarshalError", "Runtime.MarshalError"),
        ("Function.Order-Not_Found", "Function.Order-Not_Found"),
        ("Order.NotFound", "Function.Order.NotFound"),
        ("", "Function.Unknown"),
        ("two words", "Function.Unknown"),
        ("7", "Function.Unknown"),
        ("X\r\nY: z", "Function.Unknown"),
    ],
)
def test_header_type(error_type: str, header: str) -> None:
    """60: "Category.Reason", and nothing that a header can't carry."""
    assert error_document.header_type(error_type) == header
