"""Streams of Kinesis and of DynamoDB tables: what Lambda polls, and what the role needs for it.

A stream holds the data of others: it is used, and neither made nor changed.
"""

from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.policy.statement import (
    Names,
    Statement,
    actions,
    allow,
    has_policy,
    once,
)
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.triggers import DynamoDbTrigger, KinesisTrigger, StreamTrigger

from . import mapping
from .kind import Kind

_KINESIS = ("AWSLambdaKinesisExecutionRole",)
_DYNAMODB = ("AWSLambdaDynamoDBExecutionRole", "AWSLambdaInvocation-DynamoDB")
_READING = "DescribeStream GetRecords GetShardIterator"


def _source(site: Site, trigger: StreamTrigger) -> str:
    """Return the ARN of the stream. A table's is named by the time at which it was switched on."""
    if isinstance(trigger, KinesisTrigger):
        return site.aws.arn("kinesis", f"stream/{trigger.stream}")
    assert isinstance(trigger, DynamoDbTrigger)
    found = site.aws.find("dynamodb", "describe_table", TableName=trigger.table)
    table = (found or {}).get("Table") or {}
    if found is None or not (table.get("StreamSpecification") or {}).get("StreamEnabled"):
        lacks = "does not exist" if found is None else "has no stream"
        raise DeployError(
            f"table {trigger.table} {lacks}, and a trigger names it: deploy changes no table, "
            "so switch on its stream (aws dynamodb update-table --stream-specification ...)"
        )
    return str(table["LatestStreamArn"])


def _polled(site: Site, trigger: StreamTrigger) -> mapping.Polled:
    failed = trigger.on_failure
    return mapping.Polled(
        _source(site, trigger),
        {
            "BatchSize": trigger.batch_size,
            "MaximumBatchingWindowInSeconds": trigger.window,
            "FunctionResponseTypes": mapping.reports(trigger.report_batch_item_failures),
            "Enabled": trigger.enabled,
        },
        {
            "ParallelizationFactor": trigger.parallelization_factor,
            "BisectBatchOnFunctionError": trigger.bisect_on_error,
            "MaximumRetryAttempts": trigger.maximum_retry_attempts,
            "MaximumRecordAgeInSeconds": trigger.maximum_record_age,
            "TumblingWindowInSeconds": trigger.tumbling_window,
            "DestinationConfig": {"OnFailure": {"Destination": failed}} if failed else {},
            "FilterCriteria": mapping.filters(trigger.filters),
        },
        {"StartingPosition": trigger.starting_position},
    )


def _plan(site: Site, function: Function, trigger: StreamTrigger) -> Iterator[Step]:
    yield from mapping.plan(site, function, _polled(site, trigger))


def _prune(site: Site, function: Function, _: object) -> Iterator[Step]:
    triggers: list[StreamTrigger] = [*function.triggers_of(KinesisTrigger)]
    triggers += function.triggers_of(DynamoDbTrigger)
    declared = {_source(site, trigger) for trigger in triggers}
    for service in ("kinesis", "dynamodb"):
        yield from mapping.prune(site, function, service, declared)


def _stop(site: Site, function: Function, _: object) -> Iterator[Step]:
    for service in ("kinesis", "dynamodb"):
        yield from mapping.stop(site, function, service)


def _foreign(site: Site, function: Function, trigger: StreamTrigger) -> Iterator[Step]:
    yield from mapping.foreign(site, function, _polled(site, trigger))


def _deployer(project: Project, names: Names) -> Iterator[Statement]:
    tables = project.triggers_of(DynamoDbTrigger)
    if tables:
        yield Statement(
            "Tables",
            ("dynamodb:DescribeTable",),
            once(names("dynamodb", f"table/{trigger.table}") for trigger in tables),
        )


def _role(site: Site, function: Function) -> Iterator[dict[str, Any]]:
    arn = site.aws.arn
    streams = [arn("kinesis", f"stream/{t.stream}") for t in function.triggers_of(KinesisTrigger)]
    if streams and not has_policy(function, _KINESIS):
        reading = actions("kinesis", f"{_READING} DescribeStreamSummary ListShards")
        yield allow("Streams", reading, streams)
        # Lambda asks for it before it makes the mapping.
        yield allow("ListStreams", ("kinesis:ListStreams",), [arn("kinesis", "stream/*")])
    tables = [
        arn("dynamodb", f"table/{trigger.table}/stream/*")
        for trigger in function.triggers_of(DynamoDbTrigger)
    ]
    if tables and not has_policy(function, _DYNAMODB):
        yield allow("Tables", actions("dynamodb", f"{_READING} ListStreams"), tables)


KIND = Kind(
    plan=_plan,
    prune=_prune,
    stop=_stop,
    deployer=_deployer,
    role=_role,
    foreign=_foreign,
)
