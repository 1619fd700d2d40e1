"""What the examples for other tools are to these tools, where they are installed."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .pages import ROOT

EXAMPLES = ROOT / "examples"
# Where `make .cache/sam .cache/cdk` puts them.
PLACES = ("sam/bin", "cdk/node_modules/.bin")


def run(folder: Path, *command: str) -> str:
    """Run a tool in a folder; skip where it is not installed."""
    beside = ":".join(str(ROOT / ".cache" / place) for place in PLACES)
    program = shutil.which(command[0], path=f"{os.environ['PATH']}:{beside}")
    if program is None:
        pytest.skip(f"{command[0]} is not installed: make .cache/sam .cache/cdk")
    env = {**os.environ, "AWS_DEFAULT_REGION": "eu-central-1", "SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(
        [program, *command[1:]], cwd=folder, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Tagged(yaml.SafeLoader):
    """Reads CloudFormation's short forms, as `!Ref Image`."""


Tagged.add_multi_constructor("!", lambda loader, name, node: {name: node.value})


def test_sam() -> None:
    """The template has one function, of an image, with the runtime's command."""
    template = yaml.load((EXAMPLES / "sam/template.yaml").read_text(), Tagged)
    properties: dict[str, Any] = template["Resources"]["Hello"]["Properties"]
    assert properties["PackageType"] == "Image"
    assert properties["ImageUri"] == {"Ref": "Image"}
    assert "Image" in template["Parameters"]
    assert properties["ImageConfig"] == {"Command": ["hello.handler"]}


def test_sam_validate() -> None:
    """`sam validate --lint` finds nothing."""
    assert "is a valid SAM Template" in run(EXAMPLES / "sam", "sam", "validate", "--lint")


def test_terraform_parses() -> None:
    """terraform reads the file, and would write it the same way."""
    assert run(EXAMPLES / "terraform", "terraform", "fmt", "-check") == ""


@pytest.mark.slow
def test_cdk_synth(tmp_path: Path) -> None:
    """`cdk synth` makes a template with one function, of an image, and its role."""
    library = ROOT / ".cache/cdk/node_modules"
    shutil.copy(EXAMPLES / "cdk/app.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(library)
    output = run(tmp_path, "cdk", "synth", "--json", "--app", "node app.mjs")
    resources = json.loads(output)["Resources"].values()
    kinds = {each["Type"] for each in resources}
    assert kinds - {"AWS::CDK::Metadata"} == {"AWS::IAM::Role", "AWS::Lambda::Function"}
    (function,) = [each for each in resources if each["Type"] == "AWS::Lambda::Function"]
    assert function["Properties"]["PackageType"] == "Image"
    assert function["Properties"]["ImageConfig"] == {"Command": ["hello.handler"]}
