"""The deployer's policy: what a deployment calls, and no more.

Rule: an action is scoped to the project's own names where AWS can scope it. A test deploys, rolls
back and destroys, and checks every request against this document. What a trigger needs is in the
file of its kind.
"""

from collections.abc import Callable, Iterator
from typing import Any

from amazon_lambda_runtime.deploy.resources import log_group
from amazon_lambda_runtime.deploy.resources.triggers import kinds
from amazon_lambda_runtime.deploy.site import PROJECT_TAG
from amazon_lambda_runtime.project.declaration import Function, Project

from .purpose import narrow
from .statement import VERSION, Conditions, Names, Statement, actions, once

#: Why iam:PassRole is needed: AWS reports its absence in misleading words.
PASS_ROLE = (
    "Giving a function its role requires iam:PassRole on that role. Without it AWS says that the "
    "role cannot be assumed by Lambda (InvalidParameterValueException), though the role is there "
    "and its trust policy is right"
)


def document(project: Project, names: Names, purpose: str | None = None) -> dict[str, Any]:
    """Return the policy document for the deployer of the project, or for one of `PURPOSES` only."""
    allowed = [
        narrowed.document()
        for statement in statements(project, names)
        if (narrowed := narrow(statement, purpose)) is not None
    ]
    return {"Version": VERSION, "Statement": allowed}


def statements(project: Project, names: Names) -> Iterator[Statement]:
    """Yield what planning, deploying, invoking, rolling back and destroying the project needs."""
    yield Statement(
        "WhoAmI", ("sts:GetCallerIdentity", "ecr:GetAuthorizationToken", "tag:GetResources")
    )
    # For `doctor`: whether the deployer is allowed the rest.
    yield Statement(
        "MayI",
        ("iam:SimulatePrincipalPolicy",),
        tuple(names("iam", kind, region=False) for kind in ("user/*", "role/*")),
    )
    yield _repository(project, names)
    yield from _roles(project, names)
    yield from _functions(project, names)
    yield from _logs(project, names)
    yield from _former(project, names)
    yield from _looked_for(project, names)
    for kind in kinds():
        yield from kind.deployer(project, names)


def _repository(project: Project, names: Names) -> Statement:
    return Statement(
        "Repository",
        actions(
            "ecr",
            "CreateRepository DescribeRepositories DeleteRepository TagResource UntagResource "
            "ListTagsForResource DescribeImages BatchGetImage BatchDeleteImage "
            # The push, blob by blob, and what is asked before one.
            "BatchCheckLayerAvailability InitiateLayerUpload UploadLayerPart CompleteLayerUpload "
            "PutImage GetDownloadUrlForLayer "
            # So that Lambda may read the image.
            "GetRepositoryPolicy SetRepositoryPolicy "
            # What `doctor` warns of.
            "GetLifecyclePolicy",
        ),
        (names("ecr", f"repository/{project.repository}"),),
    )


def _roles(project: Project, names: Names) -> Iterator[Statement]:
    # A role of others may be in any path.
    roles = once(
        names("iam", f"role/{path}{function.role}", region=False)
        for path in ("", "*/")
        for function in project.functions
    )
    yield Statement(
        "Roles",
        actions(
            "iam",
            "GetRole CreateRole DeleteRole UpdateAssumeRolePolicy TagRole UntagRole "
            "ListAttachedRolePolicies DetachRolePolicy ListRolePolicies GetRolePolicy "
            "PutRolePolicy DeleteRolePolicy",
        ),
        roles,
    )
    bounds = sorted({f.permissions_boundary for f in project.functions if f.permissions_boundary})
    if bounds:
        yield Statement(
            "Boundaries",
            actions("iam", "PutRolePermissionsBoundary DeleteRolePermissionsBoundary"),
            roles,
        )
    policies = sorted({arn for function in project.functions for arn in function.policies})
    if policies:
        # A deployer that may attach any policy may do anything.
        yield Statement(
            "Policies",
            ("iam:AttachRolePolicy",),
            roles,
            {"ArnEquals": {"iam:PolicyARN": policies}},
        )
    yield Statement(
        "PassRole",
        ("iam:PassRole",),
        roles,
        {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
    )


def _functions(project: Project, names: Names) -> Iterator[Statement]:
    functions = _each(project, lambda f: names("lambda", f"function:{f.name}"))
    yield Statement(
        "Functions",
        actions(
            "lambda",
            "GetFunction GetFunctionConfiguration CreateFunction UpdateFunctionCode "
            "UpdateFunctionConfiguration DeleteFunction InvokeFunction ListTags TagResource "
            "UntagResource PublishVersion ListVersionsByFunction GetAlias CreateAlias UpdateAlias "
            "ListAliases GetFunctionConcurrency PutFunctionConcurrency "
            "DeleteFunctionConcurrency GetPolicy AddPermission RemovePermission "
            "GetFunctionUrlConfig CreateFunctionUrlConfig UpdateFunctionUrlConfig "
            "DeleteFunctionUrlConfig GetFunctionEventInvokeConfig PutFunctionEventInvokeConfig "
            "DeleteFunctionEventInvokeConfig GetProvisionedConcurrencyConfig "
            "PutProvisionedConcurrencyConfig DeleteProvisionedConcurrencyConfig",
        ),
        (*functions, *(f"{arn}:*" for arn in functions)),
    )
    keys = once(sorted({f.kms_key for f in project.functions if f.kms_key}))
    if keys:
        # Without Decrypt Lambda does not show the variables, and a plan could not compare them.
        yield Statement("Keys", actions("kms", "CreateGrant Encrypt Decrypt"), keys)
    # A clean-up asks of every function in the account whether it uses an image.
    yield Statement("ImagesInUse", ("lambda:GetFunction",), (names("lambda", "function:*"),))
    durable = [f for f in project.functions if f.durable is not None]
    if durable:
        arns = once(names("lambda", f"function:{each.name}") for each in durable)
        yield Statement(
            "Executions",
            actions(
                "lambda",
                "ListDurableExecutionsByFunction GetDurableExecution StopDurableExecution",
            ),
            (*arns, *(f"{arn}:*" for arn in arns)),
        )
    # AWS cannot scope these.
    yield Statement("LookAround", ("lambda:ListFunctions", "lambda:ListEventSourceMappings"))
    yield Statement(
        "Mappings",
        actions(
            "lambda",
            "CreateEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping "
            "DeleteEventSourceMapping",
        ),
        conditions={"ArnLike": {"lambda:FunctionArn": [f"{arn}*" for arn in functions]}},
    )
    yield Statement(
        "MappingTags",
        actions("lambda", "ListTags TagResource UntagResource"),
        (names("lambda", "event-source-mapping:*"),),
    )
    if any(function.subnets for function in project.functions):
        yield Statement(
            "Network", actions("ec2", "DescribeSecurityGroups DescribeSubnets DescribeVpcs")
        )


def _logs(project: Project, names: Names) -> Iterator[Statement]:
    groups = _each(project, lambda f: names("logs", f"log-group:{log_group.name(f)}"))
    yield Statement(
        "Logs",
        actions(
            "logs",
            "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy TagResource "
            "UntagResource ListTagsForResource DescribeLogStreams FilterLogEvents",
        ),
        (*groups, *(f"{arn}:*" for arn in groups)),
    )
    yield Statement("FindLogs", ("logs:DescribeLogGroups",))


def _former(project: Project, names: Names) -> Iterator[Statement]:
    """Yield what destroys functions that have left the project's file: they carry its tag."""
    ours: Conditions = {"StringEquals": {f"aws:ResourceTag/{PROJECT_TAG}": project.name}}
    yield Statement(
        "FormerFunctions",
        actions(
            "lambda",
            "GetFunctionConfiguration GetPolicy RemovePermission GetFunctionUrlConfig "
            "DeleteFunctionUrlConfig DeleteFunction",
        ),
        (names("lambda", "function:*"),),
        ours,
    )
    yield Statement(
        "FormerRoles",
        actions(
            "iam",
            "GetRole ListAttachedRolePolicies DetachRolePolicy ListRolePolicies DeleteRolePolicy "
            "DeleteRole",
        ),
        (names("iam", "role/*", region=False),),
        ours,
    )
    yield Statement(
        "FormerLogs",
        actions("logs", "ListTagsForResource DeleteLogGroup"),
        (names("logs", "log-group:*"),),
        ours,
    )


def _looked_for(project: Project, names: Names) -> Iterator[Statement]:
    """Yield what finds and ends what has left the table, of whatever kind it was."""
    # AWS cannot scope these; nor can tags be a condition of reading them.
    yield Statement(
        "LookForFormer",
        (
            *actions("iam", "ListRoles"),
            *actions("sqs", "ListQueues ListQueueTags"),
            *actions("sns", "ListTopics ListTagsForResource"),
            *actions("events", "ListEventBuses ListRules ListTagsForResource"),
            *actions("ecr", "DescribeRepositories ListTagsForResource"),
            *actions("elasticloadbalancing", "DescribeTargetGroups DescribeTags"),
            *actions("logs", "ListTagsForResource"),
            *actions("lambda", "ListTags"),
        ),
    )
    root = f"arn:{names.partition}:apigateway:{names.region}::"
    yield Statement(
        "LookForFormerApis", actions("apigateway", "GET"), (f"{root}/apis", f"{root}/restapis")
    )
    yield Statement(
        "FormerTriggers",
        (
            *actions(
                "lambda", "GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping"
            ),
            *actions(
                "events", "DescribeRule DisableRule ListTargetsByRule RemoveTargets DeleteRule"
            ),
            *actions(
                "sqs", "GetQueueUrl GetQueueAttributes ListDeadLetterSourceQueues DeleteQueue"
            ),
            *actions("sns", "GetTopicAttributes ListSubscriptionsByTopic Unsubscribe DeleteTopic"),
            *actions("ecr", "DescribeImages BatchDeleteImage DeleteRepository"),
            *actions("apigateway", "DELETE"),
        ),
        conditions={"StringEquals": {f"aws:ResourceTag/{PROJECT_TAG}": project.name}},
    )


def _each(project: Project, arn: Callable[[Function], str]) -> tuple[str, ...]:
    return once(arn(function) for function in project.functions)
