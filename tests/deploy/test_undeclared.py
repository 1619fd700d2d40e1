"""Functions that a table has declared before: cut off or deleted, and those of others let be."""

import json
from typing import Any

import pytest

from amazon_lambda_runtime.deploy import deployment, destroy
from amazon_lambda_runtime.deploy.plan import execute
from amazon_lambda_runtime.deploy.site import TABLE_TAG

from .fake_aws import ACCOUNT, REGION, Fault
from .world import World

TABLE = """
[tool.lambda-runtime]
repository = "shop"
function = "{0}"
role = "{0}-role"
triggers = [
  {{ type = "sqs", queue = "{0}-jobs" }},
  {{ type = "sns", topic = "{0}-news" }},
  {{ type = "s3", bucket = "uploads", prefix = "in/" }},
  {{ type = "schedule", rule = "{1}", expression = "rate(1 day)" }},
]
"""
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"


def table(name: str, rule: str = "clock") -> str:
    return TABLE.format(name, rule)


def triggers(world: World, name: str) -> dict[str, Any]:
    """Return what reaches a function: the states of its mappings and rules, and the rest."""
    lambdas, events = world.client("lambda"), world.client("events")
    mappings = lambdas.list_event_source_mappings()["EventSourceMappings"]
    notifications = world.client("s3").get_bucket_notification_configuration(Bucket="uploads")
    subscriptions = world.client("sns").list_subscriptions()["Subscriptions"]
    live = f"{ARN}:{name}:live"
    return {
        "mappings": [
            m["State"] for m in mappings if world.door.mappings.get(m["UUID"], "") == live
        ],
        "rules": [
            rule["State"]
            for rule in events.list_rules()["Rules"]
            for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            if target["Arn"] == live
        ],
        "subscriptions": len([s for s in subscriptions if s["Endpoint"] == live]),
        "notifications": len(
            [
                each
                for each in notifications.get("LambdaFunctionConfigurations", ())
                if each["LambdaFunctionArn"] == live
            ]
        ),
    }


ALL_OF_THEM = {
    "mappings": ["Enabled"], "rules": ["ENABLED"], "subscriptions": 1, "notifications": 1,
}  # fmt: skip


def names(world: World) -> list[str]:
    functions = world.client("lambda").list_functions()["Functions"]
    return sorted(function["FunctionName"] for function in functions)


@pytest.mark.parametrize(("rule", "left"), [("clock", []), ("bell", ["DISABLED"])])
def test_a_renamed_function_gets_no_more_events(world: World, rule: str, left: list[str]) -> None:
    """The plan shows each step, deploy takes them, and the next plan is empty; the note stays."""
    world.buckets("uploads")
    world.write(table("orders"))
    world.deploy()
    assert triggers(world, "orders") == ALL_OF_THEM
    world.write(table("sales", rule))
    shown = "\n".join(map(str, world.plan().steps))
    assert "mapping of queue orders-jobs to orders: the function is not in pyproject.toml" in shown
    assert "enabled True → False" in shown
    world.deploy()
    assert triggers(world, "sales") == ALL_OF_THEM
    assert triggers(world, "orders") == {
        "mappings": ["Disabled"], "rules": left, "subscriptions": 0, "notifications": 0,
    }  # fmt: skip
    plan = world.plan()
    assert plan.steps == ()
    assert plan.notes[0].startswith("function orders is not in pyproject.toml any more")
    assert names(world) == ["orders", "sales"]


def test_a_function_that_comes_back(world: World) -> None:
    """What was disabled is enabled again."""
    world.buckets("uploads")
    world.write(table("orders"))
    world.deploy()
    world.write(table("sales", "bell"))
    world.deploy()
    world.write(table("orders"))
    world.deploy()
    assert triggers(world, "orders") == ALL_OF_THEM


def test_prune(world: World) -> None:
    """The function goes with its triggers; what holds data stays for `destroy`, which finds it."""
    world.buckets("uploads")
    world.write(table("orders"))
    world.deploy()
    world.write(table("sales", "bell"))
    project, aws = world.project(), world.aws()
    plan = deployment.plan(project, aws, world.told, builder=world.images, prune=True)
    assert "function orders" in [step.what for step in plan.steps]
    deployment.deploy(project, aws, world.told, builder=world.images, prune=True)
    assert names(world) == ["sales"]
    assert [rule["Name"] for rule in world.client("events").list_rules()["Rules"]] == ["bell"]
    assert (world.plan().steps, world.plan().notes) == ((), ())
    plan = destroy.plan(world.site())
    assert plan.notes == ()
    execute(plan, world.told)
    of = world.client
    assert of("sqs").list_queues().get("QueueUrls", []) == []
    assert of("sns").list_topics()["Topics"] == []
    assert of("iam").list_roles()["Roles"] == []
    assert of("logs").describe_log_groups()["logGroups"] == []
    assert of("events").list_rules()["Rules"] == []
    assert of("ecr").describe_repositories()["repositories"] == []


def other_table(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deploy a second folder that has the same project's name."""
    (world.folder.parent / "second").mkdir()
    first, world.folder = world.folder, world.folder.parent / "second"
    world.write(table("bills", "bills"))
    world.deploy()
    world.folder = first


def stage(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deploy a stage of the table, which shares its queue and its rule."""
    world.write(table("orders"))
    with monkeypatch.context() as patch:
        patch.setenv("FUNCTION_NAME", "bills")
        patch.setenv("REPO_NAME", "shop")
        world.deploy()


def before_the_tag(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deploy a function as it was before there was a tag for the table."""
    world.write(table("bills", "bills"))
    world.deploy()
    world.client("lambda").untag_resource(Resource=f"{ARN}:bills", TagKeys=[TABLE_TAG])


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (other_table, "function bills of project 'shop' declared in another table (second)"),
        (stage, "function bills of project 'shop' deployed by FUNCTION_NAME, as a stage"),
        (before_the_tag, "function bills of project 'shop' not in pyproject.toml, and nothing"),
    ],
)
def test_what_is_not_known_to_have_left_this_table(
    world: World, monkeypatch: pytest.MonkeyPatch, make: Any, note: str
) -> None:
    """Neither deploy --prune nor destroy touches it; both name it."""
    world.buckets("uploads")
    make(world, monkeypatch)
    world.write(table("orders"))
    before = triggers(world, "bills")
    project, aws = world.project(), world.aws()
    deployment.deploy(project, aws, world.told, builder=world.images, prune=True)
    assert [text for text in world.told.notes if text.startswith(note)]
    assert triggers(world, "bills") == before
    plan = destroy.plan(world.site())
    assert [text for text in plan.notes if text.startswith(note)]
    execute(plan, world.told)
    assert names(world) == ["bills"]
    assert triggers(world, "bills")["mappings"] == ["Enabled"]
    queues = world.client("sqs").list_queues()["QueueUrls"]
    polled = "orders-jobs" if make is stage else "bills-jobs"
    assert [url for url in queues if url.endswith(polled)]


def test_a_service_that_refuses_is_a_note(world: World) -> None:
    """Destroy goes on with the rest."""
    world.buckets("uploads")
    world.write(table("orders"))
    world.deploy()
    refusal = (403, "AccessDenied", "not authorized")
    for operation in ("sqs:ListQueues", "events:ListEventBuses", "iam:ListRoles"):
        world.door.faults.append(Fault(operation, error=refusal, times=9))
    plan = destroy.plan(world.site())
    assert len([text for text in plan.notes if "cannot be found" in text]) == 3
    execute(plan, world.told)
    assert names(world) == []


def test_what_has_had_another_name(world: World) -> None:
    """Role, queues, topic, rule: `destroy` leaves none of the table's own behind."""
    world.buckets("uploads")
    world.write(table("orders"))
    world.deploy()
    # The function keeps its name, and nothing else does.
    world.write(table("new", "bell").replace('function = "new"', 'function = "orders"'))
    world.deploy()
    tags = {"lambda-runtime:project": "shop"}
    world.client("sqs").create_queue(QueueName="by-hand", tags=tags)
    plan = destroy.plan(world.site())
    assert [text for text in plan.notes if text.startswith("queue by-hand stays")]
    execute(plan, world.told)
    of = world.client
    assert [url.rpartition("/")[2] for url in of("sqs").list_queues()["QueueUrls"]] == ["by-hand"]
    assert of("sns").list_topics()["Topics"] == []
    assert of("iam").list_roles()["Roles"] == []
    assert json.dumps(of("events").list_rules()["Rules"]) == "[]"


def test_prune_is_about_a_whole_table(world: World) -> None:
    """With a function named, or without a table, it is refused."""
    world.write(table("orders"))
    done = world.run("deploy", "--prune", "--function", "orders")
    assert (done.returncode, "leave out --function" in done.stderr) == (2, True)
