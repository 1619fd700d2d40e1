"""Side by side with the batch processors of Powertools for AWS Lambda.

Where both define the outcome it is the same. Where ours differs on purpose, the guide to events has
a line for it, and a test here shows both.
"""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.core import serving
from amazon_lambda_runtime.events import EventRuntime, UnhandledEvent, object_key, unwrap
from amazon_lambda_runtime.testing import make_context

from .support import dynamodb, failures, kafka, kinesis, message, notification, records, sampled

pytest.importorskip("aws_lambda_powertools", reason="aws_lambda_powertools is not installed")

from aws_lambda_powertools.utilities import data_classes
from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    BatchProcessor,
    EventType,
    SqsFifoPartialProcessor,
    async_process_partial_response,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.exceptions import (
    BatchProcessingError,
    UnexpectedBatchTypeError,
)
from aws_lambda_powertools.utilities.data_classes.active_mq_event import ActiveMQEvent
from aws_lambda_powertools.utilities.data_classes.rabbit_mq_event import RabbitMQEvent


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What fails here is meant to."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


class Both:
    """What both make of an event in which some records fail: reports, and what was tried."""

    def __init__(self, processor: Any, source: Any, event: Any, failing: set[int]) -> None:
        self.event = event
        self.failing = failing
        self.tried: dict[str, list[int]] = {"ours": [], "theirs": []}
        app: Any = EventRuntime(partial_failures=True)
        app.on(source)(lambda *arguments: self.try_one("ours", arguments[-1]))
        self.ours = failures(app.handler(event, make_context(remaining_ms=900_000)))
        self.theirs: list[Any] | None = None
        try:
            answer = process_partial_response(
                event, lambda record: self.try_one("theirs", record.raw_event), processor
            )
            self.theirs = failures(answer)
        except BatchProcessingError:
            pass  # they raise if all have failed

    def try_one(self, whose: str, record: Any) -> None:
        number = self.number(record)
        self.tried[whose].append(number)
        if number in self.failing:
            raise ValueError(number)

    def number(self, record: Any) -> int:
        for name in ("messageId", "offset"):
            if name in record:
                return int(record[name])
        inner = record.get("kinesis") or record["dynamodb"]
        return int(inner.get("sequenceNumber") or inner["SequenceNumber"])


CASES = st.integers(1, 8).flatmap(
    lambda count: st.tuples(st.just(count), st.sets(st.integers(0, count - 1)))
)


@sampled()
@given(CASES)
def test_standard_queues(case: tuple[int, set[int]]) -> None:
    """The same messages are tried, and the same reported, unless all fail: then they raise."""
    count, failing = case
    event = records(*(message(str(number)) for number in range(count)))
    both = Both(BatchProcessor(EventType.SQS), "aws:sqs", event, failing)
    assert both.tried["ours"] == both.tried["theirs"] == list(range(count))
    assert both.ours == [str(number) for number in sorted(failing)]
    assert both.theirs == (both.ours if len(failing) < count else None)


@sampled()
@given(CASES)
def test_async_hooks(case: tuple[int, set[int]]) -> None:
    """Their async processor and ours report the same messages, and try all."""
    count, failing = case
    event = records(*(message(str(number)) for number in range(count)))
    tried: dict[str, list[int]] = {"ours": [], "theirs": []}

    async def try_one(whose: str, record: Any) -> None:
        await asyncio.sleep(0)
        tried[whose].append(int(record["messageId"]))
        if tried[whose][-1] in failing:
            raise ValueError

    app = EventRuntime(partial_failures=True)

    @app.on("aws:sqs")
    async def take(body: Any, record: Any) -> None:
        await try_one("ours", record)

    async def theirs(record: Any) -> None:
        await try_one("theirs", record.raw_event)

    processor = AsyncBatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    expected = async_process_partial_response(event, theirs, processor)
    assert failures(app.handler(event, make_context(remaining_ms=900_000))) == failures(expected)
    assert sorted(tried["ours"]) == sorted(tried["theirs"]) == list(range(count))
    serving.of(app).close()


BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@sampled()
@given(BODIES)
def test_payloads(payload: Any) -> None:
    """What is JSON, both decode alike: of messages, of streams, of Kafka, and in a notification."""
    body = json.dumps(payload)
    record = next(data_classes.SQSEvent(records(message("1", body))).records)
    assert unwrap(message("1", body)) == [record.json_body] == [payload]
    stream = next(data_classes.KinesisStreamEvent(records(kinesis("1", body))).records)
    assert unwrap(kinesis("1", body)) == [stream.kinesis.data_as_json()]
    event = kafka([(0, 1, body)])
    assert unwrap(event) == [next(data_classes.KafkaEvent(event).records).json_value]
    nested = next(data_classes.SQSEvent(records(message("1", notification(body)))).records)
    assert unwrap(message("1", notification(body))) == [
        json.loads(nested.decoded_nested_sns_event.message)
    ]


@sampled()
@given(CASES)
def test_all_failed(case: tuple[int, set[int]]) -> None:
    """Told not to raise if all fail, theirs reports what ours does."""
    count, failing = case
    event = records(*(message(str(number)) for number in range(count)))
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    both = Both(processor, "aws:sqs", event, failing)
    assert both.theirs == both.ours


@sampled()
@given(CASES, st.data())
def test_fifo_queues(case: tuple[int, set[int]], data: st.DataObject) -> None:
    """Told to skip the group only, their FIFO processor does what ours does by itself."""
    count, failing = case
    groups = [data.draw(st.sampled_from("ab")) for _ in range(count)]
    event = records(*(message(str(n), "", group) for n, group in enumerate(groups)))
    both = Both(SqsFifoPartialProcessor(skip_group_on_error=True), "aws:sqs", event, failing)
    assert both.tried["ours"] == both.tried["theirs"]
    # Theirs raises if none has succeeded, and has no option against it.
    assert both.theirs == (both.ours if len(both.ours) < count else None)


@sampled()
@given(CASES)
def test_one_group(case: tuple[int, set[int]]) -> None:
    """With one group there is no difference to what theirs does by default."""
    count, failing = case
    event = records(*(message(str(number), "", "a") for number in range(count)))
    both = Both(SqsFifoPartialProcessor(), "aws:sqs", event, failing)
    assert both.tried["ours"] == both.tried["theirs"]
    assert both.theirs == (both.ours if len(both.ours) < count else None)


def test_difference_fifo_goes_on_with_other_groups() -> None:
    """By default theirs gives the whole batch back behind a failure; ours the group."""
    event = records(message("1", "", "a"), message("2", "", "b"), message("3", "", "a"))
    both = Both(SqsFifoPartialProcessor(), "aws:sqs", event, {1})
    assert (both.ours, both.tried["ours"]) == (["1", "3"], [1, 2])
    assert (both.theirs, both.tried["theirs"]) == (None, [1])  # all failed, so it raised


def test_difference_fifo_is_recognised() -> None:
    """Theirs, the standard processor on a FIFO queue, goes on behind a failure of the group."""
    event = records(message("1", "", "a"), message("2", "", "a"), message("3", "", "b"))
    both = Both(BatchProcessor(EventType.SQS), "aws:sqs", event, {1})
    assert (both.ours, both.tried["ours"]) == (["1", "2"], [1, 3])
    assert (both.theirs, both.tried["theirs"]) == (["1"], [1, 2, 3])


@sampled()
@given(CASES, st.sampled_from(["kinesis", "dynamodb"]))
def test_difference_streams_stop(case: tuple[int, set[int]], kind: str) -> None:
    """Theirs goes on behind a failure, all of which comes again; the checkpoint is the same."""
    count, failing = case
    make: Any = kinesis if kind == "kinesis" else dynamodb
    types = {"kinesis": EventType.KinesisDataStreams, "dynamodb": EventType.DynamoDBStreams}
    event = records(*(make(str(number)) for number in range(count)))
    processor = BatchProcessor(types[kind], raise_on_entire_batch_failure=False)
    both = Both(processor, f"aws:{kind}", event, failing)
    first = min(failing, default=count - 1)
    assert both.tried["ours"] == list(range(first + 1))
    assert both.tried["theirs"] == list(range(count))
    assert both.theirs is not None
    assert both.ours == both.theirs[:1]


@sampled()
@given(CASES)
def test_difference_kafka_stops_by_partition(case: tuple[int, set[int]]) -> None:
    """The same of Kafka's partitions; what is named in a report has the same form."""
    count, failing = case
    event = kafka((number % 2, number, "") for number in range(count))
    processor = BatchProcessor(EventType.Kafka, raise_on_entire_batch_failure=False)
    both = Both(processor, "aws:kafka", event, failing)
    assert both.theirs is not None
    firsts = {each["partition"]: each for each in reversed(both.theirs)}
    assert {each["partition"]: each for each in both.ours} == firsts
    assert len(both.ours) == len(firsts)


def test_difference_an_empty_batch() -> None:
    """Theirs raises; ours is a success."""
    assert EventRuntime().handler(records(), make_context(remaining_ms=900_000)) == {
        "batchItemFailures": []
    }
    with pytest.raises(UnexpectedBatchTypeError):
        process_partial_response(records(), print, BatchProcessor(EventType.SQS))


def test_difference_the_default_is_no_report() -> None:
    """Ours raises unless it is told that the trigger takes reports; theirs always reports."""
    app = EventRuntime()
    app.on("aws:sqs", queue="other")(print)
    with pytest.raises(UnhandledEvent):
        app.handler(records(message("1")), make_context(remaining_ms=900_000))


# Their data classes are a second opinion on the samples: each reads what is documented.
READ: list[tuple[str, str, dict[str, Any], str, Any]] = [
    ("s3-put", "S3Event", {"key": "a b.csv"}, "object_key", "a b.csv"),
    ("s3-put", "S3Event", {"bucket": "b"}, "bucket_name", "b"),
    ("alb", "ALBEvent", {"path": "/x"}, "path", "/x"),
    ("apigw-v1", "APIGatewayProxyEvent", {"method": "PUT"}, "http_method", "PUT"),
    ("apigw-v2", "APIGatewayProxyEventV2", {"path": "/x"}, "raw_path", "/x"),
    ("function-url", "LambdaFunctionUrlEvent", {"method": "PUT"}, "http_method", "PUT"),
    ("eventbridge", "EventBridgeEvent", {"detail_type": "D"}, "detail_type", "D"),
    ("sqs", "SQSEvent", {}, "raw_event", None),
    ("lattice", "VPCLatticeEventV2", {"path": "/x"}, "path", "/x"),
    ("codepipeline", "CodePipelineJobEvent", {"parameters": "p"}, "user_parameters", "p"),
    ("ses", "SESEvent", {}, "raw_event", None),
    ("config", "AWSConfigRuleEvent", {"rule": "r"}, "config_rule_name", "r"),
    ("connect", "ConnectContactFlowEvent", {}, "raw_event", None),
    ("cloudwatch-alarm", "CloudWatchAlarmEvent", {}, "source", "aws.cloudwatch"),
    ("secretsmanager", "SecretsManagerEvent", {"step": "s"}, "step", "s"),
    ("bedrock-agent", "BedrockAgentEvent", {"api_path": "/p"}, "api_path", "/p"),
]


@pytest.mark.parametrize(("name", "kind", "fields", "attribute", "expected"), READ)
def test_the_samples_are_read(
    name: str, kind: str, fields: dict[str, Any], attribute: str, expected: Any
) -> None:
    """A field that was set is where Powertools looks for it."""
    event = samples.load(name, **fields)
    found = getattr(getattr(data_classes, kind)(event), attribute)
    assert found == (event if attribute == "raw_event" else expected)


def test_the_samples_payloads_are_read() -> None:
    """Both unwrap the same out of them."""
    logs = data_classes.CloudWatchLogsEvent(samples.load("cloudwatch-logs"))
    assert logs.parse_logs_data().raw_event == unwrap(samples.load("cloudwatch-logs"))[0]
    nested = next(data_classes.SQSEvent(samples.load("sqs-sns", message="hi")).records)
    assert nested.decoded_nested_sns_event.message == "hi"
    stream = data_classes.KinesisStreamEvent(samples.load("kinesis", data="hi"))
    assert next(stream.records).kinesis.data_as_text() == "hi"
    event = data_classes.KafkaEvent(samples.load("kafka", value="hi", key="k", topic="t"))
    record = next(event.records)
    assert (record.decoded_value, record.decoded_key, record.topic) == (b"hi", b"k", "t")
    table = data_classes.DynamoDBStreamEvent(samples.load("dynamodb", new={"a": {"N": "1"}}))
    change = next(table.records).dynamodb
    assert change is not None
    assert change.new_image == {"a": 1}
    active = ActiveMQEvent(samples.load("mq-activemq", data="hi"))
    assert next(active.messages).decoded_data == "hi"
    rabbit = RabbitMQEvent(samples.load("mq-rabbitmq", data="hi", queue="q"))
    assert rabbit.rmq_messages_by_queue["q::/"][0].decoded_data == "hi"
    firehose = data_classes.KinesisFirehoseEvent(samples.load("firehose", data="hi"))
    assert next(firehose.records).data_as_text == "hi"
    batch = data_classes.S3BatchOperationEvent(samples.load("s3-batch", key="a b.csv"))
    assert batch.task.s3_key == "a b.csv" == object_key(batch.task.raw_event)
