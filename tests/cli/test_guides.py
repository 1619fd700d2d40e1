"""The guides of deployment, run line by line against AWS on this machine."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.plan import Plan, Step
from tests.deploy.conftest import stand_in, world
from tests.deploy.world import World

__all__ = ["stand_in", "world"]

ROOT = Path(__file__).parents[2]
PIPELINES = (ROOT / "docs/guides/pipelines.md").read_text()
WORKFLOW = (ROOT / "examples/pipeline/deploy.yml").read_text()
DEPLOY = (ROOT / "docs/guides/deploy.md").read_text()
# The command as the guides call it, with an engine that needs no registry.
COMMAND = f"""\
#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.deploy import fake_images
sys.modules["amazon_lambda_runtime.deploy.images"] = fake_images
from amazon_lambda_runtime.cli import main
main()
"""


def shell(world: World, *lines: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run these lines as a shell does that stops at the first that fails."""
    command = world.folder.parent / "bin/lambda-runtime"
    command.parent.mkdir(exist_ok=True)
    command.write_text(COMMAND)
    command.chmod(0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-ec", "\n".join(lines)],
        cwd=world.folder,
        env={**os.environ, "PATH": path, "HOME": str(world.folder.parent), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_first_deployment(world: World) -> None:
    """Each line of the guide's beginning, but for the installation and who one is."""
    block = DEPLOY.partition("From nothing to a live function:\n\n")[2].partition("\n\n")[0]
    lines = [" ".join(shlex.split(line, comments=True)) for line in block.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("pip ", "export "))]
    # moto can't tell what the deployer may do, and a log that is followed does not end.
    lines = [line.replace("logs -f", "logs") for line in lines if not line.endswith(" doctor")]
    assert len(lines) >= 7
    done = shell(world, *lines)
    assert done.returncode == 0, done.stderr
    assert "+ alias hello:live: no version is live" in done.stderr
    assert "hello: deployed\n" in done.stdout


@pytest.mark.slow
def test_workflow(world: World, tmp_path: Path) -> None:
    """A pull request is planned, with a summary; a push is deployed; then nothing differs."""
    jobs = dict(re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", WORKFLOW.partition("jobs:")[2], re.M))
    runs = {
        name: [line for line in re.findall(r"- run: (.*)", job) if not line.startswith("pip ")]
        for name, job in jobs.items()
    }
    assert set(runs) == {"plan", "deploy", "diff"}
    summary = tmp_path / "summary"
    assert shell(world, "lambda-runtime init --name orders .").returncode == 0
    planned = shell(world, *runs["plan"], GITHUB_STEP_SUMMARY=str(summary))
    assert planned.returncode == 0, planned.stderr
    assert "- create function orders\n" in summary.read_text()
    assert world.door.changes == []
    # moto can't tell what the deployer may do.
    lines = [line for line in runs["deploy"] if not line.endswith(" doctor")]
    deployed = shell(world, *lines)
    assert deployed.returncode == 0, deployed.stderr
    assert deployed.stdout == "orders: published and tested, not live\norders: deployed\n"
    assert "\x1b" not in deployed.stderr
    same = shell(world, *runs["diff"])
    assert (same.returncode, same.stdout) == (0, "No difference.\n")


def test_json() -> None:
    """The document of the guide is one that a plan prints."""
    shown = json.loads(PIPELINES[PIPELINES.index("    {") : PIPELINES.rindex("    }\n") + 6])
    (step,) = shown["steps"]
    changes = tuple(step["changes"])
    same = Step(
        step["action"], "function", "configuration of function orders", "; ".join(changes),
        lambda: None, changes=changes,
    )  # fmt: skip
    assert Plan((same,)).document() == shown
