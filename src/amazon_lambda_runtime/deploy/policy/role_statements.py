"""The least that a function must be allowed to do, from what it declares: exact ARNs, no stars."""

from typing import Any

from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import SqsTrigger

_LOGS = ("AWSLambdaBasicExecutionRole", "AWSLambdaSQSQueueExecutionRole")
_VPC = ("AWSLambdaVPCAccessExecutionRole", "AWSLambdaENIManagementAccess")
_SQS = ("AWSLambdaSQSQueueExecutionRole",)


def statements(site: Site, function: Function) -> list[dict[str, Any]]:
    """Return the statements of the role's own policy: the declared ones, and the generated."""
    found: list[dict[str, Any]] = [dict(statement) for statement in function.statements]
    if not _has(function, (*_LOGS, *_VPC)):
        group = site.aws.arn("logs", f"log-group:/aws/lambda/{function.name}:*")
        found.append(_allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], group))
    queues = [
        site.aws.arn("sqs", trigger.queue)
        for trigger in function.triggers
        if isinstance(trigger, SqsTrigger)
    ]
    if queues and not _has(function, _SQS):
        actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        found.append(_allow("Queues", actions, queues if len(queues) > 1 else queues[0]))
    if function.subnets and not _has(function, _VPC):
        actions = [
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ]
        # The one star: EC2 knows no narrower resource for a network interface yet to be made.
        found.append(_allow("Network", actions, "*"))
    return found


def _has(function: Function, names: tuple[str, ...]) -> bool:
    return any(arn.rpartition("/")[2] in names for arn in function.policies)


def _allow(sid: str, actions: list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
