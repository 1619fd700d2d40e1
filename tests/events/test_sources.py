"""Where an event comes from."""

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazon_lambda_runtime import samples
from amazon_lambda_runtime.events import patterns, source_of
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
]


# Names that were wrong or missing, and where each event is published.
PUBLISHED: list[tuple[str, str, Any]] = [
    (
        "the ActiveMQ example of Lambda's developer guide, services-mq",
        "aws:mq",
        {"eventSource": "aws:amq", "messages": [{"messageID": "ID:b-9bcfa592", "data": "eA=="}]},
    ),
    (
        "kafkaEventSelfManaged.json of Powertools for AWS Lambda (Python)",
        "aws:kafka",
        {"eventSource": "aws:SelfManagedKafka", "bootstrapServers": "b-2:9092", "records": {}},
    ),
    (
        "the input event of Amazon Connect's administrator guide, connect-lambda-functions",
        "aws:connect",
        {"Name": "ContactFlowEvent", "Details": {"ContactData": {}, "Parameters": {}}},
    ),
    (
        "the same, as callers of customer profiles and tests leave the name out",
        "aws:connect",
        {"Details": {"ContactData": {"ContactId": "x"}, "Parameters": {"a": "b"}}},
    ),
    (
        "japertechnology/aws-lambda-nodejs-catch-all, handlers/handleFirehose.js: by its records",
        "aws:firehose",
        {"invocationId": "x", "records": [{"recordId": "1", "data": "eA=="}]},
    ),
    (
        "the provider framework of the AWS CDK, custom_resources: the hook has no ResponseURL",
        "aws:cloudformation",
        {"RequestType": "Create", "ResourceType": "Custom::A", "ResourceProperties": {}},
    ),
    (
        "custom-resource-update-delete-event.json of aws-lambda-go",
        "aws:cloudformation",
        {"RequestType": "Delete", "StackId": "arn:x", "PhysicalResourceId": "p"},
    ),
    (
        "the AWS SAM developer guide, automating-updates-to-serverless-apps: a PreTraffic hook",
        "aws:codedeploy",
        {"DeploymentId": "d-TEST", "LifecycleEventHookExecutionId": "hook-TEST"},
    ),
    (
        "the SageMaker developer guide, sms-custom-templates-step3: before an annotation",
        "aws:sagemaker",
        {"version": "2018-10-16", "labelingJobArn": "arn:x", "dataObject": {"source": "x"}},
    ),
    (
        "the SageMaker developer guide, sms-custom-templates-step3: after the annotations",
        "aws:sagemaker",
        {"version": "2018-10-16", "labelingJobArn": "arn:x", "payload": {"s3Uri": "s3://b/k"}},
    ),
    (
        "Lambda's developer guide, invocation-async-retain-records: an invocation record",
        "aws:lambda",
        {
            "version": "1.0",
            "timestamp": "2019-11-14T18:16:05.568Z",
            "requestContext": {"functionArn": "arn:x", "condition": "RetriesExhausted"},
            "requestPayload": {"ORDER_IDS": []},
            "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        },
    ),
    (
        "Lambda's developer guide, kafka-on-failure: a batch that is given up",
        "aws:lambda",
        {
            "requestContext": {"functionArn": "arn:x", "condition": "RetriesExhausted"},
            "KafkaBatchInfo": {"batchSize": 1},
        },
    ),
    (
        "the Transfer Family user guide, custom-step-details: events on file upload",
        "aws:transfer-workflow",
        {
            "token": "x",
            "serviceMetadata": {"executionDetails": {"workflowId": "w-1", "executionId": "e"}},
            "fileLocation": {"domain": "S3", "bucket": "b", "key": "k"},
        },
    ),
    (
        "the Pinpoint developer guide, segments-dynamic: a campaign hook",
        "aws:pinpoint",
        {"ApplicationId": "a", "CampaignId": "c", "TreatmentId": "0", "Endpoints": {"e": {}}},
    ),
    (
        "the Pinpoint developer guide, channels-custom: a journey",
        "aws:pinpoint",
        {"ApplicationId": "a", "JourneyId": "j", "ActivityId": "y", "Endpoints": {"e": {}}},
    ),
    (
        "iot-preprovision-hook-request.json of aws-lambda-go",
        "aws:iot-provisioning",
        {
            "claimCertificateId": "string",
            "certificateId": "string",
            "certificatePem": "string",
            "templateArn": "arn:aws:iot:us-east-1:1234567890:provisioningtemplate/MyTemplate",
            "clientId": "221a6d10-9c7f-42f1-9153-e52e6fc869c1",
            "parameters": {"string": "string"},
        },
    ),
    (
        "kinesis-time-window-event.json of aws-lambda-go, at the end of a window without records",
        "aws:kinesis",
        {
            "Records": [],
            "window": {"start": "2020-07-30T17:00:00Z", "end": "2020-07-30T17:05:00Z"},
            "isFinalInvokeForWindow": True,
            "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/lambda-stream",
        },
    ),
    (
        "the EventBridge user guide, eb-pipes-mq: a list of messages",
        "aws:mq",
        [{"eventSource": "aws:amq", "messageID": "ID:b-9bcfa592", "data": "QUJDOkFBQUE="}],
    ),
    (
        "the AppSync developer guide, tutorial-lambda-resolvers: BatchInvoke by a direct resolver",
        "aws:appsync",
        [{"info": {"fieldName": "relatedPosts"}, "source": {"id": "1"}}],
    ),
]


@pytest.mark.parametrize(("published", "source", "event"), PUBLISHED)
def test_published_events(published: str, source: str, event: Any) -> None:
    """An event is told by its shape as its service documents it."""
    assert source_of(event) == source
    assert published


@pytest.mark.parametrize(
    "name", ["aws:mynew", "sqs", "Aws:sqs", "aws:SQS", "my.service", "aws:events2", "", "aws:"]
)
def test_a_name_that_is_no_source(name: str) -> None:
    """What a record says of its source counts only if it is the name of one."""
    assert source_of(records({"eventSource": name})) == ""
    assert source_of({"eventSource": name}) == ""
    assert source_of([{"eventSource": name}]) == ""


@pytest.mark.parametrize(("source", "event"), OTHERS)
def test_other_shapes(source: str, event: Any) -> None:
    """So are those that there is no sample of."""
    assert source_of(event) == source


def test_every_source_has_a_case() -> None:
    """No line of the table is without an event here or among the samples."""
    shown = {samples.source(name) for name in samples.names()} | {source for source, _ in OTHERS}
    shown |= {source for _, source, _ in PUBLISHED}
    assert shown == SOURCES


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
        {"Event": "s3:TestEvent"},
        {"Records": [], "window": {}, "eventSourceARN": 7},
        {"Records": [], "window": {}, "eventSourceARN": "arn:aws:sqs:x"},
        [None],
        [{"info": 7}],
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
        ("*a", "bc", False),
        ("*a", "ba", True),
        ("*ab", "aab", True),
        ("*ab", "aac", False),
        ("a*ab*b", "aaabb", True),
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


@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
def test_both_ways_to_match(pattern: str, text: str) -> None:
    """The quick way, for patterns without `?`, says what the slow one says."""
    assert patterns._matches(pattern, text) == patterns._matches_slowly(pattern, text)
