"""One function per result that a handler may return; the event says which: {"case": name}."""

import collections
import dataclasses
import datetime
import decimal
import enum
import io
import math
import uuid
from typing import Any


class Colour(enum.Enum):
    RED = "red"


class Fruit(str, enum.Enum):  # noqa: UP042  a StrEnum is another thing
    APPLE = "apple"


class Size(enum.IntEnum):
    SMALL = 1


@dataclasses.dataclass
class Order:
    number: int
    total: decimal.Decimal
    lines: list["Line"]


Line = collections.namedtuple("Line", "sku count")


class HasAsdict:
    def _asdict(self) -> dict[str, int]:
        return {"a": 1}


class Model:
    def model_dump(self) -> dict[str, Any]:
        return {"at": datetime.date(2026, 11, 24)}


def _circle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


def _deep() -> list[Any]:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


CASES: dict[str, Any] = {
    "none": lambda: None,
    "str": lambda: "plain",
    "int": lambda: 42,
    "true": lambda: True,
    "nested": lambda: {"a": [1, {"b": None}]},
    "tuple": lambda: (1, 2),
    "namedtuple": lambda: Line("x", 2),
    "namedtuple inside": lambda: {"lines": (Line("x", Line("y", 1)),)},
    "_asdict": HasAsdict,
    "str enum": lambda: Fruit.APPLE,
    "int enum": lambda: Size.SMALL,
    "decimal": lambda: [decimal.Decimal("1.10"), decimal.Decimal("1E+5")],
    "decimal infinite": lambda: decimal.Decimal("Infinity"),
    "decimal nan": lambda: decimal.Decimal("NaN"),
    "decimal beside text": lambda: {"n": decimal.Decimal("0.10"), "t": '"0.10"'},
    "float nan": lambda: [math.nan, math.inf, -math.inf],
    "bytes": lambda: b"\x00\xffraw",
    "empty bytes": lambda: b"",
    "keys": lambda: {2: "a", 2.5: "b", True: "c", None: "d", "2": "e"},
    "non-ascii": lambda: "Łódź 🦆",
    "control": lambda: "\x1f\x7f",
    "lone surrogate": lambda: "\ud800",
    "datetime": lambda: datetime.datetime(2026, 11, 24, 12, 30, tzinfo=datetime.UTC),
    "date and time": lambda: [datetime.date(2026, 11, 24), datetime.time(12, 30)],
    "uuid": lambda: uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "enum": lambda: Colour.RED,
    "dataclass": lambda: Order(7, decimal.Decimal("9.90"), [Line("x", 2)]),
    "model_dump": Model,
    "bytearray": lambda: bytearray(b"x"),
    "memoryview": lambda: memoryview(b"x"),
    "bytesio": lambda: io.BytesIO(b"x"),
    "bytes inside": lambda: {"b": b"x"},
    "bytes key": lambda: {b"k": 1},
    "bytes inside, no text": lambda: {"b": b"\xff"},
    "set": lambda: {1},
    "object": lambda: object(),
    "generator": lambda: (n for n in (1, 2)),
    "class": lambda: Order,
    "circle": _circle,
    "huge int": lambda: 10**5000,
    "tuple key": lambda: {(1, 2): 3},
    "deep": _deep,
    "lambda": lambda: lambda: 1,
}


def handler(event: Any, context: Any) -> Any:
    return CASES[event["case"]]()
