"""The codec by itself; what arrives at a caller is in test_results.py and test_events.py."""

import dataclasses
import datetime
import decimal
import enum
import json
import re
import uuid
from collections import namedtuple
from typing import Any

import pytest

from amazon_lambda_runtime.core import codec, stdlib, streaming

Point = namedtuple("Point", "x y")

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    10**30,
    0.1,
    -0.0,
    1e22,
    "",
    'quote " backslash \\ slash / control \x00\x1f\x7f',
    "Łódź \u2028 🦆 \ud800",
    [],
    {},
    [[], {}, [{}]],
    {"a": {"b": [1, 2.5, None, True, "c"]}},
    {"": ""},
    list(range(100)),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_as_the_standard_library(value: Any) -> None:
    """What has a JSON form is encoded and decoded as json does it."""
    text = codec.encode(value)
    assert text == json.dumps(value, ensure_ascii=False)
    assert codec.decode(codec.to_utf8(text)) == value
    assert codec.encode_ascii(value) == json.dumps(value).encode()


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_as_simplejson(value: Any) -> None:
    """And as simplejson, which awslambdaric encodes with."""
    simplejson = pytest.importorskip("simplejson", reason="simplejson is not installed")
    assert codec.encode(value) == simplejson.dumps(value, ensure_ascii=False)


class Colour(enum.Enum):
    RED = decimal.Decimal("1.50")


class Loose(list[int]):
    def _asdict(self) -> dict[str, int]:
        return {"from": 1}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([decimal.Decimal("1.10"), "1.10", Colour.RED], '[1.10, "1.10", 1.50]'),
        (
            {"p": Point(decimal.Decimal(1), [Point(1, 2)])},
            '{"p": {"x": 1, "y": [{"x": 1, "y": 2}]}}',
        ),
        (decimal.Decimal("-NaN"), "NaN"),
        (decimal.Decimal("-Infinity"), "-Infinity"),
        (Loose(), '{"from": 1}'),
        ({b"k": {b"l": b"v"}}, '{"k": {"l": "v"}}'),
        ([uuid.UUID(int=0)], '["00000000-0000-0000-0000-000000000000"]'),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, 6), '"2026-01-02T03:04:05.000006"'),
    ],
)
def test_more_than_json(value: Any, expected: str) -> None:
    """What JSON has no form for, but a reader would expect one."""
    assert codec.encode(value) == expected


def test_decimals_are_exact_and_many() -> None:
    """No float ever touches a Decimal, and each finds its own place again."""
    numbers = [decimal.Decimal(n).scaleb(-30) for n in range(1000)]
    assert codec.encode(numbers) == f"[{', '.join(map(str, numbers))}]"


@pytest.mark.parametrize(
    "value", [datetime.timedelta(1), object, Point, {(1,): 1}, {object(): 1}, 1j, ..., {1}]
)
def test_no_form(value: Any) -> None:
    """A TypeError, whose message names the type."""
    with pytest.raises(TypeError, match=r"not JSON serializable|keys must be"):
        codec.encode(value)


def test_a_failed_encoding_leaves_nothing_behind() -> None:
    """What was being encoded when it failed is not taken for a circle the next time."""
    value: list[Any] = [object()]
    for _ in range(2):
        with pytest.raises(TypeError, match="Object of type object is not JSON serializable"):
            codec.encode(value)
    value.append(value)
    del value[0]
    with pytest.raises(ValueError, match="Circular reference detected"):
        codec.encode(value)


def test_circle_through_a_namedtuple() -> None:
    """A circle that the search for namedtuples runs into is still told as a circle."""
    inner: list[Any] = []
    inner.append([decimal.Decimal(1), inner])
    with pytest.raises(ValueError, match="Circular reference detected"):
        codec.encode(inner)


@dataclasses.dataclass
class CallableRecord:
    value: int = 1

    def __call__(self) -> None:
        """Be callable by the way."""


class CallableRow:
    def _asdict(self) -> dict[str, int]:
        return {"value": 1}

    def __call__(self) -> None:
        """Be callable by the way."""


class CallableModel:
    def model_dump(self) -> dict[str, int]:
        return {"value": 1}

    def __call__(self) -> None:
        """Be callable by the way."""


class CallableColour(enum.Enum):
    RED = {"value": 1}

    def __call__(self) -> None:
        """Be callable by the way."""


@pytest.mark.parametrize(
    "value",
    [CallableRecord(), CallableRow(), CallableModel(), CallableColour.RED],
    ids=lambda value: type(value).__name__,
)
def test_callable_with_a_form(value: Any) -> None:
    """A result that may be called and has a JSON form is sent as JSON; it is no stream."""
    assert codec.has_form(value)
    assert not streaming.streams(value)
    assert codec.encode(value) == '{"value": 1}'


@pytest.mark.parametrize("value", [print, lambda stream: None, object(), 1, "text"])
def test_without_a_form(value: Any) -> None:
    """A function has no JSON form, nor is a built-in type one of the user's."""
    assert not codec.has_form(value)


class NotATime(datetime.datetime):
    """As pandas' NaT is: a datetime that is equal to nothing."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = datetime.datetime.__hash__

    def isoformat(self, *_: Any) -> str:
        return "NaT"


def test_not_a_time() -> None:
    """115: a NaT is null."""
    assert codec.encode({"at": NotATime(1, 1, 1)}) == '{"at": null}'


@pytest.mark.parametrize("text", ["[1, 2", "[1] 2", "", " ", "\ufeff", "{'a': 1}", "tru", "[1,]"])
def test_bad_text(text: str) -> None:
    """The error is json's own, and says where."""
    with pytest.raises(json.JSONDecodeError) as ours:
        codec.decode(text.encode())
    with pytest.raises(json.JSONDecodeError) as theirs:
        json.loads(text.encode().decode("utf-8-sig"))
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "text",
    ["{}", " [1]\n", "1e400", "NaN", '"\ud800"', '"Łódź"', "", "nope", "[1] x", "{'a': 1}", "["],
)
def test_text(text: str) -> None:
    """Text is decoded as its bytes are, with the same errors; so is half a pair of surrogates."""
    try:
        expected = json.loads(text)
    except ValueError as exc:
        for decode in (codec.decode_text, lambda text: codec.decode(text.encode())):
            with pytest.raises(ValueError, match=re.escape(str(exc))):
                decode(text)
    else:
        assert repr(codec.decode_text(text)) == repr(expected)
    with pytest.raises(ValueError, match="BOM"):
        codec.decode_text("\ufeff{}")
    assert codec.decode("\ufeff{}".encode()) == {}


def test_json_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """94: where `json` can't be loaded to say what is wrong, a text that is not JSON is refused."""

    def refuse(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(stdlib, "load", refuse)
    with pytest.raises(ValueError, match=r"^the text is not JSON$"):
        codec.decode(b"{")
