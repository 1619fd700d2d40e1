"""The least that a function must be allowed to do, from what it declares, with exact ARNs."""

from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.resources import log_group
from amazon_lambda_runtime.deploy.resources.triggers import kinds
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

from .statement import actions, allow, has_policy, once

_VPC = ("AWSLambdaVPCAccessExecutionRole", "AWSLambdaENIManagementAccess")
_TRACING = ("AWSXRayDaemonWriteAccess", "AWSXrayFullAccess")
# By the service of a destination.
_SENDS = {
    "sqs": ("Queues", "SendMessage"),
    "sns": ("Topics", "Publish"),
    "lambda": ("Functions", "InvokeFunction"),
    "events": ("Buses", "PutEvents"),
    "s3": ("Buckets", "PutObject"),
}
_LOGS = ("AWSLambdaBasicExecutionRole", "AWSLambdaSQSQueueExecutionRole", *_VPC)


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
    """Yield what sends asynchronous events that failed, and results, to where they go."""
    ends = once(
        arn
        for arn in (function.dead_letter, function.on_failure, function.on_success)
        if arn is not None
    )
    for service, (word, action) in _SENDS.items():
        arns = [arn for arn in ends if arn.split(":")[2] == service]
        if arns:
            objects = [f"{arn}/*" for arn in arns] if service == "s3" else arns
            yield allow(f"Results{word}", actions(service, action), objects)
