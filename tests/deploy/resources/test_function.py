"""The function, its role, its log group and its releases, request by request."""

import datetime
import json
from collections.abc import Iterator
from typing import Any

import pytest

from amazon_lambda_runtime.deploy.errors import AwsError, DeployError
from amazon_lambda_runtime.deploy.plan import Note, Plan, Step
from amazon_lambda_runtime.deploy.resources import (
    cleanup,
    function,
    labels,
    log_group,
    record,
    release,
    repository,
    role,
)
from amazon_lambda_runtime.deploy.site import Site
from tests.deploy.canned import ACCOUNT, OUR_TAGS, OURS, REGION, Canned, refused, run, site, steps

DIGEST = f"sha256:{'a' * 64}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/orders-role"
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
CONFIGURATION = {
    "Role": ROLE,
    "MemorySize": 128,
    "Timeout": 10,
    "CodeSha256": "a" * 64,
    "State": "Active",
    "LastUpdateStatus": "Successful",
}


JSON = {
    "LogFormat": "JSON",
    "LogGroup": "/aws/lambda/orders",
    "ApplicationLogLevel": "INFO",
    "SystemLogLevel": "INFO",
}


# Whatever may be set, this table has set once.
TAGS = {**OURS, record.TAG: record.text(record.ALL)}


def live(**changes: Any) -> dict[str, Any]:
    configuration = {**CONFIGURATION, **changes}
    return {
        "lambda__get_function": {"Configuration": configuration, "Tags": TAGS},
        "lambda__list_tags": {"Tags": TAGS},
        "lambda__get_function_configuration": configuration,
    }


def planned(place: Site) -> list[str]:
    return steps(step for step in as_recorded(place) if "record of settings" not in str(step))


def as_recorded(place: Site) -> Iterator[Step | Note]:
    return function.plan(place, record.known(place, place.project.functions[0]))


def test_a_new_function() -> None:
    """It is made by digest, with our tag, and waited for."""
    aws = Canned(
        lambda__get_function_configuration=[{"State": "Pending"}, CONFIGURATION],
        iam__get_role=refused("NoSuchEntity"),
    )
    place = site(
        aws,
        digest=DIGEST,
        handler="orders.handler",
        environment={"A": "1"},
        tags={"team": "x"},
        reserved_concurrency=5,
        subnets=("s-1",),
        security_groups=("g-1",),
    )
    assert planned(place) == [
        "create function orders: it does not exist yet",
        "update reserved concurrency of function orders: none → 5",
    ]
    run(function.plan(place, place.project.functions[0]))
    made, named, reserved, _ = aws.changes
    assert named[1]["Tags"] == {record.TAG: "reserved_concurrency"}
    assert made == (
        "lambda:create_function",
        {
            "FunctionName": "orders",
            "PackageType": "Image",
            "Code": {"ImageUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop@{DIGEST}"},
            "Architectures": ["x86_64"],
            "Tags": {
                "team": "x",
                **OURS,
                labels.RECORD: labels.of_keys(["team"]),
                record.TAG: "reserved_concurrency",
            },
            "Role": ROLE,
            "MemorySize": 128,
            "Timeout": 10,
            "Description": "",
            "EphemeralStorage": {"Size": 512},
            "Environment": {"Variables": {"A": "1"}},
            "ImageConfig": {"Command": ["orders.handler"]},
            "VpcConfig": {"SubnetIds": ["s-1"], "SecurityGroupIds": ["g-1"]},
        },
    )
    assert reserved[1]["ReservedConcurrentExecutions"] == 5
    assert aws.now > 0


@pytest.mark.parametrize(
    ("changes", "fields", "change"),
    [
        ({}, {}, None),
        ({"Role": f"{ROLE}-2"}, {}, "role orders-role-2 → orders-role"),
        ({"MemorySize": 256}, {}, "memory 256 → 128"),
        ({"Timeout": 3}, {}, "timeout 3 → 10"),
        ({"Description": "x"}, {}, "description x → none"),
        ({"EphemeralStorage": {"Size": 1024}}, {}, "ephemeral storage 1024 → 512"),
        ({"EphemeralStorage": None}, {"ephemeral_storage": 512}, None),
        ({"ImageConfigResponse": {"ImageConfig": {"Command": ["a.b"]}}}, {}, "handler a.b → none"),
        ({"ImageConfigResponse": {}}, {"handler": "a.b"}, "handler none → a.b"),
        (
            {"VpcConfig": {"SubnetIds": ["b", "a"], "SecurityGroupIds": ["g"]}},
            {"subnets": ("a", "b"), "security_groups": ("g",)},
            None,
        ),
        ({"VpcConfig": {"SubnetIds": ["a"]}}, {}, "subnets a → none"),
        ({"VpcConfig": {"SecurityGroupIds": ["g"]}}, {}, "security groups g → none"),
        ({"Environment": {"Variables": {"A": "1"}}}, {}, "variable A removed"),
        ({}, {"environment": {"A": "1"}}, "variable A added"),
        (
            {"Environment": {"Variables": {"A": "1"}}},
            {"environment": {"A": "2"}},
            "variable A changed",
        ),
        ({"Environment": {"Variables": {"A": "1"}}}, {"environment": {"A": "1"}}, None),
        ({"TracingConfig": {"Mode": "Active"}}, {}, "tracing Active → PassThrough"),
        ({"DeadLetterConfig": {"TargetArn": "arn:q"}}, {}, "dead letter arn:q → none"),
        ({"DeadLetterConfig": None, "KMSKeyArn": None, "SnapStart": None}, {}, None),
        ({"KMSKeyArn": "arn:k"}, {}, "KMS key arn:k → none"),
        ({"KMSKeyArn": "arn:k"}, {"kms_key": "arn:k"}, None),
        (
            {"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}},
            {},
            "SnapStart PublishedVersions → None",
        ),
        ({"LoggingConfig": JSON}, {}, "log format JSON → Text"),
        ({"LoggingConfig": JSON}, {"log_format": "JSON"}, None),
        (
            {"LoggingConfig": {**JSON, "ApplicationLogLevel": "WARN"}},
            {},
            "log format JSON → Text; log level WARN → none",
        ),
        (
            {"LoggingConfig": JSON},
            {"log_format": "JSON", "system_log_level": "WARN"},
            "system log level INFO → WARN",
        ),
        (
            {"LoggingConfig": {"LogFormat": "Text", "LogGroup": "g"}},
            {},
            "log group g → /aws/lambda/orders",
        ),
        ({"LoggingConfig": {"LogFormat": "Text", "LogGroup": "g"}}, {"log_group": "g"}, None),
    ],
)
def test_a_configuration_that_differs(changes: Any, fields: Any, change: str | None) -> None:
    """Each value that differs is told; of a variable only the name."""
    aws = Canned(**live(**changes))
    place = site(aws, digest=DIGEST, **fields)
    expected = [f"update configuration of function orders: {change}"] if change else []
    assert planned(place) == expected
    run(step for step in as_recorded(place) if "record of settings" not in str(step))
    names = [name for name, _ in aws.changes]
    assert names == (["lambda:update_function_configuration"] if change else [])


@pytest.mark.parametrize(
    ("changes", "digest", "change"),
    [
        ({"CodeSha256": "b" * 64}, DIGEST, f"image {'b' * 12} → {'a' * 12}"),
        ({}, None, "the image is built first"),
        ({"Architectures": ["arm64"]}, DIGEST, "architecture arm64 → x86_64"),
    ],
)
def test_code_that_differs(changes: Any, digest: str | None, change: str) -> None:
    """An image is compared by its digest."""
    place = site(Canned(**live(**changes)), digest=digest)
    assert planned(place) == [f"update code of function orders: {change}"]


def test_tags_and_concurrency() -> None:
    """Tags of others stay; a reservation that is no longer declared goes."""
    aws = Canned(**live())
    aws.replies["lambda:get_function"]["Concurrency"] = {"ReservedConcurrentExecutions": 5}
    aws.replies["lambda:get_function"]["Tags"] = {**TAGS, "a": "1", "other": "x"}
    place = site(aws, digest=DIGEST, tags={"a": "1", "b": "2"})
    assert planned(place) == ["update reserved concurrency of function orders: 5 → none"]
    orders = place.project.functions[0]
    assert steps(function.plan_labels(place, orders)) == ["update tags of function orders: b"]
    run([*function.plan_labels(place, orders), *as_recorded(place)])
    tagged, freed, settled = aws.changes
    assert tagged[1]["Tags"] == {"b": "2", labels.RECORD: labels.of_keys(["a", "b"])}
    assert freed[0] == "lambda:delete_function_concurrency"
    assert "reserved_concurrency" not in settled[1]["Tags"][record.TAG]


def test_a_function_of_another_project() -> None:
    """It is an error that names the project, and how to hand it over."""
    aws = Canned(**live())
    aws.replies["lambda:get_function"]["Tags"] = {"lambda-runtime:project": "other"}
    with pytest.raises(
        DeployError, match=r"belongs to project 'other'.*lambda-runtime:project=shop"
    ):
        planned(site(aws, digest=DIGEST))


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ([{"State": "Inactive", "LastUpdateStatus": "Successful"}], None),
        ([{}], None),
        ([{"State": "Failed", "StateReason": "why"}], "function orders failed: why"),
        (
            [{"LastUpdateStatus": "Failed", "LastUpdateStatusReasonCode": "C"}],
            "the update of function orders failed: C",
        ),
        ([{"State": "Failed"}], "function orders failed: AWS gives no reason"),
        ([{"State": "Pending"}], "still not ready after 600 seconds (Pending, AWS gives no reason"),
        ([{"LastUpdateStatus": "InProgress"}], "still not ready after 600 seconds (InProgress"),
    ],
)
def test_wait(states: Any, message: str | None) -> None:
    """Active and inactive are ready, failed never will be, and all else is bounded."""
    aws = Canned(lambda__get_function_configuration=states)
    place = site(aws)
    if message is None:
        function.wait(place, place.project.functions[0])
        assert aws.now == 0
        return
    with pytest.raises(DeployError) as caught:
        function.wait(place, place.project.functions[0])
    assert message in str(caught.value)


# --- role


def role_of(**more: Any) -> dict[str, Any]:
    created = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return {
        "iam__get_role": {
            "Role": {
                "AssumeRolePolicyDocument": role.TRUST,
                "Tags": OUR_TAGS,
                "CreateDate": created,
                **more,
            }
        },
        "iam__list_attached_role_policies": {"AttachedPolicies": [{"PolicyArn": BASIC}]},
    }


def test_a_new_role() -> None:
    """The role with our tag, then a tag for each policy before it is attached, then our own."""
    aws = Canned(iam__get_role=refused("NoSuchEntity"))
    place = site(aws, policies=(READ,))
    run(role.plan(place, place.project.functions[0]))
    made, tagged, attached, put = aws.changes
    assert made[1]["RoleName"] == "orders-role"
    assert json.loads(made[1]["AssumeRolePolicyDocument"]) == role.TRUST
    assert made[1]["Tags"] == OUR_TAGS
    key = role.tag_of(READ)
    assert tagged[1]["Tags"] == [{"Key": key, "Value": "shop"}]
    assert attached[1] == {"RoleName": "orders-role", "PolicyArn": READ}
    assert put[1]["PolicyName"] == "lambda-runtime-orders"
    assert json.loads(put[1]["PolicyDocument"])["Statement"][0]["Sid"] == "Logs"


def test_a_role_as_it_should_be() -> None:
    """Nothing is planned; a policy that we attached goes with its line, another's stays."""
    aws = Canned(**role_of())
    place = site(aws, policies=(BASIC,))
    assert steps(role.plan(place, place.project.functions[0])) == []
    assert steps(role.plan(site(aws), site(aws).project.functions[0]))[0].startswith(
        "create inline policy"
    )
    mine = {"Key": role.tag_of(BASIC), "Value": "shop"}
    aws = Canned(**role_of(Tags=[*OUR_TAGS, mine]))
    place = site(aws)
    assert steps(role.plan(place, place.project.functions[0]))[-1] == (
        f"delete policy {BASIC} of role orders-role: it is no longer listed"
    )


@pytest.mark.parametrize(
    ("tags", "step"),
    [(OUR_TAGS, "update trust of role orders-role: Lambda cannot assume it"), ([], None)],
)
def test_a_role_that_lambda_cannot_assume(tags: Any, step: str | None) -> None:
    """Ours is put right; of another's it is told."""
    denied = json.dumps(role.TRUST).replace("Allow", "Deny")
    aws = Canned(**role_of(Tags=tags, AssumeRolePolicyDocument=denied))
    place = site(aws, policies=(BASIC,))
    (item,) = role.plan(place, place.project.functions[0])
    if step:
        assert str(item) == step
    else:
        assert "its trust policy does not allow Lambda" in str(item)


def test_an_inline_policy_that_differs_or_is_not_needed() -> None:
    """It is compared as a document, whether AWS encodes it or not."""
    aws = Canned(**role_of())
    place = site(aws)
    aws.replies["iam:get_role_policy"] = {"PolicyDocument": {"Statement": []}}
    plan = steps(role.plan(place, place.project.functions[0]))
    assert plan[0].startswith("update inline policy lambda-runtime-orders of role orders-role: its")
    place = site(aws, policies=(BASIC,))
    assert steps(role.plan(place, place.project.functions[0])) == [
        "delete inline policy lambda-runtime-orders of role orders-role: nothing is left to allow"
    ]


@pytest.mark.parametrize(("age", "fresh"), [(0, True), (50, True), (70, False), (9999, False)])
def test_how_long_a_role_is_new(age: int, fresh: bool) -> None:
    """For a minute, in either direction: clocks differ."""
    now = datetime.datetime.now(datetime.UTC)
    for created in (now - datetime.timedelta(seconds=age), now + datetime.timedelta(seconds=age)):
        place = site(Canned(**role_of(CreateDate=created)))
        assert role.is_fresh(place, place.project.functions[0]) is fresh
    place = site(Canned(iam__get_role=refused("NoSuchEntity")))
    assert role.is_fresh(place, place.project.functions[0]) is False


# --- log group, repository


@pytest.mark.parametrize(
    ("groups", "retention", "expected"),
    [
        (
            [],
            30,
            [
                "create log group /aws/lambda/orders: it does not exist yet",
                "update retention of log group /aws/lambda/orders: for ever → 30 days",
            ],
        ),
        ([{"logGroupName": "/aws/lambda/orders", "retentionInDays": 30}], 30, []),
        ([{"logGroupName": "/aws/lambda/orders"}], None, []),
        (
            [{"logGroupName": "/aws/lambda/orders", "retentionInDays": 30}],
            None,
            ["update retention of log group /aws/lambda/orders: 30 days → for ever"],
        ),
        (
            [{"logGroupName": "/aws/lambda/orders-2", "retentionInDays": 30}],
            None,
            ["create log group /aws/lambda/orders: it does not exist yet"],
        ),
    ],
)
def test_the_log_group(groups: Any, retention: int | None, expected: list[str]) -> None:
    """It is the one of that very name, and keeps its log for so many days."""
    aws = Canned(
        logs__describe_log_groups={"logGroups": groups},
        logs__list_tags_for_resource={"tags": OURS},
    )
    place = site(aws, retention=retention)
    assert steps(log_group.plan(place, place.project.functions[0])) == expected
    run(log_group.plan(place, place.project.functions[0]))
    assert len(aws.changes) == len(expected)


def test_the_repository() -> None:
    """Lambda may read it; what others are allowed stays."""
    aws = Canned()
    assert steps(repository.plan(site(aws))) == [
        "create repository shop: it does not exist yet",
        "update policy of repository shop: Lambda may not read its images",
    ]
    own = {"Sid": "theirs"}
    aws.replies["ecr:get_repository_policy"] = {"policyText": json.dumps({"Statement": [own]})}
    run(repository.plan(site(aws)))
    made, allowed = aws.changes
    assert made[1] == {"repositoryName": "shop", "tags": OUR_TAGS}
    policy = json.loads(allowed[1]["policyText"])
    assert policy["Statement"][0] == own
    assert policy["Statement"][1]["Condition"] == {
        "StringLike": {"aws:sourceArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*"}
    }
    aws.replies["ecr:get_repository_policy"] = {"policyText": allowed[1]["policyText"]}
    aws.replies["ecr:describe_repositories"] = {"repositories": [{"repositoryArn": "r"}]}
    aws.replies["ecr:list_tags_for_resource"] = {"tags": OUR_TAGS}
    assert steps(repository.plan(site(aws))) == []


# --- releases


def released(version: str = "2", before: str = "1", **changes: Any) -> dict[str, Any]:
    tags = {"Tags": {**OURS, record.TAG: "none"}}
    return {
        **live(**changes),
        "lambda__get_function": {"Configuration": {**CONFIGURATION, **changes}, **tags},
        "lambda__list_tags": tags,
        "lambda__get_alias": {"FunctionVersion": version, "Description": f"before: {before}"},
        "lambda__list_versions_by_function": {
            "Versions": [
                {"Version": "$LATEST", **CONFIGURATION},
                {"Version": "9", **CONFIGURATION, "MemorySize": 1},
                {"Version": "10", **CONFIGURATION},
                {"Version": "1", **CONFIGURATION},
                {"Version": "2", **CONFIGURATION, **changes},
            ]
        },
    }


def test_a_release() -> None:
    """What is live is compared; a version that is as wanted already is not published again."""
    aws = Canned(**released())
    place = site(aws, digest=DIGEST)
    wanted = place.project.functions[0]
    assert steps(release.plan(place, wanted)) == []
    assert aws.sent == [
        ("lambda:get_alias", {"FunctionName": "orders", "Name": "live"}),
        ("lambda:list_versions_by_function", {"FunctionName": "orders"}),
        ("lambda:get_function", {"FunctionName": "orders"}),
    ]
    aws = Canned(**released(MemorySize=1))
    place = site(aws, digest=DIGEST)
    assert steps(release.plan(place, wanted)) == [
        "update alias orders:live: version 2 is not what is wanted: memory 1 → 128"
    ]
    run(release.plan(place, wanted))
    ((name, moved),) = aws.changes
    assert name == "lambda:update_alias"
    waited = {"FunctionName": "orders", "Qualifier": "10"}
    assert ("lambda:get_function_configuration", waited) in aws.sent
    assert (moved["FunctionVersion"], moved["Description"]) == ("10", "before: 2 1")
    assert moved["RoutingConfig"] == {"AdditionalVersionWeights": {}}


def test_the_first_release() -> None:
    """It publishes this very code, and makes the alias."""
    aws = Canned(**live(), lambda__publish_version={"Version": "1"})
    place = site(aws, digest=DIGEST)
    run(release.plan(place, place.project.functions[0]))
    published, alias, settled = aws.changes
    assert settled[1]["Tags"] == {
        record.TAG: record.text({*record.ALL} - {*record.CONFIGURATION}),
    }
    assert published[1] == {"FunctionName": "orders", "CodeSha256": "a" * 64}
    assert (alias[1]["Name"], alias[1]["FunctionVersion"]) == ("live", "1")
    assert alias[1]["Description"] == "before: "


@pytest.mark.parametrize(
    ("before", "to", "expected", "left"),
    [("1", None, "1", ""), ("7 1", None, "1", ""), ("10 1", "1", "1", ""), ("1", "9", "9", "1")],
)
def test_rollback(before: str, to: str | None, expected: str, left: str) -> None:
    """To the last that was live and is still there, or to the one that is named."""
    aws = Canned(**released(before=before))
    place = site(aws)
    assert release.rollback(place, place.project.functions[0], to) == ("2", expected)
    ((_, moved),) = aws.changes
    assert moved["Description"] == f"before: {left}"


@pytest.mark.parametrize(
    ("before", "to", "message"),
    [("", None, "version 2 of orders is the first"), ("1", "7", "choose one of 1, 10, 2, 9")],
)
def test_no_rollback(before: str, to: str | None, message: str) -> None:
    """Where there is nothing to go back to, nothing changes."""
    aws = Canned(**released(before=before))
    place = site(aws)
    with pytest.raises(DeployError, match=message):
        release.rollback(place, place.project.functions[0], to)
    assert aws.changes == []
    aws.replies["lambda:get_alias"] = refused("AccessDenied", "no", 403)
    with pytest.raises(AwsError):
        release.rollback(place, place.project.functions[0])


def test_old_versions() -> None:
    """What is older than `keep` goes, but for what an alias points at, by weight too."""
    versions = [{"Version": str(number)} for number in range(1, 10)]
    alias = {
        "FunctionVersion": "1",
        "RoutingConfig": {"AdditionalVersionWeights": {"3": 0.5}},
    }
    aws = Canned(
        lambda__list_versions_by_function={"Versions": versions},
        lambda__list_aliases={"Aliases": [alias, {"FunctionVersion": "9"}]},
    )
    place = site(aws)
    plan = [*cleanup.versions(place, place.project.functions[0])]
    assert [isinstance(step, Step) and step.what for step in plan] == [
        "version orders:4", "version orders:2"
    ]  # fmt: skip
    assert isinstance(plan[0], Step)
    plan[0].run()
    assert aws.changes == [("lambda:delete_function", {"FunctionName": "orders", "Qualifier": "4"})]


def test_the_retention_of_a_log_group_of_others() -> None:
    """Retention deletes logs: what does not carry the tag keeps them, unless the table says so."""
    group = {"logGroupName": "/aws/lambda/orders", "retentionInDays": 3653}
    aws = Canned(
        logs__describe_log_groups={"logGroups": [group]},
        logs__list_tags_for_resource={"tags": {}},
    )

    def planned(**fields: Any) -> tuple[Plan, list[str]]:
        place = site(aws, **fields)
        plan = Plan.of(log_group.plan(place, place.project.functions[0]))
        return plan, [str(step) for step in plan.steps]

    plan, said = planned()
    assert said == []
    assert "log group /aws/lambda/orders does not carry the tag of this project" in plan.notes[0]
    change = ["update retention of log group /aws/lambda/orders: 3653 days → 30 days"]
    assert planned(retains=True)[1] == change
    aws.replies["logs:list_tags_for_resource"] = {"tags": {"lambda-runtime:project": "shop"}}
    plan, said = planned()
    assert (said, plan.notes) == (change, ())


def test_two_policies_of_one_name() -> None:
    """Policies are known by their whole ARN: of two that end alike each is attached."""
    twins = (f"arn:aws:iam::{ACCOUNT}:policy/Reader", "arn:aws:iam::aws:policy/Reader")
    aws = Canned(iam__get_role={"Role": {"Tags": OUR_TAGS, "Arn": ROLE, **TRUSTED}})
    place = site(aws, policies=twins)
    run(role.plan(place, place.project.functions[0]))
    attached = [sent["PolicyArn"] for name, sent in aws.sent if name == "iam:attach_role_policy"]
    assert attached == list(twins)
    keys = [sent["Tags"][0]["Key"] for name, sent in aws.sent if name == "iam:tag_role"]
    assert len(set(keys)) == 2
    # One of them leaves the file: the tag of that one says that we attached it.
    tags = [*OUR_TAGS, {"Key": keys[0], "Value": "shop"}]
    aws = Canned(
        iam__get_role={"Role": {"Tags": tags, "Arn": ROLE, **TRUSTED}},
        iam__list_attached_role_policies={
            "AttachedPolicies": [{"PolicyArn": policy} for policy in twins]
        },
    )
    place = site(aws)
    assert steps(role.plan(place, place.project.functions[0]))[1:] == [
        f"delete policy {twins[0]} of role orders-role: it is no longer listed"
    ]


def test_a_role_in_a_path() -> None:
    """IAM gives the ARN; one that is made of the name alone would be of no role."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/service-role/orders-role"
    aws = Canned(**live(Role=arn), iam__get_role={"Role": {"Arn": arn, **CREATED}})
    place = site(aws, memory=256, digest=DIGEST)
    assert planned(place) == ["update configuration of function orders: memory 128 → 256"]
    run(function.plan(place, place.project.functions[0]))
    assert dict(aws.changes)["lambda:update_function_configuration"]["Role"] == arn


VERSION = {"Version": "2", **CONFIGURATION}
CREATED = {"CreateDate": datetime.datetime(2026, 1, 1)}
TRUSTED = {"AssumeRolePolicyDocument": role.TRUST}


def moved(*aliases: str, **more: Any) -> Canned:
    """An AWS whose alias is at these versions, each time that it is asked."""
    return Canned(
        **live(CodeSha256="b" * 64),
        lambda__get_alias=[
            {"FunctionVersion": version, "RevisionId": f"r{version}"} for version in aliases
        ],
        lambda__list_versions_by_function={"Versions": [VERSION]},
        **more,
    )


def test_the_alias_moves_from_where_it_was() -> None:
    """The revision that was read goes with the request."""
    aws = moved("1")
    place = site(aws, digest=DIGEST)
    run(release.plan(place, place.project.functions[0]))
    assert dict(aws.changes)["lambda:update_alias"]["RevisionId"] == "r1"


@pytest.mark.parametrize("aliases", [("1", "7"), ("1", "1", "7")])
def test_an_alias_that_somebody_else_moves_meanwhile(aliases: tuple[str, ...]) -> None:
    """It is told and left there, whether it moved before the request or at the same time."""
    aws = moved(*aliases, lambda__update_alias=refused("PreconditionFailedException"))
    place = site(aws, digest=DIGEST)
    with pytest.raises(DeployError, match=r"orders:live was at version 1 and is at version 7 now"):
        run(release.plan(place, place.project.functions[0]))


def test_an_alias_that_our_own_lost_request_moved() -> None:
    """AWS refuses the second request, since the first was carried out: that is success."""
    aws = moved("1", "1", lambda__update_alias=refused("PreconditionFailedException"))
    done = {"FunctionVersion": "2", "Description": "before: 1", "RevisionId": "r2"}
    aws.replies["lambda:get_alias"].append(done)
    place = site(aws, digest=DIGEST)
    run(release.plan(place, place.project.functions[0]))
    assert "lambda:update_alias" in dict(aws.changes)
