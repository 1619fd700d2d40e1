"""The least that a function must be allowed to do, from what it declares, with exact ARNs."""

from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.resources import log_group
from amazon_lambda_runtime.deploy.resources.triggers import kinds
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import DynamoDbTrigger, KinesisTrigger

from .statement import actions, allow, has_policy, once

_VPC = ("AWSLambdaVPCAccessExecutionRole", "AWSLambdaENIManagementAccess")
_TRACING = ("AWSXRayDaemonWriteAccess", "AWSXrayFullAccess")
_DURABLE = ("AWSLambdaBasicDurableExecutionRolePolicy",)
# By the service of a destination.
_SENDS = {
    "sqs": ("Queues", "SendMessage"),
    "sns": ("Topics", "Publish"),
    "lambda": ("Functions", "InvokeFunction"),
    "events": ("Buses", "PutEvents"),
    "s3": ("Buckets", "ListBucket PutObject"),
}
_LOGS = (
    "AWSLambdaBasicExecutionRole", "AWSLambdaSQSQueueExecutionRole", *_DURABLE, *_VPC
)  # fmt: skip


def statements(site: Site, function: Function) -> list[dict[str, Any]]:
    """Return the statements of the role's own policy: the declared ones, and the generated.

    What a managed policy of the role allows already is not generated.
    """
    found: list[dict[str, Any]] = [dict(statement) for statement in function.statements]
    if not has_policy(function, _LOGS):
        group = site.aws.arn("logs", f"log-group:{log_group.name(function)}:*")
        found.append(allow("Logs", actions("logs", "CreateLogStream PutLogEvents"), [group]))
    for kind in kinds():
        found += kind.role(site, function)
    if function.tracing == "Active" and not has_policy(function, _TRACING):
        # X-Ray has no resource of its own.
        traces = actions("xray", "PutTraceSegments PutTelemetryRecords")
        found.append(allow("Traces", traces, ["*"]))
    found += _results(function)
    if function.durable is not None and not has_policy(function, _DURABLE):
        # An execution's ARN begins with that of its version.
        checkpoints = actions("lambda", "CheckpointDurableExecution GetDurableExecutionState")
        found.append(allow("Executions", checkpoints, [f"{site.function_arn(function)}:*"]))
    if function.subnets and not has_policy(function, _VPC):
        network = actions(
            "ec2",
            "CreateNetworkInterface DescribeNetworkInterfaces DescribeSubnets "
            "DeleteNetworkInterface AssignPrivateIpAddresses UnassignPrivateIpAddresses",
        )
        # EC2 has no narrower resource for a network interface that does not exist yet.
        found.append(allow("Network", network, ["*"]))
    return found


def _results(function: Function) -> Iterator[dict[str, Any]]:
    """Yield what sends events and records that failed, and results, to where they go."""
    streams = [*function.triggers_of(KinesisTrigger), *function.triggers_of(DynamoDbTrigger)]
    ends = [function.dead_letter, function.on_failure, function.on_success]
    named = once(arn for arn in (*ends, *(each.on_failure for each in streams)) if arn is not None)
    for service, (word, action) in _SENDS.items():
        arns = [arn for arn in named if arn.split(":")[2] == service]
        if arns:
            inside = [f"{arn}/*" for arn in arns] if service == "s3" else []
            yield allow(f"Results{word}", actions(service, action), [*arns, *inside])
