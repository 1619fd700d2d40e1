"""Two people at once: the second one learns it in a line, and what is live is no mixture."""

from typing import Any

import pytest

from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import execute
from amazon_lambda_runtime.deploy.resources import configuration, function
from amazon_lambda_runtime.deploy.resources.triggers import permission

from .canned import Canned, run, site
from .fake_aws import Fault
from .world import ONE, World

OLD = (412, "PreconditionFailedException", "The RevisionId provided does not match")
TOLD = "function orders was changed by somebody else since this deployment looked at it"


def memory(world: World) -> int:
    found = world.client("lambda").get_function_configuration(FunctionName="orders")
    return int(found["MemorySize"])


def test_a_configuration_that_another_has_changed(world: World) -> None:
    """It stays as the other has made it."""
    world.write(ONE)
    world.deploy()
    world.write(ONE + "memory = 256\n")
    plan = world.plan()
    world.client("lambda").update_function_configuration(FunctionName="orders", MemorySize=512)
    world.door.calls.clear()
    with pytest.raises(DeployError, match=TOLD):
        execute(plan, world.told)
    assert (memory(world), world.live(), world.door.changes) == (512, "1", [])


def test_code_that_another_has_changed(world: World) -> None:
    """An image is not put in the place of one that the plan did not see."""
    world.write(ONE)
    world.deploy()
    world.images.letter = "b"
    world.put_image("b")
    plan = world.plan()
    uri = world.put_image("c")
    world.client("lambda").update_function_code(FunctionName="orders", ImageUri=uri)
    world.door.calls.clear()
    with pytest.raises(DeployError, match=TOLD):
        execute(plan, world.told)
    assert "lambda:UpdateFunctionCode" not in world.door.changes
    assert world.live() == "1"


@pytest.mark.parametrize(
    ("operation", "table", "letter"),
    [
        ("lambda:UpdateFunctionConfiguration", "memory = 256\n", "a"),
        ("lambda:UpdateFunctionCode", "", "b"),
        ("lambda:PublishVersion", "memory = 256\n", "a"),
    ],
)
def test_a_revision_that_is_old(world: World, operation: str, table: str, letter: str) -> None:
    """If it is always, that is told at once: nothing waits for what can't pass."""
    world.write(ONE)
    world.deploy()
    world.write(ONE + table)
    world.images.letter = letter
    world.door.faults.append(Fault(operation, error=OLD, times=9))
    with pytest.raises(DeployError, match=TOLD):
        world.deploy()
    assert world.live() == "1"
    assert sum(world.time.slept) < 10
    world.door.faults.clear()
    world.deploy()
    assert world.live() == "2"


@pytest.mark.parametrize(
    "operation", ["lambda:UpdateFunctionConfiguration", "lambda:PublishVersion"]
)
def test_a_revision_that_lambda_itself_has_changed(world: World, operation: str) -> None:
    """The function is as the plan saw it: a second attempt is no danger."""
    world.write(ONE)
    world.deploy()
    world.write(ONE + "memory = 256\n")
    world.door.faults.append(Fault(operation, error=OLD))
    world.deploy()
    assert (memory(world), world.live()) == (256, "2")


def test_a_function_whose_code_has_no_hash(world: World) -> None:
    """An emulator may not tell it. What is published is then as wanted as far as can be seen."""
    world.write(ONE)
    world.deploy()
    live = dict(world.client("lambda").get_function_configuration(FunctionName="orders"))
    orders = world.function()
    assert function.meanwhile(world.site(), orders, live) == []
    (change,) = function.meanwhile(world.site(), orders, live | {"CodeSha256": "b" * 64})
    assert change.startswith("image bbbb")
    live["CodeSha256"] = ""
    assert function.meanwhile(world.site(), orders, live) == []
    (change,) = function.meanwhile(world.site(), orders, live | {"Timeout": 900})
    assert change == "timeout 900 → 3"


def test_the_revision_that_was_read_goes_with_the_request() -> None:
    """So a change between the two is refused by AWS, however short the time."""
    read = {"RevisionId": "r1", "CodeSha256": "b" * 64, "Role": "r/orders-role"}
    aws = Canned(lambda__get_function_configuration=read)
    place = site(aws, digest=f"sha256:{'a' * 64}")
    orders = place.project.functions[0]
    function._update_code(place, orders, "b" * 64)
    planned = list(configuration.changes(orders, read))
    function._configure(place, orders, planned)
    sent = dict(aws.changes)
    assert sent["lambda:update_function_code"]["RevisionId"] == "r1"
    assert sent["lambda:update_function_configuration"]["RevisionId"] == "r1"


BUCKET = 'triggers = [{ type = "s3", bucket = "uploads" }]\n'
SID = "lambda-runtime-s3-uploads"
CHANGED = f"the permission {SID} of orders was changed by somebody else"
WHERE: dict[str, Any] = {"FunctionName": "orders", "Qualifier": "live"}


def statements(world: World) -> dict[str, str]:
    """Return the source of each statement by its Sid."""
    live = permission.read(world.site(), world.function())
    return {sid: permission.source(each) for sid, each in live.items()}


def allow(world: World, source: str) -> None:
    """Make a statement of this Sid, as somebody else does it at the same time."""
    world.client("lambda").add_permission(
        **WHERE, StatementId=SID, Principal="s3.amazonaws.com", Action="lambda:InvokeFunction",
        SourceArn=source,
    )  # fmt: skip


def deployed(world: World, table: str) -> None:
    world.buckets("uploads")
    world.write(ONE + table)
    world.deploy()


def test_a_permission_that_another_has_made(world: World) -> None:
    """For something else: it stays, and the bucket is not told of the function."""
    deployed(world, "")
    world.write(ONE + BUCKET)
    plan = world.plan()
    allow(world, "arn:aws:s3:::others")
    world.door.calls.clear()
    with pytest.raises(DeployError, match=CHANGED):
        execute(plan, world.told)
    assert statements(world) == {SID: "arn:aws:s3:::others"}
    assert world.door.changes == []
    # Whoever looks again can go on.
    world.deploy()
    assert statements(world) == {SID: "arn:aws:s3:::uploads"}


def test_a_permission_that_another_has_made_alike(world: World) -> None:
    """Both wanted the same: there is nothing to tell."""
    deployed(world, "")
    world.write(ONE + BUCKET)
    plan = world.plan()
    allow(world, "arn:aws:s3:::uploads")
    execute(plan, world.told)
    assert statements(world) == {SID: "arn:aws:s3:::uploads"}


def test_a_permission_that_another_has_changed_before_it_goes(world: World) -> None:
    """What is there now is not what the plan wanted to remove."""
    deployed(world, BUCKET)
    world.write(ONE)
    plan = world.plan()
    world.client("lambda").remove_permission(FunctionName="orders", StatementId=SID)
    allow(world, "arn:aws:s3:::others")
    with pytest.raises(DeployError, match=CHANGED):
        execute(plan, world.told)
    assert statements(world) == {SID: "arn:aws:s3:::others"}


def test_a_permission_that_another_has_removed_already(world: World) -> None:
    """It is gone, as it was to be."""
    deployed(world, BUCKET)
    world.write(ONE)
    plan = world.plan()
    world.client("lambda").remove_permission(FunctionName="orders", StatementId=SID)
    execute(plan, world.told)
    assert statements(world) == {}


@pytest.mark.parametrize(
    ("operation", "before", "after"),
    [("lambda:AddPermission", "", BUCKET), ("lambda:RemovePermission", BUCKET, "")],
)
def test_a_policy_that_changes_all_the_time(
    world: World, operation: str, before: str, after: str
) -> None:
    """Once is another statement's matter; always is told, soon, and the next deployment goes on."""
    deployed(world, before)
    world.write(ONE + after)
    world.door.faults.append(Fault(operation, error=OLD, times=9))
    with pytest.raises(DeployError, match=CHANGED):
        world.deploy()
    assert (SID in statements(world)) == bool(before)
    assert sum(world.time.slept) < 10
    world.door.faults[:] = [Fault(operation, error=OLD)]
    world.deploy()
    assert (SID in statements(world)) == bool(after)


@pytest.mark.parametrize("lose", ["before", "after"])
@pytest.mark.parametrize(
    ("operation", "before", "after"),
    [("lambda:AddPermission", "", BUCKET), ("lambda:RemovePermission", BUCKET, "")],
)
def test_a_reply_that_is_lost(
    world: World, operation: str, before: str, after: str, lose: str
) -> None:
    """Our own change is not taken for somebody else's, though the revision is another then."""
    deployed(world, before)
    world.write(ONE + after)
    world.door.faults.append(Fault(operation, lose=lose))
    world.deploy()
    assert (SID in statements(world)) == bool(after)


def test_the_revision_of_a_policy_goes_with_the_request() -> None:
    """So a statement that comes between the two is seen by AWS."""
    policy = {"Policy": '{"Statement": [{"Sid": "a"}]}', "RevisionId": "r7"}
    aws = Canned(lambda__get_policy=policy)
    place = site(aws)
    wanted = permission.Permission(SID, "s3.amazonaws.com", source="arn:aws:s3:::uploads")
    orders = place.project.functions[0]
    run(permission.plan(place, orders, wanted, {}))
    run([permission.removal(place, orders, "a", {"Sid": "a"})])
    assert [sent["RevisionId"] for _, sent in aws.changes] == ["r7", "r7"]
