"""Keys that take more than one request: what is waited for, taken back, and left to others."""

from typing import Any

import pytest

from amazon_lambda_runtime.deploy import destroy
from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import execute
from amazon_lambda_runtime.deploy.resources import provisioned, role
from amazon_lambda_runtime.deploy.site import Site

from .canned import ACCOUNT, OUR_TAGS, Canned, run, site, steps
from .world import READ_S3, World

COUNT = "RequestedProvisionedConcurrentExecutions"


def test_provisioned_concurrency_is_waited_for() -> None:
    """A deployment ends when the environments are there."""
    aws = Canned(
        lambda__get_provisioned_concurrency_config=[
            {COUNT: 1, "Status": "READY"},
            {COUNT: 2, "Status": "IN_PROGRESS"},
            {COUNT: 2, "Status": "READY"},
        ]
    )
    place = site(aws, provisioned_concurrency=2)
    run(provisioned.plan(place, place.project.functions[0]))
    assert [name for name, _ in aws.changes] == [
        "lambda:tag_resource",
        "lambda:put_provisioned_concurrency_config",
    ]
    assert aws.now > 0


def test_provisioned_concurrency_that_fails() -> None:
    """It is an error in AWS's words, and the next deployment asks again."""
    failed = {COUNT: 2, "Status": "FAILED", "StatusReason": "no capacity"}
    place = site(
        Canned(lambda__get_provisioned_concurrency_config=failed), provisioned_concurrency=2
    )
    function = place.project.functions[0]
    assert steps(provisioned.plan(place, function)) == [
        "update provisioned concurrency of function orders: no capacity"
    ]
    with pytest.raises(DeployError, match="provisioned concurrency of function orders failed: no"):
        run(provisioned.plan(place, function))


@pytest.mark.parametrize("ours", [True, False])
def test_the_boundary_of_a_role_of_others_is_their_matter(ours: bool) -> None:
    """Of ours it is compared; a path that IAM can't change is an error."""
    live: dict[str, Any] = {
        "Path": "/",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/orders-role",
        "AssumeRolePolicyDocument": role.TRUST,
        "Tags": OUR_TAGS if ours else [],
    }
    place = site(Canned(iam__get_role={"Role": live}), permissions_boundary=READ_S3)
    found = [
        step for step in steps(role.plan(place, place.project.functions[0])) if "bound" in step
    ]
    assert len(found) == ours
    place = site(Canned(iam__get_role={"Role": live}), role_path="/shop/")
    if ours:
        with pytest.raises(DeployError, match="IAM cannot move a role"):
            steps(role.plan(place, place.project.functions[0]))
    else:
        assert not [
            step for step in steps(role.plan(place, place.project.functions[0])) if "path" in step
        ]


@pytest.mark.parametrize("tagged", [True, False])
def test_the_boundary_that_an_administrator_has_set(tagged: bool) -> None:
    """It stays where none is declared; one that we have set goes with its key."""
    ours = [{"Key": "lambda-runtime:boundary", "Value": "orders"}] if tagged else []
    live: dict[str, Any] = {
        "Path": "/",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/orders-role",
        "AssumeRolePolicyDocument": role.TRUST,
        "PermissionsBoundary": {"PermissionsBoundaryArn": READ_S3},
        "Tags": [*OUR_TAGS, *ours],
    }
    place = site(Canned(iam__get_role={"Role": live}))
    told = steps(role.plan(place, place.project.functions[0]))
    removal = f"update permissions boundary of role orders-role: {READ_S3} → none"
    assert (removal in told) == tagged


def test_a_new_role_in_its_path(world: World) -> None:
    """With its boundary, from the first request on."""
    world.write(
        '[tool.lambda-runtime]\nrepository = "orders"\nfunction = "orders"\nrole = "r"\n'
        f'role_path = "/shop/"\npermissions_boundary = "{READ_S3}"\n'
    )
    world.deploy()
    made = world.client("iam").get_role(RoleName="r")["Role"]
    assert made["Path"] == "/shop/"
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_S3
    assert world.plan().steps == ()


@pytest.mark.slow
def test_a_shared_log_group_goes_with_the_last_function(world: World) -> None:
    """Destroying one of two leaves it; destroying both does not."""
    world.write(
        '[tool.lambda-runtime]\nrepository = "orders"\nlog_group = "shared"\n'
        "[tool.lambda-runtime.functions.orders]\n[tool.lambda-runtime.functions.bills]\n"
    )
    world.deploy()

    def groups() -> list[str]:
        return [g["logGroupName"] for g in world.client("logs").describe_log_groups()["logGroups"]]

    def end(**flags: Any) -> None:
        execute(destroy.plan(Site(world.project(**flags), world.aws())), world.told)

    assert groups() == ["shared"]
    end(function="bills")
    assert groups() == ["shared"]
    end()
    assert groups() == []
