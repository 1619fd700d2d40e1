"""The sample events: documented, with fields that land where they belong."""

import ast
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import alb, object_key, source_of, unwrap
from amazon_lambda_runtime.events.records import BY_RECORD, Records
from amazon_lambda_runtime.events.sources import SOURCES

NAMES = samples.names()


def test_names() -> None:
    """There are more than 32 of them, and those that other parts count on."""
    assert len(NAMES) >= 32
    assert sorted(NAMES) == NAMES
    assert {"s3-put", "s3-test", "sqs", "sqs-fifo", "sqs-sns-s3", "scheduled", "alb"} <= {*NAMES}


def test_each_source_has_one() -> None:
    """Whatever a function may be registered for can be tried out."""
    assert {samples.source(name) for name in NAMES} >= SOURCES
    for name in NAMES:
        assert source_of(samples.load(name)) == samples.source(name)


@pytest.mark.parametrize("name", NAMES)
def test_each_sample(name: str) -> None:
    """One line says what it is; it is JSON; each load is a new document; every field is used."""
    about = samples.describe(name)
    assert about
    assert "\n" not in about
    event = samples.load(name)
    assert json.loads(json.dumps(event)) == event
    assert "${" not in json.dumps(event)
    again = samples.load(name)
    assert again == event
    assert again is not event
    for field, default in samples.fields(name).items():
        other: object = f"other {default}" if isinstance(default, str) else {"other": 1}
        if field in ("records", "multi_value"):
            other = 2
        assert samples.load(name, **{field: other}) != event, field
        assert samples.load(name, **{field: default}) == event, field


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("s3-put", {}, {"a b/ü+.csv"}),
        ("s3-delete", {}, {"a b/ü+.csv"}),
        ("sns-s3", {}, {"a b/ü+.csv"}),
        ("sqs-s3", {}, {"a b/ü+.csv"}),
        ("sqs-sns-s3", {"queue": "q", "topic": "t"}, {"a b/ü+.csv"}),
    ],
)
def test_a_key_in_its_envelopes(name: str, fields: dict[str, Any], expected: set[str]) -> None:
    """The key is as S3 writes it, however deep; the bucket is in its ARN as well."""
    event = samples.load(name, bucket="in-1", key="a b/ü+.csv", **fields)
    (record,) = unwrap(event)
    assert record["s3"]["object"]["key"] == "a+b/%C3%BC%2B.csv"
    assert {object_key(record)} == expected
    assert record["s3"]["bucket"]["arn"] == "arn:aws:s3:::in-1"


def test_fields_of_any_type() -> None:
    """Text stays text, another value becomes JSON where the place is text, and itself elsewhere."""
    assert samples.load("sqs", body="plain")["Records"][0]["body"] == "plain"
    assert samples.load("sqs", body={"a": 1})["Records"][0]["body"] == '{"a": 1}'
    assert samples.load("eventbridge", detail={"a": [1]})["detail"] == {"a": [1]}
    assert samples.load("s3-put", size=7)["Records"][0]["s3"]["object"]["size"] == 7
    assert unwrap(samples.load("kinesis", data={"a": 1})) == [{"a": 1}]
    (key,) = samples.load("kafka", topic="t", partition=3)["records"]
    assert key == "t-3"


def test_what_was_given_is_not_shared() -> None:
    """A value that was handed in may change afterwards."""
    detail = {"a": [1]}
    event = samples.load("eventbridge", detail=detail)
    detail["a"].append(2)
    assert event["detail"] == {"a": [1]}


def test_what_is_not_there() -> None:
    """An unknown name or field is an error that lists what there is."""
    for function in (samples.load, samples.describe, samples.fields, samples.source):
        with pytest.raises(
            samples.UnknownSample, match=r"no event 's3-putt'; there are: .*s3-put,"
        ):
            function("s3-putt")
    with pytest.raises(samples.UnknownSample):
        samples.load("../samples/s3-put")
    with pytest.raises(samples.UnknownField, match="'bukket'; it has: bucket, key, size"):
        samples.load("s3-put", bukket="b")
    assert issubclass(samples.UnknownSample, LookupError)
    assert issubclass(samples.UnknownField, TypeError)


QUERY = {"name": "Ada L", "tag": ["a", "b&c"]}


def test_queries() -> None:
    """A query is given decoded, and stands in each event as its service sends it."""
    for name in ("apigw-v2", "function-url"):
        event = samples.load(name, query=QUERY)
        assert event["rawQueryString"] == "name=Ada+L&tag=a&tag=b%26c"
        assert event["queryStringParameters"] == {"name": "Ada L", "tag": "a,b&c"}
        assert samples.load(name, query="name=Ada+L&tag=a&tag=b%26c") == event
        assert "queryStringParameters" not in samples.load(name)
    event = samples.load("apigw-v1", query=QUERY)
    assert event["queryStringParameters"] == {"name": "Ada L", "tag": "b&c"}
    assert event["multiValueQueryStringParameters"] == {"name": ["Ada L"], "tag": ["a", "b&c"]}
    assert samples.load("apigw-v1")["queryStringParameters"] is None
    assert samples.load("apigw-v1")["multiValueQueryStringParameters"] is None
    event = samples.load("alb", query=QUERY)
    assert event["queryStringParameters"] == {"name": "Ada+L", "tag": "b%26c"}
    assert samples.load("alb")["queryStringParameters"] == {}
    several = samples.load("alb", query=QUERY, multi_value=True)
    assert several["multiValueQueryStringParameters"] == {"name": ["Ada+L"], "tag": ["a", "b%26c"]}
    assert several["multiValueHeaders"]["accept"] == ["*/*"]
    assert not {"headers", "queryStringParameters"} & several.keys()
    assert alb.params(several) == {"name": "Ada L", "tag": ["a", "b&c"]}
    assert alb.params(event) == {"name": "Ada L", "tag": "b&c"}


def test_digests_are_real() -> None:
    """The digests of a body and of attributes are what SQS would send; boto3 checks the same."""
    for name in [name for name in NAMES if samples.source(name) == "aws:sqs"]:
        (record,) = samples.load(name)["Records"]
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()
    attributes = {"kind": "order", "count": 7, "raw": b"\x00\xff", "rate": 1.5}
    (record,) = samples.load("sqs", body={"a": "ü"}, attributes=attributes)["Records"]
    assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()
    found = record["messageAttributes"]
    assert found["count"] == {
        "stringValue": "7",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "Number",
    }
    assert found["raw"]["binaryValue"] == "AP8="
    # moto computes the digest by itself.
    from moto.sqs.models import Message

    message = Message("m", "")
    message.message_attributes = {
        name: {
            "DataType": value["dataType"],
            "StringValue": value.get("stringValue"),
            "BinaryValue": base64.b64decode(value.get("binaryValue", "")),
        }
        for name, value in found.items()
    }
    assert record["md5OfMessageAttributes"] == message.attribute_md5
    assert "md5OfMessageAttributes" not in samples.load("sqs")["Records"][0]


def test_attributes_of_a_notification() -> None:
    """SNS has attributes of lists, too; what is no attribute is refused."""
    attributes = {"kind": "order", "tags": ["a", 1], "raw": b"\xff", "n": 7}
    (record,) = samples.load("sns", attributes=attributes)["Records"]
    assert record["Sns"]["MessageAttributes"] == {
        "kind": {"Type": "String", "Value": "order"},
        "tags": {"Type": "String.Array", "Value": '["a", 1]'},
        "raw": {"Type": "Binary", "Value": "/w=="},
        "n": {"Type": "Number", "Value": "7"},
    }
    for name in ("sqs", "sns", "sqs-fifo"):
        for odd in (None, True, {"a": 1}):
            with pytest.raises(TypeError, match="the attribute a is text, a number or bytes"):
                samples.load(name, attributes={"a": odd})


@pytest.mark.parametrize("name", [name for name in NAMES if "records" in samples.fields(name)])
def test_several_records(name: str) -> None:
    """They are alike but for what numbers them, and of one source."""
    one, three = samples.load(name), samples.load(name, records=3)
    assert source_of(three) == source_of(one)
    assert len(unwrap(three)) == 3 * len(unwrap(one))
    found = Records(samples.source(name), three) if samples.source(name) in BY_RECORD else None
    if found is not None and found.takes_report:
        names = [json.dumps(found.name(index)) for index in range(3)]
        assert len(set(names)) == 3
        assert sorted(names) == names
    assert samples.load(name, records=1) == one
    for wrong in (0, -1, "3", 2.0, None, True):
        with pytest.raises(ValueError, match="has one record or more, not"):
            samples.load(name, records=wrong)


def test_which_samples_have_several_records() -> None:
    """Those of queues, streams, brokers, topics and buckets; others send one at a time."""
    several = {name for name in NAMES if "records" in samples.fields(name)}
    assert {"sqs", "sqs-fifo", "kinesis", "dynamodb", "kafka", "mq-rabbitmq", "s3-put"} <= several
    assert not {"alb", "cloudfront", "ses", "eventbridge", "cognito-pre-sign-up"} & several
    with pytest.raises(samples.UnknownField, match="'records'; it has: method"):
        samples.load("alb", records=2)


def test_numbers_of_any_form() -> None:
    """They count up in their own notation, and keep their length."""
    records = samples.load("sqs", records=3, message_id="m-09")["Records"]
    assert [record["messageId"] for record in records] == ["m-09", "m-10", "m-11"]
    records = samples.load("sqs", records=3, message_id="a-0f")["Records"]
    assert [record["messageId"] for record in records] == ["a-0f", "a-10", "a-11"]
    records = samples.load("sqs", records=2, message_id="a-0F")["Records"]
    assert [record["messageId"] for record in records] == ["a-0F", "a-10"]
    records = samples.load("sqs", records=2, message_id="first one!")["Records"]
    assert [record["messageId"] for record in records] == ["first one!", "first one!-1"]
    records = samples.load("kafka", records=2, offset=9)["records"]["mytopic-0"]
    assert [record["offset"] for record in records] == [9, 10]


def test_bytes() -> None:
    """They may stand where base64 does, and in the body of a request, which is base64 then."""
    for name, field in [("kinesis", "data"), ("kafka", "value"), ("mq-activemq", "data")]:
        assert unwrap(samples.load(name, **{field: b"\x00\xff"})) == [b"\x00\xff"]
    for name in ("alb", "apigw-v1", "apigw-v2", "function-url", "lattice"):
        event = samples.load(name, body=b"\x00\xff")
        assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)
        assert samples.load(name, body="x")["isBase64Encoded"] is False
    with pytest.raises(TypeError, match="the body of a message is text, not bytes"):
        samples.load("sqs", body=b"x")
    with pytest.raises(TypeError, match="queue is a part of text here"):
        samples.load("sqs", queue=b"x")


@pytest.mark.parametrize(
    ("name", "field"), [("sqs", "attributes"), ("sns", "attributes"), ("alb", "query")]
)
def test_fields_that_are_dicts(name: str, field: str) -> None:
    """Another value is refused, with what is expected."""
    for odd in (7, ["a"], None):
        with pytest.raises(TypeError, match=f"expected a dict for {field}, not "):
            samples.load(name, **{field: odd})


def test_it_is_a_leaf() -> None:
    """Anything may import it: it imports nothing of ours."""
    tree = ast.parse(Path(samples.__file__).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 or node.module is None
            assert not (node.module or "").startswith("amazon_lambda_runtime")
