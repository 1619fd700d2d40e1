"""What is left to say when even telling a failure fails."""

import _thread
import json
import sys
import threading

import pytest

from amazon_lambda_runtime.core import codec, error_document, errors, report
from amazon_lambda_runtime.core.logs import hook, sink


@pytest.mark.parametrize("problem", [MemoryError, RecursionError, ImportError, OSError])
def test_telling_fails(problem: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """52, 54, 93: where the full description can't be made, there are type, message and stack."""

    def describe(exc: BaseException) -> None:
        raise problem

    monkeypatch.setattr(error_document, "describe", describe)
    try:
        int("x")
    except ValueError as exc:
        told = report.of_exception(exc, "id-1", "After the response")
    (frame, after) = json.loads(told.body)["stackTrace"]
    assert frame.startswith(f'  File "{__file__}", line ')
    assert after == "After the response\n"
    assert json.loads(told.body)["errorMessage"].startswith("invalid literal for int()")
    assert (told.error_type, told.cause) == ("ValueError", "")
    told = report.of_exception(errors.HandlerNotFound("gone"))
    assert (told.error_type, json.loads(told.body)["errorMessage"]) == (
        "Runtime.HandlerNotFound",
        "gone",
    )


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
    failure = report.of_exception(exc, "id-1")
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
    assert report.header_type(error_type) == header


def test_message_without_a_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """93: the handler's own words are told, with or without a cause for X-Ray."""

    def xray_cause(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(error_document, "xray_cause", xray_cause)
    failure = report.of_message("no order", "Order.NotFound", "id-1")
    assert (failure.header_type, failure.cause) == ("Function.Order.NotFound", "")
    assert json.loads(failure.body)["errorMessage"] == "no order"


def test_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    """54: the memory that a report may take is kept again, if there is any."""
    monkeypatch.setattr(report.Reserve, "memory", None)
    monkeypatch.setattr(report, "_RESERVED", 1 << 62)
    report.Reserve.renew()
    assert report.Reserve.memory is None
    monkeypatch.setattr(report, "_RESERVED", 10)
    report.Reserve.renew()
    assert report.Reserve.memory == bytes(10)


def test_the_end_is_heard_while_text_is_made() -> None:
    """71: a Shutdown that comes inside of __str__ is no text."""

    class Slow:
        def __str__(self) -> str:
            raise errors.Shutdown

    with pytest.raises(errors.Shutdown):
        errors.text_of(Slow())


def test_plain_stack_begins_with_the_users_code() -> None:
    """94: frames of this package at the start of a stack are left out of the plain report, too."""
    with pytest.raises(ValueError, match="Expecting") as raised:
        codec.decode(b"{")
    assert raised.tb is not None
    exc = raised.value.with_traceback(raised.tb.tb_next)
    _, error_type, stack = report._plain(exc)
    assert error_type == "JSONDecodeError"
    assert stack
    assert "core/codec.py" not in stack[0]


@pytest.mark.parametrize("is_loaded", [True, False])
def test_exceptions_that_nobody_catches(is_loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """168: they are told in one record each, though `threading` is loaded only later."""
    told: list[str] = []
    monkeypatch.setattr(sink, "log_error", told.append)
    for module, name in ((sys, "excepthook"), (sys, "unraisablehook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(_thread, "_excepthook", vars(_thread)["_excepthook"])
    if not is_loaded:
        monkeypatch.delitem(sys.modules, "threading")
    hook.tell_in_records()
    exc = ValueError("odd")
    sys.excepthook(ValueError, exc, None)
    told_of = (ValueError, exc, None, threading.Thread(name="t-1"))
    vars(_thread)["_excepthook"](threading.ExceptHookArgs(told_of))
    assert len(told) == 2
    assert all("ValueError: odd" in record for record in told)
    assert "In thread t-1" in told[1]
    assert (threading.excepthook is vars(_thread)["_excepthook"]) == is_loaded
