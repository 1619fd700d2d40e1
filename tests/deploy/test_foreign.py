"""`diff` tells what is live and not declared, by AWS's names, and not what AWS sets itself."""

import json
from typing import Any

import botocore.session
import pytest

from amazon_lambda_runtime.deploy import deployment
from amazon_lambda_runtime.deploy.plan import Plan
from amazon_lambda_runtime.deploy.resources import (
    configuration,
    foreign_policies,
    log_group,
    release,
)
from amazon_lambda_runtime.deploy.resources import triggers as kinds
from amazon_lambda_runtime.deploy.resources.foreign import settings
from amazon_lambda_runtime.deploy.resources.role import TRUST
from amazon_lambda_runtime.project.triggers import (
    ScheduleTrigger,
    SnsTrigger,
    SqsTrigger,
)

from .canned import ACCOUNT, LIVE, OUR_TAGS, OURS, REGION, Canned, site, steps
from .world import ALL, READ_S3, World

TRUSTS = json.dumps(TRUST)


def drift(world: World) -> Plan:
    return deployment.drift(world.project(), world.aws(), world.told)


def test_what_a_deployment_makes_is_not_foreign(world: World) -> None:
    """Each kind of trigger, right after it was made."""
    world.buckets("uploads")
    world.write(ALL)
    world.deploy()
    assert [str(step) for step in drift(world).steps] == []


def test_what_was_set_by_hand(world: World) -> None:
    """Each is one line, exit status 1 by being a step, and a deployment leaves it."""
    world.buckets("uploads")
    world.write(ALL)
    world.deploy()
    of = world.client
    iam, lambdas = of("iam"), of("lambda")
    iam.attach_role_policy(RoleName="orders-role", PolicyArn=READ_S3)
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="orders-role", PolicyName="hand", PolicyDocument=document)
    trust = json.loads(TRUSTS)
    trust["Statement"].append({**trust["Statement"][0], "Principal": {"AWS": ACCOUNT}})
    iam.update_assume_role_policy(RoleName="orders-role", PolicyDocument=json.dumps(trust))
    arn = lambdas.get_function(FunctionName="orders")["Configuration"]["FunctionArn"]
    lambdas.tag_resource(Resource=arn, Tags={"cost": "me"})
    lambdas.add_permission(
        FunctionName="orders", Qualifier="live", StatementId="hand", Principal="s3.amazonaws.com",
        Action="lambda:InvokeFunction",
    )  # fmt: skip
    of("events").put_rule(
        Name="orders-clock", ScheduleExpression="rate(5 minutes)", Description="by hand"
    )
    of("events").put_targets(Rule="orders-rule", Targets=[{"Id": "hand", "Arn": arn}])
    plan = drift(world)
    assert sorted(str(step) for step in plan.steps) == [
        "foreign Description of rule orders-clock: by hand is not declared",
        "foreign inline policy of role orders-role: hand is not declared",
        'foreign permission hand of orders: {"Service": "s3.amazonaws.com"} is not declared',
        f"foreign policy of role orders-role: {READ_S3} is not declared",
        "foreign tag cost of function orders: me is not declared",
        f"foreign target hand of rule orders-rule: {arn} is not declared",
        "foreign trust of role orders-role: "
        + json.dumps(trust["Statement"][1], sort_keys=True)
        + " is not declared",
    ]
    world.deploy()
    assert drift(world) == plan


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("Layers", [{"Arn": "arn:l"}], '[{"Arn": "arn:l"}]'),
        ("FileSystemConfigs", [{"Arn": "a"}], '[{"Arn": "a"}]'),
        ("ImageConfig", {"Command": ["c"], "EntryPoint": ["/e"]}, '{"EntryPoint": ["/e"]}'),
        ("ImageConfig", {"WorkingDirectory": "/w"}, '{"WorkingDirectory": "/w"}'),
        ("VpcConfig", {"VpcId": "v", "SubnetIds": ["s"], "Ipv6AllowedForDualStack": True},
         '{"Ipv6AllowedForDualStack": true}'),
    ],
)  # fmt: skip
def test_the_configuration(key: str, value: Any, told: str) -> None:
    """What is set; what AWS gives back where nothing was set, or null, or empty, is not."""
    place = site(Canned())
    wanted = place.project.functions[0]
    live = {"ImageConfigResponse": {"ImageConfig": value}} if key == "ImageConfig" else {key: value}
    found = steps(configuration.foreign(place, wanted, live))
    assert found == [f"foreign {key} of function orders: {told} is not declared"]
    usual = {
        "TracingConfig": {"Mode": "PassThrough"},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/orders"},
        "VpcConfig": {"VpcId": "", "SubnetIds": [], "Ipv6AllowedForDualStack": False},
        "DeadLetterConfig": None,
        "Layers": [],
    }
    assert steps(configuration.foreign(place, wanted, usual)) == []


def test_all_that_can_be_configured_is_compared() -> None:
    """Each setting of UpdateFunctionConfiguration, also those that AWS will add to it."""
    model = botocore.session.get_session().get_service_model("lambda")
    shape = model.operation_model("UpdateFunctionConfiguration").input_shape
    assert shape is not None
    members = set(shape.members)
    place = site(Canned())
    wanted = place.project.functions[0]
    declared = {"Role", "Description", "Timeout", "MemorySize", "Environment", "EphemeralStorage"}
    declared.add("KMSKeyArn")
    live = {member: {"Set": 1} for member in members}
    # No settings of a function that is an image.
    apart = {"FunctionName", "RevisionId", "Handler", "Runtime", "ImageConfig"}
    found = " ".join(steps(configuration.foreign(place, wanted, live)))
    for member in members - declared - apart:
        assert f"{member} of function orders" in found, member


def test_what_is_declared_is_not_foreign() -> None:
    """A part of a setting may be declared, and another not; an empty one says: there is none."""
    usual = {"Cors": {}, "Mode": "A", "Log": {"Level": "INFO"}}
    live = {"Cors": {"Origins": ["*"], "MaxAge": 5}, "Mode": "B", "Log": {"Level": "INFO"}}

    def found(declared: dict[str, Any]) -> list[str]:
        return steps(settings("url", "URL", live, declared, usual))

    assert len(found({})) == 2
    assert found({"Mode": "A", "Cors": {"Origins": ["a"]}}) == [
        'foreign Cors of URL: {"MaxAge": 5} is not declared'
    ]
    assert found({"Mode": "A", "Cors": {}}) == []


def test_traffic() -> None:
    """A share of the alias, and a setting that only the live version has."""
    aws = Canned(
        lambda__get_alias={
            "FunctionVersion": "2",
            "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.25}},
        },
        lambda__list_versions_by_function={
            "Versions": [
                {"Version": "1", "Layers": [{"Arn": "old"}]},
                {"Version": "2", "Layers": [{"Arn": "arn:l"}]},
            ]
        },
    )
    place = site(aws)
    assert steps(release.foreign_traffic(place, place.project.functions[0])) == [
        "foreign traffic of alias orders:live: 25% to version 1 is not declared",
        'foreign Layers of function orders: [{"Arn": "arn:l"}] is not declared',
    ]
    assert steps(release.foreign_traffic(site(Canned()), place.project.functions[0])) == []


def test_a_role_of_others_is_their_matter() -> None:
    """Only of a role with the project's tag; what we attached for other functions is known."""
    role = {"Tags": OUR_TAGS, "AssumeRolePolicyDocument": TRUSTS, "MaxSessionDuration": 7200}
    aws = Canned(
        iam__get_role={"Role": role},
        iam__list_role_policies={"PolicyNames": ["lambda-runtime-orders", "hand"]},
    )
    place = site(aws)
    found = steps(foreign_policies.of_role(place, place.project.functions[0]))
    assert found == [
        "foreign inline policy of role orders-role: hand is not declared",
        "foreign MaxSessionDuration of role orders-role: 7200 is not declared",
    ]
    role["Tags"] = []
    assert steps(foreign_policies.of_role(place, place.project.functions[0])) == []


MAPPING = {
    "UUID": "u",
    "EventSourceArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs",
    "FunctionArn": LIVE,
    "KMSKeyArn": "k",
    "DestinationConfig": {"OnFailure": {}},
}


@pytest.mark.parametrize(
    ("trigger", "replies", "found"),
    [
        (
            SqsTrigger("jobs"),
            {
                "lambda__list_event_source_mappings": {"EventSourceMappings": [MAPPING]},
                "lambda__list_tags": {"Tags": OURS},
                "sqs__get_queue_url": lambda **sent: {"QueueUrl": f"https://{sent['QueueName']}"},
                "sqs__list_queue_tags": {"Tags": OURS},
                "sqs__get_queue_attributes": lambda **sent: {
                    "Attributes": {
                        "DelaySeconds": "7",
                        "RedrivePolicy": "r",
                        "Policy": '{"Statement": [{"Sid": "x"}]}',
                    }
                },
            },
            [
                "DelaySeconds of queue jobs: 7",
                "policy of queue jobs: statement 'x'",
                "DelaySeconds of queue jobs-dlq: 7",
                "RedrivePolicy of queue jobs-dlq: r",
                "policy of queue jobs-dlq: statement 'x'",
                "KMSKeyArn of mapping of queue jobs to orders: k",
            ],
        ),
        (
            SnsTrigger("news"),
            {
                "sns__list_subscriptions_by_topic": {
                    "Subscriptions": [{"Endpoint": LIVE, "SubscriptionArn": "s"}]
                },
                "sns__get_subscription_attributes": {"Attributes": {"RawMessageDelivery": "true"}},
                "sns__get_topic_attributes": {"Attributes": {"KmsMasterKeyId": "k"}},
                "sns__list_tags_for_resource": {"Tags": OUR_TAGS},
            },
            [
                "RawMessageDelivery of subscription of orders to topic news: true",
                "KmsMasterKeyId of topic news: k",
            ],
        ),
        (
            ScheduleTrigger("clock", "rate(1 day)"),
            {
                "events__describe_rule": {"RoleArn": "arn:r", "ScheduleExpression": "x"},
                "events__list_targets_by_rule": {
                    "Targets": [{"Id": "lambda-runtime-bills", "Arn": "a"}, {"Id": "i", "Arn": "b"}]
                },
            },
            ["RoleArn of rule clock: arn:r", "target i of rule clock: b"],
        ),
    ],
)
def test_triggers(trigger: Any, replies: dict[str, Any], found: list[str]) -> None:
    """What a trigger uses; nothing of what is not there, and nothing of what is not ours."""
    place = site(Canned(**replies), trigger)
    wanted = place.project.functions[0]
    assert steps(kinds.foreign(place, wanted)) == [f"foreign {x} is not declared" for x in found]
    assert steps(kinds.foreign(site(Canned(), trigger), wanted)) == []


def test_others() -> None:
    """Statements of the repository's policy, and the key of the log group; only of ours."""
    aws = Canned(
        ecr__describe_repositories={"repositories": [{"repositoryArn": "r"}]},
        ecr__list_tags_for_resource={"tags": OUR_TAGS},
        ecr__get_repository_policy={"policyText": '{"Statement": [{"Sid": "hand"}]}'},
        logs__describe_log_groups={
            "logGroups": [{"logGroupName": "/aws/lambda/orders", "kmsKeyId": "k"}]
        },
        logs__list_tags_for_resource={"tags": OURS},
    )
    place = site(aws)
    wanted = place.project.functions[0]
    assert steps(foreign_policies.of_repository(place)) == [
        "foreign policy of repository shop: hand is not declared"
    ]
    assert steps(log_group.foreign_settings(place, wanted)) == [
        "foreign kmsKeyId of log group /aws/lambda/orders: k is not declared"
    ]
    aws.replies["ecr:list_tags_for_resource"] = {"tags": []}
    aws.replies["logs:list_tags_for_resource"] = {"tags": {}}
    assert steps(foreign_policies.of_repository(place)) == []
    assert steps(log_group.foreign_settings(place, wanted)) == []
