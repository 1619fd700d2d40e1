"""Sample events match the patterns that they are made from."""

import json
from typing import Any

import pytest

from amazon_lambda_runtime.project import event_pattern, event_sample


@pytest.mark.parametrize(
    ("matcher", "value"),
    [
        ("terminated", "terminated"),
        (5, 5),
        (None, None),
        ({"prefix": "term"}, "term"),
        ({"prefix": {"equals-ignore-case": "TERM"}}, "TERM"),
        ({"suffix": "ated"}, "ated"),
        ({"equals-ignore-case": "x"}, "x"),
        ({"wildcard": "a*b\\*c\\\\*"}, "ab*c\\"),
        ({"anything-but": "x"}, "anything"),
        ({"anything-but": ["anything", "y"]}, "anythingyanything"),
        ({"anything-but": [5, 10]}, 11),
        ({"anything-but": {"prefix": "init"}}, "anything"),
        ({"numeric": ["=", 5]}, 5),
        ({"numeric": [">", 10]}, 11),
        ({"numeric": ["<=", 5]}, 4),
        ({"numeric": [">", 0, "<=", 5]}, 2.5),
        ({"numeric": ["<", 9, ">", -1]}, 4),
        ({"cidr": "10.0.0.0/24"}, "10.0.0.1"),
        ({"cidr": "10.0.0.7/32"}, "10.0.0.7"),
        ({"cidr": "2001:db8::/32"}, "2001:db8::1"),
        ({"exists": True}, "anything"),
    ],
)
def test_value(matcher: Any, value: Any) -> None:
    """Each operator has a value that it takes; the first of several counts."""
    pattern = {"detail": {"state": [matcher, "other"]}}
    event = event_sample.of(pattern)
    assert event == {"detail": {"state": value}}
    assert event_pattern.parse(json.dumps(pattern))(event)


@pytest.mark.parametrize(
    ("pattern", "event"),
    [
        ({"a": [{"exists": False}], "b": [1]}, {"b": 1}),
        ({"$or": [{"a": [1]}, {"b": [1]}], "c": [2]}, {"a": 1, "c": 2}),
        (
            {"detail": {"x": ["y"]}, "$or": [{"detail": {"a": [1]}}, {"detail": {"b": [1]}}]},
            {"detail": {"x": "y", "a": 1}},
        ),
        (
            {"$or": [{"detail": {"a": [1]}}, {"detail": {"b": [1]}}], "detail": {"x": ["y"]}},
            {"detail": {"x": "y", "a": 1}},
        ),
    ],
)
def test_whole(pattern: Any, event: Any) -> None:
    """What has to be absent is; of choices the first one counts, beside the rest."""
    assert event_sample.of(pattern) == event
    assert event_pattern.parse(json.dumps(pattern))(event)
