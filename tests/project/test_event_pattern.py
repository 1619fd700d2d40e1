"""Event patterns: AWS's documented examples, and what it refuses."""

import json
from typing import Any

import pytest

from amazon_lambda_runtime.project.event_pattern import PatternError, parse

EC2 = {
    "version": "0",
    "source": "aws.ec2",
    "detail-type": "EC2 Instance State-change Notification",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-1", "arn:aws:other"],
    "detail": {"instance-id": "i-1", "state": "terminated", "c-count": 5, "ip": "10.0.0.123",
               "none": None, "empty": [], "flag": True, "nested": {"deep": ["a", "b"]},
               "list": [{"k": 1, "v": "x"}, {"k": 2, "v": "y"}]},
}  # fmt: skip


def holds(pattern: Any, event: Any = EC2) -> bool:
    return parse(json.dumps(pattern))(event)


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        # Exact values
        ({"state": ["terminated"]}, True),
        ({"state": ["running", "terminated"]}, True),
        ({"state": ["running"]}, False),
        ({"c-count": [5]}, True),
        ({"c-count": [5.0]}, True),
        ({"c-count": ["5"]}, False),
        ({"none": [None]}, True),
        ({"state": [None]}, False),
        ({"absent": [None]}, False),
        ({"flag": [True]}, True),
        ({"flag": [1]}, False),
        ({"c-count": [True]}, False),
        ({"nested": {"deep": ["b"]}}, True),
        ({"nested": {"deep": ["c"]}}, False),
        ({"state": {"deep": ["x"]}}, False),
        # One element of an array has to match all of it
        ({"list": {"k": [1], "v": ["x"]}}, True),
        ({"list": {"k": [1], "v": ["y"]}}, False),
        # Prefix, suffix, case
        ({"state": [{"prefix": "term"}]}, True),
        ({"state": [{"prefix": "Term"}]}, False),
        ({"state": [{"prefix": {"equals-ignore-case": "TERM"}}]}, True),
        ({"state": [{"suffix": "ated"}]}, True),
        ({"state": [{"suffix": {"equals-ignore-case": "ATED"}}]}, True),
        ({"c-count": [{"prefix": "5"}]}, False),
        ({"state": [{"equals-ignore-case": "TERMINATED"}]}, True),
        # Anything but
        ({"state": [{"anything-but": "initializing"}]}, True),
        ({"state": [{"anything-but": "terminated"}]}, False),
        ({"state": [{"anything-but": ["stopped", "terminated"]}]}, False),
        ({"c-count": [{"anything-but": 10}]}, True),
        ({"c-count": [{"anything-but": [5, 10]}]}, False),
        ({"state": [{"anything-but": {"prefix": "init"}}]}, True),
        ({"state": [{"anything-but": {"prefix": ["init", "term"]}}]}, False),
        ({"state": [{"anything-but": {"suffix": "ated"}}]}, False),
        ({"state": [{"anything-but": {"equals-ignore-case": ["TERMINATED"]}}]}, False),
        ({"state": [{"anything-but": {"wildcard": "t*d"}}]}, False),
        ({"absent": [{"anything-but": "x"}]}, False),
        # Numbers
        ({"c-count": [{"numeric": [">", 0, "<=", 5]}]}, True),
        ({"c-count": [{"numeric": ["<", 5]}]}, False),
        ({"c-count": [{"numeric": ["=", 5]}]}, True),
        ({"c-count": [{"numeric": [">=", 5.5]}]}, False),
        ({"state": [{"numeric": ["=", 5]}]}, False),
        # Addresses
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"ip": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"state": [{"cidr": "10.0.0.0/24"}]}, False),
        ({"ip": [{"cidr": "2001:db8::/32"}]}, False),
        # There, or not
        ({"c-count": [{"exists": True}]}, True),
        ({"c-count": [{"exists": False}]}, False),
        ({"absent": [{"exists": False}]}, True),
        ({"absent": {"deep": [{"exists": False}]}}, True),
        ({"none": [{"exists": True}]}, True),
        ({"nested": [{"exists": True}]}, False),
        ({"empty": [{"exists": False}]}, True),
        ({"state": ["running", {"exists": True}]}, True),
        # Wildcards
        ({"state": [{"wildcard": "t*min*d"}]}, True),
        ({"state": [{"wildcard": "*"}]}, True),
        ({"state": [{"wildcard": "term"}]}, False),
        ({"state": [{"wildcard": "\\*"}]}, False),
        # Or
        ({"$or": [{"state": ["x"]}, {"c-count": [5]}]}, True),
        ({"$or": [{"state": ["x"]}, {"c-count": [6]}]}, False),
        ({"instance-id": ["i-2"], "$or": [{"state": ["x"]}, {"c-count": [5]}]}, False),
    ],
)
def test_of_the_detail(detail: Any, expected: bool) -> None:
    assert holds({"source": ["aws.ec2"], "detail": detail}) == expected


def test_top_level() -> None:
    assert holds({"resources": [{"suffix": "/i-1"}]})
    assert not holds({"resources": ["arn:aws:third"]})
    assert not holds({"source": ["aws.s3"], "detail": {"state": ["terminated"]}})


def test_filter_of_a_queue() -> None:
    """The same patterns select messages: their body is parsed if the pattern asks into it."""
    test = parse('{"body": {"location": ["Oslo"], "count": [{"numeric": [">", 1]}]}}')
    assert test({"messageId": "1", "body": {"location": "Oslo", "count": 2}})
    assert not test({"messageId": "1", "body": "Oslo"})


def test_star_that_is_meant() -> None:
    test = parse(json.dumps({"a": [{"wildcard": r"x\*y\\z*"}]}))
    assert test({"a": r"x*y\z!"})
    assert not test({"a": r"xxy\z!"})


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("{", "it is not JSON: "),
        ("[]", "it has to be a JSON object"),
        ('{"a": ' * 100_000, "it is nested too deeply"),
        ('{"a": ' * 600 + "[1]" + "}" * 600, "it is nested too deeply"),
        ("{}", "the pattern is an empty object"),
        ('{"detail": {}}', "detail is an empty object"),
        ('{"source": "aws.ec2"}', 'source has to be an object or a list: write ["aws.ec2"]'),
        ('{"source": []}', "source is an empty list"),
        ('{"source": [["a"]]}', "source has a list in its list"),
        (
            '{"a": {"b": [{"like": "x"}]}}',
            "a.b: 'like' is not an operator: the operators are prefix, suffix,",
        ),
        ('{"a": [{"prefix": "x", "suffix": "y"}]}', "a: an object in a list has one key"),
        ('{"a": [{"prefix": ""}]}', "a: prefix takes a string that is not empty"),
        ('{"a": [{"prefix": {"x": "y"}}]}', "a: prefix takes a string, or {"),
        ('{"a": [{"exists": "yes"}]}', "a: exists takes true or false"),
        ('{"a": [{"numeric": [">"]}]}', "a: numeric takes a list: "),
        ('{"a": [{"numeric": ["~", 1]}]}', "a: numeric: '~' is none of = < <= > >="),
        ('{"a": [{"numeric": [">", "1"]}]}', "a: numeric: '1' is not a number between"),
        ('{"a": [{"numeric": [">", 6e9]}]}', "is not a number between -5e9 and 5e9"),
        ('{"a": [{"numeric": [">", 5000000001]}]}', "is not a number between -5e9 and 5e9"),
        ('{"a": [{"numeric": [">", 1, ">", 2]}]}', "a range has a lower end and an upper end"),
        ('{"a": [{"cidr": "10.0.0.0/33"}]}', "a: cidr: '10.0.0.0/33' is not an IP range"),
        ('{"a": [{"wildcard": "x**y"}]}', "a: wildcard: there are two * in a row"),
        ('{"a": [{"wildcard": "x\\\\y"}]}', "a: wildcard: a \\ may stand only before * or \\"),
        ('{"a": [{"anything-but": ["x", 1]}]}', "a: anything-but takes strings only, or numbers"),
        ('{"a": [{"anything-but": []}]}', "a: anything-but has an empty list"),
        ('{"a": [{"anything-but": {"numeric": [">", 1]}}]}', "anything-but takes values, or one"),
        ('{"$or": [{"a": [1]}]}', "$or has to be a list of two objects or more"),
        ('{"a": {"$or": [1, 2]}}', "a.$or has to be a list of objects"),
    ],
)
def test_what_is_refused(pattern: str, told: str) -> None:
    with pytest.raises(PatternError) as caught:
        parse(pattern)
    assert told in str(caught.value)


def test_the_largest_number() -> None:
    """Both ends of the range are allowed."""
    assert holds({"n": [{"numeric": ["<=", 5_000_000_000]}]}, {"n": 5_000_000_000})
    assert holds({"n": [{"numeric": [">=", -5_000_000_000]}]}, {"n": -5_000_000_000})
