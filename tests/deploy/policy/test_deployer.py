"""`permissions` grants what a deployment calls, on what it calls it, and nothing that none does."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from amazon_lambda_runtime.deploy import deployment, destroy, doctor
from amazon_lambda_runtime.deploy.aws import Aws, Reply
from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.invoke import invoke
from amazon_lambda_runtime.deploy.log_events import lines
from amazon_lambda_runtime.deploy.plan import execute
from amazon_lambda_runtime.deploy.policy import deployer
from amazon_lambda_runtime.deploy.policy.statement import Names
from amazon_lambda_runtime.deploy.resources import release
from amazon_lambda_runtime.deploy.resources.role import TRUST
from amazon_lambda_runtime.deploy.site import Site
from tests.deploy.fake_aws import ACCOUNT, REGION
from tests.deploy.world import ALL, BASIC, ONE, READ_S3, World

# IAM's name of a service, and of an action, where it is not the API's.
SERVICES = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}
ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
}
LIVE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders:live"
# What making something with tags takes beside.
TAGGING = {
    "ecr": "ecr:TagResource",
    "elbv2": "elasticloadbalancing:AddTags",
    "events": "events:TagResource",
    "iam": "iam:TagRole",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "sns": "sns:TagResource",
    "sqs": "sqs:TagQueue",
}
# What is asked of the whole account.
LISTS = ("list_queues", "list_topics", "list_rules", "list_event_buses", "list_roles")
# Actions that no request of ours is named after, and what asks for them.
IMPLIED = {
    # The engine's push, request by request.
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetAuthorizationToken",
    # Lambda, on behalf of who makes or changes a function.
    "iam:PassRole",
    # doctor; the second of a queue that is not declared
    "iam:SimulatePrincipalPolicy",
    "lambda:GetFunctionConcurrency",
    # A listener takes a load balancer, and that a network.
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:CreateRule",
    "elasticloadbalancing:ModifyRule",
    "elasticloadbalancing:SetRulePriorities",
    "elasticloadbalancing:DeleteRule",
    # Of a function that has left the table.
    "events:DisableRule",
    "apigateway:DELETE",
    *TAGGING.values(),
}


@dataclass
class Asked:
    """A request: IAM's action, and the ARN that it is for, "*" where it has none."""

    action: str
    resource: str
    context: dict[str, str] = field(default_factory=dict)


class Recorder(Aws):
    """An AWS that writes down what it is asked."""

    asked: list[Asked]

    def send(self, service: str, operation: str, parameters: Reply) -> Reply:
        self.asked += requests(service, operation, parameters)
        return super().send(service, operation, parameters)


def requests(service: str, operation: str, parameters: Reply) -> Iterator[Asked]:
    """Yield what IAM is asked for one request."""
    if operation == "simulate_principal_policy":
        raise DeployError("moto does not know it")
    model = botocore.session.get_session().get_service_model(service)
    name = next(name for name in model.operation_names if xform_name(name) == operation)
    action = f"{SERVICES.get(service, service)}:{name}"
    action = ACTIONS.get(action, action)
    if service.startswith("apigateway"):
        action = f"apigateway:{model.operation_model(name).http['method']}"
    resource = arn(service, operation, parameters)
    context = {}
    if operation == "attach_role_policy":
        context["iam:PolicyARN"] = parameters["PolicyArn"]
    if "event_source_mapping" in operation:
        # Of a mapping that is there AWS knows it itself.
        context["lambda:FunctionArn"] = parameters.get("FunctionName", LIVE)
    yield Asked(action, resource, context)
    if parameters.get("Tags") or parameters.get("tags"):
        if operation == "create_event_source_mapping":
            resource = of("lambda", "event-source-mapping:1")
        yield Asked(TAGGING[service], resource)
    if operation in ("create_function", "update_function_configuration"):
        yield Asked(
            "iam:PassRole", parameters["Role"], {"iam:PassedToService": "lambda.amazonaws.com"}
        )


def of(service: str, resource: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def arn(service: str, operation: str, parameters: Reply) -> str:
    """Return the ARN that a request is for, from its parameters."""
    for key in ("TopicArn", "ResourceArn", "resourceArn", "ResourceARN", "Resource"):
        if key in parameters:
            return str(parameters[key])
    if operation in ("add_tags", "remove_tags"):
        return str(parameters["ResourceArns"][0])
    if "SubscriptionArn" in parameters:
        return str(parameters["SubscriptionArn"])
    if service.startswith("apigateway"):
        apis = "apis" if service == "apigatewayv2" else "restapis"
        return f"arn:aws:apigateway:{REGION}::/{apis}"
    if "DurableExecutionArn" in parameters:
        return str(parameters["DurableExecutionArn"])
    name = parameters.get("FunctionName", "")
    if operation in LISTS:
        return "*"
    if service == "lambda" and operation.startswith(
        ("list_functions", "list_event", "create_event")
    ):
        return "*"
    if service == "lambda" and "UUID" in parameters:
        return of("lambda", f"event-source-mapping:{parameters['UUID']}")
    if service == "lambda":
        whole = name if name.startswith("arn:") else of("lambda", f"function:{name}")
        qualifier = parameters.get("Qualifier")
        return f"{whole}:{qualifier}" if qualifier else whole
    if "RoleName" in parameters:
        return of("iam", f"role/{parameters['RoleName']}", "")
    if "repositoryNames" in parameters or "repositoryName" in parameters:
        name = parameters.get("repositoryName") or parameters["repositoryNames"][0]
        return of("ecr", f"repository/{name}")
    if service == "sqs":
        name = parameters.get("QueueName") or parameters["QueueUrl"].rpartition("/")[2]
        return of("sqs", name)
    if service == "sns":
        return of("sns", parameters["Name"])
    if service == "logs" and "logGroupName" in parameters:
        return of("logs", f"log-group:{parameters['logGroupName']}")
    if service == "events":
        return of("events", f"rule/{parameters.get('Rule') or parameters['Name']}")
    if service == "s3":
        return f"arn:aws:s3:::{parameters['Bucket']}"
    if service == "elbv2" and not operation.startswith("describe"):
        if "TargetGroupArn" in parameters:
            return str(parameters["TargetGroupArn"])
        return of("elasticloadbalancing", f"targetgroup/{parameters['Name']}/1")
    return "*"


def granted(document: dict[str, Any], asked: Asked, tags: dict[str, str]) -> bool:
    """Say whether IAM would allow it, for a resource with these tags."""
    context = {**asked.context, **{f"aws:ResourceTag/{key}": value for key, value in tags.items()}}
    for statement in document["Statement"]:
        resources = statement["Resource"]
        resources = [resources] if isinstance(resources, str) else resources
        if (
            asked.action in statement["Action"]
            and any(fnmatchcase(asked.resource, pattern) for pattern in resources)
            and all(
                any(fnmatchcase(context.get(key, ""), pattern) for pattern in listed(patterns))
                for condition in statement.get("Condition", {}).values()
                for key, patterns in condition.items()
            )
        ):
            return True
    return False


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def document(world: World, purpose: str | None = None) -> dict[str, Any]:
    names = Names("aws", REGION, ACCOUNT)
    return deployer.document(world.project(), names, purpose)


MORE = ALL.replace(
    "triggers = [",
    "triggers = [ { type = 'sns', topic = 'letters', filter_policy = '{\"a\": [1]}' },",
).replace("reserved_concurrency = 20", "reserved_concurrency = 20\nKEYS")
MORE = MORE.replace('repository = "orders"', 'repository = "orders"\ntags = { team = "x" }')
OF_ALIAS = "provisioned_concurrency = 2\nmaximum_retry_attempts = 1"
MORE, PLAIN = MORE.replace("KEYS", OF_ALIAS), MORE.replace("KEYS", "")
CHANGED = (
    PLAIN.replace("[1]", "[2]")
    .replace("team", "cost")
    .replace("reserved_concurrency = 20", "memory = 256\nretention = 0")
    .replace("hunter2", "hunter3")
    .replace("max_concurrency = 5, ", "batch_size = 5, visibility = 60, ")
    .replace('"shop"', '"store"')
    .replace("NONE", "AWS_IAM")
    .replace('target_group = "orders"', 'target_group = "orders", multi_value_headers = true')
    .replace('repository = "orders"', 'repository = "orders"\nkeep = 1')
)
LESS = """
[tool.lambda-runtime]
repository = "orders"
keep = 1
[tool.lambda-runtime.functions.orders]
tags = { team = "shop" }
"""
OTHER = """
[tool.lambda-runtime]
repository = "orders"
[tool.lambda-runtime.functions.bills]
"""


@pytest.mark.slow
def test_all_that_is_called_is_granted_and_nothing_else(world: World) -> None:
    """A whole life: each request is granted, and each action that is granted is called."""
    world.buckets("uploads")
    called: set[str] = set()
    allowed: set[str] = set()
    recorder = world.aws(Recorder)
    assert isinstance(recorder, Recorder)

    def hold(what: str, *also: dict[str, Any], purpose: str | None = None) -> None:
        """Hold what was asked since the last time against the documents."""
        now = document(world, purpose)
        for asked in recorder.asked:
            called.add(asked.action)
            ours = {"lambda-runtime:project": "orders"}
            assert any(granted(d, asked, ours) for d in (now, *also)), (what, asked)
        recorder.asked = []
        for statement in document(world)["Statement"]:
            allowed.update(statement["Action"])

    def deploy(what: str, *also: dict[str, Any]) -> None:
        deployment.deploy(world.project(), recorder, world.told, builder=world.images)
        hold(what, *also, purpose="deploy")

    recorder.asked = []
    policies = world.folder / "policies"
    policies.write_text(f"{BASIC}\n{READ_S3}\n")
    world.write(OTHER)
    deploy("the first")
    world.write(MORE)
    deploy("all triggers")
    before = document(world, "deploy")
    policies.write_text(f"{BASIC}\n")
    trust = json.dumps(TRUST).replace("lambda.", "ec2.")
    world.client("iam").update_assume_role_policy(RoleName="orders-role", PolicyDocument=trust)
    world.write(CHANGED)
    world.images.letter = "b"
    deploy("changes")
    world.images.letter = "c"
    deploy("a new image")
    site = Site(world.project(), recorder)
    release.rollback(site, site.project.functions[0], "2")
    invoke(recorder, "orders", b"{}", "live")
    list(lines(recorder, site.project.functions[0], since=0))
    hold("other commands")
    deployment.drift(world.project(), recorder, world.told)
    deployment.plan(world.project(), recorder, world.told, builder=world.images)
    hold("plan and diff", purpose="plan")
    doctor.examine(world.project(), recorder, str)
    hold("doctor")
    world.write(LESS)
    # To take a trigger away is granted by the document of the day on which it was declared.
    deploy("what is no longer declared", before)
    # moto cannot delete a function whose versions were deleted one by one: a new account.
    world.stand_in.reset()
    world.buckets("uploads")
    world.write(OTHER)
    deploy("the first, again")
    world.write(MORE)
    deploy("all triggers, again")
    execute(destroy.plan(Site(world.project(), recorder)), world.told)
    hold("the end", purpose="destroy")
    assert sorted(allowed - called - IMPLIED) == []


def test_durable_functions(world: World) -> None:
    """Their executions are asked for, watched and stopped; without one nothing of it is granted."""
    executions = {
        f"lambda:{each}DurableExecution{more}"
        for each, more in (("Get", ""), ("Stop", ""), ("List", "sByFunction"))
    }

    def granted_now(purpose: str | None = None) -> set[str]:
        statements = document(world, purpose)["Statement"]
        return {action for each in statements for action in each["Action"]} & executions

    world.write(ONE)
    assert granted_now() == set()
    (world.folder / "event.json").write_text("{}")
    world.write(f'{ONE}keep = 1\ndurable = true\npayload = "event.json"\n')
    assert granted_now() == granted_now("destroy") == executions
    assert granted_now("deploy") == executions - {"lambda:StopDurableExecution"}
    recorder = world.aws(Recorder)
    assert isinstance(recorder, Recorder)

    def hold(purpose: str) -> None:
        held = document(world, purpose)
        for asked in recorder.asked:
            assert granted(held, asked, {"lambda-runtime:project": "orders"}), asked
        recorder.asked = []

    recorder.asked = []
    for letter in "ab":
        world.images.letter = letter
        deployment.deploy(world.project(), recorder, world.told, builder=world.images)
        hold("deploy")
    deployment.plan(world.project(), recorder, world.told, builder=world.images)
    hold("plan")
    world.door.executions.add(of("lambda", "function:orders"), "2")
    execute(destroy.plan(Site(world.project(), recorder), stop_executions=True), world.told)
    hold("destroy")


def test_nothing_is_granted_on_everything_but_what_cannot_be_narrowed(world: World) -> None:
    """A star stands where AWS knows no narrower resource; no action has one."""
    world.write(ALL)
    for statement in document(world)["Statement"]:
        assert not any("*" in action for action in statement["Action"])
        if statement["Resource"] == "*" and "Condition" not in statement:
            assert all(
                re.match(r"\w+:(Get|List|Describe|Simulate)", action)
                for action in statement["Action"]
            )


def test_only_what_is_declared(world: World) -> None:
    """A project without triggers grants nothing of queues, topics, buckets, rules and balancers.

    But for what it has made before: to look for that, and what carries its tag.
    """
    world.write(OTHER)
    services = {
        action.partition(":")[0]
        for statement in document(world)["Statement"]
        if statement["Sid"] not in ("LookForFormer", "LookForFormerApis", "FormerTriggers")
        for action in statement["Action"]
    }
    assert services == {"ecr", "iam", "lambda", "logs", "sts", "tag"}


def test_network(world: World) -> None:
    """A function in a VPC takes a look at the network; a role without policies attaches none."""
    (world.folder / "policies").unlink()
    world.write(f"{OTHER}subnets = ['subnet-1']\nsecurity_groups = ['sg-1']\n")
    actions = {a for statement in document(world)["Statement"] for a in statement["Action"]}
    assert "ec2:DescribeSubnets" in actions
    assert "iam:AttachRolePolicy" not in actions


def test_only_the_listed_policies_may_be_attached(world: World) -> None:
    """Who may attach any policy to a role, and pass it, may do anything."""
    world.write(OTHER)
    for name, expected in ((BASIC, True), ("arn:aws:iam::aws:policy/AdministratorAccess", False)):
        asked = Asked(
            "iam:AttachRolePolicy", of("iam", "role/bills-role", ""), {"iam:PolicyARN": name}
        )
        assert granted(document(world), asked, {}) is expected


def test_command(world: World) -> None:
    """The command prints the document; without an account its ARNs are of any."""
    world.write(ALL)
    done = world.run("permissions", REGION=REGION)
    assert json.loads(done.stdout) == document(world)
    done = world.run("permissions", "--account", "210987654321")
    assert "arn:aws:iam::210987654321:role/orders-role" in done.stdout
    done = world.run("permissions", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert "arn:aws:iam::*:role/orders-role" in done.stdout
    assert "the account is unknown, so the ARNs have * in its place" in done.stderr
    world.write(OTHER)
    done = world.run("permissions", "--queue-name", "letters", REGION=REGION)
    assert f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters-dlq" in done.stdout
