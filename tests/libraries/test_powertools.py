"""Powertools for AWS Lambda (Python), unmodified."""

import json
from pathlib import Path

import pytest

from .support import ARN, answers, needs, records, serve

pytestmark = needs("aws_lambda_powertools")


def test_logger(tmp_path: Path) -> None:
    """Logger knows the context and the cold start, and logs each record once."""
    source = """
from aws_lambda_powertools import Logger

logger = Logger(service="orders", level="INFO")


@logger.inject_lambda_context(correlation_id_path="id", log_event=False)
def handler(event, context):
    logger.append_keys(order=event["id"])
    logger.info("taken")
    return {"id": logger.get_correlation_id()}
"""
    done = serve(source, [{"id": "a"}, {"id": "b"}], tmp_path)
    assert answers(done) == [{"id": "a"}, {"id": "b"}]
    first, second = records(done.stdout)
    keys = {
        "level": "INFO",
        "message": "taken",
        "service": "orders",
        "function_name": "f",
        "function_memory_size": "128",
        "function_arn": ARN,
        "order": "a",
        "correlation_id": "a",
        "function_request_id": "id-0",
        "cold_start": True,
        "xray_trace_id": "1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
    }
    assert keys.items() <= first.items()
    assert (second["function_request_id"], second["cold_start"]) == ("id-1", False)
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


def test_logger_beside_logging(tmp_path: Path) -> None:
    """Logger and the root logger write their own records; an error of the handler's is logged."""
    source = """
import logging

from aws_lambda_powertools import Logger

logger = Logger(service="orders")
logging.getLogger().setLevel("INFO")


@logger.inject_lambda_context
def handler(event, context):
    logger.info("ours")
    logging.info("theirs")
    raise ValueError("no")
"""
    done = serve(source, [{}], tmp_path)
    assert [post.kind for post in done.posts] == ["error"]
    ours, theirs, *error = done.stdout.splitlines()
    assert '"message":"ours"' in ours
    assert theirs.startswith("[INFO]\t")
    assert theirs.endswith("\tid-0\ttheirs")
    assert error[0].startswith("[ERROR] ValueError: no")


def test_tracer_disabled(tmp_path: Path) -> None:
    """Tracer's decorators pass everything through where tracing is switched off."""
    source = """
from aws_lambda_powertools import Tracer

tracer = Tracer(service="orders")


@tracer.capture_method
def double(number):
    return 2 * number


@tracer.capture_lambda_handler
def handler(event, context):
    tracer.put_annotation("key", "value")
    return double(event)
"""
    done = serve(source, [4], tmp_path, POWERTOOLS_TRACE_DISABLED="true")
    assert answers(done) == [8]
    assert (done.stdout, done.stderr) == ("", "")


def test_batch(tmp_path: Path) -> None:
    """BatchProcessor names the messages that failed; a batch that fails whole is an error."""
    source = """
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

processor = BatchProcessor(event_type=EventType.SQS)


def handle(record):
    if record.json_body["fail"]:
        raise ValueError("no")


def handler(event, context):
    return process_partial_response(event, handle, processor, context)
"""

    def batch(*fail: bool) -> dict[str, object]:
        return {
            "Records": [
                {
                    "messageId": f"m-{number}",
                    "receiptHandle": "r",
                    "body": json.dumps({"fail": failing}),
                    "attributes": {},
                    "messageAttributes": {},
                    "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:q",
                    "awsRegion": "eu-west-1",
                }
                for number, failing in enumerate(fail)
            ]
        }

    done = serve(
        source, [batch(False, True, False, True), batch(False), batch(True, True)], tmp_path
    )
    first, second, third = done.posts
    failed = [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-3"}]
    assert json.loads(first.body) == {"batchItemFailures": failed}
    assert json.loads(second.body) == {"batchItemFailures": []}
    assert third.kind == "error"
    assert json.loads(third.body)["errorType"] == "BatchProcessingError"


def test_metrics_and_router(tmp_path: Path) -> None:
    """Metrics are one line each time, a router's answer is what API Gateway reads."""
    source = """
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

metrics = Metrics(namespace="shop", service="orders")
app = APIGatewayHttpResolver()


@app.get("/orders/<number>")
def order(number):
    metrics.add_metric(name="Read", unit="Count", value=1)
    return {"number": number}


@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    return app.resolve(event, context)
"""
    request = {
        "version": "2.0",
        "rawPath": "/orders/7",
        "headers": {},
        "requestContext": {"http": {"method": "GET", "path": "/orders/7"}, "stage": "$default"},
    }
    done = serve(source, [request, request], tmp_path)
    for answer in answers(done):
        assert (answer["statusCode"], answer["body"]) == (200, '{"number":"7"}')
    found = records(done.stdout)
    assert [("ColdStart" in record, "Read" in record) for record in found].count((True, False)) == 1
    assert sum("Read" in record for record in found) == 2


@pytest.mark.parametrize("handler", ["h.handler", "h.Hello"])
def test_on_a_class(handler: str, tmp_path: Path) -> None:
    """A decorator for functions goes round a method once that is bound to its instance."""
    source = """
from aws_lambda_powertools import Logger

from amazon_lambda_runtime import Runtime

logger = Logger(service="orders")


class Hello(Runtime):
    def __init__(self):
        super().__init__()
        self.handler = logger.inject_lambda_context(self.greet)

    def greet(self, event, context):
        logger.info("here")
        return event
"""
    done = serve(source, [1], tmp_path, handler)
    assert answers(done) == [1]
    assert records(done.stdout)[0]["function_request_id"] == "id-0"
