"""REST APIs: made, deployed, changed by others, and gone with the project."""

import json
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.deploy import destroy
from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import execute
from amazon_lambda_runtime.deploy.policy import deployer
from amazon_lambda_runtime.deploy.policy.statement import Names
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.settings import load
from amazon_lambda_runtime.project.triggers import RestApiTrigger
from tests.deploy.canned import ACCOUNT, LIVE, REGION, Canned, site
from tests.deploy.fake_aws import Fault
from tests.deploy.world import ONE, World

TABLE = f"{ONE}triggers = [{{ type = 'rest-api', api = 'front' }}]\n"
STREAM = TABLE.replace("'front'", "'front', mode = 'RESPONSE_STREAM'")
DEFINED = "update definition of REST API front: it is not as declared"


def live(world: World) -> dict[str, Any]:
    """Return the document that is deployed to the stage."""
    (api,) = world.door.apis.rest.values()
    assert api["deployments"][-1]["stageName"] == "live"
    return dict(api["deployments"][-1]["defined"])


def integration(world: World) -> dict[str, Any]:
    """Return what every path of what is live leads to."""
    paths = live(world)["paths"]
    assert set(paths) == {"/", "/{proxy+}"}
    assert paths["/"] == paths["/{proxy+}"]
    any_method = paths["/"]["x-amazon-apigateway-any-method"]
    return dict(any_method["x-amazon-apigateway-integration"])


def test_an_api_and_its_end(world: World) -> None:
    """Every path leads to the alias, whole or streamed; `destroy` leaves nothing of it."""
    world.write(TABLE)
    world.deploy()
    place = f"arn:aws:apigateway:{REGION}:lambda:path"
    assert integration(world) == {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": f"{place}/2015-03-31/functions/{LIVE}/invocations",
    }
    (api,) = world.door.apis.rest
    policy = world.client("lambda").get_policy(FunctionName="orders", Qualifier="live")["Policy"]
    (statement,) = json.loads(policy)["Statement"]
    source = statement["Condition"]["ArnLike"]["AWS:SourceArn"]
    assert source == f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/*/*"
    assert world.plan().steps == ()
    world.write(STREAM)
    world.deploy()
    uri = f"{place}/2021-11-15/functions/{LIVE}/response-streaming-invocations"
    assert integration(world)["uri"] == uri
    assert integration(world)["responseTransferMode"] == "STREAM"
    execute(destroy.plan(Site(world.project(), world.aws())), world.told)
    assert world.door.apis.rest == {}


def test_a_definition_that_was_not_deployed(world: World) -> None:
    """A run that ends between the two requests is made good by the next; so is a hand's work."""
    world.write(TABLE)
    world.deploy()
    world.write(STREAM)
    refused = (400, "BadRequestException", "no")
    world.door.faults = [Fault("apigateway:CreateDeployment", error=refused)]
    with pytest.raises(DeployError):
        world.deploy()
    assert "responseTransferMode" not in integration(world)
    assert [str(step) for step in world.plan().steps] == [DEFINED]
    world.deploy()
    assert "responseTransferMode" in integration(world)
    (api,) = world.door.apis.rest.values()
    api["deployments"].append({"stageName": "live", "defined": {}})
    assert [str(step) for step in world.plan().steps] == [DEFINED]


def test_an_api_of_others_is_not_taken(world: World) -> None:
    """A name is no mark: without the project's tag it is an error, before it is changed."""
    world.write(TABLE)
    world.door.apis.rest["a"] = {"id": "a", "name": "front", "deployments": []}
    with pytest.raises(DeployError, match="REST API front exists and is not made by this tool"):
        world.plan()


def test_a_web_application_gets_bytes_and_streams(world: World) -> None:
    """As does a URL; both are named where both stream."""
    (world.folder / "app.py").write_text("")
    url = "{ type = 'url', mode = 'RESPONSE_STREAM' }, {"
    world.write(f"{STREAM.replace('{ type', url + ' type')}web = true\nhandler = 'app.app'\n")
    assert streaming(world.folder) == "url,rest"
    world.deploy()
    assert live(world)["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def streaming(folder: Path) -> str:
    return load(folder, {}, {}).functions[0].environment["LAMBDA_RUNTIME_WEB_STREAM"]


def test_what_each_command_may_do() -> None:
    """IAM has verbs for this service: `plan` only reads, `destroy` only takes away."""
    project = site(Canned(), RestApiTrigger("front")).project

    def verbs(purpose: str | None) -> list[str]:
        found = deployer.document(project, Names("aws", REGION, ACCOUNT), purpose)["Statement"]
        (apis,) = (statement for statement in found if statement["Sid"] == "RestApis")
        return [action.partition(":")[2] for action in apis["Action"]]

    assert verbs("plan") == ["GET"]
    assert verbs("destroy") == ["DELETE", "GET"]
    assert verbs("deploy") == verbs(None) == ["DELETE", "GET", "POST", "PUT"]


@pytest.mark.parametrize("renamed", [False, True])
def test_an_api_without_its_statement(world: World, renamed: bool) -> None:
    """A run that ended between the two left it: `destroy` finds it, by its name or its tag."""
    world.write(TABLE)
    world.door.faults.append(Fault("lambda:AddPermission", error=(403, "AccessDenied", "no")))
    with pytest.raises(DeployError, match="AddPermission"):
        world.deploy()
    world.door.apis.rest["b"] = {"id": "b", "name": "front", "tags": {}, "deployments": []}
    if renamed:
        world.write(TABLE.replace("front", "door"))
    execute(destroy.plan(Site(world.project(), world.aws())), world.told)
    assert [*world.door.apis.rest] == ["b"]
