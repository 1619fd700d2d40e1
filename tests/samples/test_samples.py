"""The sample events: documented, with fields that land where they belong."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import object_key, unwrap

NAMES = samples.names()


def test_names() -> None:
    """There are more than 32 of them, and those that other parts count on."""
    assert len(NAMES) >= 32
    assert sorted(NAMES) == NAMES
    assert {"s3-put", "s3-test", "sqs", "sqs-fifo", "sqs-sns-s3", "scheduled", "alb"} <= {*NAMES}


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
        other = f"other {default}" if isinstance(default, str) else {"other": 1}
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


def test_it_is_a_leaf() -> None:
    """Anything may import it: it imports nothing of ours."""
    tree = ast.parse(Path(samples.__file__).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert not (node.module or "").startswith("amazon_lambda_runtime")
