"""What a pipeline goes by: JSON, exit statuses, plain lines, and that nothing asks."""

import json
import os
import subprocess
from collections.abc import Callable

import pytest

from amazon_lambda_runtime.cli.group import run as run_command
from tests.deploy.conftest import stand_in, world
from tests.deploy.fake_aws import Fault
from tests.deploy.world import ALL, ONE, World

from .support import COMMAND, PATIENCE, read_terminal, run_here

__all__ = ["stand_in", "world"]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in the project's folder, in this process."""
    monkeypatch.chdir(world.folder)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = run_command(arguments)
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


@pytest.fixture
def image(world: World) -> str:
    """The URI of an image that is in the registry."""
    world.write(ONE)
    world.deploy(only={"repository"})
    return world.put_image("a")


def test_plan_for_programs(world: World, run: Run, image: str) -> None:
    """--json is the plan on stdout and nothing else; --exit-code tells changes, none, an error."""
    plan = ("plan", "--json", "--exit-code", "--image-uri", image)
    status, out, _ = run(*plan)
    document = json.loads(out)
    assert (status, set(document)) == (2, {"version", "steps", "notes"})
    assert document["version"] == 1
    found = [(step["action"], step["kind"], step["name"]) for step in document["steps"]]
    assert found == [
        ("create", "role", "orders-role"),
        ("create", "policy", f"{world.function().policies[0]} of role orders-role"),
        ("create", "log group", "/aws/lambda/orders"),
        ("update", "log group", "/aws/lambda/orders"),
        ("create", "function", "orders"),
        ("create", "alias", "orders:live"),
    ]
    assert set(document["steps"][0]) == {"action", "kind", "name", "changes", "reason"}
    assert document["steps"][0]["reason"] == "it does not exist yet"
    assert run("plan", "--image-uri", image)[0] == 0
    assert run("deploy", "--image-uri", image)[0] == 0
    assert run("plan", "--exit-code", "--image-uri", image)[:2] == (0, "Nothing to do.\n")
    status, out, _ = run(*plan)
    assert (status, json.loads(out)) == (0, {"version": 1, "steps": [], "notes": []})


@pytest.mark.parametrize("wrong", [["--nonsense"], ["--function", "typo"], []])
def test_no_mistake_ends_as_changes_do(world: World, run: Run, wrong: list[str]) -> None:
    """With --exit-code an error, also of the command line, has status 1; without it 2, as ever."""
    world.write(ONE if wrong else "[tool.lambda-runtime]\nmemroy = 1\n")
    status, out, err = run("plan", "--exit-code", *wrong)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert run("plan", *wrong)[0] == 2


def test_diff_for_programs(world: World, run: Run, image: str) -> None:
    """Each difference is one entry of `changes`."""
    run("deploy", "--image-uri", image)
    world.client("lambda").update_function_configuration(
        FunctionName="orders", Timeout=9, MemorySize=256
    )
    status, out, _ = run("diff", "--json")
    (step,) = json.loads(out)["steps"]
    assert status == 1
    assert (step["action"], step["kind"], step["name"]) == ("update", "function", "orders")
    assert step["changes"] == ["memory 256 → 128", "timeout 9 → 3"]
    run("deploy", "--image-uri", image)
    arn = world.site().function_arn(world.function())
    world.client("lambda").tag_resource(Resource=arn, Tags={"cost": "me"})
    foreign = "! tag cost of function orders: me is not declared\n"
    assert run("diff")[:2] == (1, foreign)
    assert run("plan", "--exit-code", "--image-uri", image)[0] == 0


@pytest.mark.slow
def test_no_live(world: World, run: Run, image: str) -> None:
    """A version is published and tested, what is live stays; the next `deploy` makes it live."""
    world.buckets("uploads")
    world.write(ALL)
    status, out, _ = run("deploy", "--no-live", "--image-uri", image)
    assert (status, out) == (0, "orders: published and tested, not live\n")
    lambdas = world.client("lambda")
    assert lambdas.list_aliases(FunctionName="orders")["Aliases"] == []
    assert world.client("sqs").list_queues().get("QueueUrls", []) == []
    run("deploy", "--image-uri", image)
    assert world.live() == "1"
    other = world.put_image("b")
    policies = world.folder / "policies"
    policies.write_text("")
    world.door.calls.clear()
    assert run("deploy", "--no-live", "--image-uri", other)[0] == 0
    assert world.live() == "1"
    assert "lambda:Invoke" in world.door.calls
    # What the version that is live may need is not taken from it.
    assert "iam:DetachRolePolicy" not in world.door.calls
    assert run("deploy", "--image-uri", other)[0] == 0
    assert world.live() == "2"
    assert run("deploy", "--no-live", "--image-uri", other)[1] == "orders: nothing to do\n"


def test_no_live_and_prune(world: World, run: Run) -> None:
    """They contradict each other."""
    world.write(ALL)
    status, _, err = run("deploy", "--no-live", "--prune")
    assert status == 2
    assert "--prune deletes what is live, and --no-live leaves it alone: choose one." in err
    assert world.door.calls == []


def test_a_repository_that_need_not_be_made(world: World, run: Run) -> None:
    """Where image_uri names an image there is nothing to build."""
    world.write(
        f'[tool.lambda-runtime]\nimage_uri = "1.dkr.ecr.x.amazonaws.com/a@sha256:{"b" * 64}"'
    )
    status, out, err = run("step", "ecr-repo")
    assert (status, out) == (0, "1.dkr.ecr.x.amazonaws.com/a\n")
    assert err == "nothing to build: image_uri names an existing image\n"
    assert world.door.calls == []


def test_no_live_and_a_failed_smoke_test(world: World, run: Run, image: str) -> None:
    """It is status 1, and it is tested again by the next run."""
    broken = Fault("lambda:Invoke", failed='{"errorType": "Bad", "errorMessage": "no"}')
    world.door.faults.append(broken)
    status, _, err = run("deploy", "--no-live", "--image-uri", image)
    assert (status, err.endswith("and live has not moved: Bad: no\n")) == (1, True)
    assert run("deploy", "--no-live", "--image-uri", image)[0] == 0
    versions = world.client("lambda").list_versions_by_function(FunctionName="orders")["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1"]


def test_destroy_without_a_terminal(world: World, image: str) -> None:
    """It does not wait for an answer that cannot come: one line says --yes."""
    run_here(world.folder, "deploy", "--image-uri", image)
    world.door.calls.clear()
    with subprocess.Popen(
        [*COMMAND, "destroy"],
        cwd=world.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        # Its stdin stays open, and nobody writes.
        assert process.wait(PATIENCE) == 2
        assert process.stderr is not None
        assert "there is no terminal. Use one, or --yes." in process.stderr.read().splitlines()[-1]
    assert world.door.changes == []


def test_plain_lines_where_stdout_is_no_terminal(world: World, image: str) -> None:
    """A log that is kept has a line for each step, though stderr is a terminal."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [*COMMAND, "deploy", "--image-uri", image],
        cwd=world.folder,
        env={**os.environ, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=slave,
    )
    os.close(slave)
    with process, os.fdopen(master, "rb"):
        shown = read_terminal(master).decode()
        assert process.wait(PATIENCE) == 0, shown
    assert "\x1b" not in shown
    assert "+ function orders: it does not exist yet\r\n" in shown


def test_permissions_for_one_command(world: World, run: Run) -> None:
    """A plan may only read, a deployment deletes no data, and destroying makes nothing."""
    world.write(ALL)

    def actions(*arguments: str) -> set[str]:
        document = json.loads(run("permissions", *arguments)[1])
        return {action for each in document["Statement"] for action in each["Action"]}

    whole = actions()
    plan, deploy, destroy = (actions("--for", word) for word in ("plan", "deploy", "destroy"))
    assert plan < deploy < whole
    assert plan < destroy < whole
    verbs = ("Get", "GET", "List", "Describe", "BatchGet")
    assert [a for a in plan if not a.partition(":")[2].startswith(verbs)] == []
    assert whole - deploy == {
        "iam:SimulatePrincipalPolicy",
        "ecr:DeleteRepository",
        "iam:DeleteRole",
        "logs:DeleteLogGroup",
        "logs:FilterLogEvents",
        "sns:DeleteTopic",
        "sqs:DeleteQueue",
    }
    assert "iam:PassRole" in deploy - destroy
    assert {"lambda:DeleteFunction", "s3:PutBucketNotification"} <= destroy
    assert not [action for action in destroy if ":Create" in action]
    assert run("permissions", "--for", "lunch")[0] == 2
