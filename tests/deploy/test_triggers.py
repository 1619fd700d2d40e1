"""Triggers, one by one: what is made, what changes, and what of others is left alone."""

import json
from typing import Any

import pytest

from amazon_lambda_runtime.deploy import deployment
from amazon_lambda_runtime.deploy.aws import Aws, Reply
from amazon_lambda_runtime.deploy.errors import DeployError

from .fake_aws import ACCOUNT, REGION
from .world import ONE, World

LIVE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders:live"


def with_triggers(*triggers: str) -> str:
    tables = ", ".join(f"{{ {trigger} }}" for trigger in triggers)
    return f"{ONE}timeout = 10\ntriggers = [{tables}]\n"


def attributes(world: World, queue: str) -> dict[str, Any]:
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found: dict[str, Any] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return dict(found["Attributes"])


def mappings(world: World) -> list[dict[str, Any]]:
    found = world.client("lambda").list_event_source_mappings()
    return list(found["EventSourceMappings"])


def test_a_queue_has_a_dlq_and_six_times_the_timeout(world: World) -> None:
    """Visibility is six timeouts and the window; what failed three times goes to the dlq."""
    world.write(
        with_triggers('type = "sqs", queue = "jobs", batch_size = 100, window = 5, dlq = "dead"')
    )
    world.deploy()
    queue = attributes(world, "jobs")
    assert queue["VisibilityTimeout"] == "65"
    assert json.loads(queue["RedrivePolicy"]) == {
        "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead",
        "maxReceiveCount": 3,
    }
    assert attributes(world, "dead")["MessageRetentionPeriod"] == "1209600"
    (mapping,) = mappings(world)
    assert mapping["BatchSize"] == 100
    assert mapping["MaximumBatchingWindowInSeconds"] == 5
    assert "FunctionResponseTypes" not in mapping or mapping["FunctionResponseTypes"] == []


def test_a_queue_follows_its_declaration(world: World) -> None:
    """Another timeout, count, batch or response type is one change each, and no second mapping."""
    world.write(with_triggers('type = "sqs", queue = "jobs"'))
    world.deploy()
    world.write(
        with_triggers(
            'type = "sqs", queue = "jobs", max_receive_count = 5, batch_size = 3, '
            "report_batch_item_failures = true"
        ).replace("timeout = 10", "timeout = 20")
    )
    world.deploy()
    queue = attributes(world, "jobs")
    assert queue["VisibilityTimeout"] == "120"
    assert json.loads(queue["RedrivePolicy"])["maxReceiveCount"] == 5
    (mapping,) = mappings(world)
    assert mapping["BatchSize"] == 3
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert world.plan().steps == ()


def test_a_fifo_queue(world: World) -> None:
    """Both queues are FIFO, and the mapping is told no window."""
    world.write(with_triggers('type = "sqs", queue = "jobs.fifo"'))
    world.deploy()
    assert attributes(world, "jobs.fifo")["FifoQueue"] == "true"
    assert attributes(world, "jobs-dlq.fifo")["FifoQueue"] == "true"
    assert world.plan().steps == ()


def test_a_queue_of_somebody_else_is_used_as_it_is(world: World) -> None:
    """It is not changed; that its visibility is too short is told."""
    world.client("sqs").create_queue(QueueName="jobs")
    world.write(with_triggers('type = "sqs", queue = "jobs"'))
    world.deploy()
    assert attributes(world, "jobs")["VisibilityTimeout"] == "30"
    assert "RedrivePolicy" not in attributes(world, "jobs")
    assert any("less than six times" in note for note in world.told.notes)
    assert len(mappings(world)) == 1


def test_notifications_of_others_stay(world: World) -> None:
    """Ours are merged by their Id into the bucket's, and taken out again alone."""
    world.buckets("uploads")
    sqs = world.client("sqs")
    sqs.create_queue(QueueName="audit")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:audit"
    other = {"Id": "audit", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}
    s3 = world.client("s3")
    s3.put_bucket_notification_configuration(
        Bucket="uploads",
        NotificationConfiguration={"QueueConfigurations": [other]},
    )
    world.write(with_triggers('type = "s3", bucket = "uploads", prefix = "in/", suffix = ".csv"'))
    world.deploy()
    found = s3.get_bucket_notification_configuration(Bucket="uploads")
    assert found["QueueConfigurations"] == [other]
    (ours,) = found["LambdaFunctionConfigurations"]
    assert ours["LambdaFunctionArn"] == LIVE
    rules = {rule["Name"].lower(): rule["Value"] for rule in ours["Filter"]["Key"]["FilterRules"]}
    assert rules == {"prefix": "in/", "suffix": ".csv"}
    world.write(with_triggers('type = "s3", bucket = "uploads", prefix = "new/"'))
    world.deploy()
    found = s3.get_bucket_notification_configuration(Bucket="uploads")
    assert len(found["LambdaFunctionConfigurations"]) == 1
    world.write(with_triggers())
    world.deploy()
    found = s3.get_bucket_notification_configuration(Bucket="uploads")
    assert "LambdaFunctionConfigurations" not in found
    assert found["QueueConfigurations"] == [other]


def test_one_notification_of_a_bucket_goes_and_the_other_stays(world: World) -> None:
    """A bucket that another trigger still names keeps that notification, in the same run."""
    world.buckets("uploads")
    jobs = 'type = "sqs", queue = "jobs"'
    queued = 'type = "s3", bucket = "uploads", via = "sqs", queue = "jobs", prefix = "queue/"'
    world.write(with_triggers(jobs, queued, 'type = "s3", bucket = "uploads", prefix = "in/"'))
    world.deploy()
    world.write(with_triggers(jobs, queued))
    world.deploy()
    s3 = world.client("s3")
    found = s3.get_bucket_notification_configuration(Bucket="uploads")
    assert "LambdaFunctionConfigurations" not in found
    assert len(found["QueueConfigurations"]) == 1
    assert world.plan().steps == ()


@pytest.mark.parametrize("subscribed", [True, False])
def test_a_notification_by_topic_goes(world: World, subscribed: bool) -> None:
    """With it goes the bucket's leave to publish; a subscription that is declared itself stays."""
    world.buckets("uploads")
    news = ['type = "sns", topic = "news"'] if subscribed else []
    world.write(
        with_triggers('type = "s3", bucket = "uploads", via = "sns", topic = "news"', *news)
    )
    world.deploy()
    world.write(with_triggers(*news))
    world.deploy()
    found = world.client("s3").get_bucket_notification_configuration(Bucket="uploads")
    assert "TopicConfigurations" not in found
    sns = world.client("sns")
    (topic,) = sns.list_topics()["Topics"]
    policy = sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]["Policy"]
    assert "lambda-runtime" not in policy
    assert len(sns.list_subscriptions()["Subscriptions"]) == len(news)
    assert world.plan().steps == ()


@pytest.mark.parametrize("via", ["sns", "sqs"])
def test_what_another_needs_of_a_topic_or_queue_stays(world: World, via: str) -> None:
    """A bucket may go on to send to what is shared, while a notification of another's does."""
    world.buckets("uploads")
    subscribed = (
        'type = "sns", topic = "shared"' if via == "sns" else 'type = "sqs", queue = "shared"'
    )
    target = "topic" if via == "sns" else "queue"
    ours = f'type = "s3", bucket = "uploads", prefix = "in/", via = "{via}", {target} = "shared"'
    world.write(with_triggers(subscribed, ours))
    world.deploy()
    s3 = world.client("s3")
    lists, key = (
        ("TopicConfigurations", "TopicArn") if via == "sns" else ("QueueConfigurations", "QueueArn")
    )
    arn = f"arn:aws:{via}:{REGION}:{ACCOUNT}:shared"
    found = s3.get_bucket_notification_configuration(Bucket="uploads")[lists]
    other = {"Id": "another", key: arn, "Events": ["s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="uploads", NotificationConfiguration={lists: [*found, other]}
    )
    world.write(with_triggers(subscribed))
    world.deploy()

    assert s3.get_bucket_notification_configuration(Bucket="uploads")[lists] == [other]
    if via == "sns":
        sns = world.client("sns")
        policy = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    else:
        policy = attributes(world, "shared")["Policy"]
    assert "lambda-runtime-s3-uploads" in policy
    assert world.plan().steps == ()


class EventBridge(Aws):
    """An AWS whose bucket sends to EventBridge too, which moto does not tell."""

    put: Reply

    def send(self, service: str, operation: str, parameters: Reply) -> Reply:
        answer = super().send(service, operation, parameters)
        if operation == "get_bucket_notification_configuration":
            answer["EventBridgeConfiguration"] = {}
        elif operation == "put_bucket_notification_configuration":
            self.put = parameters["NotificationConfiguration"]
        return answer


def test_a_bucket_goes_on_to_send_to_eventbridge(world: World) -> None:
    """What the bucket's configuration holds besides is written back, empty as it is."""
    world.buckets("uploads")
    world.write(with_triggers('type = "s3", bucket = "uploads"'))
    aws = world.aws(EventBridge)
    assert isinstance(aws, EventBridge)
    deployment.deploy(world.project(), aws, world.told, builder=world.images)
    assert aws.put["EventBridgeConfiguration"] == {}
    assert len(aws.put["LambdaFunctionConfigurations"]) == 1


def test_a_bucket_that_is_not_there(world: World) -> None:
    """A bucket is nothing that we make; its absence is one line, before anything is done."""
    world.write(with_triggers('type = "s3", bucket = "uploads"'))
    with pytest.raises(DeployError, match="there is no bucket uploads"):
        world.plan()


def test_an_open_url_takes_both_permissions(world: World) -> None:
    """Since October 2025 an open URL needs InvokeFunctionUrl and InvokeFunction."""
    world.write(with_triggers('type = "url", auth = "NONE", mode = "RESPONSE_STREAM"'))
    world.deploy()
    policy = json.loads(world.client("lambda").get_policy(FunctionName="orders")["Policy"])
    assert {statement["Action"] for statement in policy["Statement"]} == {
        "lambda:InvokeFunctionUrl",
        "lambda:InvokeFunction",
    }
    url = world.client("lambda").get_function_url_config(FunctionName="orders", Qualifier="live")
    assert (url["AuthType"], url["InvokeMode"]) == ("NONE", "RESPONSE_STREAM")
    world.write(with_triggers('type = "url"'))
    world.deploy()
    url = world.client("lambda").get_function_url_config(FunctionName="orders", Qualifier="live")
    # The mode is asked for in the same request, and moto does not listen.
    assert url["AuthType"] == "AWS_IAM"
    # What opened it is gone.
    with pytest.raises(world.client("lambda").exceptions.ResourceNotFoundException):
        world.client("lambda").get_policy(FunctionName="orders")


def test_a_topic_with_a_filter(world: World) -> None:
    """The alias is subscribed once, and the filter follows its declaration."""
    table = 'type = "sns", topic = "news", filter_policy = \'{"kind": ["a"]}\''
    world.write(with_triggers(table))
    world.deploy()
    world.write(with_triggers(table.replace('"a"', '"b"')))
    world.deploy()
    sns = world.client("sns")
    (subscription,) = sns.list_subscriptions()["Subscriptions"]
    assert subscription["Endpoint"] == LIVE
    found = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])
    assert json.loads(found["Attributes"]["FilterPolicy"]) == {"kind": ["b"]}


def test_rules_and_schedules_follow_their_declaration(world: World) -> None:
    """A pattern, a rate, an input, and whether it is on."""
    world.write(
        with_triggers(
            'type = "eventbridge", rule = "shop", pattern = \'{"source": ["a"]}\'',
            'type = "schedule", rule = "clock", expression = "rate(5 minutes)"',
        )
    )
    world.deploy()
    world.write(
        with_triggers(
            'type = "eventbridge", rule = "shop", pattern = \'{"source": ["b"]}\'',
            'type = "schedule", rule = "clock", expression = "cron(0 3 * * ? *)", '
            "input = '{\"a\": 1}', enabled = false",
        )
    )
    world.deploy()
    events = world.client("events")
    assert json.loads(events.describe_rule(Name="shop")["EventPattern"]) == {"source": ["b"]}
    clock = events.describe_rule(Name="clock")
    assert (clock["ScheduleExpression"], clock["State"]) == ("cron(0 3 * * ? *)", "DISABLED")
    (target,) = events.list_targets_by_rule(Rule="clock")["Targets"]
    assert (target["Arn"], target["Input"]) == (LIVE, '{"a": 1}')
    assert world.plan().steps == ()


def test_a_rule_of_somebody_else_is_not_taken_over(world: World) -> None:
    """A rule of that name without our tag is an error."""
    world.client("events").put_rule(Name="clock", ScheduleExpression="rate(1 day)")
    world.write(with_triggers('type = "schedule", rule = "clock", expression = "rate(5 minutes)"'))
    with pytest.raises(DeployError, match="rule clock exists and is not made by this tool"):
        world.deploy()


def test_a_listener_leads_to_the_function(world: World) -> None:
    """A target group with the alias in it, and a rule of the listener for a path."""
    ec2, elb = world.client("ec2"), world.client("elbv2")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2]]
    balancer = elb.create_load_balancer(Name="front", Subnets=subnets)["LoadBalancers"][0]
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )["Listeners"][0]["ListenerArn"]
    world.write(
        with_triggers(
            f'type = "alb", target_group = "orders", listener = "{listener}", path = "/orders/*", '
            "multi_value_headers = true"
        )
    )
    world.deploy()
    (group,) = elb.describe_target_groups(Names=["orders"])["TargetGroups"]
    health = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
    assert [h["Target"]["Id"] for h in health["TargetHealthDescriptions"]] == [LIVE]
    rules = elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [rule["Conditions"][0]["Values"] for rule in rules if rule["Conditions"]] == [
        ["/orders/*"]
    ]
    assert world.plan().steps == ()
    world.write(with_triggers())
    world.deploy()
    rules = elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [rule["IsDefault"] for rule in rules] == [True]
    assert elb.describe_target_groups()["TargetGroups"] == []
