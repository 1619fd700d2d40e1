"""What the deployer of a project has to be allowed: what a deployment calls, and no more.

Rule: an action is scoped to the project's own names where AWS can scope it. A test deploys, rolls
back and destroys, and holds every request that was sent against this document.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from amazon_lambda_runtime.deploy.site import PROJECT_TAG
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.triggers import (
    AlbTrigger,
    RuleTrigger,
    S3Trigger,
    ScheduleTrigger,
    SnsTrigger,
    SqsTrigger,
)

Conditions = dict[str, dict[str, Any]]

#: Why `iam:PassRole`, whose absence AWS reports in the wrong words.
PASS_ROLE = (
    "To give a function its role takes iam:PassRole on that role. Without it AWS says that the "
    "role cannot be assumed by Lambda (InvalidParameterValueException), though the role is there "
    "and its trust policy is right"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """Actions that are allowed, on which resources, under which conditions."""

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    conditions: Conditions = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the statement as IAM spells it."""
        written: dict[str, Any] = {
            "Sid": self.name,
            "Effect": "Allow",
            "Action": sorted(self.actions),
            "Resource": self.resources[0] if len(self.resources) == 1 else list(self.resources),
        }
        if self.conditions:
            written["Condition"] = self.conditions
        return written


class Names:
    """ARNs in one account and region, without a question to AWS. `*` is any account."""

    def __init__(self, partition: str, region: str, account: str) -> None:
        self.partition, self.region, self.account = partition, region, account

    def __call__(self, service: str, resource: str, *, region: bool = True) -> str:
        place = self.region if region else ""
        return f"arn:{self.partition}:{service}:{place}:{self.account}:{resource}"


def document(project: Project, names: Names) -> dict[str, Any]:
    """Return the policy document for whoever deploys the project."""
    allowed = [statement.document() for statement in statements(project, names)]
    return {"Version": "2012-10-17", "Statement": allowed}


def statements(project: Project, names: Names) -> Iterator[Statement]:
    """Yield what it takes to plan, deploy, invoke, roll back and destroy the project."""
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
    for part in (_queues, _buckets, _topics, _rules, _balancers):
        yield from part(project, names)


def _repository(project: Project, names: Names) -> Statement:
    return Statement(
        "Repository",
        _actions(
            "ecr",
            "CreateRepository DescribeRepositories DeleteRepository TagResource "
            "ListTagsForResource DescribeImages BatchGetImage BatchDeleteImage "
            # The push, blob by blob, and what is asked before one.
            "BatchCheckLayerAvailability InitiateLayerUpload UploadLayerPart CompleteLayerUpload "
            "PutImage GetDownloadUrlForLayer "
            # So that Lambda may read the image.
            "GetRepositoryPolicy SetRepositoryPolicy",
        ),
        (names("ecr", f"repository/{project.repository}"),),
    )


def _roles(project: Project, names: Names) -> Iterator[Statement]:
    roles = _each(project, lambda f: names("iam", f"role/{f.role}", region=False))
    yield Statement(
        "Roles",
        _actions(
            "iam",
            "GetRole CreateRole DeleteRole UpdateAssumeRolePolicy TagRole UntagRole "
            "ListAttachedRolePolicies DetachRolePolicy ListRolePolicies GetRolePolicy "
            "PutRolePolicy DeleteRolePolicy",
        ),
        roles,
    )
    policies = sorted({arn for function in project.functions for arn in function.policies})
    if policies:
        # Whoever may attach any policy may do anything.
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
        _actions(
            "lambda",
            "GetFunction GetFunctionConfiguration CreateFunction UpdateFunctionCode "
            "UpdateFunctionConfiguration DeleteFunction InvokeFunction ListTags TagResource "
            "PublishVersion ListVersionsByFunction GetAlias CreateAlias UpdateAlias "
            "ListAliases GetFunctionConcurrency PutFunctionConcurrency "
            "DeleteFunctionConcurrency GetPolicy AddPermission RemovePermission "
            "GetFunctionUrlConfig CreateFunctionUrlConfig UpdateFunctionUrlConfig "
            "DeleteFunctionUrlConfig ",
        ),
        (*functions, *(f"{arn}:*" for arn in functions)),
    )
    # Which functions, of whomever, use an image that a clean-up would delete.
    yield Statement("ImagesInUse", ("lambda:GetFunction",), (names("lambda", "function:*"),))
    # AWS cannot scope these.
    yield Statement("LookAround", ("lambda:ListFunctions", "lambda:ListEventSourceMappings"))
    yield Statement(
        "Mappings",
        _actions(
            "lambda",
            "CreateEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping "
            "DeleteEventSourceMapping",
        ),
        conditions={"ArnLike": {"lambda:FunctionArn": [f"{arn}*" for arn in functions]}},
    )
    yield Statement(
        "MappingTags",
        ("lambda:ListTags", "lambda:TagResource"),
        (names("lambda", "event-source-mapping:*"),),
    )
    if any(function.subnets for function in project.functions):
        yield Statement(
            "Network", _actions("ec2", "DescribeSecurityGroups DescribeSubnets DescribeVpcs")
        )


def _logs(project: Project, names: Names) -> Iterator[Statement]:
    groups = _each(project, lambda f: names("logs", f"log-group:/aws/lambda/{f.name}"))
    yield Statement(
        "Logs",
        _actions(
            "logs",
            "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy TagResource "
            "ListTagsForResource DescribeLogStreams FilterLogEvents",
        ),
        (*groups, *(f"{arn}:*" for arn in groups)),
    )
    yield Statement("FindLogs", ("logs:DescribeLogGroups",))


def _former(project: Project, names: Names) -> Iterator[Statement]:
    """Yield what destroys functions that have left the project's file: they carry its tag."""
    ours: Conditions = {"StringEquals": {f"aws:ResourceTag/{PROJECT_TAG}": project.name}}
    yield Statement(
        "FormerFunctions",
        _actions(
            "lambda",
            "GetFunctionConfiguration GetPolicy RemovePermission GetFunctionUrlConfig "
            "DeleteFunctionUrlConfig DeleteFunction",
        ),
        (names("lambda", "function:*"),),
        ours,
    )
    yield Statement(
        "FormerRoles",
        _actions(
            "iam",
            "GetRole ListAttachedRolePolicies DetachRolePolicy ListRolePolicies DeleteRolePolicy "
            "DeleteRole",
        ),
        (names("iam", "role/*", region=False),),
        ours,
    )
    yield Statement(
        "FormerLogs",
        _actions("logs", "ListTagsForResource DeleteLogGroup"),
        (names("logs", "log-group:/aws/lambda/*"),),
        ours,
    )


def _queues(project: Project, names: Names) -> Iterator[Statement]:
    queues = _triggers(project, SqsTrigger)
    if queues:
        both = [name for queue in queues for name in (queue.queue, queue.dead_letter_queue)]
        yield Statement(
            "Queues",
            _actions(
                "sqs",
                "GetQueueUrl GetQueueAttributes CreateQueue SetQueueAttributes DeleteQueue "
                "ListQueueTags TagQueue ",
            ),
            _once(names("sqs", name) for name in both),
        )


def _buckets(project: Project, names: Names) -> Iterator[Statement]:
    buckets = _triggers(project, S3Trigger)
    if buckets:
        yield Statement(
            "Buckets",
            _actions("s3", "GetBucketNotification PutBucketNotification"),
            _once(f"arn:{names.partition}:s3:::{trigger.bucket}" for trigger in buckets),
        )


def _topics(project: Project, names: Names) -> Iterator[Statement]:
    topics = [trigger.topic for trigger in _triggers(project, SnsTrigger)]
    topics += [t.topic for t in _triggers(project, S3Trigger) if t.topic is not None]
    if topics:
        arns = _once(names("sns", topic) for topic in topics)
        yield Statement(
            "Topics",
            _actions(
                "sns",
                "GetTopicAttributes CreateTopic SetTopicAttributes DeleteTopic TagResource "
                "ListTagsForResource Subscribe ListSubscriptionsByTopic GetSubscriptionAttributes "
                "SetSubscriptionAttributes Unsubscribe",
            ),
            (*arns, *(f"{arn}:*" for arn in arns)),
        )


def _rules(project: Project, names: Names) -> Iterator[Statement]:
    rules = [
        f"rule/{trigger.rule}" if trigger.bus == "default" else f"rule/{trigger.bus}/{trigger.rule}"
        for trigger in _triggers(project, RuleTrigger)
    ]
    rules += [f"rule/{trigger.rule}" for trigger in _triggers(project, ScheduleTrigger)]
    if rules:
        yield Statement(
            "Rules",
            _actions(
                "events",
                "DescribeRule PutRule DeleteRule ListTargetsByRule PutTargets RemoveTargets "
                "ListTagsForResource TagResource ",
            ),
            _once(names("events", rule) for rule in rules),
        )


def _balancers(project: Project, names: Names) -> Iterator[Statement]:
    groups = _triggers(project, AlbTrigger)
    if not groups:
        return
    # AWS cannot scope these.
    yield Statement(
        "FindBalancers",
        _actions(
            "elasticloadbalancing",
            "DescribeTargetGroups DescribeTargetGroupAttributes DescribeTargetHealth "
            "DescribeListeners DescribeRules DescribeTags",
        ),
    )
    arns = [
        names("elasticloadbalancing", f"targetgroup/{trigger.target_group}/*") for trigger in groups
    ]
    listeners = [trigger.listener for trigger in groups if trigger.listener is not None]
    rules = [f"{arn.replace(':listener/', ':listener-rule/')}/*" for arn in listeners]
    yield Statement(
        "Balancers",
        _actions(
            "elasticloadbalancing",
            "CreateTargetGroup ModifyTargetGroupAttributes DeleteTargetGroup RegisterTargets "
            "AddTags CreateRule DeleteRule",
        ),
        _once([*arns, *listeners, *rules]),
    )


def _actions(service: str, words: str) -> tuple[str, ...]:
    return tuple(f"{service}:{word}" for word in words.split())


def _each(project: Project, arn: Callable[[Function], str]) -> tuple[str, ...]:
    return _once(arn(function) for function in project.functions)


def _triggers(project: Project, kind: type[Any]) -> list[Any]:
    return [t for function in project.functions for t in function.triggers if isinstance(t, kind)]


def _once(arns: Sequence[str] | Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(arns))
