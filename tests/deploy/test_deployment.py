"""A whole deployment: all of it, nothing the second time, killed anywhere, and back."""

import json

import pytest

from amazon_lambda_runtime.deploy import deployment, destroy
from amazon_lambda_runtime.deploy.errors import DeployError, SmokeTestFailed
from amazon_lambda_runtime.deploy.invoke import invoke
from amazon_lambda_runtime.deploy.plan import execute
from amazon_lambda_runtime.deploy.resources import release

from .fake_aws import ACCOUNT, REGION, Fault
from .world import ALL, BASIC, INVENTORY, ONE, READ_S3, Killed, Mortal, World


def test_a_plan_only_reads_and_deploy_does_what_it_says(world: World) -> None:
    """A plan changes nothing; a deployment takes its steps, in its order."""
    world.buckets("uploads")
    world.write(ALL)
    plan = world.plan()
    assert world.door.changes == []
    world.deploy()
    assert world.told.done == list(plan.steps)
    assert world.inventory() == INVENTORY


def test_the_second_time_nothing_is_done(world: World) -> None:
    """Where nothing differs no request changes anything, and the plan is empty."""
    world.buckets("uploads")
    world.write(ALL)
    world.deploy()
    assert world.deploy() == 0
    assert world.door.changes == []
    assert world.plan().steps == ()
    assert deployment.drift(world.project(), world.aws(), world.told).steps == ()


@pytest.mark.slow
def test_killed_after_any_change_the_next_run_goes_on(world: World) -> None:
    """Killed after each change it makes, a deployment is complete in the end, with no duplicate.

    The state before a change is the one after the change before it, so this is every state that
    a killed run can leave between two requests.
    """
    world.buckets("uploads")
    world.write(ALL)
    aws = world.aws(Mortal)
    assert isinstance(aws, Mortal)
    kills = 0
    while True:
        aws.changes_left = 1
        try:
            deployment.deploy(world.project(), aws, world.told, builder=world.images)
        except Killed:
            kills += 1
            assert kills < 60
        else:
            break
    assert kills > 30
    assert world.inventory() == INVENTORY
    assert world.plan().steps == ()


def test_every_reply_is_lost_once(world: World) -> None:
    """A request that was carried out and whose reply was lost makes nothing twice."""
    world.buckets("uploads")
    world.write(ALL)
    world.deploy()
    made = set(world.door.changes)
    world.stand_in.reset()
    world.buckets("uploads")
    world.door.faults += [Fault(name, lose="after") for name in sorted(made)]
    world.deploy()
    assert all(fault.times == 0 for fault in world.door.faults)
    world.door.faults.clear()
    assert world.inventory() == INVENTORY
    assert world.plan().steps == ()


def test_what_is_no_longer_declared_goes_and_what_holds_data_stays(world: World) -> None:
    """Triggers that leave the project file are removed; queues, topics and logs are not."""
    world.buckets("uploads")
    world.write(ALL)
    world.deploy()
    world.write(ALL.partition("triggers")[0])
    world.deploy()
    left = world.inventory()
    gone = ("statements", "mappings", "subscriptions", "rules", "targets", "notifications")
    assert {name: left[name] for name in gone} == dict.fromkeys(gone, 0)
    assert left["queues"] == 2
    assert left["topics"] == 1
    assert world.plan().steps == ()


def test_without_a_table_triggers_are_left_alone(world: World) -> None:
    """Only a table can stop to declare something: variables name what they are about."""
    flags = {"function": "orders", "repository": "orders"}
    world.deploy(queue_name="jobs", **flags)
    world.deploy(**flags)
    mappings = world.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert len(mappings) == 1


def test_a_new_image_is_published_tested_and_made_live(world: World) -> None:
    """Another digest: code, a new version, the alias; and nothing else."""
    world.write(ONE)
    world.deploy()
    world.images.letter = "b"
    world.deploy()
    assert world.door.changes == [
        "ecr:PutImage",
        "lambda:UpdateFunctionCode",
        "lambda:PublishVersion",
        "lambda:UpdateAlias",
    ]
    assert world.live() == "2"


def test_an_engine_that_knows_no_digest(world: World) -> None:
    """The push tells the digest; where it is the same nothing more is done."""
    world.write(ONE)
    world.images.known = False
    assert "the image's digest is known once it is pushed" in world.plan().notes[0]
    world.deploy()
    world.deploy()
    assert world.images.pushes == 2
    assert world.door.changes == []


def test_an_image_that_is_there_is_not_pushed(world: World) -> None:
    """Same input, same digest, nothing to push."""
    world.write(ONE)
    world.deploy()
    world.deploy()
    assert world.images.pushes == 1


def test_a_failed_smoke_test_leaves_live_alone(world: World) -> None:
    """The alias moves only to a version that answers the payload; the next deploy tries again."""
    world.write(ONE)
    world.deploy()
    world.images.letter = "b"
    refusal = {"errorType": "KeyError", "errorMessage": "'name'"}
    world.door.faults.append(Fault("lambda:Invoke", failed=json.dumps(refusal)))
    with pytest.raises(SmokeTestFailed, match=r"version 2 of orders failed.*KeyError: 'name'"):
        world.deploy()
    assert world.live() == "1"
    world.deploy()
    # The version that was published then is the one that is live now.
    assert world.live() == "2"
    assert world.door.changes == ["lambda:UpdateAlias"]


def test_drift_is_shown_and_secrets_are_not(world: World) -> None:
    """What somebody has changed by hand is told; of a variable only the name."""
    world.write(ONE + 'environment = { PASSWORD = "hunter2" }\n')
    world.deploy()
    world.client("lambda").update_function_configuration(
        FunctionName="orders",
        MemorySize=512,
        Environment={"Variables": {"PASSWORD": "swordfish", "EXTRA": "swordfish"}},
    )
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    world.client("iam").put_role_policy(
        RoleName="orders-role",
        PolicyName="lambda-runtime-orders",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    drift = deployment.drift(world.project(), world.aws(), world.told)
    assert [str(step) for step in drift.steps] == [
        "update configuration of function orders: memory 512 → 128; variable EXTRA removed; "
        "variable PASSWORD changed",
        "delete inline policy lambda-runtime-orders of role orders-role: nothing is left to allow",
    ]
    assert "hunter2" not in repr(drift) + repr(world.project())
    assert "swordfish" not in repr(drift)


def test_policies_that_leave_the_file_are_detached_and_others_stay(world: World) -> None:
    """What we attached goes with its line; what somebody else attached is not ours to take."""
    world.write(ONE)
    (world.folder / "policies").write_text(f"{BASIC}\n{READ_S3}\n")
    world.deploy()
    other = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
    world.client("iam").attach_role_policy(RoleName="orders-role", PolicyArn=other)
    (world.folder / "policies").write_text(f"{BASIC}\n#{READ_S3}\n")
    world.deploy()
    attached = world.client("iam").list_attached_role_policies(RoleName="orders-role")
    assert {policy["PolicyArn"] for policy in attached["AttachedPolicies"]} == {BASIC, other}
    assert world.plan().steps == ()


def test_a_function_of_somebody_else_is_not_touched(world: World) -> None:
    """A function without the project's tag is an error that says how to hand it over."""
    world.write(ONE)
    world.deploy()
    world.client("lambda").untag_resource(
        Resource=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders",
        TagKeys=["lambda-runtime:project"],
    )
    world.images.letter = "b"
    with pytest.raises(DeployError, match=r"function orders exists.*lambda-runtime:project=orders"):
        world.deploy()
    with pytest.raises(DeployError, match="function orders exists and is not made by this tool"):
        release.rollback(world.site(), world.function(), "1")
    assert world.door.changes == []


def test_a_function_of_another_project(world: World) -> None:
    """Before anything is made both names are told; --adopt only tags, and then it is deployed."""
    world.write(ONE + 'name = "shop"\n')
    world.deploy()
    world.write(ONE.replace('"orders"', '"new"', 1) + 'name = "books"\n')
    world.images.letter = "b"
    for act in (world.deploy, world.plan):
        with pytest.raises(
            DeployError,
            match=r"function orders exists and belongs to project 'shop', and this is project "
            "'books'.*--adopt",
        ):
            act()
    assert world.door.changes == []
    world.door.calls.clear()
    assert deployment.adopt(world.project(), world.aws(), world.told) == 1
    assert world.door.changes == ["lambda:TagResource"]
    assert str(world.told.done[-1]) == "update tag of function orders: project shop → books"
    assert deployment.adopt(world.project(), world.aws(), world.told) == 0
    world.deploy()
    assert world.live() == "2"


def test_parts(world: World) -> None:
    """A target of the Makefile is a deployment of some parts."""
    world.write(ONE)
    world.deploy(only={"repository"})
    assert world.door.changes == ["ecr:CreateRepository", "ecr:SetRepositoryPolicy"]
    assert world.images.pushes == 0
    world.deploy(only={"repository", "image"})
    assert world.images.pushes == 1
    world.deploy(only={"role"})
    assert world.door.changes == ["iam:CreateRole"]
    world.deploy(only={"queue"}, queue_name="jobs")
    assert world.door.changes == ["sqs:CreateQueue"] * 2


def test_destroy_takes_what_is_ours_and_lists_the_rest(world: World) -> None:
    """All that carries the tag goes; a queue of somebody else stays, and is named."""
    world.buckets("uploads")
    world.client("sqs").create_queue(QueueName="orders-dlq")
    world.write(ALL)
    world.deploy()
    plan = destroy.plan(world.site())
    assert plan.notes == ("queue orders-dlq stays: it does not carry the tag of this project",)
    execute(plan, world.told)
    assert world.client("lambda").list_functions()["Functions"] == []
    assert world.client("iam").list_roles()["Roles"] == []
    assert world.client("ecr").describe_repositories()["repositories"] == []
    assert world.client("logs").describe_log_groups()["logGroups"] == []
    assert world.client("sns").list_topics()["Topics"] == []
    assert world.client("events").list_rules()["Rules"] == []
    assert world.client("elbv2").describe_target_groups()["TargetGroups"] == []
    assert [url.rpartition("/")[2] for url in world.client("sqs").list_queues()["QueueUrls"]] == [
        "orders-dlq"
    ]
    assert destroy.plan(world.site()).steps == ()


def test_destroying_one_function_leaves_what_the_others_share(world: World) -> None:
    """The role and the repository of two functions stay with the other."""
    world.write(
        """
        [tool.lambda-runtime]
        repository = "orders"
        role = "shared"
        [tool.lambda-runtime.functions.orders]
        handler = "orders.handler"
        [tool.lambda-runtime.functions.bills]
        handler = "bills.handler"
        """
    )
    world.deploy()
    plan = destroy.plan(world.site(function="bills"))
    assert [step.what for step in plan.steps] == ["function bills", "log group /aws/lambda/bills"]
    # Whole, the project takes a function with it that has left its file.
    world.write(ONE)
    whole = [step.what for step in destroy.plan(world.site()).steps]
    assert "function bills" in whole
    assert "repository orders and its images" in whole


STAGES = """
[tool.lambda-runtime]
name = "orders"
repository = "orders"
function = "orders"
"""


def functions(world: World) -> list[str]:
    found = world.client("lambda").list_functions()["Functions"]
    return sorted(function["FunctionName"] for function in found)


def test_destroying_a_stage_leaves_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two stages of one table by FUNCTION_NAME: the other one, its role and its image live on."""
    world.write(STAGES)
    world.deploy()
    monkeypatch.setenv("FUNCTION_NAME", "orders-test")
    world.deploy()
    execute(destroy.plan(world.site()), world.told)
    monkeypatch.delenv("FUNCTION_NAME")
    assert functions(world) == ["orders"]
    assert world.plan().steps == ()


def test_destroying_one_of_two_projects_that_share_everything(world: World) -> None:
    """What has the tag of one and is used by the other stays, and the other works."""
    world.buckets("uploads")

    def write(name: str) -> None:
        triggers = [
            '{ type = "sqs", queue = "shared" }',
            '{ type = "sns", topic = "news" }',
            f'{{ type = "s3", bucket = "uploads", prefix = "{name}/" }}',
        ]
        world.write(
            f'[tool.lambda-runtime]\nname = "{name}"\nfunction = "{name}"\nrole = "r"\n'
            f'repository = "all"\ntriggers = [{", ".join(triggers)}]\n'
        )

    write("orders")
    world.deploy()
    write("bills")
    world.images.letter = "b"
    world.deploy()
    bills = world.site().live_arn(world.function())
    write("orders")
    plan = destroy.plan(world.site())
    assert set(plan.notes) == {
        "role r stays: it is used by function bills",
        "repository all stays: it is used by function bills, 1 image that this "
        "project did not push",
        "queue shared stays: it is used by function bills:live",
        "queue shared-dlq stays: it is used by queue shared",
        f"topic news stays: it is used by subscriber {bills}",
    }
    execute(plan, world.told)
    assert functions(world) == ["bills"]
    write("bills")
    # All that it needs is there still: its triggers, its image, its role's policies.
    assert world.plan().steps == ()
    assert not invoke(world.aws(), "bills", b"{}", "live").failed


def test_a_renamed_function_is_told(world: World) -> None:
    """Plan and deploy name it, if they are about all functions."""
    world.write(ONE)
    world.deploy()
    world.write(ONE.replace('function = "orders"', 'function = "sales"'))
    note = "function orders is not in pyproject.toml any more: it stays, without the events"
    assert [text for text in world.plan().notes if text.startswith(note)]
    world.deploy()
    assert [text for text in world.told.notes if text.startswith(note)]
    assert world.plan().steps == ()
    assert [text for text in world.plan().notes if text.startswith(note)]
    assert not world.plan(function="sales").notes
    refusal = (403, "AccessDeniedException", "not authorized to perform: tag:GetResources")
    # Lambda itself knows it, too.
    world.door.faults.append(Fault("resourcegroupstaggingapi:GetResources", error=refusal))
    assert [text for text in world.plan().notes if text.startswith(note)]
    world.door.faults.append(Fault("resourcegroupstaggingapi:GetResources", error=refusal))
    world.door.faults.append(Fault("lambda:ListFunctions", error=refusal, times=9))
    note = world.plan().notes[0]
    assert note.startswith("functions that pyproject.toml no longer declares cannot be found: ")


def test_two_people_who_both_begin_with_hello(world: World) -> None:
    """Their projects have names of their own: the second one learns it before anything is made."""
    (world.folder / "ann").mkdir()
    (world.folder / "bob").mkdir()
    home = world.folder
    for who in ("ann", "bob"):
        world.folder = home / who
        assert world.run("init", "hello").returncode == 0
        world.folder = home / who / "hello"
        if who == "ann":
            world.deploy()
    world.door.calls.clear()
    with pytest.raises(
        DeployError,
        match=r"function hello exists and belongs to project 'hello-\w{6}', and this is project "
        r"'hello-\w{6}': choose another name",
    ):
        world.deploy()
    assert world.door.changes == []
