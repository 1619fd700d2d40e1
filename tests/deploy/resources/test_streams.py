"""Streams that Lambda polls, request by request."""

from typing import Any

import pytest

from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.resources import triggers
from amazon_lambda_runtime.deploy.resources.record import TAG
from amazon_lambda_runtime.project.triggers import DynamoDbTrigger, KinesisTrigger, Trigger
from tests.deploy.canned import ACCOUNT, LIVE, OURS, REGION, Canned, run, site, steps

CLICKS = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/clicks"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders/stream/2026-11-26"


def planned(aws: Canned, *declared: Trigger) -> list[str]:
    place = site(aws, *declared)
    return steps(triggers.plan(place, place.project.functions[0]))


def mapped(source: str, **settings: Any) -> dict[str, Any]:
    live = {"UUID": "u", "EventSourceArn": source, "FunctionArn": LIVE, "State": "Enabled"}

    def listed(**asked: Any) -> dict[str, Any]:
        there = asked.get("EventSourceArn", source) == source
        return {"EventSourceMappings": [{**live, **settings}] if there else []}

    return {
        "lambda__list_event_source_mappings": listed,
        "lambda__get_event_source_mapping": {"UUID": "u", "State": "Enabled"},
        "lambda__list_tags": {"Tags": OURS},
    }


def table(**settings: Any) -> dict[str, Any]:
    described = {"StreamSpecification": {"StreamEnabled": True}, "LatestStreamArn": TABLE}
    return {"dynamodb__describe_table": {"Table": {**described, **settings}}}


def test_a_new_mapping() -> None:
    """It is made with its position; what is usual is not sent."""
    aws = Canned(lambda__create_event_source_mapping={"UUID": "u"})
    place = site(aws, KinesisTrigger(stream="clicks", bisect_on_error=True))
    run(triggers.plan(place, place.project.functions[0]))
    (made,) = aws.changes
    assert made == (
        "lambda:create_event_source_mapping",
        {
            "EventSourceArn": CLICKS,
            "FunctionName": LIVE,
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": 100,
            "MaximumBatchingWindowInSeconds": 0,
            "FunctionResponseTypes": [],
            "Enabled": True,
            "BisectBatchOnFunctionError": True,
            "Tags": {**OURS, TAG: "bisect_on_error"},
        },
    )


def test_what_is_usual_is_sent_to_take_something_back() -> None:
    """Filters and a destination that are not declared any more."""
    live = {
        "BatchSize": 100,
        "StartingPosition": "TRIM_HORIZON",
        "FilterCriteria": {"Filters": [{"Pattern": "{}"}]},
        "DestinationConfig": {"OnFailure": {"Destination": "arn:q"}},
        "MaximumRetryAttempts": 2,
    }
    aws = Canned(**mapped(CLICKS, **live))
    place = site(aws, KinesisTrigger(stream="clicks"))
    assert steps(triggers.plan(place, place.project.functions[0])) == []
    named = {TAG: "filters on_failure retries"}
    aws.replies["lambda:list_tags"] = {"Tags": {**OURS, **named}}
    run(triggers.plan(place, place.project.functions[0]))
    (name, sent), (_, settled) = aws.changes
    assert settled["Tags"] == {TAG: "none"}
    assert name == "lambda:update_event_source_mapping"
    assert sent["FilterCriteria"] == {}
    assert sent["DestinationConfig"] == {"OnFailure": {"Destination": ""}}
    assert sent["MaximumRetryAttempts"] == -1
    assert "StartingPosition" not in sent
    assert "TumblingWindowInSeconds" not in sent


def test_a_position_that_differs() -> None:
    """AWS can't change it: what to do is said, and nothing is changed."""
    aws = Canned(**mapped(CLICKS, BatchSize=100, StartingPosition="LATEST"))
    with pytest.raises(DeployError, match="has the starting position LATEST, and TRIM_HORIZON is"):
        planned(aws, KinesisTrigger(stream="clicks"))


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ({}, "table orders does not exist"),
        (table(StreamSpecification=None), "table orders has no stream"),
        (table(StreamSpecification={"StreamEnabled": False}), "table orders has no stream"),
    ],
)
def test_a_table_without_a_stream(replies: dict[str, Any], words: str) -> None:
    """It is the user's table: it is not changed."""
    with pytest.raises(DeployError, match=words):
        planned(Canned(**replies), DynamoDbTrigger(table="orders"))


def test_a_stream_that_was_switched_on_again() -> None:
    """It is another one, by its ARN: the mapping to the old one goes."""
    old = mapped(TABLE.replace("2026", "2025"), BatchSize=100)
    assert planned(Canned(**table(), **old), DynamoDbTrigger(table="orders")) == [
        "create mapping of table orders to orders: it does not exist yet",
        "delete mapping of table orders to orders: it is not declared",
    ]


def test_a_stream_of_a_function_that_has_left() -> None:
    """It is polled no more, and its position is kept."""
    aws = Canned(**mapped(CLICKS))
    place = site(aws)
    assert steps(triggers.stop(place, place.project.functions[0])) == [
        "update mapping of stream clicks to orders: the function is not in pyproject.toml any "
        "more: enabled True → False"
    ]
