"""Durable functions in AWS: how they are made, and what happens to their executions."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.deploy import deployment, destroy
from amazon_lambda_runtime.deploy.errors import DeployError, SmokeTestFailed
from amazon_lambda_runtime.deploy.plan import execute

from .fake_aws import ACCOUNT, REGION, Fault
from .keeping import Strict
from .world import ONE, World

WORKFLOW = Path(__file__).parents[2] / "examples/workflow"
DURABLE = f"{ONE}durable = {{ execution_timeout = 3600, retention_days = 30 }}\n"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"


def configuration(world: World) -> Any:
    found = world.aws().call("lambda", "get_function", FunctionName="orders")
    return found["Configuration"]


def deploy(world: World, *, prune: bool = False) -> dict[str, Any]:
    """Deploy; return what was sent, each operation's last, held against AWS's model."""
    strict = world.aws(Strict)
    assert isinstance(strict, Strict)
    strict.sent = []
    deployment.deploy(world.project(), strict, world.told, builder=world.images, prune=prune)
    return dict(strict.sent)


def test_made_and_changed(world: World) -> None:
    """Both values are sent when it is made, and change later with a version of their own."""
    world.write(f"{ONE}durable = true\n")
    made = deploy(world)["lambda:CreateFunction"]
    assert made["DurableConfig"] == {"ExecutionTimeout": 900, "RetentionPeriodInDays": 14}
    assert "durable" in made["Tags"]["lambda-runtime:settings"].split()
    assert not world.plan().steps

    world.write(DURABLE)
    told = [str(step) for step in world.plan().steps]
    change = "execution timeout 900 → 3600; retention of executions 14 → 30"
    assert told == [
        f"update configuration of function orders: {change}",
        f"update alias orders:live: version 1 is not what is wanted: {change}",
    ]
    changed = deploy(world)["lambda:UpdateFunctionConfiguration"]
    assert changed["DurableConfig"] == {"ExecutionTimeout": 3600, "RetentionPeriodInDays": 30}
    assert world.live() == "2"
    assert not world.plan().steps


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (ONE, DURABLE, "is not durable, and the table declares it durable"),
        (DURABLE, ONE, "is durable, and the table does not declare it durable any more"),
    ],
)
def test_never_made_anew(before: str, after: str, said: str, world: World) -> None:
    """AWS decides it once. A plan and a deployment say so before anything changes."""
    world.write(before)
    world.deploy()
    world.write(after)
    world.images.letter = "b"
    for attempt in (world.plan, world.deploy):
        world.door.calls.clear()
        with pytest.raises(DeployError, match=said) as refused:
            attempt()
        assert "lambda-runtime destroy --function orders" in str(refused.value)
        assert world.door.changes == []
    # What differs is told none the less.
    drift = deployment.drift(world.project(), world.aws(), world.told)
    assert any("execution timeout" in str(step) or "DurableConfig" in str(step)
               for step in drift.steps)  # fmt: skip


def test_durable_by_hand_is_left_alone(world: World) -> None:
    """A function that the table never declared durable is the matter of who made it so."""
    world.write(ONE)
    world.deploy()
    world.door.keeper.functions["orders"]["DurableConfig"] = {"ExecutionTimeout": 60}
    world.images.letter = "b"
    world.deploy()
    assert configuration(world)["DurableConfig"] == {"ExecutionTimeout": 60}


def test_role(world: World) -> None:
    """It may ask for its state and write checkpoints, of its own executions alone."""
    world.write(DURABLE)
    world.deploy()
    policy = world.client("iam").get_role_policy(
        RoleName="orders-role", PolicyName="lambda-runtime-orders"
    )["PolicyDocument"]
    (found,) = [each for each in policy["Statement"] if each["Sid"] == "Executions"]
    assert found == {
        "Sid": "Executions",
        "Effect": "Allow",
        "Action": ["lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"],
        "Resource": f"{ARN}:*",
    }
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicDurableExecutionRolePolicy"
    world.write(f'{DURABLE}policies_file = "policies"\n')
    (world.folder / "policies").write_text(basic)
    assert any(
        step.what == "inline policy lambda-runtime-orders of role orders-role"
        and step.action == "delete"
        for step in world.plan().steps
    )


# Smoke tests

SMOKE = f'{DURABLE}payload = "event.json"\n'


def smoke(world: World, **outcome: Any) -> None:
    world.write(SMOKE)
    (world.folder / "event.json").write_text('{"order": 7}')
    world.door.executions.outcome = outcome
    world.deploy()


def test_smoke_test(world: World) -> None:
    """It is an execution of the new version, started as an event and watched."""
    smoke(world, Status="SUCCEEDED", Result="7")
    assert world.live() == "1"
    assert world.door.executions.payloads == [{"order": 7}]
    (arn,) = world.door.executions.there
    assert ":orders:1/" in arn


def test_smoke_test_that_fails(world: World) -> None:
    """The alias does not move, and the error of the execution is told."""
    error = {"ErrorType": "Bad", "ErrorMessage": "no stock"}
    with pytest.raises(SmokeTestFailed, match="has FAILED: Bad: no stock") as failed:
        smoke(world, Status="FAILED", Error=error)
    assert "version 1 of orders failed its smoke test, and live has not moved" in str(failed.value)
    with pytest.raises(SmokeTestFailed, match="is TIMED_OUT"):
        smoke(world, Status="TIMED_OUT")


def test_smoke_test_that_takes_long(world: World) -> None:
    """After a minute what still runs passes, with a note of its ARN."""
    smoke(world, Status="RUNNING")
    assert world.live() == "1"
    assert any("still runs after 60 seconds" in note for note in world.told.notes)
    assert 60 <= world.time.now < 70


# Clean-up


def released(world: World, *letters: str) -> None:
    for letter in letters:
        world.images.letter = letter
        world.deploy()


def test_versions_with_executions_stay(world: World) -> None:
    """And so do their images; they go once the executions have ended."""
    world.write(f"{DURABLE}keep = 1\n")
    released(world, "a")
    arn = world.door.executions.add(ARN, "1", "PAUSED")
    released(world, "b", "c")
    lambdas = world.client("lambda")

    def versions() -> list[str]:
        found = lambdas.list_versions_by_function(FunctionName="orders")["Versions"]
        return [each["Version"] for each in found if each["Version"] != "$LATEST"]

    assert versions() == ["1", "3"]
    note = "version orders:1 is old, and stays: it has executions that have not ended"
    assert note in world.told.notes
    images = world.client("ecr").describe_images(repositoryName="orders")["imageDetails"]
    assert {each["imageDigest"][7] for each in images} == {"a", "c"}
    world.door.executions.there[arn]["Status"] = "SUCCEEDED"
    world.deploy()
    assert versions() == ["3"]


def test_versions_of_which_aws_does_not_tell_stay(world: World) -> None:
    world.write(f"{DURABLE}keep = 1\n")
    released(world, "a")
    refused = (403, "AccessDeniedException", "no")
    world.door.faults.append(
        Fault("lambda:ListDurableExecutionsByFunction", times=9, error=refused)
    )
    released(world, "b")
    assert any(
        note.startswith("version orders:1 is old, and stays: it may have executions")
        for note in world.told.notes
    )


def test_execution_that_begins_after_the_plan(world: World) -> None:
    """A version is looked at again just before it goes."""
    world.write(f"{DURABLE}keep = 1\n")
    released(world, "a", "b")
    world.write(f"{DURABLE}keep = 1000\n")
    released(world, "c")
    world.write(f"{DURABLE}keep = 1\n")
    plan = world.plan()
    world.door.executions.add(ARN, "2")
    execute(plan, world.told)
    found = world.client("lambda").list_versions_by_function(FunctionName="orders")["Versions"]
    assert "2" in [each["Version"] for each in found]


# The end


def test_destroy_refuses(world: World) -> None:
    """Executions that have not ended are lost with their function: that has to be asked for."""
    world.write(DURABLE)
    world.deploy()
    world.door.executions.add(ARN, "1")
    world.door.executions.add(ARN, "1", "SUCCEEDED")
    with pytest.raises(DeployError, match="has executions, 1 that have not ended") as refused:
        destroy.plan(world.site())
    assert "--stop-executions" in str(refused.value)
    done = world.run("destroy", "--yes", AWS_ENDPOINT_URL=world.door.url)
    assert done.returncode == 2, done.stderr
    assert "--stop-executions" in done.stderr
    assert configuration(world)


def test_execution_that_begins_after_the_plan_of_the_end(world: World) -> None:
    """It is looked for again just before the function is deleted."""
    world.write(DURABLE)
    world.deploy()
    for stops in (False, True):
        plan = destroy.plan(world.site(), stop_executions=stops)
        arn = world.door.executions.add(ARN, "1")
        if not stops:
            with pytest.raises(DeployError, match="1 that have not ended"):
                execute(plan, world.told)
            assert configuration(world)
            world.door.executions.there[arn]["Status"] = "SUCCEEDED"
    execute(plan, world.told)
    assert world.door.executions.there[arn]["Status"] == "STOPPED"
    assert world.client("lambda").list_functions()["Functions"] == []


def test_key_of_a_hand(world: World) -> None:
    """AWS takes the configuration as a whole: what a hand has set of it goes back with ours."""
    world.write(f"{ONE}durable = true\n")
    world.deploy()
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    world.door.keeper.functions["orders"]["DurableConfig"]["KMSKeyArn"] = key
    world.write(DURABLE)
    sent = deploy(world)["lambda:UpdateFunctionConfiguration"]["DurableConfig"]
    assert sent["KMSKeyArn"] == key


def test_destroy_stops_them(world: World) -> None:
    world.write(DURABLE)
    world.deploy()
    arns = [world.door.executions.add(ARN, "1") for _ in range(3)]
    arns.append(world.door.executions.add(ARN, "1", "PAUSED"))
    plan = destroy.plan(world.site(), stop_executions=True)
    told = [str(step) for step in plan.steps]
    assert told[0] == "delete executions of function orders: 4 that have not ended"
    execute(plan, world.told)
    assert {world.door.executions.there[arn]["Status"] for arn in arns} == {"STOPPED"}
    assert world.client("lambda").list_functions()["Functions"] == []


def test_destroy_waits_for_the_function(world: World) -> None:
    """AWS ends the executions first, which takes its time: it is there until then."""
    world.write(DURABLE)
    world.deploy()
    site = world.site()
    site.aws.retry.note = world.told.note
    plan = destroy.plan(site)
    # It is asked for twice after its deletion, and there each time.
    world.door.keeper.lingering["orders"] = 2
    execute(plan, world.told)
    notes = [note for note in world.told.notes if note.startswith("waiting for the end of")]
    assert notes == ["waiting for the end of function orders: AWS is deleting it, Deleting"] * 2
    assert world.client("lambda").list_functions()["Functions"] == []


def test_function_that_has_left_the_table(world: World) -> None:
    """With executions it is not pruned; it gets no events any more."""
    two = DURABLE.replace('function = "orders"', 'function = "bills"')
    world.write(two)
    world.deploy()
    arn = world.door.executions.add(ARN.replace("orders", "bills"), "1")
    world.write(ONE)
    deployment.deploy(world.project(), world.aws(), world.told, builder=world.images, prune=True)
    names = [f["FunctionName"] for f in world.client("lambda").list_functions()["Functions"]]
    assert sorted(names) == ["bills", "orders"]
    assert any("bills is not in pyproject.toml any more, and stays" in n for n in world.told.notes)
    world.door.executions.there[arn]["Status"] = "FAILED"
    deployment.deploy(world.project(), world.aws(), world.told, builder=world.images, prune=True)
    names = [f["FunctionName"] for f in world.client("lambda").list_functions()["Functions"]]
    assert names == ["orders"]


def test_example(world: World) -> None:
    """examples/workflow is planned and deployed with what it declares; its smoke test is run."""
    shutil.copytree(WORKFLOW, world.folder, dirs_exist_ok=True)
    sent = deploy(world)
    assert {f["FunctionName"] for f in world.client("lambda").list_functions()["Functions"]} == {
        "order", "ship"
    }  # fmt: skip
    kept = world.door.keeper.functions
    assert kept["order"]["DurableConfig"] == {
        "ExecutionTimeout": 691200,
        "RetentionPeriodInDays": 30,
    }
    assert "DurableConfig" not in kept["ship"]
    assert world.door.executions.payloads == [{"order": 7, "total": 100}]
    assert sent["lambda:GetDurableExecution"]
    assert not world.plan().steps
