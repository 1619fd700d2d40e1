"""What a trigger is called where a plan or an error names it."""

import dataclasses

import pytest

from amazon_lambda_runtime.project.triggers import TYPES

WHAT = {
    "sqs": "queue X",
    "kinesis": "stream X",
    "dynamodb": "table X",
    "s3": "bucket X",
    "sns": "topic X",
    "eventbridge": "rule X",
    "schedule": "rule X",
    "alb": "target group X",
    "http-api": "HTTP API X",
    "rest-api": "REST API X",
    "url": "the url",
}


@pytest.mark.parametrize("word", TYPES)
def test_what_it_is(word: str) -> None:
    """Its kind in AWS's words, and its name."""
    kind = TYPES[word]
    needed = {
        field.name: "X"
        for field in dataclasses.fields(kind)
        if field.default is field.default_factory is dataclasses.MISSING
    }
    assert kind(**needed).what == WHAT[word]
