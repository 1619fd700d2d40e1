"""The least that a function must be allowed to do, from what it declares, with exact ARNs."""

from typing import Any

from amazon_lambda_runtime.deploy.resources.triggers import kinds
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

from .statement import actions, allow, has_policy

_VPC = ("AWSLambdaVPCAccessExecutionRole", "AWSLambdaENIManagementAccess")
_LOGS = ("AWSLambdaBasicExecutionRole", "AWSLambdaSQSQueueExecutionRole", *_VPC)


def statements(site: Site, function: Function) -> list[dict[str, Any]]:
    """Return the statements of the role's own policy: the declared ones, and the generated.

    What a managed policy of the role allows already is not generated.
    """
    found: list[dict[str, Any]] = [dict(statement) for statement in function.statements]
    if not has_policy(function, _LOGS):
        group = site.aws.arn("logs", f"log-group:/aws/lambda/{function.name}:*")
        found.append(allow("Logs", actions("logs", "CreateLogStream PutLogEvents"), [group]))
    for kind in kinds():
        found += kind.role(site, function)
    if function.subnets and not has_policy(function, _VPC):
        network = actions(
            "ec2",
            "CreateNetworkInterface DescribeNetworkInterfaces DescribeSubnets "
            "DeleteNetworkInterface AssignPrivateIpAddresses UnassignPrivateIpAddresses",
        )
        # EC2 has no narrower resource for a network interface that does not exist yet.
        found.append(allow("Network", network, ["*"]))
    return found
