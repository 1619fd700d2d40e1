"""The guide of pipelines: its workflow is run line by line, its document is one of a plan."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from amazon_lambda_runtime.deploy.plan import Plan, Step
from tests.deploy.world import World

from .pages import ROOT
from .shell import Shell

WORKFLOW = yaml.safe_load((ROOT / "examples/pipeline/deploy.yml").read_text())


def lines(job: str) -> list[str]:
    """Return what a job runs, but for installing, and for what moto can't tell: who may do what."""
    steps: list[dict[str, Any]] = WORKFLOW["jobs"][job]["steps"]
    runs = [str(step["run"]) for step in steps if "run" in step]
    return [line for line in runs if not line.startswith("pip ") and not line.endswith(" doctor")]


@pytest.mark.slow
def test_workflow(world: World, tmp_path: Path) -> None:
    """A pull request is planned, with a summary; a push is deployed; then nothing differs."""
    shell = Shell(world)
    assert set(WORKFLOW["jobs"]) == {"plan", "deploy", "diff"}
    # YAML 1.1 takes the word `on` for true.
    assert set(WORKFLOW[True]) == {"pull_request", "push", "schedule"}
    assert WORKFLOW["permissions"]["id-token"] == "write"
    summary = tmp_path / "summary"
    shell.type("lambda-runtime init --name orders .")
    shell.type(*lines("plan"), GITHUB_STEP_SUMMARY=str(summary))
    assert "- create function orders\n" in summary.read_text()
    assert world.door.changes == []
    deployed = shell.type(*lines("deploy"))
    assert deployed == "orders: published and tested, not live\norders: deployed\n"
    assert "\x1b" not in shell.stderr
    assert shell.type(*lines("diff")) == "No difference.\n"


def test_json() -> None:
    """The document of the guide is one that a plan prints."""
    page = (ROOT / "docs/guides/pipelines.md").read_text()
    (text,) = re.findall(r"```json\n(.*?)```", page, re.S)
    shown = json.loads(text)
    (step,) = shown["steps"]
    changes = tuple(step["changes"])
    same = Step(
        step["action"], "function", "configuration of function orders", "; ".join(changes),
        lambda: None, changes=changes,
    )  # fmt: skip
    assert Plan((same,)).document() == shown
