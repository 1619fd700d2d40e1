"""The tags of the table are on all that a deployment makes; those of others stay."""

from typing import Any

import pytest

from amazon_lambda_runtime.deploy import deployment
from amazon_lambda_runtime.deploy.resources import labels
from tests.harness import chance, examples

from .keeping import Strict
from .world import Killed, Mortal, World

TABLE = """
[tool.lambda-runtime]
repository = "orders"
TAGS
[tool.lambda-runtime.functions.orders]
triggers = [
  { type = "sqs", queue = "orders" },
  { type = "sns", topic = "news" },
  { type = "schedule", rule = "clock", expression = "rate(5 minutes)" },
  { type = "alb", target_group = "orders", listener = "LISTENER", path = "/a", priority = 3 },
  { type = "http-api", api = "front" },
  { type = "rest-api", api = "door" },
]
"""
WHAT = {
    "repository orders", "role orders-role", "log group /aws/lambda/orders", "queue orders-dlq",
    "queue orders", "mapping of queue orders to orders", "topic news", "rule clock",
    "target group orders", "listener rule /a to target group orders", "HTTP API front",
    "REST API door", "function orders",
}  # fmt: skip


def listener(world: World) -> str:
    of = world.client
    subnets = [each["SubnetId"] for each in of("ec2").describe_subnets()["Subnets"]][:2]
    made = of("elbv2").create_load_balancer(Name="front", Subnets=subnets)["LoadBalancers"][0]
    answer: Any = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    found = of("elbv2").create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[answer]
    )
    return str(found["Listeners"][0]["ListenerArn"])


@pytest.fixture
def table(world: World) -> str:
    return TABLE.replace("LISTENER", listener(world))


def with_tags(table: str, **tags: str) -> str:
    pairs = ", ".join(f'{key} = "{value}"' for key, value in tags.items())
    return table.replace("TAGS", f"tags = {{ {pairs} }}" if tags else "")


def tags_of(world: World) -> dict[str, dict[str, str]]:
    """Return the tags of everything that there is, without our own."""
    of = world.client
    queues = [
        of("sqs").get_queue_url(QueueName=name)["QueueUrl"] for name in ("orders", "orders-dlq")
    ]
    elb = of("elbv2")
    group = elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
    place = elb.describe_listeners(
        LoadBalancerArn=elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    )["Listeners"][0]["ListenerArn"]
    rule = elb.describe_rules(ListenerArn=place)["Rules"][0]["RuleArn"]
    described = elb.describe_tags(ResourceArns=[group, rule])["TagDescriptions"]
    ecr = of("ecr").describe_repositories()["repositories"][0]["repositoryArn"]
    topic = of("sns").list_topics()["Topics"][0]["TopicArn"]
    clock = of("events").describe_rule(Name="clock")["Arn"]
    lambdas = of("lambda")
    mapping = lambdas.list_event_source_mappings()["EventSourceMappings"][0]["UUID"]
    function = lambdas.get_function(FunctionName="orders")
    arn = function["Configuration"]["FunctionArn"]
    log = arn.replace(":lambda:", ":logs:").replace(":function:", ":log-group:/aws/lambda/")
    found = {
        "function": function["Tags"],
        "mapping": lambdas.list_tags(
            Resource=arn.replace(":function:orders", f":event-source-mapping:{mapping}")
        )["Tags"],
        "role": of("iam").get_role(RoleName="orders-role")["Role"]["Tags"],
        "repository": of("ecr").list_tags_for_resource(resourceArn=ecr)["tags"],
        "log group": of("logs").list_tags_for_resource(resourceArn=log)["tags"],
        "topic": of("sns").list_tags_for_resource(ResourceArn=topic)["Tags"],
        "rule": of("events").list_tags_for_resource(ResourceARN=clock)["Tags"],
        "target group": described[0]["Tags"],
        "listener rule": described[1]["Tags"],
        "http": next(iter(world.door.apis.there.values()))["tags"],
        "rest": next(iter(world.door.apis.rest.values()))["tags"],
        **{queue: of("sqs").list_queue_tags(QueueUrl=queue)["Tags"] for queue in queues},
    }  # fmt: skip
    return {
        what: {k: v for k, v in labels.plain(tags).items() if not k.startswith("lambda-runtime:")}
        for what, tags in found.items()
    }


def everywhere(world: World, **tags: str) -> None:
    found = tags_of(world)
    assert len(found) == len(WHAT)
    assert {what: each for what, each in found.items() if each != tags} == {}


def planned(world: World) -> list[str]:
    return [str(step) for step in world.plan().steps]


def test_the_life_of_a_tag(world: World, table: str) -> None:
    """Made with all that is made; added, changed, removed: planned, done, and nothing is left."""
    aws = world.aws(Strict)
    assert isinstance(aws, Strict)
    aws.sent = []
    world.write(with_tags(table, team="a"))
    deployment.deploy(world.project(), aws, world.told, builder=world.images)
    assert planned(world) == []
    everywhere(world, team="a")
    for tags, told in (
        ({"team": "b", "cost": "7"}, "cost, team"),
        ({"cost": "7"}, "team removed"),
        ({}, "cost removed"),
        ({"cost": "8"}, "cost"),
    ):
        world.write(with_tags(table, **tags))
        steps = planned(world)
        assert sorted(steps) == sorted(f"update tags of {what}: {told}" for what in WHAT)
        assert steps[-1] == f"update tags of function orders: {told}"
        drift = deployment.drift(world.project(), world.aws(), world.told)
        assert sorted(map(str, drift.steps)) == sorted(steps)
        world.told.done.clear()
        deployment.deploy(world.project(), aws, world.told, builder=world.images)
        assert [str(step) for step in world.told.done] == steps
        assert planned(world) == []
        everywhere(world, **tags)


def test_tags_of_others_stay(world: World, table: str) -> None:
    """Of a function, of a role: those of a hand are not known to the record."""
    world.write(with_tags(table, team="a"))
    world.deploy()
    world.client("iam").tag_role(RoleName="orders-role", Tags=[{"Key": "hand", "Value": "x"}])
    url = world.client("sqs").get_queue_url(QueueName="orders")["QueueUrl"]
    world.client("sqs").tag_queue(QueueUrl=url, Tags={"hand": "x"})
    assert planned(world) == []
    world.write(with_tags(table))
    world.deploy()
    tags = world.client("iam").get_role(RoleName="orders-role")["Role"]["Tags"]
    assert labels.plain(tags)["hand"] == "x"
    assert world.client("sqs").list_queue_tags(QueueUrl=url)["Tags"]["hand"] == "x"


def test_what_is_not_ours_gets_none(world: World) -> None:
    """A queue, a topic, a role and a repository that were there before."""
    of = world.client
    url = of("sqs").create_queue(QueueName="orders")["QueueUrl"]
    topic = of("sns").create_topic(Name="news")["TopicArn"]
    ecr = of("ecr").create_repository(repositoryName="orders")["repository"]["repositoryArn"]
    triggers = '{ type = "sqs", queue = "orders" }, { type = "sns", topic = "news" }'
    world.write(
        f'[tool.lambda-runtime]\nrepository = "orders"\nfunction = "orders"\ntags = {{ a = "b" }}\n'
        f"triggers = [{triggers}]\n"
    )
    world.deploy()
    assert planned(world) == []
    assert not of("sqs").list_queue_tags(QueueUrl=url).get("Tags")
    assert of("sns").list_tags_for_resource(ResourceArn=topic)["Tags"] == []
    assert of("ecr").list_tags_for_resource(resourceArn=ecr)["tags"] == []


def test_what_two_functions_share(world: World) -> None:
    """It has the tags of both; where they differ, those of the first by name, whoever is asked."""
    world.write(
        """
[tool.lambda-runtime]
repository = "orders"
role = "both"
[tool.lambda-runtime.functions.b]
tags = { team = "b", b = "1" }
[tool.lambda-runtime.functions.a]
tags = { team = "a" }
"""
    )
    world.deploy()
    tags = world.client("iam").get_role(RoleName="both")["Role"]["Tags"]
    ours = {k: v for k, v in labels.plain(tags).items() if not k.startswith("lambda-runtime:")}
    assert ours == {"team": "a", "b": "1"}
    assert planned(world) == []
    assert world.plan(function="b").steps == ()


def test_killed_while_tags_change(world: World, table: str) -> None:
    """The next deployment goes on from there: none is forgotten on anything."""
    world.write(with_tags(table, team="a", cost="7"))
    world.deploy()
    aws = world.aws(Mortal)
    assert isinstance(aws, Mortal)
    for _ in range(examples(1)):
        world.write(with_tags(table))
        aws.changes_left = chance("tags").randint(1, 26)
        with pytest.raises(Killed):
            deployment.deploy(world.project(), aws, world.told, builder=world.images)
        world.deploy()
        assert planned(world) == []
        everywhere(world)
        world.write(with_tags(table, team="a", cost="7"))
        world.deploy()


def test_the_record_fits_into_a_tag() -> None:
    """A thing takes 50 tags: four letters of each are their name."""
    record = labels.of_keys(f"key {number}" for number in range(50))
    assert len(record) == len("abcd ") * 50 - 1 <= 256
    assert labels.gone_of({"key 7": "x", "other": "y", labels.RECORD: record}, {}) == ["key 7"]
