"""What doctor says of queues, declared ones and those that are mapped in AWS."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.deploy.checks import queues
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.triggers import SqsTrigger
from tests.deploy.canned import ACCOUNT, LIVE, REGION, Canned, refused, site

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters"
RUNTIME = (
    "from amazon_lambda_runtime.events import EventRuntime\n"
    "class App(EventRuntime):\n    partial_failures = {}\n"
)


def mapped(**settings: Any) -> dict[str, Any]:
    entry = {"UUID": "u", "EventSourceArn": QUEUE, "FunctionArn": LIVE, **settings}

    def listed(**sent: str) -> dict[str, Any]:
        return {"EventSourceMappings": [entry] if sent["FunctionName"] == LIVE else []}

    return {
        "lambda__list_event_source_mappings": listed,
        "sqs__get_queue_url": {"QueueUrl": "https://sqs/letters"},
        "sqs__get_queue_attributes": {"Attributes": {"VisibilityTimeout": "60"}},
        "lambda__get_function_concurrency": {},
    }


def found(place: Site) -> list[str]:
    aws = place.aws
    return [each.check for each in queues.live(place.project, aws)]


@pytest.mark.parametrize(("seconds", "expected"), [("59", ["visibility"]), ("60", [])])
def test_visibility(seconds: str, expected: list[str]) -> None:
    """Six times the timeout is enough, a second less is not."""
    aws = Canned(**mapped())
    aws.replies["sqs:get_queue_attributes"] = {"Attributes": {"VisibilityTimeout": seconds}}
    assert found(site(aws)) == expected
    if expected:
        place = site(aws)
        (finding,) = queues.live(place.project, aws)
        assert "to 60 s, six times" in finding.fix


@pytest.mark.parametrize(
    ("reserved", "scaling", "expected"),
    [
        ({"ReservedConcurrentExecutions": 1}, None, ["reserved-concurrency"]),
        ({"ReservedConcurrentExecutions": 0}, {}, ["reserved-concurrency"]),
        ({"ReservedConcurrentExecutions": 1}, {"MaximumConcurrency": 2}, []),
        ({}, None, []),
    ],
)
def test_reserved_concurrency(reserved: Any, scaling: Any, expected: list[str]) -> None:
    """A reserved concurrency throttles a queue that has no limit of its own."""
    aws = Canned(**mapped(ScalingConfig=scaling))
    aws.replies["lambda:get_function_concurrency"] = reserved
    assert found(site(aws)) == expected


def test_which_queues() -> None:
    """Not those that are declared, nor what is no queue; one that is gone is told."""
    aws = Canned(
        **mapped(),
    )
    aws.replies["sqs:get_queue_attributes"] = {"Attributes": {"VisibilityTimeout": "1"}}
    assert found(site(aws, SqsTrigger("letters"))) == []
    assert found(site(aws, SqsTrigger("others"))) == ["visibility"]
    stream = QUEUE.replace("sqs", "kinesis")
    assert found(site(Canned(**mapped(EventSourceArn=stream)))) == []
    aws.replies["sqs:get_queue_url"] = refused("QueueDoesNotExist")
    assert found(site(aws)) == ["no-queue"]


@pytest.mark.parametrize(
    ("partial", "reports", "expected"),
    [
        ("True", True, []),
        ("True", False, ["partial-failures"]),
        ("False", True, ["partial-failures"]),
        ("False", False, []),
        ("FLAG", True, []),
        ("FLAG", False, []),
    ],
)
def test_partial_failures(tmp_path: Path, partial: str, reports: bool, expected: list[str]) -> None:
    """The handler and the trigger say the same; of a declared queue and of a mapped one."""
    (tmp_path / "orders.py").write_text(RUNTIME.format(partial))
    types = ["ReportBatchItemFailures"] if reports else None
    aws = Canned(**mapped(FunctionResponseTypes=types))
    for trigger in (SqsTrigger("q", report_batch_item_failures=reports), None):
        place = site(aws, *([trigger] if trigger else []))
        project = dataclasses.replace(place.project, folder=tmp_path)
        check = queues.declared(project) if trigger else queues.live(project, aws)
        assert [each.check for each in check] == expected
