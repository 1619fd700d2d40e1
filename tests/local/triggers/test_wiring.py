"""Triggers of a real function, on embedded services: what is published reaches the function."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from amazon_lambda_runtime.events import source_of
from amazon_lambda_runtime.local.engine import async_invocations
from amazon_lambda_runtime.local.queues import embedded
from amazon_lambda_runtime.local.services.client import ServiceError
from amazon_lambda_runtime.local.triggers.sources import Source
from amazon_lambda_runtime.local.triggers.wiring import Wiring, services_of
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import (
    DynamoDbTrigger,
    RuleTrigger,
    S3Trigger,
    ScheduleTrigger,
    SnsTrigger,
    SqsTrigger,
    Trigger,
)
from tests.local.serving import Served, python_function
from tests.local.support import PATIENCE
from tests.local.threaded_services import ThreadedServices

# Fails with what it is told to fail with.
SOURCE = """
import json

def handler(event, context):
    if "fail" in json.dumps(event):
        raise ValueError("told to")
    return {"done": True}
"""
QUEUE = "arn:aws:sqs:us-east-1:123456789012:"


class Place:
    """A server whose function has these triggers, and clients of its services."""

    def __init__(self, served: Served, function: Function, fires: bool = True) -> None:
        self.served = served
        self.wiring = Wiring(served.service, fires=fires)
        self.function = function
        served.service._triggers.push_async_callback(self.wiring.close)
        served.run(self.wiring.settle(function))
        self.lines = [served.run(self.wiring.connect(function, t)) for t in function.triggers]

    def client(self, service: str) -> Any:
        services = self.served.service.embedded().services
        assert services is not None
        return boto3.session.Session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=services.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def invoked(self, count: int = 1) -> list[Any]:
        """Return the events of the function's first invocations, when there are so many."""
        eventually(lambda: len(self.served.invoked) >= count)
        return [event for _, event in self.served.invoked[:count]]

    def source(self) -> Source:
        """Return the one source, as the console has it."""
        [source] = self.served.service.sources
        assert isinstance(source, Source)
        return source

    def act(self, source: Source, action: str, given: Any) -> dict[str, Any]:
        """Do what the console does."""

        async def act() -> dict[str, Any]:
            return await source.actions[action](given)

        return self.served.run(act())

    def received(self, queue: str) -> dict[str, Any]:
        """Return the one message of a queue."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        reply = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, MessageAttributeNames=["All"])
        [message] = reply["Messages"]
        found: dict[str, Any] = message
        return found


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Place]]:
    monkeypatch.setattr(embedded, "EmbeddedServices", ThreadedServices)
    monkeypatch.setattr(async_invocations, "CLOCK_SCALE", 0.0001)
    served = Served(python_function(tmp_path, SOURCE))

    def make(*triggers: Trigger, fires: bool = True, **settings: Any) -> Place:
        function = Function("hello", "role", triggers=triggers, **settings)
        return Place(served, function, fires)

    yield make
    served.close()


def test_topic(place: Callable[..., Place]) -> None:
    """What is published is delivered; what the filter policy leaves out is not."""
    here = place(SnsTrigger("shouts", filter_policy='{"loud": ["yes"]}'))
    sns = here.client("sns")
    topic = sns.create_topic(Name="shouts")["TopicArn"]
    for loud in ("no", "yes"):
        attributes = {"loud": {"DataType": "String", "StringValue": loud}}
        sns.publish(TopicArn=topic, Message=f"hi {loud}", MessageAttributes=attributes)
    [event] = here.invoked()
    assert source_of(event) == "aws:sns"
    assert event["Records"][0]["Sns"]["Message"] == "hi yes"
    assert here.served.invoked[0][0] == "Event"


def test_fifo_topic(place: Callable[..., Place]) -> None:
    """It is one, and delivers."""
    here = place(SnsTrigger("ordered.fifo"))
    sns = here.client("sns")
    topics = [each["TopicArn"] for each in sns.list_topics()["Topics"]]
    [topic] = [arn for arn in topics if arn.endswith("ordered.fifo")]
    sns.publish(TopicArn=topic, Message="hi", MessageGroupId="1", MessageDeduplicationId="1")
    [event] = here.invoked()
    assert event["Records"][0]["Sns"]["Message"] == "hi"


@pytest.mark.parametrize("via", ["direct", "sns", "sqs"])
def test_bucket(via: str, place: Callable[..., Place]) -> None:
    """An object that is put is delivered, on whichever way, if its key begins and ends so."""
    given: dict[str, Any] = {"sns": {"topic": "pictures"}, "sqs": {"queue": "pictures"}}.get(
        via, {}
    )
    trigger = S3Trigger("pics", prefix="in/", suffix=".png", via=via, **given)
    more = [SqsTrigger("pictures")] if via == "sqs" else []
    here = place(trigger, *more)
    s3 = here.client("s3")
    for key in ("in/a.txt", "out/a.png", "in/a.png"):
        s3.put_object(Bucket="pics", Key=key, Body=b"x")
    # A queue and a topic are told when they are set up, too: S3's test event.
    events = here.invoked(2 if via != "direct" else 1)
    event = events[-1]
    assert [each for each in events[:-1] if "s3:TestEvent" not in json.dumps(each)] == []
    assert "in%2Fa.png" in json.dumps(event)
    assert source_of(event) == {"direct": "aws:s3", "sns": "aws:sns", "sqs": "aws:sqs"}[via]


def test_two_triggers_of_a_bucket(place: Callable[..., Place]) -> None:
    """The second does not take the place of the first."""
    here = place(S3Trigger("pics", suffix=".png"), S3Trigger("pics", suffix=".jpg"))
    for key in ("a.png", "a.jpg"):
        here.client("s3").put_object(Bucket="pics", Key=key, Body=b"x")
    keys = {event["Records"][0]["s3"]["object"]["key"] for event in here.invoked(2)}
    assert keys == {"a.png", "a.jpg"}


@pytest.mark.parametrize("bus", ["default", "shop"])
def test_rule(bus: str, place: Callable[..., Place]) -> None:
    """An event that matches the pattern by any of its operators is delivered as it is."""
    pattern = {"source": [{"prefix": "shop"}], "detail": {"sum": [{"numeric": [">", 10]}]}}
    here = place(RuleTrigger("paid", json.dumps(pattern), bus=bus))
    entry = {"EventBusName": bus, "Source": "shop.till", "DetailType": "paid"}
    entries = [{**entry, "Detail": json.dumps({"sum": each})} for each in (5, 50)]
    here.client("events").put_events(Entries=entries)
    [event] = here.invoked()
    assert (event["detail"], event["source"]) == ({"sum": 50}, "shop.till")
    assert event["detail-type"] == "paid"


def test_sample_for_a_rule(place: Callable[..., Place]) -> None:
    """What the console begins with is put on the bus, and the rule takes it."""
    pattern = {"source": ["shop.till"], "detail": {"sum": [{"numeric": [">", 10]}]}}
    here = place(RuleTrigger("paid", json.dumps(pattern), bus="shop"))
    source = here.source()
    document = here.served.run(source.document())
    assert json.loads(document["figures"]["pattern"]) == pattern
    given = document["samples"]["put"]
    assert (given["source"], json.loads(given["detail"])) == ("shop.till", {"sum": 11})
    here.act(source, "put", given)
    [event] = here.invoked()
    assert (event["source"], event["detail"]) == ("shop.till", {"sum": 11})
    with pytest.raises(ValueError, match="detail is not a JSON object"):
        here.act(source, "put", {**given, "detail": "[1]"})
    with pytest.raises(ServiceError, match=r"cannot put an event on the bus shop: .*Source"):
        here.act(source, "put", {**given, "source": ""})


def test_queue(place: Callable[..., Place]) -> None:
    """A message that matches no filter is deleted; one that fails is in the dead-letter queue."""
    filters = ('{"body": {"kind": ["order"]}}',)
    here = place(SqsTrigger("orders", visibility=0, max_receive_count=1, filters=filters))
    sqs = here.client("sqs")
    url = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
    for kind in ("noise", "order"):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"kind": kind, "fail": kind}))
    assert json.loads(here.received("orders-dlq")["Body"])["kind"] == "order"
    assert len(here.served.invoked) == 1


def test_redrive_ends(place: Callable[..., Place]) -> None:
    """What is moved back and fails again at once is not moved a second time."""
    here = place(SqsTrigger("jobs", visibility=1, max_receive_count=1))
    source = here.source()

    def failed() -> int:
        count: int = here.served.run(source.document())["figures"]["failed"]
        return count

    for body in ("fail 1", "fail 2"):
        here.act(source, "send", {"body": body})
    eventually(lambda: failed() == 2)
    assert here.act(source, "redrive", {}) == {"moved": 2}
    eventually(lambda: failed() == 2)
    records = [each for _, event in here.served.invoked for each in event["Records"]]
    assert sorted(each["body"] for each in records) == ["fail 1", "fail 1", "fail 2", "fail 2"]


def test_schedule_that_is_off(place: Callable[..., Place]) -> None:
    """It is told, and does not fire."""
    here = place(ScheduleTrigger("nightly", "rate(1 minute)"), fires=False)
    assert here.lines == ["rule nightly, rate(1 minute): off (--no-schedules)"]
    source = here.source()
    told = here.served.run(source.document())["figures"]
    assert told == {"expression": "rate(1 minute)", "fires": False, "next": None}


def test_disabled(place: Callable[..., Place]) -> None:
    """What the table has switched off is not started."""
    here = place(SqsTrigger("orders", enabled=False))
    assert here.lines == ["queue orders: off (enabled = false)"]
    assert here.served.service.embedded().services is None


def test_destinations(place: Callable[..., Place]) -> None:
    """A failure's record goes to a queue and a success's to a topic, as the table says; the event
    of a failure to the dead-letter queue, with what went wrong."""
    here = place(
        SqsTrigger("told"),
        maximum_retry_attempts=0,
        on_failure=f"{QUEUE}failed",
        on_success="arn:aws:events:us-east-1:123456789012:event-bus/default",
        dead_letter=f"{QUEUE}dead",
    )
    here.served.run(_send(here, b'{"fail": 1}'))
    record = json.loads(here.received("failed")["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestPayload"] == {"fail": 1}
    dead = here.received("dead")
    assert json.loads(dead["Body"]) == {"fail": 1}
    attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert attributes["ErrorMessage"] == "told to"
    assert attributes["ErrorCode"] == "200"
    assert attributes["RequestID"] == record["requestContext"]["requestId"]


async def _send(here: Place, event: bytes) -> None:
    here.served.service.invoker.send("hello", event)


def test_success_to_a_bus_and_from_it(place: Callable[..., Place]) -> None:
    """A record of a success is an event on the bus, which a rule may match."""
    pattern = '{"source": ["lambda"], "detail": {"requestPayload": {"n": [1]}}}'
    here = place(
        RuleTrigger("results", pattern),
        on_success="arn:aws:events:us-east-1:123456789012:event-bus/default",
    )
    here.served.run(_send(here, b'{"n": 1}'))
    _, event = here.invoked(2)
    assert event["detail-type"] == "Lambda Function Invocation Result - Success"
    assert event["detail"]["responsePayload"] == {"done": True}


def test_failure_to_a_function(place: Callable[..., Place]) -> None:
    """A record goes to a function of this machine, and no service is started for it."""
    here = place(on_failure="arn:aws:lambda:us-east-1:1:function:hello", maximum_retry_attempts=0)
    here.served.run(_send(here, b'{"fail": 1}'))
    _, record = here.invoked(2)
    assert record["requestPayload"] == {"fail": 1}
    assert here.served.service.embedded().services is None


def test_services() -> None:
    """Only what is declared is needed."""
    function = Function("f", "r", triggers=(SqsTrigger("q"), DynamoDbTrigger(table="t")))
    assert services_of([function]) == ["dynamodb", "dynamodbstreams", "sqs"]
    assert (
        services_of([Function("f", "r", on_failure="arn:aws:lambda:us-east-1:1:function:g")]) == []
    )
    assert services_of([Function("f", "r", dead_letter="arn:aws:sns:us-east-1:1:t")]) == ["sns"]


def test_refused(place: Callable[..., Place]) -> None:
    """What the services refuse is one line."""
    with pytest.raises(ServiceError, match=r"cannot subscribe to .*shouts"):
        place(SnsTrigger("shouts", filter_policy='{"a": 1}'))
