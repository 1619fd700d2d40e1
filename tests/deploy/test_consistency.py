"""What AWS does and moto never: slow, busy, failed, throttled, forgetful. Waits take no time."""

import json
from typing import Any

import pytest

from amazon_lambda_runtime.deploy.errors import AwsError, DeployError, LostReply
from amazon_lambda_runtime.deploy.resources import role
from amazon_lambda_runtime.deploy.retry import Retry

from .fake_aws import Fault
from .world import ONE, Time, World

CANNOT = (
    400,
    "InvalidParameterValueException",
    "The role defined for the function cannot be assumed by Lambda.",
)
BUSY = (
    409,
    "ResourceConflictException",
    "The operation cannot be performed at this time. An update is in progress for resource: orders",
)


def state(**fields: str) -> Any:
    """Return a change of a reply: these fields of a function's configuration."""
    return lambda document: document.update(fields)


@pytest.fixture
def deployed(world: World) -> World:
    """A world with a live function, and another image to deploy."""
    world.write(ONE)
    world.deploy()
    world.images.letter = "b"
    return world


def test_a_new_role_is_waited_for(world: World) -> None:
    """A role of this minute that "cannot be assumed" is asked for again, with jitter."""
    world.write(ONE)
    world.door.faults.append(Fault("lambda:CreateFunction", times=4, error=CANNOT))
    world.deploy()
    assert world.live() == "1"
    assert len(world.time.slept) == 4
    assert "waiting: the role is new, and not known everywhere yet" in world.told.notes


def test_a_new_role_is_not_waited_for_for_ever(world: World) -> None:
    """After a minute it is not the role's youth; the error explains iam:PassRole."""
    world.write(ONE)
    world.door.faults.append(Fault("lambda:CreateFunction", times=1000, error=CANNOT))
    with pytest.raises(AwsError, match=r"lambda:CreateFunction: .*cannot be assumed.*iam:PassRole"):
        world.deploy()
    assert world.time.now <= 60


def test_an_old_role_is_not_waited_for(deployed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A role that was there a minute ago and cannot be assumed never will be."""
    monkeypatch.setattr(role, "FRESH", -1)
    deployed.write(ONE + "memory = 256\n")
    deployed.door.faults.append(
        Fault("lambda:UpdateFunctionConfiguration", times=1000, error=CANNOT)
    )
    with pytest.raises(AwsError, match="iam:PassRole"):
        deployed.deploy()
    assert deployed.time.slept == []


def test_pending_and_in_progress_are_waited_for(deployed: World) -> None:
    """Every change of the function waits until the one before it is through."""
    get = "lambda:GetFunctionConfiguration"
    pending = state(State="Pending", StateReason="The function is being created.")
    progress = state(LastUpdateStatus="InProgress", LastUpdateStatusReason="Taking in the image.")
    deployed.door.faults += [
        Fault(get, times=2, rewrite=pending),
        Fault(get, times=3, rewrite=progress, after=1),
    ]
    deployed.deploy()
    assert deployed.live() == "2"
    assert len(deployed.time.slept) == 5
    assert (
        "waiting for function orders: Pending, The function is being created."
        in deployed.told.notes
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"State": "Failed", "StateReasonCode": "ImageAccessDenied", "StateReason": "No."},
            "function orders failed: ImageAccessDenied: No.",
        ),
        (
            {
                "LastUpdateStatus": "Failed",
                "LastUpdateStatusReasonCode": "InvalidImage",
                "LastUpdateStatusReason": "The image is an index.",
            },
            "the update of function orders failed: InvalidImage: The image is an index.",
        ),
    ],
)
def test_failed_is_not_slow(deployed: World, fields: dict[str, str], message: str) -> None:
    """A function that failed ends the wait at once, and AWS's reason is told."""
    deployed.door.faults.append(
        Fault("lambda:GetFunctionConfiguration", rewrite=state(**fields), after=1)
    )
    with pytest.raises(DeployError) as caught:
        deployed.deploy()
    assert str(caught.value) == message
    assert deployed.live() == "1"
    # It was a moment only: the next deployment goes on.
    deployed.deploy()
    assert deployed.live() == "2"


def test_slow_is_bounded(deployed: World) -> None:
    """A function that never gets ready is told so, with the reason and what to do."""
    progress = state(LastUpdateStatus="InProgress", LastUpdateStatusReason="Busy.")
    deployed.door.faults.append(
        Fault("lambda:GetFunctionConfiguration", times=10_000, rewrite=progress)
    )
    with pytest.raises(DeployError, match=r"still not ready after 600 seconds.*Busy.*deploy again"):
        deployed.deploy()
    assert deployed.time.now < 700


def test_an_update_in_progress_is_waited_for(deployed: World) -> None:
    """409 of somebody else's update passes."""
    deployed.door.faults.append(Fault("lambda:UpdateFunctionCode", times=3, error=BUSY))
    deployed.deploy()
    assert deployed.live() == "2"


def test_throttling_is_asked_again_and_bounded(deployed: World) -> None:
    """Fewer requests are made of one who asks for it, and it ends after two minutes."""
    refused = (429, "TooManyRequestsException", "Rate exceeded")
    deployed.door.faults.append(Fault("lambda:UpdateFunctionCode", times=4, error=refused))
    deployed.deploy()
    assert deployed.live() == "2"
    deployed.door.faults.append(Fault("iam:GetRole", times=1000, error=(400, "Throttling", "Rate")))
    began = deployed.time.now
    with pytest.raises(AwsError, match="iam:GetRole: Throttling: Rate"):
        deployed.deploy()
    assert deployed.time.now - began <= 120


def test_a_mapping_in_transition_is_waited_for(world: World) -> None:
    """A mapping is changed only once it is at rest, and then waited for."""
    table = ONE + 'triggers = [{ type = "sqs", queue = "orders", max_concurrency = 5 }]\n'
    world.write(table)
    world.deploy()
    world.write(table.replace("5", "7"))
    world.door.faults += [
        Fault("lambda:GetEventSourceMapping", times=2, rewrite=state(State="Enabling")),
        Fault(
            "lambda:UpdateEventSourceMapping",
            times=2,
            error=(400, "ResourceInUseException", "The mapping is in use."),
        ),
    ]
    world.deploy()
    assert len(world.time.slept) == 4
    mapping = world.client("lambda").list_event_source_mappings()["EventSourceMappings"][0]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == 7


def test_a_request_that_never_arrived_is_made_again(world: World) -> None:
    """A connection that breaks before the request is carried out loses nothing."""
    world.write(ONE)
    world.door.faults += [
        Fault(name, lose="before")
        for name in ("iam:CreateRole", "lambda:CreateFunction", "lambda:PublishVersion")
    ]
    world.deploy()
    assert world.live() == "1"


def test_an_invocation_is_never_made_twice(deployed: World) -> None:
    """A smoke test whose reply is lost may have run: it is not run again."""
    deployed.door.faults.append(Fault("lambda:Invoke", lose="after"))
    with pytest.raises(LostReply, match="lambda:Invoke"):
        deployed.deploy()
    assert deployed.door.calls.count("lambda:Invoke") == 1
    assert deployed.live() == "1"


def test_what_is_made_by_somebody_else_meanwhile_is_not_ours(world: World) -> None:
    """ "Already exists" is success only if what exists carries our tag."""
    world.write(ONE)

    def foreign(document: Any) -> None:
        document["Tags"] = {}

    world.door.faults += [
        Fault("lambda:CreateFunction", lose="after"),
        Fault("lambda:GetFunction", rewrite=foreign, after=2),
    ]
    # The first two GetFunction are the check's and the plan's, and find none.
    with pytest.raises(DeployError, match="function orders exists and is not made by this tool"):
        world.deploy()


def test_a_refusal_says_what_to_do(world: World) -> None:
    """No permission, expired credentials: one line, with the action and the way out."""
    world.write(ONE)
    denied = (403, "AccessDenied", "User: arn:… is not authorized to perform: iam:CreateRole")
    world.door.faults.append(Fault("iam:CreateRole", error=denied))
    with pytest.raises(AwsError, match=r"iam:CreateRole: AccessDenied.*lambda-runtime permissions"):
        world.deploy()
    world.door.faults.append(
        Fault("iam:GetRole", error=(403, "ExpiredToken", "The security token has expired"))
    )
    with pytest.raises(AwsError, match="sign in to AWS again"):
        world.deploy()


def test_jitter_is_full_and_its_limit_doubles() -> None:
    """A wait is drawn from nothing to 0.5, 1, 2 … 20 seconds."""
    time = Time()
    retry = Retry(time.sleep, time, lambda: 1.0)

    def refuse() -> None:
        raise AwsError("x:Y", "Throttling", "Rate exceeded")

    with pytest.raises(AwsError):
        retry.call(refuse, again=True)
    assert time.slept == [0.5, 1, 2, 4, 8, 16, 20, 20, 20, 20]
    time = Time()
    with pytest.raises(AwsError):
        Retry(time.sleep, time, iter([0.0, 0.5] * 50).__next__).call(refuse, again=True)
    assert time.slept[:4] == [0.0, 0.5, 0.0, 2.0]


def test_an_ordinary_refusal_is_not_asked_again(world: World) -> None:
    """What is wrong stays wrong."""
    world.write(ONE)
    wrong = (400, "InvalidParameterValueException", "Source image … does not exist.")
    world.door.faults.append(Fault("lambda:CreateFunction", times=9, error=wrong))
    with pytest.raises(AwsError, match="does not exist"):
        world.deploy()
    assert world.door.calls.count("lambda:CreateFunction") == 1


def test_a_killed_run_after_the_smoke_test(deployed: World) -> None:
    """A version that was published and not made live is found again, and not published twice."""
    deployed.door.faults.append(Fault("lambda:UpdateAlias", error=(400, "ServiceException", "No.")))
    with pytest.raises(AwsError):
        deployed.deploy()
    deployed.deploy()
    assert json.dumps(deployed.door.changes) == '["lambda:UpdateAlias"]'
