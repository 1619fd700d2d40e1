"""What `destroy` plans and what it leaves, request by request."""

import dataclasses
import datetime
from typing import Any

import pytest

from amazon_lambda_runtime.deploy import destroy
from amazon_lambda_runtime.deploy.plan import execute
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import S3Trigger, SnsTrigger, SqsTrigger

from .canned import ACCOUNT, LIVE, OUR_TAGS, OURS, REGION, Canned, refused, site
from .world import Told

GROUP = "/aws/lambda/orders"


def pushed(letter: str, *tags: str) -> dict[str, Any]:
    """An image of ours, with these tags of others."""
    return {
        "imageDigest": f"sha256:{letter * 64}",
        "imageTags": [f"lambda-runtime.shop.{letter * 12}", *tags],
        "imagePushedAt": datetime.datetime(2026, 1, 1),
    }


def account(**more: Any) -> Canned:
    """An account with all that a project of one function has."""
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
    replies = {
        "lambda__get_function": {"Configuration": {}, "Tags": OURS},
        "logs__describe_log_groups": {"logGroups": [{"logGroupName": GROUP}]},
        "logs__list_tags_for_resource": {"tags": OURS},
        "sqs__get_queue_url": lambda **sent: {"QueueUrl": f"https://sqs/{sent['QueueName']}"},
        "sqs__list_queue_tags": lambda **sent: {
            "Tags": {**OURS, "lambda-runtime:table": "bills"}
            if sent["QueueUrl"].endswith("/bills")
            else OURS
        },
        "sns__get_topic_attributes": {"Attributes": {}},
        "sns__list_tags_for_resource": {"Tags": OUR_TAGS},
        "iam__get_role": {"Role": {"Tags": OUR_TAGS}},
        "iam__list_attached_role_policies": {"AttachedPolicies": [{"PolicyArn": "arn:p"}]},
        "iam__list_role_policies": {"PolicyNames": ["inline"]},
        "ecr__describe_repositories": {
            "repositories": [{"repositoryArn": "arn:r", "repositoryName": "shop"}]
        },
        "ecr__list_tags_for_resource": {"tags": OUR_TAGS},
        "ecr__describe_images": {"imageDetails": [pushed("a")]},
        "resourcegroupstaggingapi__get_resources": {
            "ResourceTagMappingList": [{"ResourceARN": function}]
        },
        **more,
    }
    return Canned(**replies)


TRIGGERS = (SqsTrigger("jobs"), SnsTrigger("news"), S3Trigger("b", via="sns", topic="more"))


def test_all_that_is_ours_goes() -> None:
    """Functions first, then queues and topics, then the role without its policies, the images."""
    aws = account()
    plan = destroy.plan(site(aws, *TRIGGERS))
    assert plan.notes == ()
    assert [step.what for step in plan.steps] == [
        "function orders",
        f"log group {GROUP}",
        "queue jobs",
        "queue jobs-dlq",
        "topic news",
        "topic more",
        "role orders-role and its policies",
        "repository shop and its images",
    ]
    assert aws.changes == []
    execute(plan, Told())
    assert aws.changes == [
        ("lambda:delete_function", {"FunctionName": "orders"}),
        ("logs:delete_log_group", {"logGroupName": GROUP}),
        ("sqs:delete_queue", {"QueueUrl": "https://sqs/jobs"}),
        ("sqs:delete_queue", {"QueueUrl": "https://sqs/jobs-dlq"}),
        ("sns:delete_topic", {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:news"}),
        ("sns:delete_topic", {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:more"}),
        ("iam:detach_role_policy", {"RoleName": "orders-role", "PolicyArn": "arn:p"}),
        ("iam:delete_role_policy", {"RoleName": "orders-role", "PolicyName": "inline"}),
        ("iam:delete_role", {"RoleName": "orders-role"}),
        (
            "ecr:batch_delete_image",
            {"repositoryName": "shop", "imageIds": [{"imageDigest": f"sha256:{'a' * 64}"}]},
        ),
        ("ecr:delete_repository", {"repositoryName": "shop"}),
    ]


def _untold(**sent: Any) -> Any:
    if sent["QueueUrl"].endswith("-dlq"):
        raise refused("AccessDenied")
    return {"queueUrls": []}


@pytest.mark.parametrize(
    ("name", "reply", "left"),
    [
        ("lambda:get_function", {"Configuration": {}, "Tags": {}}, "function orders"),
        ("logs:list_tags_for_resource", {"tags": {}}, f"log group {GROUP}"),
        ("sqs:list_queue_tags", {}, "queue jobs"),
        ("sns:list_tags_for_resource", {"Tags": []}, "topic news"),
        ("iam:get_role", {"Role": {}}, "role orders-role"),
        ("ecr:list_tags_for_resource", {}, "repository shop"),
    ],
)
def test_what_is_not_ours_stays(name: str, reply: Any, left: str) -> None:
    """It is named, and nothing of it is deleted."""
    aws = account()
    aws.replies[name] = reply
    plan = destroy.plan(site(aws, *TRIGGERS))
    assert f"{left} stays: it does not carry the tag of this project" in plan.notes
    assert not [step for step in plan.steps if step.what.startswith(left)]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("lambda:get_function", "ResourceNotFoundException"),
        ("logs:describe_log_groups", "ResourceNotFoundException"),
        ("sqs:get_queue_url", "AWS.SimpleQueueService.NonExistentQueue"),
        ("sns:get_topic_attributes", "NotFound"),
        ("iam:get_role", "NoSuchEntity"),
        ("ecr:describe_repositories", "RepositoryNotFoundException"),
    ],
)
def test_what_is_gone_is_not_told(name: str, code: str) -> None:
    """There is no step for it, and no note."""
    aws = account()
    before = len(destroy.plan(site(aws, *TRIGGERS)).steps)
    aws.replies[name] = refused(code)
    plan = destroy.plan(site(aws, *TRIGGERS))
    assert plan.notes == ()
    assert len(plan.steps) < before


def test_the_mappings_and_their_queues() -> None:
    """A mapping of ours goes, another is named; the queue that it polls goes too if it is ours."""
    live = {
        "UUID": "u",
        "EventSourceArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:old",
        "FunctionArn": LIVE,
    }
    aws = account(lambda__list_event_source_mappings={"EventSourceMappings": [live]})
    plan = destroy.plan(site(aws))
    assert [note for note in plan.notes if note.startswith("mapping of arn:aws:sqs")]
    assert "queue old" in [step.what for step in plan.steps]
    aws.replies["lambda:list_tags"] = {"Tags": OURS}
    plan = destroy.plan(site(aws))
    assert plan.notes == ()
    assert plan.steps[0].what == "mapping of queue old to orders"


def test_one_function_of_several() -> None:
    """What the others use stays, and the repository, and functions that have left the file."""
    aws = account()
    place = site(aws, *TRIGGERS)
    other = Function("bills", "orders-role", triggers=(SqsTrigger("jobs"), SnsTrigger("more")))
    project = dataclasses.replace(place.project, others=(other,), narrowed=True)
    plan = destroy.plan(dataclasses.replace(place, project=project))
    assert plan.notes == (
        "repository shop stays: it belongs to the whole project, and you destroy orders only",
    )
    assert [step.what for step in plan.steps] == [
        "function orders",
        f"log group {GROUP}",
        "topic news",
    ]
    assert "resourcegroupstaggingapi:get_resources" not in [name for name, _ in aws.sent]


def test_a_function_that_has_left_the_file() -> None:
    """It is found by its tag, and goes with its own role."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:former"
    aws = account(
        resourcegroupstaggingapi__get_resources={
            "ResourceTagMappingList": [
                {"ResourceARN": arn, "Tags": OUR_TAGS},
                {"ResourceARN": arn.replace("former", "orders")},
            ]
        },
        lambda__get_function_configuration={
            "FunctionName": "former",
            "Role": f"arn:aws:iam::{ACCOUNT}:role/path/former-role",
        },
    )
    found = [step.what for step in destroy.plan(site(aws)).steps]
    assert found[:2] == ["function orders", f"log group {GROUP}"]
    assert "function former" in found
    assert found.count("function orders") == 1
    assert "role former-role and its policies" in found
    asked = dict(aws.sent)["resourcegroupstaggingapi:get_resources"]
    assert asked["TagFilters"] == [{"Key": "lambda-runtime:project", "Values": ["shop"]}]
    aws.replies["lambda:get_function_configuration"] = refused("ResourceNotFoundException")
    assert "function former" not in [step.what for step in destroy.plan(site(aws)).steps]


def test_a_function_that_was_asked_for_by_name() -> None:
    """The table may have no other function: those that it has made before stay nevertheless."""
    aws = account()
    place = site(aws)
    project = dataclasses.replace(place.project, narrowed=True)
    plan = destroy.plan(dataclasses.replace(place, project=project))
    assert [step.what for step in plan.steps] == [
        "function orders",
        f"log group {GROUP}",
        "role orders-role and its policies",
    ]
    assert "resourcegroupstaggingapi:get_resources" not in [name for name, _ in aws.sent]
    aws.replies["lambda:list_functions"] = {"Functions": [stranger()]}
    plan = destroy.plan(dataclasses.replace(place, project=project))
    assert "role orders-role stays: it is used by function bills" in plan.notes


def stranger(**more: Any) -> dict[str, Any]:
    """A version of another project's function, with the role of ours."""
    return {
        "FunctionName": "bills",
        "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:bills:3",
        "Version": "3",
        "Role": f"arn:aws:iam::{ACCOUNT}:role/some/path/orders-role",
        "PackageType": "Image",
        **more,
    }


BILLS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:bills"
IN_SHOP = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop@sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("name", "reply", "left"),
    [
        (
            "lambda:list_functions",
            {"Functions": [stranger()]},
            "role orders-role stays: it is used by function bills",
        ),
        (
            "iam:get_role",
            {"Role": {"Tags": [*OUR_TAGS, {"Key": "lambda-runtime:policy:P", "Value": "books"}]}},
            "role orders-role stays: it is used by project books",
        ),
        (
            "ecr:describe_images",
            {
                "imageDetails": [
                    pushed("a", "image-" + "0" * 20),
                    pushed("b", "base"),
                    {"imageDigest": "sha256:c", "imagePushedAt": datetime.datetime(2026, 1, 1)},
                ]
            },
            "repository shop stays: it is used by 2 images that this project did not push",
        ),
        (
            "lambda:list_event_source_mappings",
            lambda **sent: {
                "EventSourceMappings": [{"UUID": "u", "FunctionArn": f"{BILLS}:live"}]
                if sent.get("EventSourceArn", "").endswith(":jobs")
                else []
            },
            "queue jobs stays: it is used by function bills:live",
        ),
        (
            "sqs:list_dead_letter_source_queues",
            lambda **sent: {
                "queueUrls": ["https://sqs/jobs", "https://sqs/bills"]
                if sent["QueueUrl"].endswith("-dlq")
                else []
            },
            "queue jobs-dlq stays: it is used by queue bills",
        ),
        (
            "sqs:list_dead_letter_source_queues",
            _untold,
            "queue jobs-dlq stays: it is used by queues that AWS does not tell of (AccessDenied)",
        ),
        (
            "sqs:get_queue_attributes",
            lambda **sent: {
                "Attributes": {"Policy": '{"Statement": [{"Sid": "bus"}]}'}
                if sent["QueueUrl"].endswith("/jobs")
                else {}
            },
            "queue jobs stays: it is used by statement 'bus' of its policy",
        ),
        (
            "sns:list_subscriptions_by_topic",
            lambda **sent: {
                "Subscriptions": [{"Endpoint": LIVE}, {"Endpoint": "me@example.com"}]
                if sent["TopicArn"].endswith(":news")
                else []
            },
            "topic news stays: it is used by subscriber me@example.com",
        ),
    ],
)
def test_what_others_use_stays(name: str, reply: Any, left: str) -> None:
    """Though it carries the project's tag: it is named, with who uses it."""
    aws = account()
    aws.replies[name] = reply
    plan = destroy.plan(site(aws, *TRIGGERS))
    assert plan.notes == (left,)
    what = left.partition(" stays")[0]
    assert not [step for step in plan.steps if f"{step.what} ".startswith(f"{what} ")]


@pytest.mark.parametrize("code", [{"Code": {"ImageUri": IN_SHOP}}, refused("AccessDenied")])
def test_a_repository_that_another_function_runs_from(code: Any) -> None:
    """It stays, and also if AWS refuses to tell which image that function has."""
    aws = account(lambda__list_functions={"Functions": [stranger(Role="arn:r/bills-role")]})
    ours = aws.replies["lambda:get_function"]

    def get_function(**sent: Any) -> Any:
        if (sent["FunctionName"], sent.get("Qualifier")) == ("bills", "3"):
            if isinstance(code, Exception):
                raise code
            return code
        return ours

    aws.replies["lambda:get_function"] = get_function
    plan = destroy.plan(site(aws))
    assert plan.notes == ("repository shop stays: it is used by function bills",)


def test_what_is_used_since_the_plan_stays() -> None:
    """Each thing is looked at again just before it is deleted."""
    aws = account()
    notes: list[str] = []
    aws.retry.note = notes.append
    plan = destroy.plan(site(aws))
    aws.replies["lambda:list_functions"] = {"Functions": [stranger()]}
    execute(plan, Told())
    assert "role orders-role stays: it is used by function bills" in notes
    assert "iam:delete_role" not in [name for name, _ in aws.sent]


def test_a_target_group_that_has_had_another_name() -> None:
    """Nothing but its tags tells of it: it is looked for, and goes with its rules."""
    arn = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/former/1"
    groups = [
        {"TargetGroupArn": arn, "TargetType": "lambda"},
        {"TargetGroupArn": arn.replace("former", "theirs"), "TargetType": "lambda"},
        {"TargetGroupArn": arn.replace("former", "web"), "TargetType": "ip"},
    ]

    def tags(**sent: Any) -> Any:
        theirs = [{"Key": "lambda-runtime:project", "Value": "other"}]
        return {
            "TagDescriptions": [
                {"ResourceArn": each, "Tags": OUR_TAGS if "former" in each else theirs}
                for each in sent["ResourceArns"]
            ]
        }

    aws = account(elbv2__describe_target_groups={"TargetGroups": groups}, elbv2__describe_tags=tags)
    plan = destroy.plan(site(aws))
    assert [step.what for step in plan.steps if step.kind == "target group"] == [
        "target group former"
    ]
    execute(plan, Told())
    assert ("elbv2:delete_target_group", {"TargetGroupArn": arn}) in aws.changes


def test_a_log_group_that_has_had_another_name() -> None:
    """One of a name of its own is found by its tag; that of others stays."""

    def tagged(**sent: Any) -> Any:
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
        groups = [{"ResourceARN": f"{arn}:{name}"} for name in ("former", "theirs:*")]
        asked = sent["ResourceTypeFilters"] == ["logs:log-group"]
        return {"ResourceTagMappingList": groups if asked else []}

    def tags(**sent: Any) -> Any:
        theirs = {"lambda-runtime:project": "other"}
        return {"tags": theirs if sent["resourceArn"].endswith("theirs") else OURS}

    aws = account(resourcegroupstaggingapi__get_resources=tagged, logs__list_tags_for_resource=tags)
    plan = destroy.plan(site(aws))
    assert [step.what for step in plan.steps if step.kind == "log group"] == [
        f"log group {GROUP}",
        "log group former",
    ]
    execute(plan, Told())
    assert ("logs:delete_log_group", {"logGroupName": "former"}) in aws.changes
