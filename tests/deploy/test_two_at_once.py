"""Two people at once: the second one learns it in a line, and what is live is no mixture."""

import pytest

from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import execute
from amazon_lambda_runtime.deploy.resources import configuration, function

from .canned import Canned, site
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
