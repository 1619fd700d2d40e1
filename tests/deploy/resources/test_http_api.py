"""HTTP APIs: made, changed by others, and gone with the project."""

import json

import pytest

from amazon_lambda_runtime.deploy import destroy
from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import execute
from amazon_lambda_runtime.deploy.policy import deployer
from amazon_lambda_runtime.deploy.policy.statement import Names
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.triggers import HttpApiTrigger
from tests.deploy.canned import ACCOUNT, LIVE, REGION, Canned, site
from tests.deploy.fake_aws import Fault
from tests.deploy.world import ONE, World

TABLE = f"{ONE}triggers = [{{ type = 'http-api', api = 'front' }}]\n"
SID = "lambda-runtime-http-front"


def source(world: World) -> str:
    """Return who may invoke the alias."""
    found = world.client("lambda").get_policy(FunctionName="orders", Qualifier="live")
    (statement,) = json.loads(found["Policy"])["Statement"]
    assert statement["Sid"] == SID
    return str(statement["Condition"]["ArnLike"]["AWS:SourceArn"])


def test_an_api_and_its_end(world: World) -> None:
    """It leads to the alias, only it may invoke that, and `destroy` leaves nothing of it."""
    world.write(TABLE)
    world.deploy()
    (api,) = world.door.apis.there.values()
    assert (api["name"], api["target"], api["protocolType"]) == ("front", LIVE, "HTTP")
    assert source(world) == f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api['apiId']}/*/*"
    assert world.plan().steps == ()
    execute(destroy.plan(Site(world.project(), world.aws())), world.told)
    assert world.door.apis.there == {}


def test_an_api_that_was_changed_or_deleted_by_hand(world: World) -> None:
    """It leads to the alias again; a new one has another id, and its statement follows."""
    world.write(TABLE)
    world.deploy()
    (api,) = world.door.apis.there.values()
    api["target"] = LIVE.removesuffix(":live")
    assert [str(step) for step in world.plan().steps] == [
        "update HTTP API front: its target → orders"
    ]
    world.deploy()
    assert api["target"] == LIVE
    world.door.apis.there = {"other1": {**api, "apiId": "other1", "name": "other"}}
    world.deploy()
    assert source(world).endswith(f":{next(a for a in world.door.apis.there if a != 'other1')}/*/*")
    assert world.plan().steps == ()


def test_an_api_of_others_is_not_taken(world: World) -> None:
    """A name is no mark: without the project's tag it is an error, before it is changed."""
    world.write(TABLE)
    world.door.apis.there["a"] = {"apiId": "a", "name": "front", "protocolType": "HTTP", "tags": {}}
    with pytest.raises(DeployError, match="HTTP API front exists and is not made by this tool"):
        world.plan()


def test_what_each_command_may_do() -> None:
    """IAM has verbs for this service: `plan` only reads, `destroy` only takes away."""
    project = site(Canned(), HttpApiTrigger("front")).project

    def verbs(purpose: str | None) -> list[str]:
        found = deployer.document(project, Names("aws", REGION, ACCOUNT), purpose)["Statement"]
        (apis,) = (statement for statement in found if statement["Sid"] == "Apis")
        return [action.partition(":")[2] for action in apis["Action"]]

    assert verbs("plan") == ["GET"]
    assert verbs("destroy") == ["DELETE", "GET"]
    assert verbs("deploy") == verbs(None) == ["DELETE", "GET", "PATCH", "POST", "PUT"]


@pytest.mark.parametrize("renamed", [False, True])
def test_an_api_without_its_statement(world: World, renamed: bool) -> None:
    """A run that ended between the two left it: `destroy` finds it, by its name or its tag."""
    world.write(TABLE)
    world.door.faults.append(Fault("lambda:AddPermission", error=(403, "AccessDenied", "no")))
    with pytest.raises(DeployError, match="AddPermission"):
        world.deploy()
    world.door.apis.there["b"] = {
        "apiId": "b",
        "name": "front",
        "protocolType": "HTTP",
        "target": "",
        "tags": {},
    }
    if renamed:
        world.write(TABLE.replace("front", "door"))
    execute(destroy.plan(Site(world.project(), world.aws())), world.told)
    assert [*world.door.apis.there] == ["b"]
