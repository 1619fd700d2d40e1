"""The documents themselves, for one project: exact ARNs, exact actions."""

from typing import Any

import botocore.session
import pytest

from amazon_lambda_runtime.deploy.policy import deployer, role_statements
from amazon_lambda_runtime.deploy.policy.statement import Names, drop, put
from amazon_lambda_runtime.project.triggers import (
    AlbTrigger,
    DynamoDbTrigger,
    KinesisTrigger,
    RuleTrigger,
    S3Trigger,
    ScheduleTrigger,
    SnsTrigger,
    SqsTrigger,
    Trigger,
    UrlTrigger,
)
from tests.deploy.canned import ACCOUNT, REGION, Canned, site

BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
SQS = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
VPC = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
LISTENER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener/app/front/1/2"


def of(service: str, resource: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def resources(*triggers: Trigger, **fields: Any) -> dict[str, Any]:
    """Return the resources of each statement of the deployer's policy."""
    project = site(Canned(), *triggers, **fields).project
    document = deployer.document(project, Names("aws", REGION, ACCOUNT))
    assert document["Version"] == "2012-10-17"
    assert all(statement["Effect"] == "Allow" for statement in document["Statement"])
    return {statement["Sid"]: statement["Resource"] for statement in document["Statement"]}


def test_the_deployer_of_a_function_alone() -> None:
    """Each statement is of the project's own names, in their services' own ARNs."""
    function, group = of("lambda", "function:orders"), of("logs", "log-group:/aws/lambda/orders")
    # A role may be in any path.
    role = [of("iam", f"role/{path}orders-role", "") for path in ("", "*/")]
    assert resources() == {
        "WhoAmI": "*",
        "MayI": [of("iam", "user/*", ""), of("iam", "role/*", "")],
        "Repository": of("ecr", "repository/shop"),
        "Roles": role,
        "PassRole": role,
        "Functions": [function, f"{function}:*"],
        "ImagesInUse": of("lambda", "function:*"),
        "LookAround": "*",
        "Mappings": "*",
        "MappingTags": of("lambda", "event-source-mapping:*"),
        "Logs": [group, f"{group}:*"],
        "FindLogs": "*",
        "FormerFunctions": of("lambda", "function:*"),
        "FormerRoles": of("iam", "role/*", ""),
        # A log group may have had any name.
        "FormerLogs": of("logs", "log-group:*"),
        "LookForFormerApis": [
            f"arn:aws:apigateway:{REGION}::{path}" for path in ("/apis", "/restapis")
        ],
        # By the tag of the project.
        "FormerTriggers": "*",
        "LookForFormer": "*",
    }


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        (SqsTrigger("jobs"), {"Queues": [of("sqs", "jobs"), of("sqs", "jobs-dlq")]}),
        (S3Trigger("uploads"), {"Buckets": "arn:aws:s3:::uploads"}),
        (SnsTrigger("news"), {"Topics": [of("sns", "news"), of("sns", "news:*")]}),
        (
            S3Trigger("uploads", via="sns", topic="news"),
            {"Buckets": "arn:aws:s3:::uploads", "Topics": [of("sns", "news"), of("sns", "news:*")]},
        ),
        (RuleTrigger("r", "{}"), {"Rules": of("events", "rule/r")}),
        (RuleTrigger("r", "{}", bus="own"), {"Rules": of("events", "rule/own/r")}),
        (ScheduleTrigger("s", "rate(1 day)"), {"Rules": of("events", "rule/s")}),
        (
            AlbTrigger("group"),
            {
                "FindBalancers": "*",
                "Balancers": of("elasticloadbalancing", "targetgroup/group/*"),
            },
        ),
        (
            AlbTrigger("group", listener=LISTENER),
            {
                "FindBalancers": "*",
                "Balancers": [
                    of("elasticloadbalancing", "targetgroup/group/*"),
                    LISTENER,
                    f"{LISTENER.replace(':listener/', ':listener-rule/')}/*",
                ],
            },
        ),
        (UrlTrigger(), {}),
    ],
)
def test_the_deployer_of_a_trigger(trigger: Trigger, expected: dict[str, Any]) -> None:
    """A kind of trigger adds its statements, and no others."""
    found, plain = resources(trigger), resources()
    assert {sid: found[sid] for sid in found if sid not in plain} == expected


# IAM's name of a service or an action where it is not the API's, and what is IAM's alone.
SERVICES = {"elasticloadbalancing": "elbv2", "tag": "resourcegroupstaggingapi"}
RENAMED = {
    "lambda:InvokeFunction": "lambda:Invoke",
    "s3:GetBucketNotification": "s3:GetBucketNotificationConfiguration",
    "s3:PutBucketNotification": "s3:PutBucketNotificationConfiguration",
}


def test_every_action_is_one_of_aws() -> None:
    """Each is an operation of its service: a misspelled one would allow nothing."""
    triggers = (
        SqsTrigger("q"), S3Trigger("b"), SnsTrigger("t"), RuleTrigger("r", "{}"), AlbTrigger("g"),
    )  # fmt: skip
    project = site(Canned(), *triggers, policies=(BASIC,), subnets=("s",)).project
    document = deployer.document(project, Names("aws", REGION, ACCOUNT))
    actions = {action for statement in document["Statement"] for action in statement["Action"]}
    assert len(actions) > 100
    session = botocore.session.get_session()
    # API Gateway's actions are methods of HTTP.
    methods = {f"apigateway:{name}" for name in ("DELETE", "GET", "PATCH", "POST", "PUT")}
    for action in sorted(actions - methods - {"iam:PassRole"}):
        service, _, name = RENAMED.get(action, action).partition(":")
        model = session.get_service_model(SERVICES.get(service, service))
        assert name in model.operation_names, action


def test_the_deployer_of_policies_and_a_network() -> None:
    """Only listed policies may be attached, and only to be passed to Lambda."""
    assert "Network" in resources(subnets=("s",), security_groups=("g",))
    project = site(Canned(), policies=(SQS, BASIC)).project
    document = deployer.document(project, Names("aws", REGION, ACCOUNT))
    statements = {each["Sid"]: each for each in document["Statement"]}
    attach = statements["Policies"]
    assert attach["Condition"] == {"ArnEquals": {"iam:PolicyARN": sorted([BASIC, SQS])}}
    assert attach["Action"] == ["iam:AttachRolePolicy"]
    assert statements["PassRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}
    }
    assert statements["FormerRoles"]["Condition"] == {
        "StringEquals": {"aws:ResourceTag/lambda-runtime:project": "shop"}
    }
    assert statements["Mappings"]["Condition"] == {
        "ArnLike": {"lambda:FunctionArn": [of("lambda", "function:orders*")]}
    }


def generated(*triggers: Trigger, **fields: Any) -> list[dict[str, Any]]:
    place = site(Canned(), *triggers, **fields)
    return role_statements.statements(place, place.project.functions[0])


def test_the_role() -> None:
    """The declared statements first, then logs, queues and network, unless a policy has them."""
    own = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    network = {"subnets": ("s",), "security_groups": ("g",)}
    logs = {
        "Sid": "Logs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": of("logs", "log-group:/aws/lambda/orders:*"),
    }
    queue = {
        "Sid": "Queues",
        "Effect": "Allow",
        "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        "Resource": of("sqs", "jobs"),
    }
    found = generated(SqsTrigger("jobs"), statements=(own,), **network)
    assert found[:3] == [own, logs, queue]
    assert (found[3]["Sid"], found[3]["Resource"]) == ("Network", "*")
    both = generated(SqsTrigger("jobs"), SqsTrigger("more"), policies=(BASIC,))
    assert both == [{**queue, "Resource": [of("sqs", "jobs"), of("sqs", "more")]}]
    assert generated(SqsTrigger("jobs"), policies=(SQS,)) == []
    assert generated(SqsTrigger("jobs"), policies=(VPC,), **network) == [queue]
    assert generated(policies=(BASIC,), **network)[0]["Sid"] == "Network"


def test_a_statement_takes_the_place_of_its_namesake() -> None:
    """What has another Sid, or none, is not touched; nor is the document that was given."""
    policy = {"Version": "v", "Statement": [{"Sid": "a", "x": 1}, {"y": 2}, {"Sid": "b"}]}
    assert put(policy, {"Sid": "a", "x": 3}) == {
        "Version": "v",
        "Statement": [{"y": 2}, {"Sid": "b"}, {"Sid": "a", "x": 3}],
    }
    assert drop(policy, "b")["Statement"] == [{"Sid": "a", "x": 1}, {"y": 2}]
    assert len(policy["Statement"]) == 3


def test_what_the_keys_of_a_function_need() -> None:
    """Traces, the places for asynchronous results, a log group and a key of one's own."""
    queue, topic, bucket = of("sqs", "dead"), of("sns", "news"), "arn:aws:s3:::results"
    fields: dict[str, Any] = {
        "tracing": "Active",
        "dead_letter": queue,
        "on_failure": topic,
        "on_success": bucket,
        "log_group": "shared",
        "kms_key": of("kms", "key/1"),
        "permissions_boundary": BASIC,
    }
    place = site(Canned(), **fields)
    found = role_statements.statements(place, place.project.functions[0])
    allowed = {each["Sid"]: (each["Action"], each["Resource"]) for each in found}
    assert allowed["Traces"][1] == "*"
    assert allowed["ResultsQueues"] == (["sqs:SendMessage"], queue)
    assert allowed["ResultsTopics"] == (["sns:Publish"], topic)
    assert allowed["ResultsBuckets"] == (["s3:ListBucket", "s3:PutObject"], [bucket, f"{bucket}/*"])
    assert allowed["Logs"][1] == of("logs", "log-group:shared:*")
    granted = resources(**fields)
    assert granted["Keys"] == of("kms", "key/1")
    assert granted["Logs"][0] == of("logs", "log-group:shared")
    assert granted["Boundaries"] == granted["Roles"]
    # Without Decrypt a plan could not read the variables; it must not change the role.
    project = place.project
    reads = deployer.document(project, Names("aws", REGION, ACCOUNT), "plan")["Statement"]
    assert {"kms:Decrypt"} == {a for s in reads for a in s["Action"] if a.startswith("kms:")}
    assert "Boundaries" not in {each["Sid"] for each in reads}


def test_streams() -> None:
    """The role reads them and sends what failed; the deployer looks at the table."""
    queue, bucket = of("sqs", "dead"), "arn:aws:s3:::failed"
    declared = (
        KinesisTrigger(stream="clicks", on_failure=queue),
        DynamoDbTrigger(table="orders", on_failure=bucket),
    )
    place = site(Canned(), *declared)
    found = role_statements.statements(place, place.project.functions[0])
    allowed = {each["Sid"]: each["Resource"] for each in found}
    assert allowed["Streams"] == of("kinesis", "stream/clicks")
    assert allowed["ListStreams"] == of("kinesis", "stream/*")
    assert allowed["Tables"] == of("dynamodb", "table/orders/stream/*")
    assert allowed["ResultsQueues"] == queue
    assert allowed["ResultsBuckets"] == [bucket, f"{bucket}/*"]
    assert resources(*declared)["Tables"] == of("dynamodb", "table/orders")
    managed = tuple(
        f"arn:aws:iam::aws:policy/service-role/AWSLambda{name}ExecutionRole"
        for name in ("Kinesis", "DynamoDB")
    )
    place = site(Canned(), *declared, policies=managed)
    sids = {each["Sid"] for each in role_statements.statements(place, place.project.functions[0])}
    assert not sids & {"Streams", "ListStreams", "Tables"}
