"""One function per way in which a handler may fail; the event says which: {"case": name}."""

import os
import sys
import tempfile
from typing import Any


class Silent(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


class Ünïcode(Exception):
    pass


def plain() -> None:
    raise ValueError("no such name")


def key_error() -> None:
    dict[str, str]()["missing"]


def empty() -> None:
    raise RuntimeError


def cause() -> None:
    try:
        int("x")
    except ValueError as exc:
        raise LookupError("bad order") from exc


def context() -> None:
    try:
        int("x")
    except ValueError:
        raise LookupError("bad order")  # noqa: B904  that is the case


def suppressed() -> None:
    try:
        int("x")
    except ValueError:
        raise LookupError("bad order") from None


def notes() -> None:
    exc = ValueError("noted")
    exc.add_note("look at the other log")
    raise exc


def group() -> None:
    raise ExceptionGroup("two", [ValueError("one"), TypeError("other")])


def circular() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    raise first


def crowd() -> None:
    raise ExceptionGroup("many", [ValueError(str(n)) for n in range(100)])


def unprintable() -> None:
    raise Silent


def surrogate() -> None:
    raise ValueError("half \ud800 pair")


def non_ascii() -> None:
    raise ValueError("Zażółć\r\nX-Injected: yes")


def odd_name() -> None:
    raise Ünïcode("odd")


def injected_name() -> None:
    raise type("Bad\r\nX-Injected: yes", (Exception,), {})("name")


def recursion() -> None:
    recursion()


def memory() -> None:
    raise MemoryError


def big_message() -> None:
    raise ValueError("x" * 2_000_000)


def big_stack() -> None:
    exc = ValueError("y")
    for _ in range(10):
        exc.add_note("z" * 200_000)
    raise exc


def no_directory() -> None:
    directory = tempfile.mkdtemp()
    os.chdir(directory)
    os.rmdir(directory)
    raise ValueError("nowhere")


def back() -> str:
    os.chdir(os.path.dirname(__file__))
    return "back"


def wrong_arity() -> None:
    (lambda: None)(1)  # type: ignore[call-arg]


def closed_stdout() -> None:
    sys.stdout.close()
    raise ValueError("silence")


def handler(event: Any, context: Any) -> Any:
    return globals()[event["case"]]()
