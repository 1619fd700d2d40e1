"""Where an event comes from."""

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import source_of
from amazon_lambda_runtime.events.patterns import is_exact, matches
from amazon_lambda_runtime.events.sources import SOURCES

from .support import bridged, records

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize("name", samples.names())
def test_documented_events(name: str) -> None:
    """The documented event of every source is told by its shape."""
    assert source_of(samples.load(name)) == samples.source(name)
    assert samples.source(name) in SOURCES


# Shapes that the samples have not got.
OTHERS: list[tuple[str, Any]] = [
    ("aws:docdb", {"eventSource": "aws:docdb", "events": [{"event": {}}]}),
    ("aws:kinesis-analytics", {"applicationArn": "arn:x", "invocationId": "1", "records": []}),
    ("aws:appsync", {"info": {"channel": {"path": "/a"}, "operation": "PUBLISH"}, "events": []}),
    ("aws:iot-authorizer", {"token": "t", "protocols": ["mqtt"], "protocolData": {"mqtt": {}}}),
    ("aws:alexa", {"directive": {"header": {"namespace": "Alexa.Discovery"}}}),
    ("aws:workmail", {"flowDirection": "INBOUND", "envelope": {}, "subject": "s"}),
    ("aws:client-vpn", {"connection-id": "c", "endpoint-id": "e", "username": "u"}),
    ("aws:vpc-lattice", {"raw_path": "/", "method": "GET", "headers": {}, "body": ""}),
    ("aws:apigateway-authorizer", {"type": "REQUEST", "routeArn": "arn:x", "version": "2.0"}),
    (
        "aws:apigateway-websocket",
        {
            "httpMethod": "GET",
            "requestContext": {"connectionId": "c", "eventType": "CONNECT", "requestId": "r"},
        },
    ),
    ("aws:mynew", {"Records": [{"eventSource": "aws:mynew"}]}),
]


@pytest.mark.parametrize(("source", "event"), OTHERS)
def test_other_shapes(source: str, event: Any) -> None:
    """So are those that there is no sample of; and a name that is said is taken."""
    assert source_of(event) == source


def test_every_source_has_a_case() -> None:
    """No line of the table is without an event here or among the samples."""
    shown = {samples.source(name) for name in samples.names()} | {source for source, _ in OTHERS}
    assert shown >= SOURCES


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "aws:sqs",
        7,
        {},
        {"Records": []},
        {"Records": ["x"]},
        {"Records": [{"eventSource": 7}]},
        {"Records": "x"},
        {"name": "Ada"},
        {"requestContext": None},
        {"Event": 7},
    ],
)
def test_nothing_that_is_known(event: Any) -> None:
    """What no service sends has no source."""
    assert source_of(event) == ""


def test_either_spelling() -> None:
    """SNS writes EventSource, the others eventSource."""
    assert source_of(records({"EventSource": "aws:sns"})) == "aws:sns"
    assert source_of(records({"eventSource": "aws:s3"})) == "aws:s3"


def test_scheduled_events_are_of_eventbridge() -> None:
    """The scheduler's events are EventBridge's, by their form and by the original's name."""
    assert source_of(bridged({}, "Scheduled Event", "aws.scheduler")) == "aws:events"


@given(JSON)
def test_never_raises(event: Any) -> None:
    """Whatever comes, it is answered."""
    assert isinstance(source_of(event), str)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("in-*", "in-orders", True),
        ("in-*", "in-", True),
        ("in-*", "out-in-", False),
        ("*.csv", "a/b.csv", True),
        ("*.csv", "a.csv.gz", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*a*b", "xaxbxb", True),
        ("[1].csv", "[1].csv", True),
        ("[1].csv", "1.csv", False),
        ("", "", True),
        ("**", "", True),
        ("A", "a", False),
        ("a", "ab", False),
    ],
)
def test_patterns(pattern: str, text: str, expected: bool) -> None:
    """`*` is any characters, `?` one, and a bracket is a bracket."""
    assert matches(pattern, text) is expected
    assert is_exact(pattern) is not any(c in pattern for c in "*?")


@given(st.text("ab*?"), st.text("ab"))
def test_patterns_are_those_of_fnmatch(pattern: str, text: str) -> None:
    """But for the brackets they are the standard library's, which is slow to load."""
    import fnmatch

    assert matches(pattern, text) == fnmatch.fnmatchcase(text, pattern)


def test_the_table_is_pure() -> None:
    """The event is looked at and left alone."""
    event = samples.load("sqs-sns-s3")
    before = samples.load("sqs-sns-s3")
    source_of(event)
    assert event == before
    assert not inspect.iscoroutinefunction(source_of)
