"""A project that is served for integration tests, as its user has it."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from amazon_lambda_runtime.testing import FunctionError, LocalProject, local_project
from tests.harness import SOURCE as PACKAGES

PROJECT = """
[tool.lambda-runtime.functions.echo]
handler = "mod.echo"
timeout = 30
[[tool.lambda-runtime.functions.echo.triggers]]
type = "url"
[[tool.lambda-runtime.functions.echo.triggers]]
type = "schedule"
rule = "nightly"
expression = "rate(1 day)"
input = '{"nightly": true}'
[tool.lambda-runtime.functions.slow]
handler = "mod.slow"
timeout = 30
"""
SOURCE = """
import time

def echo(event, context):
    if event.get("fail"):
        raise ValueError("told to")
    print("echoes", event)
    return event

def slow(event, context):
    time.sleep(event["seconds"])
    print("slow is done")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProject]:
    folder = tmp_path_factory.mktemp("project")
    write(folder)
    with LocalProject(folder) as project:
        yield project


def write(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "mod.py").write_text(SOURCE)


def test_invoke(project: LocalProject) -> None:
    """It returns the result; a failure is raised as its caller reads it."""
    assert project.invoke("echo", {"a": 1}) == {"a": 1}
    with pytest.raises(FunctionError, match="ValueError: told to"):
        project.invoke("echo", {"fail": True})
    with pytest.raises(RuntimeError, match="nope is not invoked: 404"):
        project.invoke("nope")


def test_url(project: LocalProject) -> None:
    """Each URL that is declared is there, and no other."""
    assert list(project.urls) == ["echo"]
    with urlopen(f"{project.urls['echo']}a?b=1") as response:
        assert json.load(response)["rawPath"] == "/a"


def test_schedule(project: LocalProject) -> None:
    """It fires when it is told to, with its input."""
    project.run_schedule("nightly")
    project.wait_until_idle()
    assert "echo: echoes {'nightly': True}" in project.log
    with pytest.raises(LookupError, match="there is no schedule 'daily' here"):
        project.run_schedule("daily")


def test_idle(project: LocalProject) -> None:
    """What was sent before is done when the wait is over; what takes longer is told."""
    lambdas = project.client("lambda")
    lambdas.invoke(FunctionName="slow", InvocationType="Event", Payload=b'{"seconds": 2}')
    with pytest.raises(TimeoutError, match=r"not idle after 0.2 s: invocations"):
        project.wait_until_idle(timeout=0.2)
    project.wait_until_idle()
    assert "slow: slow is done" in project.log


def test_no_services(project: LocalProject) -> None:
    """Without a trigger that needs one there is none."""
    with pytest.raises(LookupError, match="there is no sqs here"):
        project.client("sqs")


def test_project_that_does_not_start(tmp_path: Path) -> None:
    """What the command has said is in the error."""
    with pytest.raises(RuntimeError, match="does not start:\nlambda-runtime: Missing argument"):
        LocalProject(tmp_path)
    with pytest.raises(RuntimeError, match="there is no folder /nowhere"):
        LocalProject("/nowhere")


def test_shipping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of the guide: URL, queue, table, its stream, topic, schedule, dead-letter queue,
    in its own folder with pytest's fixture; in the region of the user's shell, whose profile and
    files are nobody's matter.
    """
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_PROFILE", "nope")
    (tmp_path / "config").write_text("[default")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    pytest.importorskip("boto3")
    folder = tmp_path / "shipping"
    shutil.copytree(PACKAGES.parent / "examples" / "shipping", folder)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_command_that_has_ended(tmp_path: Path) -> None:
    """Each question says so, with how it ended and what it has said last."""
    write(tmp_path)
    with LocalProject(tmp_path) as project:
        project._process.kill()
        for ask in (project.wait_until_idle, lambda: project.invoke("echo", {})):
            with pytest.raises(RuntimeError, match=r"has ended with status -9:\n(.*\n)*  ready"):
                ask()


def test_command_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed."""
    write(tmp_path)
    monkeypatch.setattr(local_project, "_END", 0.5)
    with LocalProject(tmp_path) as project:
        project._process.send_signal(signal.SIGSTOP)
    assert project._process.returncode == -9
