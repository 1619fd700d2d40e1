"""What doctor finds of durable functions."""

from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.deploy.checks import durable
from amazon_lambda_runtime.deploy.checks.finding import Skipped
from amazon_lambda_runtime.project.declaration import Project
from amazon_lambda_runtime.project.settings import load
from tests.deploy.canned import Canned, refused

OURS = "from amazon_lambda_runtime.durable import durable\n"
FLOW = f"{OURS}@durable\ndef handler(event, context): ...\n"
PLAIN = "def handler(event, context): ...\n"
URL = '[[tool.lambda-runtime.triggers]]\ntype = "url"\n'
TOPIC = '[[tool.lambda-runtime.triggers]]\ntype = "sns"\ntopic = "news"\n'
LONG = "durable = { execution_timeout = 3600 }\n"


def project(folder: Path, source: str, table: str, needs: str = "") -> Project:
    (folder / "main.py").write_text(source)
    (folder / "pyproject.toml").write_text(
        f'[tool.lambda-runtime]\nfunction = "orders"\nmodule = "main.py"\n{table}'
    )
    if needs:
        (folder / "requirements.txt").write_text(needs)
    return load(folder, None, {})


@pytest.mark.parametrize(
    ("source", "table", "needs", "expected"),
    [
        (FLOW, "durable = true\n", "aws-durable-execution-sdk-python>=3", []),
        (FLOW, "durable = true\n", "aws_durable_execution_sdk_python", []),
        (FLOW, "durable = true\n", "boto3", ["durable-sdk"]),
        (FLOW, "", "", ["durable-undeclared"]),
        (PLAIN, "", "", []),
        (PLAIN, "durable = true\n", "aws-durable-execution-sdk-python", ["durable-unknown"]),
        (FLOW, LONG + TOPIC, "aws-durable-execution-sdk-python", []),
        (FLOW, LONG + URL, "aws-durable-execution-sdk-python", ["durable-too-long"]),
        (FLOW, "durable = true\n" + URL, "aws-durable-execution-sdk-python", []),
        (
            FLOW.replace("def", "async def"), "durable = true\n",
            "aws-durable-execution-sdk-python", ["durable-async"],
        ),
        (
            FLOW.replace("...", "yield 1"), "durable = true\n",
            "aws-durable-execution-sdk-python", ["durable-async"],
        ),
    ],
)  # fmt: skip
def test_declared(source: str, table: str, needs: str, expected: list[str], tmp_path: Path) -> None:
    found = durable.declared(project(tmp_path, source, table, needs))
    assert [each.check for each in found] == expected


def test_image_of_others(tmp_path: Path) -> None:
    """What is in an image that somebody else builds is not known."""
    uri = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:{'a' * 64}"
    found = project(tmp_path, FLOW, f'durable = true\nimage_uri = "{uri}"\n')
    assert [each.check for each in durable.declared(found)] == []


LIVE: dict[str, Any] = {"Configuration": {"DurableConfig": {"ExecutionTimeout": 900}}}


def simulated(*decisions: str) -> dict[str, Any]:
    actions = ("lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState")
    return {
        "EvaluationResults": [
            {"EvalActionName": action, "EvalDecision": decision}
            for action, decision in zip(actions, decisions, strict=True)
        ]
    }


def test_live(tmp_path: Path) -> None:
    of = project(tmp_path, FLOW, "durable = true\n")
    assert [*durable.live(of, Canned())] == []
    (found,) = durable.live(of, Canned(lambda__get_function={"Configuration": {}}))
    assert found.check == "not-durable"
    assert "lambda-runtime destroy --function orders" in found.fix
    allowed = simulated("allowed", "allowed")
    aws = Canned(lambda__get_function=LIVE, iam__simulate_principal_policy=allowed)
    assert [*durable.live(of, aws)] == []
    denied = simulated("allowed", "implicitDeny")
    aws = Canned(lambda__get_function=LIVE, iam__simulate_principal_policy=denied)
    (found,) = durable.live(of, aws)
    assert found.check == "durable-role"
    assert "is not allowed lambda:GetDurableExecutionState" in found.what


def test_live_where_iam_does_not_tell(tmp_path: Path) -> None:
    of = project(tmp_path, FLOW, "durable = true\n")
    aws = Canned(
        lambda__get_function=LIVE, iam__simulate_principal_policy=refused("AccessDenied", "no")
    )
    with pytest.raises(Skipped, match="the permissions of the role"):
        [*durable.live(of, aws)]
