"""What is inside of a record, through all envelopes."""

import gzip
import json
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import object_key, unwrap
from amazon_lambda_runtime.events.envelopes import unquoted

from .support import (
    CONTROL_MESSAGE,
    TEST_EVENT,
    bridged,
    encoded,
    kafka,
    kinesis,
    message,
    notification,
    records,
    s3,
    sampled,
    sns,
)
from .test_sources import JSON

S3_EVENT = records(s3("a+b.csv"), s3("c.csv"))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(message("1", {"a": 1}), [{"a": 1}], id="JSON"),
        pytest.param(message("1", "hello"), ["hello"], id="text"),
        pytest.param(message("1", "not { json"), ["not { json"], id="text that begins as JSON"),
        pytest.param(message("1", "[1"), ["[1"], id="half of JSON"),
        pytest.param(message("1", "123"), [123], id="a number"),
        pytest.param(message("1", '"x"'), ["x"], id="a string"),
        pytest.param(message("1", "[1]"), [[1]], id="a list"),
        pytest.param(message("1", "null"), [None], id="null"),
        pytest.param(message("1", "true \n"), [True], id="true"),
        pytest.param(message("1", "false"), [False], id="false"),
        pytest.param(message("1", "nullable"), ["nullable"], id="a word"),
        pytest.param(message("1", " \t7\r\n"), [7], id="white space"),
        pytest.param(message("1", ""), [""], id="nothing"),
        pytest.param(message("1", "[" * 100_000), ["[" * 100_000], id="absurdly deep"),
        pytest.param(message("1", '{"a": "\ud800"}'), [{"a": "\ud800"}], id="half a pair"),
        pytest.param({"eventSource": "aws:sqs"}, [None], id="no body"),
        pytest.param({"eventSource": "aws:sqs", "body": 7}, [7], id="a body that is no text"),
        pytest.param(sns("hi"), ["hi"], id="SNS"),
        pytest.param({"EventSource": "aws:sns", "Sns": "x"}, ["x"], id="no notification"),
        pytest.param(sns(S3_EVENT), S3_EVENT["Records"], id="S3 in SNS"),
        pytest.param(message("1", notification("hi")), ["hi"], id="SNS in SQS"),
        pytest.param(message("1", S3_EVENT), S3_EVENT["Records"], id="S3 in SQS"),
        pytest.param(
            message("1", notification(S3_EVENT)), S3_EVENT["Records"], id="S3 in SNS in SQS"
        ),
        pytest.param(message("1", bridged({"a": 1})), [bridged({"a": 1})], id="EventBridge in SQS"),
        pytest.param(message("1", records(sns("hi"))), ["hi"], id="a whole event in SQS"),
        pytest.param(
            message("1", {"Type": "Notification", "Message": "hi"}),
            [{"Type": "Notification", "Message": "hi"}],
            id="own notification",
        ),
        pytest.param(
            message("1", {"Records": [{"a": 1}]}), [{"Records": [{"a": 1}]}], id="own records"
        ),
        pytest.param(
            message("1", {"topic": "t", "partition": 1, "offset": 2, "value": "YQ=="}),
            [{"topic": "t", "partition": 1, "offset": 2, "value": "YQ=="}],
            id="own payload that looks like a record of Kafka",
        ),
        pytest.param(
            message("1", {"Records": [s3(), "x"]}), [{"Records": [s3(), "x"]}], id="mixed records"
        ),
        pytest.param(TEST_EVENT, [], id="test event"),
        pytest.param(message("1", TEST_EVENT), [], id="test event in SQS"),
        pytest.param(sns(TEST_EVENT), [], id="test event in SNS"),
        pytest.param(message("1", notification(TEST_EVENT)), [], id="test event in SNS in SQS"),
        pytest.param(s3(), [s3()], id="S3 itself"),
        pytest.param(records(s3(), s3("b")), [s3(), s3("b")], id="a whole event"),
        pytest.param(bridged(1), [bridged(1)], id="EventBridge itself"),
        pytest.param(kinesis("1", {"a": 1}), [{"a": 1}], id="Kinesis"),
        pytest.param(kinesis("1", "text"), ["text"], id="Kinesis, text"),
        pytest.param(kinesis("1", b"\xff\x00"), [b"\xff\x00"], id="Kinesis, bytes"),
        pytest.param(kinesis("1", gzip.compress(b"{}")), [gzip.compress(b"{}")], id="own gzip"),
        pytest.param(kinesis("1", b"\x1f\x8bno"), [b"\x1f\x8bno"], id="no gzip"),
        pytest.param(
            kinesis("1", gzip.compress(b"\xff")), [gzip.compress(b"\xff")], id="gzip of no text"
        ),
        pytest.param(
            kinesis("1", gzip.compress(json.dumps(CONTROL_MESSAGE).encode())),
            [],
            id="a control message of CloudWatch Logs",
        ),
        pytest.param(kinesis("1", bridged(1)), [bridged(1)], id="EventBridge in Kinesis"),
        pytest.param(
            {"eventSource": "aws:kinesis", "kinesis": {"data": "YW?I="}}, ["YW?I="], id="bad base64"
        ),
        pytest.param({"eventSource": "aws:kinesis", "kinesis": 7}, [None], id="no data"),
        pytest.param(kafka([(0, 1, {"a": 1})])["records"]["t-0"][0], [{"a": 1}], id="Kafka"),
        pytest.param({"topic": "t", "partition": 0, "offset": 1}, [None], id="a tombstone"),
        pytest.param({"recordId": "1", "data": encoded({"a": 1})}, [{"a": 1}], id="Firehose"),
        pytest.param({"messageID": "1", "data": encoded("hi")}, ["hi"], id="ActiveMQ"),
        pytest.param({"basicProperties": {}, "data": encoded("hi")}, ["hi"], id="RabbitMQ"),
        pytest.param({"data": "aGk="}, [{"data": "aGk="}], id="nothing that is known"),
        pytest.param("text", ["text"], id="text itself"),
    ],
)
def test_unwrap(record: Any, expected: Any) -> None:
    """The innermost comes out, raw delivery or not, and nothing raises."""
    assert unwrap(record) == expected


def test_log_data() -> None:
    """What CloudWatch Logs packs is unpacked, in its own event and in a stream."""
    for name in ("cloudwatch-logs", "kinesis-logs"):
        (document,) = unwrap(samples.load(name, log_group="/a", message="hello"))
        assert document["logGroup"] == "/a"
        assert [each["message"] for each in document["logEvents"]] == ["hello"]


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger unpacked than any log data stays packed."""
    monkeypatch.setattr("amazon_lambda_runtime.events.envelopes._UNPACKED_LIMIT", 1000)
    bomb = gzip.compress(json.dumps({"logEvents": ["x" * 3000]}).encode())
    assert unwrap(kinesis("1", bomb)) == [bomb]


# What a payload may look like without being an envelope.
payloads = JSON.filter(lambda value: not isinstance(value, str | bytes | float)) | st.text("ghij ")


# Each escapes the quotes of those inside once more, so that their number has its limits.
ENVELOPES: st.SearchStrategy[Callable[[Any], Any]] = st.sampled_from(
    [notification, lambda p: records(sns(p)), lambda p: records(kinesis("1", p))]
)


def nest(envelopes: list[Callable[[Any], Any]], payload: Any) -> Any:
    for envelope in envelopes:
        payload = envelope(payload)
    return payload


@sampled()
@given(
    payloads,
    st.lists(ENVELOPES, max_size=4),
    st.sampled_from([lambda p: message("1", p), sns, lambda p: kinesis("1", p)]),
)
def test_any_nesting(
    payload: Any, inner: list[Callable[[Any], Any]], outermost: Callable[[Any], Any]
) -> None:
    """Random envelopes round random payloads: the payload comes out."""
    assert unwrap(outermost(nest(inner, payload))) == [payload]


@sampled()
@given(st.lists(ENVELOPES, max_size=4), st.integers(1, 4))
def test_any_nesting_of_s3(inner: list[Callable[[Any], Any]], count: int) -> None:
    """So do all records of an S3 event, and EventBridge's event, and no test event does."""
    event = records(*(s3(f"{number}.csv") for number in range(count)))
    assert unwrap(message("1", nest(inner, event))) == event["Records"]
    assert unwrap(message("1", nest(inner, bridged(1)))) == [bridged(1)]
    assert unwrap(message("1", nest(inner, TEST_EVENT))) == []


SOURCE_NAMES = st.sampled_from(["aws:sqs", "aws:sns", "aws:s3", "aws:kinesis", "aws:dynamodb", 7])
KEYS = "eventSource EventSource body Sns Message Type TopicArn Records Event data kinesis awslogs"


@given(
    st.recursive(
        st.text() | st.integers() | st.none() | SOURCE_NAMES,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=5)
        ),
        max_leaves=12,
    )
)
@example({"Records": [{"eventSource": "aws:sns", "Sns": {"Message": None}}]})
def test_never_raises(record: Any) -> None:
    """Whatever is in a record, unwrapping it comes to an end."""
    assert isinstance(unwrap(record), list)


@pytest.mark.parametrize(
    ("record", "key"),
    [
        (s3("a+b%2Bc%C3%BC.csv"), "a b+cü.csv"),
        (s3("plain"), "plain"),
        ({"s3Key": "a+b"}, "a b"),
        ({"detail": {"object": {"key": "a+b"}}}, "a+b"),
        ({}, ""),
        (None, ""),
    ],
)
def test_object_key(record: Any, key: str) -> None:
    """The key as it was when the object was put, on S3's own path and on EventBridge's."""
    assert object_key(record) == key


@given(st.text())
def test_any_key_comes_back(key: str) -> None:
    """What S3 encodes comes out as it was."""
    encoded_key = urllib.parse.quote_plus(key, safe="/", errors="surrogatepass")
    if "\ufffd" not in urllib.parse.unquote_plus(encoded_key):
        assert object_key(s3(encoded_key)) == key


@given(st.text("aé%+4fFgZ \ud800"))
def test_unquoted_is_the_librarys(text: str) -> None:
    """A bad escape stays as it is; all else is as urllib has it, which is slow to load."""
    if "\ud800" in text:
        assert isinstance(unquoted(text), str)
    else:
        assert unquoted(text) == urllib.parse.unquote_plus(text)
