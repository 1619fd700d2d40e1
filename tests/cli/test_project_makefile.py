"""The Makefile that `init` writes, run by make in a real folder, against AWS on this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.deploy.fake_aws import ACCOUNT, Fault, StandIn

from .support import run_here

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
# The command as the Makefile finds it on PATH, with an engine that needs no registry.
COMMAND = f"""\
#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.deploy import fake_images
sys.modules["amazon_lambda_runtime.deploy.images"] = fake_images
from amazon_lambda_runtime.cli import main
main()
"""
TARGETS = {
    "image", "ecr-repo", "deploy", "policy-document", "lambda-role", "lambda-policies",
    "update-policies", "lambda-function", "update-function", "queue", "lambda-sqs-trigger",
    "invoke", "clean", "help",
}  # fmt: skip
SENTINELS = TARGETS - {"update-policies", "update-function", "clean", "help"}


@pytest.fixture(scope="module")
def aws() -> Iterator[StandIn]:
    """AWS, without an account's quirks but with its managed policies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        patch.setenv("MOTO_LAMBDA_STUB_ECR", "false")
        server = StandIn()
        yield server
        server.stop()


@dataclass
class Project:
    """A folder, and who makes its targets."""

    folder: Path
    aws: StandIn
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        """Run a command in the folder."""
        self.aws.door.calls.clear()
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def make(self, *arguments: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        return self.run("make", *arguments, status=status)

    @property
    def changes(self) -> list[str]:
        """What the last command changed in AWS."""
        return self.aws.door.changes

    def read(self, name: str) -> str:
        return (self.folder / name).read_text().strip()

    def change(self, name: str, before: str, after: str) -> None:
        """Edit a file, so that make sees that it is newer."""
        text = self.read(name)
        assert before in text
        (self.folder / name).write_text(text.replace(before, after) + "\n")

    def live(self) -> Any:
        """The configuration of the version that is live."""
        client = boto3.client(
            "lambda",
            endpoint_url=self.aws.door.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        found = client.get_function(FunctionName="hello-python", Qualifier="live")
        return found["Configuration"]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `lambda-runtime init` leaves it."""
    folder = tmp_path_factory.mktemp("new")
    assert run_here(folder, "init", "--name", "hello-python").returncode == 0
    return folder


@pytest.fixture
def project(aws: StandIn, new: Path, tmp_path: Path) -> Project:
    """A new folder, and an empty account."""
    aws.reset()
    command = tmp_path / "bin/lambda-runtime"
    command.parent.mkdir()
    command.write_text(COMMAND)
    command.chmod(0o755)
    folder = shutil.copytree(new, tmp_path / "project")
    environment = {
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": aws.door.url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    return Project(folder, aws, environment)


def test_help(project: Project) -> None:
    """All targets of the Perl distribution, with a line of their own; make alone lists them."""
    done = project.make()
    assert done.stdout == project.make("help").stdout
    listed = dict(line.split(None, 1) for line in done.stdout.splitlines())
    assert set(listed) == TARGETS
    assert project.aws.door.calls == []


def test_variables() -> None:
    """Every variable has its default; `init` puts the project's name for those of the Perl one."""
    text = (files("amazon_lambda_runtime") / "cli" / "templates" / "Makefile").read_text()
    assert dict(re.findall(r"^([A-Z_]+) *\?= *(\S*)$", text, re.M)) == {
        "IMAGE_NAME": "python-lambda-poc",
        "AWS_PROFILE": "default",
        "REGION": "",
        "REPO_NAME": "python-lambda-poc",
        "FUNCTION_NAME": "hello-python",
        "ROLE_NAME": "lambda-role",
        "POLICIES_FILE": "policies",
        "AWS_ACCOUNT": "",
        "LAMBDA_MODULE": "hello.py",
        "QUEUE_NAME": "lambda-runtime",
        "BATCH_SIZE": "10",
    }


# The command that a target runs, where it is not the step of the target's name.
COMMANDS = {"deploy": "step push", "invoke": "invoke"}


@pytest.mark.parametrize("target", sorted(TARGETS - {"help"}))
def test_target_is_one_command(new: Path, target: str) -> None:
    """Each recipe is one call of the command, with help of its own that has an example."""
    makefile = (new / "Makefile").read_text()
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n?)+)", makefile, re.M)
    assert recipe is not None
    assert len(recipe[1].splitlines()) == 1
    command = COMMANDS.get(target, f"step {target}")
    assert re.findall(r"lambda-runtime ((?:step )?[a-z-]+)", recipe[1]) == [command]
    shown = run_here(new, *command.split(), "--help").stdout
    assert "Examples:" in shown
    assert f"lambda-runtime {command}" in shown.partition("Examples:")[2]


@pytest.mark.slow
def test_life_of_a_function(project: Project) -> None:
    """From a folder to an answer, a new image, a changed table, and back to the first files."""
    before = {file.name for file in project.folder.iterdir()}

    # Each target leaves a file of its name that holds what it made.
    done = project.make("lambda-function", "invoke")
    assert json.loads(project.read("invoke")) == {"name": "Ada"}  # moto answers with the event
    assert '{"name": "Ada"}' in done.stdout
    uri = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/hello-python"
    assert project.read("ecr-repo") == uri
    assert project.read("deploy") == f"{uri}@{project.read('image')}"
    assert project.read("lambda-role") == f"arn:aws:iam::{ACCOUNT}:role/hello-python-role"
    assert project.read("lambda-policies").endswith("/AWSLambdaBasicExecutionRole")
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:hello-python"
    assert project.read("lambda-function") == arn
    trust = json.loads(project.read("policy-document"))
    assert trust["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert project.live()["MemorySize"] == 128
    assert f"sha256:{project.live()['CodeSha256']}" == project.read("image")

    # What is done is not done again; AWS is not even asked.
    assert "up to date" in project.make("lambda-function").stdout
    assert project.aws.door.calls == []

    # An image is an order-only prerequisite: `update-function` gives it to the function.
    project.change("hello.py", "Hello", "Good morning")
    planned = project.make("-n", "lambda-function").stdout
    assert "lambda-runtime step image" in planned
    assert "lambda-runtime step lambda-function" not in planned
    project.make("update-function")
    assert {"lambda:UpdateFunctionCode", "lambda:UpdateAlias"} <= {*project.changes}
    assert f"sha256:{project.live()['CodeSha256']}" == project.read("image")
    project.make("update-function")
    assert project.changes == []

    # What pyproject.toml says, the next make brings to the function.
    project.change("pyproject.toml", "memory = 128", "memory = 256")
    project.make("lambda-function")
    assert project.live()["MemorySize"] == 256

    # BATCH_SIZE and QUEUE_NAME are seen too, from the environment as from the command line.
    needed = "the role needs AWSLambdaSQSQueueExecutionRole"
    assert needed in project.make("lambda-sqs-trigger").stderr
    project.make("lambda-sqs-trigger", "BATCH_SIZE=5")
    assert "lambda:UpdateEventSourceMapping" in project.changes
    policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
    project.change("policies", f"# {policy}", policy)
    project.environment["QUEUE_NAME"] = "orders"
    done = project.make("lambda-sqs-trigger")
    assert project.read("queue").endswith("/orders")
    assert "pyproject.toml does not declare the queue orders" in done.stderr
    assert needed not in done.stderr
    assert "iam:AttachRolePolicy" in project.changes

    # What make knows is forgotten; then AWS is looked at, and nothing differs.
    assert {file.name for file in project.folder.iterdir()} - before == {*SENTINELS, ".variables"}
    project.make("clean")
    assert project.aws.door.calls == []
    assert {file.name for file in project.folder.iterdir()} == before
    project.make("lambda-function", "lambda-sqs-trigger")
    assert project.aws.door.calls != []
    assert project.changes == []

    # A function of another name is another function.
    project.make("lambda-function", "FUNCTION_NAME=other")
    assert "lambda:CreateFunction" in project.changes

    # An invocation that fails makes make fail.
    project.aws.door.faults.append(Fault("lambda:Invoke", error=(400, "Broken", "it is broken")))
    assert "it is broken" in project.make("invoke", status=2).stderr


@pytest.mark.parametrize(
    ("target", "variable", "change"),
    [
        pytest.param("lambda-role", "ROLE_NAME=other", "iam:CreateRole", marks=pytest.mark.slow),
        pytest.param("ecr-repo", "REPO_NAME=other", "ecr:CreateRepository", marks=pytest.mark.slow),
        ("queue", "QUEUE_NAME=other", "sqs:CreateQueue"),
    ],
)
def test_changed_variable(project: Project, target: str, variable: str, change: str) -> None:
    """A variable with another value is seen by the next make."""
    project.make(target)
    project.make(target, variable)
    assert change in project.changes
    project.make(target, variable)
    assert project.aws.door.calls == []


@pytest.mark.parametrize(
    ("target", "prerequisites"),
    [
        ("image", set()),
        ("ecr-repo", set()),
        ("deploy", {"ecr-repo", "image"}),
        ("policy-document", set()),
        ("lambda-role", {"policy-document"}),
        ("lambda-policies", {"policy-document", "lambda-role"}),
        ("update-policies", set()),
        (
            "lambda-function",
            {"ecr-repo", "image", "deploy", "policy-document", "lambda-role", "lambda-policies"},
        ),
        ("update-function", {"ecr-repo", "image", "deploy"}),
        ("queue", set()),
    ],
)
def test_prerequisites(project: Project, target: str, prerequisites: set[str]) -> None:
    """Each target makes first what it depends on, and nothing else."""
    planned = project.make("-n", target).stdout
    made = set(re.findall(r"> ([a-z-]+)$", planned, re.M)) - {target}
    assert made == prerequisites


def test_any_module_makes_the_image_old(project: Project) -> None:
    """A file that the handler imports is part of the image as well as the handler's own."""
    (project.folder / "pkg").mkdir()
    (project.folder / "pkg/prices.py").write_text("")
    project.make("image")
    assert "up to date" in project.make("image").stdout
    os.utime(project.folder / "pkg/prices.py", (2**31, 2**31))
    assert "lambda-runtime step image" in project.make("image").stdout


@pytest.mark.parametrize("status", [0, 1])
def test_name_of_the_image(project: Project, status: int) -> None:
    """An engine that keeps images tags them with IMAGE_NAME; if it cannot, a line says so."""
    docker = project.folder.parent / "bin/docker"
    docker.write_text(f'#!/bin/sh\necho "$@" > asked\necho "no daemon" >&2\nexit {status}\n')
    docker.chmod(0o755)
    project.change(
        "pyproject.toml", "[tool.lambda-runtime]", '[tool.lambda-runtime]\nengine = "docker"'
    )
    done = project.make("image", "IMAGE_NAME=orders")
    assert project.read("image") == "orders"
    assert re.fullmatch(r"tag sha256:[0-9a-f]{64} orders", project.read("asked"))
    assert ("no daemon" in done.stderr) == bool(status)


@pytest.mark.slow
def test_policies(project: Project) -> None:
    """A line more is a policy attached, a line less is one detached; twice is nothing."""
    project.make("lambda-policies")
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    project.change("policies", f"# {arn}", arn)
    project.make("update-policies")
    assert project.changes == ["iam:TagRole", "iam:AttachRolePolicy"]
    project.make("update-policies")
    assert project.changes == []
    project.change("policies", arn, f"# {arn}")
    project.make("update-policies")
    assert "iam:DetachRolePolicy" in project.changes


@pytest.mark.slow
def test_failure_leaves_no_sentinel(project: Project) -> None:
    """What could not be made is made again next time; the reason is one line."""
    project.change("hello.py", "class", "# broken\nclass")
    done = project.make("deploy", status=2)
    assert "lambda-runtime: the image cannot be built" in done.stderr
    assert not (project.folder / "image").exists()
    project.change("hello.py", "# broken\n", "")
    project.make("deploy")
    assert project.read("deploy").endswith(project.read("image"))


@pytest.mark.slow
def test_update_before_there_is_a_function(project: Project) -> None:
    """There is nothing to update: the line says what to do first."""
    done = project.make("update-function", status=2)
    assert "there is no such function" in done.stderr
    assert "lambda:CreateFunction" not in project.changes


def test_profile(project: Project) -> None:
    """The default profile need not exist; another one has to, and the error names it."""
    project.make("ecr-repo", "AWS_PROFILE=default")
    done = project.make("ecr-repo", "AWS_PROFILE=absent", status=2)
    assert "absent" in done.stderr
