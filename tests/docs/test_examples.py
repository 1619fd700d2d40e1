"""The list of the examples: it is complete, and what its commands can't show is shown here."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from amazon_lambda_runtime.testing import invoke
from tests.deploy.world import World

from .pages import ROOT, commands
from .shell import Shell

README = ROOT / "examples/README.md"
FOLDERS = {folder.name for folder in README.parent.iterdir() if folder.is_dir()} - {"__pycache__"}
# Those whose commands are on the page of a guide, or in the tutorial.
ELSEWHERE = {"cdk", "dockerfiles", "editors", "pipeline", "sam", "terraform", "tutorial"}


def test_all_are_listed() -> None:
    """Each folder has its own lines, and no line is about a folder that there is not."""
    assert set(re.findall(r"\*\*(\w+)\*\*", README.read_text())) == FOLDERS


def test_each_has_a_command() -> None:
    """Each is run by a command of the list, or has a page of its own."""
    told = " ".join(command.text for command in commands(README))
    assert {name for name in FOLDERS if not re.search(rf"\b{name}\b", told)} == ELSEWHERE


@pytest.mark.slow
@pytest.mark.parametrize("table", sorted(README.parent.glob("*/pyproject.toml")), ids=str)
def test_table_is_planned(world: World, table: Path) -> None:
    """A deployment of each project is planned: nothing is missing, and nothing is there yet."""
    world.client("dynamodb").create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    shell = Shell(world, table.parent.name)
    plan = shell.type("lambda-runtime plan")
    for function in re.findall(r"functions\.(\w+)\]$", table.read_text(), re.M):
        assert re.search(rf"^\s*\+ function \S*{function}", plan, re.M), plan


class Service:
    """What AWS answers to the two examples that call it."""

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803
        assert SecretId == "shop-database"
        return {"SecretString": "swordfish"}

    def converse_stream(self, **request: Any) -> dict[str, Any]:
        assert request["messages"][0]["content"] == [{"text": "Why?"}]
        said = [{"contentBlockDelta": {"delta": {"text": word}}} for word in ("Because", " so.")]
        return {"stream": [{"messageStart": {"role": "assistant"}}, *said, {"messageStop": {}}]}


@pytest.fixture
def handler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    folder, module = request.param
    monkeypatch.syspath_prepend(README.parent / folder)
    monkeypatch.setattr(boto3, "client", lambda name: Service())
    yield __import__(module).handler
    del sys.modules[module]


@pytest.mark.parametrize("handler", [("secret", "secret")], indirect=True)
def test_secret(handler: Any) -> None:
    """It reads the secret, once."""
    assert invoke(handler, {}) == {"connected": True}


@pytest.mark.parametrize("handler", [("model_stream", "answer")], indirect=True)
def test_model_stream(handler: Any) -> None:
    """It streams what the model says, and nothing else."""
    answer = invoke(handler, {"queryStringParameters": {"question": "Why?"}})
    assert (answer["statusCode"], answer["body"]) == (200, b"Because so.")
