"""What is planned and sent for each kind of trigger, request by request, to replies of AWS."""

import json
import re
from typing import Any

import pytest

from amazon_lambda_runtime.deploy.errors import AwsError, DeployError
from amazon_lambda_runtime.deploy.plan import Note
from amazon_lambda_runtime.deploy.resources import triggers
from amazon_lambda_runtime.deploy.resources.record import TAG
from amazon_lambda_runtime.deploy.resources.triggers import KINDS, kinds, mapping, permission
from amazon_lambda_runtime.project.triggers import (
    TYPES,
    AlbTrigger,
    RuleTrigger,
    S3Trigger,
    ScheduleTrigger,
    SnsTrigger,
    SqsTrigger,
    Trigger,
    UrlTrigger,
)
from tests.deploy.canned import (
    ACCOUNT,
    LIVE,
    OUR_TAGS,
    OURS,
    REGION,
    Canned,
    refused,
    run,
    site,
    steps,
)

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:news"
GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/orders/1"
LISTENER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener/app/front/1/2"


def planned(aws: Canned, *declared: Trigger, prune: bool = True) -> list[str]:
    place = site(aws, *declared)
    return steps(triggers.plan(place, place.project.functions[0], prune=prune))


def applied(aws: Canned, *declared: Trigger) -> list[tuple[str, Any]]:
    """Carry the plan out, and return the changes that were sent."""
    place = site(aws, *declared)
    run(triggers.plan(place, place.project.functions[0]))
    return aws.changes


def policy(*statements: dict[str, Any]) -> dict[str, str]:
    return {"Policy": json.dumps({"Statement": list(statements)})}


def invoker(sid: str, source: str, action: str = "lambda:InvokeFunction") -> dict[str, Any]:
    condition = {"ArnLike": {"AWS:SourceArn": source}} if source else {}
    return {"Sid": sid, "Action": action, "Condition": condition}


def test_every_type_has_its_kind() -> None:
    """What a project file can declare, a deployment can make; a word is of one kind."""
    assert set(KINDS) == set(TYPES.values())
    words = [kind.word for kind in kinds() if kind.word]
    assert len(words) == len(set(words)) == 7
    assert len(kinds()) == 9


# --- queues


def queues(**attributes: str) -> dict[str, Any]:
    """An account with the queue "jobs" and its dlq, as a deployment leaves them."""
    redrive = {"maxReceiveCount": 3, "deadLetterTargetArn": f"{QUEUE}-dlq"}
    live = {
        "jobs": {
            "VisibilityTimeout": "60",
            "MessageRetentionPeriod": "345600",
            "RedrivePolicy": json.dumps(redrive),
            **attributes,
        },
        "jobs-dlq": {"MessageRetentionPeriod": "1209600"},
    }
    return {
        "sqs__get_queue_url": lambda **sent: {"QueueUrl": f"https://sqs/{sent['QueueName']}"},
        "sqs__get_queue_attributes": lambda **sent: {
            "Attributes": live[sent["QueueUrl"].rpartition("/")[2]]
        },
        "sqs__list_queue_tags": {"Tags": OURS},
    }


def mapped(**settings: Any) -> dict[str, Any]:
    """A mapping of the queue to the function, as a deployment leaves it."""
    entry = {
        "UUID": "u-1",
        "State": "Enabled",
        "EventSourceArn": QUEUE,
        "FunctionArn": LIVE,
        "BatchSize": 10,
        **settings,
    }

    def listed(**sent: str) -> dict[str, Any]:
        asked = {key.replace("FunctionName", "FunctionArn"): value for key, value in sent.items()}
        known = all(entry[key] == value for key, value in asked.items())
        return {"EventSourceMappings": [entry] if known else []}

    return {
        "lambda__list_event_source_mappings": listed,
        "lambda__get_event_source_mapping": entry,
        # Whatever differs, the table has set.
        "lambda__list_tags": {"Tags": {**OURS, TAG: "filters maximum_concurrency"}},
    }


def test_a_new_queue() -> None:
    """The dlq first, then the queue that names it, then the mapping of the alias."""
    aws = Canned(
        sqs__get_queue_url=refused("AWS.SimpleQueueService.NonExistentQueue"),
        lambda__create_event_source_mapping={"UUID": "u-1"},
        lambda__get_event_source_mapping=[{"State": "Creating"}, {"State": "Enabled"}],
    )
    trigger = SqsTrigger("jobs", window=5, max_concurrency=7, report_batch_item_failures=True)
    assert planned(aws, trigger) == [
        "create queue jobs-dlq: it does not exist yet",
        "create queue jobs: it does not exist yet",
        "create mapping of queue jobs to orders: it does not exist yet",
    ]
    dlq, queue, made = applied(aws, trigger)
    assert dlq == (
        "sqs:create_queue",
        {
            "QueueName": "jobs-dlq",
            "Attributes": {"MessageRetentionPeriod": "1209600"},
            "tags": OURS,
        },
    )
    attributes = queue[1]["Attributes"]
    assert attributes["VisibilityTimeout"] == "65"
    assert json.loads(attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": f"{QUEUE}-dlq",
        "maxReceiveCount": 3,
    }
    assert made == (
        "lambda:create_event_source_mapping",
        {
            "FunctionName": LIVE,
            "EventSourceArn": QUEUE,
            "BatchSize": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 7},
            "Enabled": True,
            "MaximumBatchingWindowInSeconds": 5,
            "Tags": {**OURS, TAG: "maximum_concurrency"},
        },
    )
    assert aws.now > 0  # it was waited for


def test_a_new_fifo_queue() -> None:
    """Both queues are told that they are FIFO, and the mapping no window."""
    aws = Canned(lambda__create_event_source_mapping={"UUID": "u-1"})
    dlq, queue, made = applied(aws, SqsTrigger("jobs.fifo"))
    assert dlq[1]["QueueName"] == "jobs-dlq.fifo"
    assert dlq[1]["Attributes"]["FifoQueue"] == queue[1]["Attributes"]["FifoQueue"] == "true"
    assert "MaximumBatchingWindowInSeconds" not in made[1]


def test_a_queue_that_is_as_declared() -> None:
    """Nothing is planned, whatever AWS leaves out of a mapping."""
    assert planned(Canned(**queues(), **mapped()), SqsTrigger("jobs")) == []
    whole = mapped(
        MaximumBatchingWindowInSeconds=0,
        ScalingConfig=None,
        FunctionResponseTypes=None,
        State="Enabling",
    )
    assert planned(Canned(**queues(), **whole), SqsTrigger("jobs")) == []


def test_visibility_that_is_declared() -> None:
    """A visibility timeout of one's own takes the place of the advised one."""
    aws = Canned(**queues(VisibilityTimeout="99"), **mapped())
    assert planned(aws, SqsTrigger("jobs", visibility=99)) == []
    assert planned(aws, SqsTrigger("jobs")) == ["update queue jobs: VisibilityTimeout 99 → 60"]


@pytest.mark.parametrize(
    ("live", "declared", "change"),
    [
        ({"BatchSize": 5}, SqsTrigger("jobs"), "batch size 5 → 10"),
        ({"MaximumBatchingWindowInSeconds": 2}, SqsTrigger("jobs"), "window 2 → 0"),
        (
            {"ScalingConfig": {"MaximumConcurrency": 2}},
            SqsTrigger("jobs"),
            "maximum concurrency 2 → none",
        ),
        (
            {"FunctionResponseTypes": ["ReportBatchItemFailures"]},
            SqsTrigger("jobs"),
            "report batch item failures True → False",
        ),
        ({"State": "Disabled"}, SqsTrigger("jobs"), "enabled False → True"),
        ({"State": "Disabling"}, SqsTrigger("jobs"), "enabled False → True"),
        ({"FunctionArn": LIVE[:-5]}, SqsTrigger("jobs"), f"function {LIVE[:-5]} → {LIVE}"),
    ],
)
def test_a_mapping_that_differs(live: dict[str, Any], declared: Trigger, change: str) -> None:
    """Each setting that differs is told, and one update brings all of them."""
    aws = Canned(**queues(), **mapped(**live))
    aws.replies["lambda:list_event_source_mappings"] = {
        "EventSourceMappings": [aws.replies["lambda:get_event_source_mapping"]]
    }
    assert planned(aws, declared) == [f"update mapping of queue jobs to orders: {change}"]
    aws.replies["lambda:get_event_source_mapping"] = {"State": "Enabled"}
    (name, sent), *_ = applied(aws, declared)
    assert name == "lambda:update_event_source_mapping"
    assert (sent["UUID"], sent["FunctionName"], sent["BatchSize"]) == ("u-1", LIVE, 10)
    assert "EventSourceArn" not in sent


def test_a_mapping_that_fails() -> None:
    """AWS's reason ends the wait."""
    aws = Canned(**queues(), lambda__create_event_source_mapping={"UUID": "u-1"})
    aws.replies["lambda:get_event_source_mapping"] = {
        "State": "Failed",
        "StateTransitionReason": "No.",
    }
    with pytest.raises(DeployError, match=r"the event source mapping u-1 failed: No\."):
        applied(aws, SqsTrigger("jobs"))


def test_the_mapping_of_another_function() -> None:
    """A function whose name begins with ours is another one."""
    other = LIVE.replace("orders", "orders-2")
    aws = Canned(
        lambda__list_event_source_mappings={"EventSourceMappings": [{"FunctionArn": other}]}
    )
    place = site(aws)
    assert mapping.find(place, place.project.functions[0], "jobs") is None


def test_a_queue_that_is_not_ours() -> None:
    """It is used as it is; that messages may be delivered twice is told only if they may."""
    aws = Canned(**queues(VisibilityTimeout="59"), **mapped())
    aws.replies["sqs:list_queue_tags"] = {"Tags": {}}
    place = site(aws, SqsTrigger("jobs"))
    (note,) = triggers.plan(place, place.project.functions[0])
    assert isinstance(note, Note)
    assert "less than six times" in note.text
    aws = Canned(**queues(VisibilityTimeout="61"), **mapped())
    aws.replies["sqs:list_queue_tags"] = {"Tags": {}}
    place = site(aws, SqsTrigger("jobs"))
    assert [*triggers.plan(place, place.project.functions[0])] == []


@pytest.mark.parametrize(
    ("changed", "deleted"),
    [
        ({}, True),
        ({"State": "Deleting"}, False),
        ({"Tags": {"lambda-runtime:project": "other"}}, False),
    ],
)
def test_a_mapping_that_is_not_declared(changed: dict[str, Any], deleted: bool) -> None:
    """It goes if it is ours, once it is at rest; without `prune` it stays."""
    aws = Canned(**queues(), **mapped(State=changed.get("State", "Enabled")))
    aws.replies["lambda:list_tags"] = {"Tags": changed.get("Tags", OURS)}
    expected = ["delete mapping of queue jobs to orders: it is not declared"] if deleted else []
    assert planned(aws) == expected
    assert planned(aws, prune=False) == []
    expected_calls = [("lambda:delete_event_source_mapping", {"UUID": "u-1"})] if deleted else []
    assert applied(aws) == expected_calls


# --- buckets


def test_a_new_notification() -> None:
    """The bucket may invoke the alias first, then it is told to; for this account's bucket only."""
    aws = Canned(s3__get_bucket_notification_configuration={})
    trigger = S3Trigger("uploads", prefix="in/", suffix=".csv")
    assert planned(aws, trigger) == [
        "create permission lambda-runtime-s3-uploads of orders: s3.amazonaws.com may not invoke it",
        "create notifications of bucket uploads to orders: there are none yet",
    ]
    allowed, notified = applied(aws, trigger)
    assert allowed == (
        "lambda:add_permission",
        {
            "FunctionName": "orders",
            "Qualifier": "live",
            "StatementId": "lambda-runtime-s3-uploads",
            "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com",
            "SourceArn": "arn:aws:s3:::uploads",
            "SourceAccount": ACCOUNT,
        },
    )
    assert notified[1]["ExpectedBucketOwner"] == ACCOUNT
    (made,) = notified[1]["NotificationConfiguration"]["LambdaFunctionConfigurations"]
    assert made["LambdaFunctionArn"] == LIVE
    assert made["Events"] == ["s3:ObjectCreated:*"]
    assert made["Filter"]["Key"]["FilterRules"] == [
        {"Name": "prefix", "Value": "in/"},
        {"Name": "suffix", "Value": ".csv"},
    ]


def notified(*triggers_: S3Trigger, others: Any = ()) -> dict[str, Any]:
    """What a bucket holds once these are set up, beside what others set up."""
    aws = Canned(s3__get_bucket_notification_configuration={})
    changes = [c for c in applied(aws, *triggers_) if c[0].startswith("s3:")]
    configuration: dict[str, Any] = dict(changes[-1][1]["NotificationConfiguration"])
    for key, other in others:
        configuration[key] = [*configuration.get(key, []), other]
    return configuration


def test_a_notification_that_is_as_declared_or_differs() -> None:
    """Those of others do not count, and are written back as they are."""
    trigger = S3Trigger("uploads")
    other = {"Id": "audit", "LambdaFunctionArn": "arn:other", "Events": ["s3:ObjectRemoved:*"]}
    live = notified(trigger, others=[("LambdaFunctionConfigurations", other)])
    statement = invoker("lambda-runtime-s3-uploads", "arn:aws:s3:::uploads")
    aws = Canned(
        lambda__get_policy=policy(statement),
        s3__get_bucket_notification_configuration={**live, "EventBridgeConfiguration": {}},
    )
    assert planned(aws, trigger) == []
    changed = S3Trigger("uploads", prefix="new/")
    assert planned(aws, changed) == [
        "update notifications of bucket uploads to orders: they are not as declared"
    ]
    ((_, sent),) = applied(aws, changed)
    configuration = sent["NotificationConfiguration"]
    assert [c["Id"] == "audit" for c in configuration["LambdaFunctionConfigurations"]] == [
        True,
        False,
    ]
    assert configuration["EventBridgeConfiguration"] == {}
    assert "ResponseMetadata" not in configuration
    # No longer declared: ours go, the statement last.
    assert planned(aws) == [
        "delete notifications of bucket uploads to orders: they are not declared",
        "delete permission lambda-runtime-s3-uploads of orders: its trigger is not declared",
    ]
    put, dropped = applied(aws)[1:]
    assert put[1]["NotificationConfiguration"] == {
        "LambdaFunctionConfigurations": [other],
        "EventBridgeConfiguration": {},
    }
    assert dropped == (
        "lambda:remove_permission",
        {
            "FunctionName": "orders",
            "Qualifier": "live",
            "StatementId": "lambda-runtime-s3-uploads",
        },
    )


def test_a_bucket_that_is_gone() -> None:
    """A trigger names one that exists; one that was named once may be gone."""
    aws = Canned(s3__get_bucket_notification_configuration=refused("NoSuchBucket"))
    with pytest.raises(DeployError, match="there is no bucket uploads"):
        planned(aws, S3Trigger("uploads"))
    aws.replies["lambda:get_policy"] = policy(
        invoker("lambda-runtime-s3-uploads", "arn:aws:s3:::uploads")
    )
    assert planned(aws) == [
        "delete permission lambda-runtime-s3-uploads of orders: its trigger is not declared"
    ]


def test_a_notification_by_queue() -> None:
    """The queue allows the bucket, of this account, beside what it allows others."""
    own = {"Sid": "theirs", "Effect": "Allow"}
    aws = Canned(
        **queues(Policy=json.dumps({"Version": "2012-10-17", "Statement": [own]})),
        **mapped(),
        s3__get_bucket_notification_configuration={},
    )
    declared = (S3Trigger("uploads", via="sqs", queue="jobs"), SqsTrigger("jobs"))
    assert planned(aws, *declared) == [
        "update policy of queue jobs: bucket uploads may not send to it",
        "create notifications of bucket uploads to orders: there are none yet",
    ]
    allowed, notification = applied(aws, *declared)
    statement = {
        "Sid": "lambda-runtime-s3-uploads",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": {
            "ArnLike": {"aws:SourceArn": "arn:aws:s3:::uploads"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }
    assert allowed[0] == "sqs:set_queue_attributes"
    assert json.loads(allowed[1]["Attributes"]["Policy"]) == {
        "Version": "2012-10-17",
        "Statement": [own, statement],
    }
    (made,) = notification[1]["NotificationConfiguration"]["QueueConfigurations"]
    assert made["QueueArn"] == QUEUE

    # As it is then, nothing is planned; and no longer declared, both go before the mapping.
    after = {"Version": "2012-10-17", "Statement": [own, statement]}
    aws = Canned(
        **queues(Policy=json.dumps(after)),
        **mapped(),
        s3__get_bucket_notification_configuration={"QueueConfigurations": [made]},
    )
    assert planned(aws, *declared) == []
    assert planned(aws) == [
        "delete notifications of bucket uploads to orders: they are not declared",
        "delete statement of queue jobs: bucket uploads no longer sends to it",
        "delete mapping of queue jobs to orders: it is not declared",
    ]
    assert planned(aws, prune=False) == []
    written = [c for c in applied(aws) if c[0] == "sqs:set_queue_attributes"]
    assert json.loads(written[0][1]["Attributes"]["Policy"])["Statement"] == [own]


def test_the_last_statement_of_a_queue() -> None:
    """SQS takes no policy without statements: it is deleted."""
    only = {"Statement": [{"Sid": "lambda-runtime-s3-uploads"}]}
    aws = Canned(**queues(Policy=json.dumps(only)), **mapped())
    assert planned(aws, SqsTrigger("jobs")) == [
        "delete statement of queue jobs: bucket uploads no longer sends to it"
    ]
    ((_, sent),) = applied(aws, SqsTrigger("jobs"))
    assert sent["Attributes"] == {"Policy": ""}


def test_a_bucket_that_sends_for_others_too() -> None:
    """Its permission stays while a notification of somebody else needs it, and only then."""
    only = {"Statement": [{"Sid": "lambda-runtime-s3-uploads"}]}
    for arn, stays in ((QUEUE, True), (f"{QUEUE}-2", False)):
        other = {"Id": "audit", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}
        aws = Canned(
            **queues(Policy=json.dumps(only)),
            **mapped(),
            s3__get_bucket_notification_configuration={"QueueConfigurations": [other]},
        )
        assert (planned(aws, SqsTrigger("jobs")) == []) is stays


# --- topics


def topic(**attributes: str) -> dict[str, Any]:
    subscription = {"SubscriptionArn": f"{TOPIC}:s-1", "Endpoint": LIVE}
    return {
        "sns__get_topic_attributes": {"Attributes": {"TopicArn": TOPIC}},
        "sns__list_subscriptions_by_topic": {
            "Subscriptions": [{"SubscriptionArn": "x", "Endpoint": "other"}, subscription]
        },
        "sns__get_subscription_attributes": {"Attributes": attributes},
    }


def test_a_new_topic() -> None:
    """The permission, the topic, the subscription of the alias."""
    aws = Canned(sns__get_topic_attributes=refused("NotFound"))
    trigger = SnsTrigger("news", '{"a": [1]}')
    assert planned(aws, trigger) == [
        "create permission lambda-runtime-sns-news of orders: sns.amazonaws.com may not invoke it",
        "create topic news: it does not exist yet",
        "create subscription of orders to topic news: it does not exist yet",
    ]
    allowed, made, subscribed = applied(aws, trigger)
    assert allowed[1]["SourceArn"] == TOPIC
    assert made == ("sns:create_topic", {"Name": "news", "Tags": OUR_TAGS, "Attributes": {}})
    assert subscribed[1] == {
        "TopicArn": TOPIC,
        "Protocol": "lambda",
        "Endpoint": LIVE,
        "Attributes": {"FilterPolicy": '{"a": [1]}'},
        "ReturnSubscriptionArn": True,
    }
    made = applied(Canned(), SnsTrigger("news.fifo"))[1]
    assert made[1]["Attributes"] == {"FifoTopic": "true"}


def test_a_topic_as_declared_changed_and_gone() -> None:
    """The filter policy is compared as JSON; the topic itself stays."""
    statement = invoker("lambda-runtime-sns-news", TOPIC)
    aws = Canned(**topic(FilterPolicy='{"a":[1]}'), lambda__get_policy=policy(statement))
    assert planned(aws, SnsTrigger("news", '{"a": [1]}')) == []
    assert planned(aws, SnsTrigger("news")) == [
        "update subscription of orders to topic news: its filter policy differs"
    ]
    ((name, sent),) = applied(aws, SnsTrigger("news"))
    assert name == "sns:set_subscription_attributes"
    assert sent == {
        "SubscriptionArn": f"{TOPIC}:s-1",
        "AttributeName": "FilterPolicy",
        "AttributeValue": "{}",
    }
    assert planned(aws) == [
        "delete subscription of orders to topic news: it is not declared",
        "delete permission lambda-runtime-sns-news of orders: its trigger is not declared",
    ]


def test_a_topic_between_a_bucket_and_the_function() -> None:
    """The topic invokes the function, and allows the bucket to publish."""
    trigger = S3Trigger("uploads", via="sns", topic="news")
    aws = Canned(s3__get_bucket_notification_configuration={})
    assert planned(aws, trigger) == [
        "create permission lambda-runtime-sns-news of orders: sns.amazonaws.com may not invoke it",
        "create topic news: it does not exist yet",
        "create subscription of orders to topic news: it does not exist yet",
        "update policy of topic news: bucket uploads may not send to it",
        "create notifications of bucket uploads to orders: there are none yet",
    ]
    allowed = applied(aws, trigger)[3]
    assert (allowed[0], allowed[1]["AttributeName"]) == ("sns:set_topic_attributes", "Policy")
    (statement,) = json.loads(allowed[1]["AttributeValue"])["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("sns:Publish", TOPIC)

    # Declared as a topic as well, the filter policy of that trigger is the subscription's.
    aws = Canned(**topic(FilterPolicy='{"a": [1]}'))
    aws.replies["s3:get_bucket_notification_configuration"] = notified(trigger)
    aws.replies["lambda:get_policy"] = policy(invoker("lambda-runtime-sns-news", TOPIC))
    aws.replies["sns:get_topic_attributes"] = {
        "Attributes": {"Policy": json.dumps({"Statement": [statement]})}
    }
    assert planned(aws, SnsTrigger("news", '{"a": [1]}'), trigger) == []
    # No longer by topic: the record is the topic's policy.
    assert planned(aws, SnsTrigger("news", '{"a": [1]}')) == [
        "delete notifications of bucket uploads to orders: they are not declared",
        "delete statement of topic news: bucket uploads no longer sends to it",
    ]
    written = [c for c in applied(aws, SnsTrigger("news", '{"a": [1]}')) if c[0][:3] == "sns"]
    assert json.loads(written[0][1]["AttributeValue"])["Statement"] == []


# --- rules


RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/clock"


def test_a_new_rule_and_a_new_schedule() -> None:
    """A rule on its bus with a pattern, a schedule on the default bus with its input."""
    aws = Canned()
    made = applied(aws, RuleTrigger("shop", '{"a": [1]}', bus="own", enabled=False))
    assert [name for name, _ in made] == [
        "lambda:add_permission",
        "events:put_rule",
        "events:put_targets",
    ]
    assert made[0][1]["SourceArn"] == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/own/shop"
    assert made[0][1]["StatementId"].startswith("lambda-runtime-rule-own-shop-")
    assert made[1][1] == {
        "Name": "shop",
        "EventBusName": "own",
        "State": "DISABLED",
        "EventPattern": '{"a": [1]}',
        "Tags": OUR_TAGS,
    }
    target = {"Id": "lambda-runtime-orders", "Arn": LIVE}
    assert made[2][1] == {"Rule": "shop", "EventBusName": "own", "Targets": [target]}
    made = applied(Canned(), ScheduleTrigger("clock", "rate(5 minutes)", input="{}"))
    assert made[0][1]["SourceArn"] == RULE
    assert made[1][1]["ScheduleExpression"] == "rate(5 minutes)"
    assert "EventPattern" not in made[1][1]
    assert made[2][1]["Targets"] == [{**target, "Input": "{}"}]


def clock(**changes: Any) -> dict[str, Any]:
    return {
        "events__describe_rule": {
            "ScheduleExpression": "rate(5 minutes)",
            "State": "ENABLED",
            **changes,
        },
        "events__list_tags_for_resource": {"Tags": OUR_TAGS},
        "events__list_targets_by_rule": {"Targets": [{"Id": "lambda-runtime-orders", "Arn": LIVE}]},
        "lambda__get_policy": policy(invoker("lambda-runtime-rule-clock", RULE)),
    }


@pytest.mark.parametrize(
    ("changes", "trigger", "expected"),
    [
        ({}, ScheduleTrigger("clock", "rate(5 minutes)"), []),
        (
            {},
            ScheduleTrigger("clock", "rate(1 day)", enabled=False),
            ["update rule clock: schedule rate(5 minutes) → rate(1 day); state ENABLED → DISABLED"],
        ),
        (
            {},
            ScheduleTrigger("clock", "rate(5 minutes)", input="{}"),
            ["update target orders of rule clock: it is not as declared"],
        ),
        (
            {"EventPattern": '{"a":[1]}', "ScheduleExpression": None},
            RuleTrigger("clock", '{"a": [1]}'),
            [],
        ),
        (
            {"EventPattern": '{"a":[1]}', "ScheduleExpression": None},
            RuleTrigger("clock", "{}"),
            ["update rule clock: pattern {'a': [1]} → {}"],
        ),
    ],
)
def test_a_rule_that_is_there(changes: Any, trigger: Trigger, expected: list[str]) -> None:
    """What differs is told; a pattern is compared as JSON."""
    assert planned(Canned(**clock(**changes)), trigger) == expected


def test_a_rule_of_somebody_else() -> None:
    """It is not taken over."""
    aws = Canned(**clock())
    aws.replies["events:list_tags_for_resource"] = {"Tags": []}
    with pytest.raises(DeployError, match="rule clock exists and is not made by this tool"):
        planned(aws, ScheduleTrigger("clock", "rate(5 minutes)"))


@pytest.mark.parametrize(
    ("tags", "targets", "deleted"),
    [(OUR_TAGS, [], True), (OUR_TAGS, [{"Id": "other"}], False), ([], [], False)],
)
def test_a_rule_that_is_not_declared(tags: Any, targets: Any, deleted: bool) -> None:
    """Our target goes; the rule goes if it is ours and has no other target."""
    aws = Canned(**clock())
    assert planned(aws) == [
        "delete rule clock: it is not declared",
        "delete permission lambda-runtime-rule-clock of orders: its trigger is not declared",
    ]
    aws.replies["events:list_tags_for_resource"] = {"Tags": tags}
    aws.replies["events:list_targets_by_rule"] = {"Targets": targets}
    made = applied(aws)
    where = {"Rule": "clock", "EventBusName": "default"}
    assert made[0] == ("events:remove_targets", {**where, "Ids": ["lambda-runtime-orders"]})
    rule = ("events:delete_rule", {"Name": "clock", "EventBusName": "default"})
    assert (rule in made) is deleted
    # Gone already, only the statement is left.
    aws.replies["events:describe_rule"] = refused("ResourceNotFoundException")
    assert len(planned(aws)) == 1


def test_a_rule_on_a_bus_that_is_not_declared() -> None:
    """The bus is in the ARN of the statement."""
    aws = Canned(**clock())
    source = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/own/shop"
    aws.replies["lambda:get_policy"] = policy(invoker("lambda-runtime-rule-shop", source))
    assert applied(aws)[0][1]["Rule"] == "shop"
    assert applied(aws)[0][1]["EventBusName"] == "own"
    # An older deployment had no bus in its Sid: the rule itself is declared, and stays.
    made = applied(aws, RuleTrigger("shop", "{}", bus="own"))
    assert "events:delete_rule" not in [name for name, _ in made]
    assert made[-1][0] == "lambda:remove_permission"


# --- load balancers


def listener_rule(path: str = "/*", priority: str = "100") -> dict[str, Any]:
    return {
        "RuleArn": "r-1",
        "Priority": priority,
        "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}}],
        "Actions": [{"TargetGroupArn": GROUP}],
    }


def balancer(**more: Any) -> dict[str, Any]:
    return {
        "elbv2__describe_target_groups": {
            "TargetGroups": [{"TargetGroupArn": GROUP, "LoadBalancerArns": ["lb"]}]
        },
        "elbv2__describe_target_group_attributes": {
            "Attributes": [{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}]
        },
        "elbv2__describe_target_health": {"TargetHealthDescriptions": [{"Target": {"Id": LIVE}}]},
        "elbv2__describe_rules": {
            "Rules": [
                {"RuleArn": "r-0", "Actions": [{"TargetGroupArn": "other"}]},
                listener_rule(),
            ]
        },
        "elbv2__describe_listeners": {"Listeners": [{"ListenerArn": LISTENER}]},
        "elbv2__describe_tags": {"TagDescriptions": [{"Tags": OUR_TAGS}]},
        "lambda__get_policy": policy(
            invoker("lambda-runtime-alb-orders", GROUP.replace("/1", "/*"))
        ),
        **more,
    }


def test_a_new_target_group() -> None:
    """The permission has a star for the letters that AWS chooses."""
    groups = [refused("TargetGroupNotFound"), balancer()["elbv2__describe_target_groups"]]
    aws = Canned(elbv2__describe_target_groups=groups)
    trigger = AlbTrigger(
        "orders", multi_value_headers=True, listener=LISTENER, path="/o/*", priority=7
    )
    made = applied(aws, trigger)
    assert [name for name, _ in made] == [
        "lambda:add_permission",
        "elbv2:create_target_group",
        "elbv2:modify_target_group_attributes",
        "elbv2:register_targets",
        "elbv2:create_rule",
    ]
    assert made[0][1]["SourceArn"] == GROUP.replace("/1", "/*")
    assert made[1][1] == {"Name": "orders", "TargetType": "lambda", "Tags": OUR_TAGS}
    assert made[2][1]["Attributes"] == [
        {"Key": "lambda.multi_value_headers.enabled", "Value": "true"}
    ]
    assert made[3][1] == {"TargetGroupArn": GROUP, "Targets": [{"Id": LIVE}]}
    assert made[4][1] == {
        "ListenerArn": LISTENER,
        "Priority": 7,
        "Conditions": [{"Field": "path-pattern", "Values": ["/o/*"]}],
        "Actions": [{"Type": "forward", "TargetGroupArn": GROUP}],
        "Tags": OUR_TAGS,
    }


def test_a_target_group_that_is_there() -> None:
    """As declared nothing is planned; headers, target and rule are brought back."""
    trigger = AlbTrigger("orders", multi_value_headers=True, listener=LISTENER)
    assert planned(Canned(**balancer()), trigger) == []
    aws = Canned(
        **balancer(
            elbv2__describe_target_group_attributes={"Attributes": []},
            elbv2__describe_target_health={"TargetHealthDescriptions": []},
            elbv2__describe_rules={"Rules": []},
        )
    )
    assert planned(aws, trigger) == [
        "update target group orders: multi-value headers → true",
        "create target orders of target group orders: it does not exist yet",
        "create listener rule /* to target group orders: it does not exist yet",
    ]


def test_a_listener_rule_that_has_changed() -> None:
    """Its path and its priority are those of the table, each changed by its own request."""
    rules = {"Rules": [listener_rule("/old", "5")]}
    trigger = AlbTrigger("orders", multi_value_headers=True, listener=LISTENER)
    aws = Canned(**balancer(elbv2__describe_rules=rules))
    assert planned(aws, trigger) == [
        "update listener rule /* to target group orders: path /old → /*; priority 5 → 100"
    ]
    where = [{"Field": "path-pattern", "Values": ["/*"]}]
    assert applied(aws, trigger) == [
        ("elbv2:modify_rule", {"RuleArn": "r-1", "Conditions": where}),
        (
            "elbv2:set_rule_priorities",
            {"RulePriorities": [{"RuleArn": "r-1", "Priority": 100}]},
        ),
    ]
    aws.replies["elbv2:describe_rules"] = {"Rules": [listener_rule("/old")]}
    aws.sent.clear()
    assert [name for name, _ in applied(aws, trigger)] == ["elbv2:modify_rule"]
    narrowed = listener_rule()
    narrowed["Conditions"].append({"Field": "host-header", "Values": ["a", "b"]})
    aws.replies["elbv2:describe_rules"] = {"Rules": [narrowed]}
    (told,) = planned(aws, trigger)
    assert told.endswith(": path path-pattern /* and host-header a,b → /*")
    taken = {**listener_rule("/x", "100"), "RuleArn": "r-2", "Actions": []}
    aws.replies["elbv2:describe_rules"] = {"Rules": [listener_rule("/*", "5"), taken]}
    aws.replies["elbv2:describe_tags"] = lambda **sent: {
        "TagDescriptions": [{"Tags": [] if sent["ResourceArns"] == ["r-2"] else OUR_TAGS}]
    }
    with pytest.raises(DeployError, match="a rule with priority 100"):
        planned(aws, trigger)
    aws.replies["elbv2:describe_rules"] = {"Rules": [listener_rule("/old")]}
    aws.replies["elbv2:describe_tags"] = lambda **sent: {
        "TagDescriptions": [{"Tags": [] if sent["ResourceArns"] == ["r-1"] else OUR_TAGS}]
    }
    with pytest.raises(DeployError, match=r"listener rule .* is not made by this tool"):
        planned(aws, trigger)


def test_a_listener_that_is_not_declared_any_more() -> None:
    """Our rule in it goes, last; in the listener that is declared there is a new one."""
    other = LISTENER.replace("/2", "/3")

    def rules(**sent: Any) -> dict[str, Any]:
        return {"Rules": [listener_rule()] if sent["ListenerArn"] == LISTENER else []}

    aws = Canned(**balancer(elbv2__describe_rules=rules))
    moved = AlbTrigger("orders", multi_value_headers=True, listener=other)
    assert planned(aws, moved) == [
        "create listener rule /* to target group orders: it does not exist yet",
        f"delete listener rule /* to target group orders: listener {LISTENER} is not declared",
    ]
    assert applied(aws, moved)[-1] == ("elbv2:delete_rule", {"RuleArn": "r-1"})
    plain = AlbTrigger("orders")
    assert planned(aws, plain) == [
        "update target group orders: multi-value headers → false",
        f"delete listener rule /* to target group orders: listener {LISTENER} is not declared",
    ]
    aws.replies["elbv2:describe_tags"] = lambda **sent: {
        "TagDescriptions": [{"Tags": [] if sent["ResourceArns"] == ["r-1"] else OUR_TAGS}]
    }
    assert len(planned(aws, plain)) == 1


def test_a_target_group_of_others() -> None:
    """Its attributes and its targets are not changed."""
    aws = Canned(**balancer(elbv2__describe_tags={"TagDescriptions": []}))
    with pytest.raises(DeployError, match="target group orders exists and is not made by this"):
        planned(aws, AlbTrigger("orders"))


def rule_for(name: str) -> dict[str, Any]:
    """A listener's rules: one of priority 100, to the target group of this name."""
    arn = GROUP.replace("/orders/", f"/{name}/")
    actions = [{"TargetGroupArn": arn}]
    return {"Rules": [{"RuleArn": "r-9", "Priority": "100", "Actions": actions}]}


def test_a_listener_rule_that_is_replaced() -> None:
    """A priority is unique: the rule of a target group that was renamed is changed in place."""
    trigger = AlbTrigger("orders", multi_value_headers=True, listener=LISTENER)
    aws = Canned(**balancer(elbv2__describe_rules=rule_for("former")))
    assert planned(aws, trigger) == [
        "update listener rule /* to target group orders: its target group is not declared"
    ]
    (made,) = applied(aws, trigger)
    assert made[0] == "elbv2:modify_rule"
    assert made[1]["RuleArn"] == "r-9"
    assert made[1]["Actions"] == [{"Type": "forward", "TargetGroupArn": GROUP}]


def test_a_priority_of_others() -> None:
    """It is told before anything is changed, and so is one that two triggers share."""
    trigger = AlbTrigger("orders", multi_value_headers=True, listener=LISTENER)
    theirs: dict[str, Any] = {"TagDescriptions": []}

    def tags(**sent: Any) -> dict[str, Any]:
        ours = balancer()["elbv2__describe_tags"]
        return theirs if sent["ResourceArns"] == ["r-9"] else ours

    aws = Canned(**balancer(elbv2__describe_rules=rule_for("x"), elbv2__describe_tags=tags))
    with pytest.raises(DeployError, match=r"a rule with priority 100 .* is not made by this tool"):
        planned(aws, trigger)
    aws = Canned(**balancer(elbv2__describe_rules=rule_for("second")))
    second = AlbTrigger("second", multi_value_headers=True, listener=LISTENER)
    with pytest.raises(DeployError, match=r"priority 100 .* is also used for target group second"):
        planned(aws, trigger, second)


@pytest.mark.parametrize(("rules", "found"), [(None, True), ([], False)])
def test_a_priority_in_use(rules: Any, found: bool) -> None:
    """It is ours if the rule leads to the target group, as after a lost reply; else it is told."""
    known = balancer()["elbv2__describe_rules"]
    aws = Canned(
        **balancer(
            elbv2__describe_target_groups={"TargetGroups": [{"TargetGroupArn": GROUP}]},
            elbv2__describe_rules=[*[{"Rules": []}] * 3, known if found else {"Rules": []}],
            elbv2__create_rule=refused("PriorityInUse", "Priority '100' is currently in use"),
        )
    )
    trigger = AlbTrigger("orders", multi_value_headers=True, listener=LISTENER)
    if found:
        assert applied(aws, trigger)[-1][0] == "elbv2:create_rule"
    else:
        with pytest.raises(AwsError, match="PriorityInUse: Priority '100' is currently in use"):
            applied(aws, trigger)
    assert aws.now == 0


@pytest.mark.parametrize("ours", [True, False])
def test_a_target_group_that_is_not_declared(ours: bool) -> None:
    """It goes after the listener's rules that are ours; somebody else's stays."""
    aws = Canned(**balancer())
    if not ours:
        aws.replies["elbv2:describe_tags"] = {"TagDescriptions": []}
    deletions = [c for c in applied(aws) if c[0].startswith("elbv2:")]
    assert deletions == (
        [
            ("elbv2:delete_rule", {"RuleArn": "r-1"}),
            ("elbv2:delete_target_group", {"TargetGroupArn": GROUP}),
        ]
        if ours
        else []
    )


# --- URLs


def test_a_new_url() -> None:
    """An open URL takes two permissions, one behind IAM none."""
    aws = Canned()
    made = applied(aws, UrlTrigger("NONE", "RESPONSE_STREAM"))
    assert [call[1].get("StatementId") for call in made] == [
        "lambda-runtime-url",
        "lambda-runtime-url-invoke",
        None,
    ]
    assert made[0][1]["FunctionUrlAuthType"] == "NONE"
    assert made[0][1]["Action"] == "lambda:InvokeFunctionUrl"
    assert made[1][1]["InvokedViaFunctionUrl"] is True
    assert made[2] == (
        "lambda:create_function_url_config",
        {
            "FunctionName": "orders",
            "Qualifier": "live",
            "AuthType": "NONE",
            "InvokeMode": "RESPONSE_STREAM",
        },
    )
    assert [name for name, _ in applied(Canned(), UrlTrigger())] == [
        "lambda:create_function_url_config"
    ]


def test_a_url_that_is_there() -> None:
    """It changes in place, and goes with what opened it."""
    opened = (
        invoker("lambda-runtime-url", "", "lambda:InvokeFunctionUrl"),
        invoker("lambda-runtime-url-invoke", ""),
    )
    aws = Canned(
        lambda__get_function_url_config={"AuthType": "NONE"}, lambda__get_policy=policy(*opened)
    )
    assert planned(aws, UrlTrigger("NONE")) == []
    assert planned(aws, UrlTrigger("AWS_IAM", "RESPONSE_STREAM")) == [
        "update URL of orders: auth NONE → AWS_IAM; mode BUFFERED → RESPONSE_STREAM",
        "delete permission lambda-runtime-url of orders: its trigger is not declared",
        "delete permission lambda-runtime-url-invoke of orders: its trigger is not declared",
    ]
    assert planned(aws) == [
        "delete URL of orders: it is not declared",
        "delete permission lambda-runtime-url of orders: its trigger is not declared",
        "delete permission lambda-runtime-url-invoke of orders: its trigger is not declared",
    ]
    assert planned(aws, prune=False) == []
    place = site(aws)
    items = triggers.plan(place, place.project.functions[0])
    assert {getattr(item, "part", None) for item in items} == {"url"}


# --- permissions


def test_statements_of_others_stay() -> None:
    """Only a Sid of ours is ours."""
    aws = Canned(lambda__get_policy=policy(invoker("mine", "arn:aws:s3:::uploads")))
    assert planned(aws) == []


def test_a_permission_that_allows_something_else() -> None:
    """It is replaced: a statement cannot be changed."""
    aws = Canned(**clock())
    other = policy(invoker("lambda-runtime-rule-clock", f"{RULE}-2"))
    # The plan's, of two, and that of the removal; then it is gone.
    aws.replies["lambda:get_policy"] = [other, other, other, policy()]
    trigger = ScheduleTrigger("clock", "rate(5 minutes)")
    assert planned(aws, trigger) == [
        "update permission lambda-runtime-rule-clock of orders: it allows something else"
    ]
    assert [name for name, _ in applied(aws, trigger)] == [
        "lambda:remove_permission",
        "lambda:add_permission",
    ]


def test_a_permission_that_exists_already() -> None:
    """A lost reply's statement is found; a conflict that is no such thing is not success."""
    trigger = ScheduleTrigger("clock", "rate(5 minutes)")
    aws = Canned(**clock())
    text = "The statement id (lambda-runtime-rule-clock) provided already exists."
    there = aws.replies["lambda:get_policy"]
    aws.replies["lambda:get_policy"] = [refused("ResourceNotFoundException"), there]
    aws.replies["lambda:add_permission"] = refused("ResourceConflictException", text, 409)
    applied(aws, trigger)
    assert aws.now == 0
    aws.replies["lambda:get_policy"] = refused("ResourceNotFoundException")
    with pytest.raises(AwsError, match="already exists"):
        applied(aws, trigger)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clock", r"lambda-runtime-rule-clock"),
        ("a.b", r"lambda-runtime-rule-a-b-[0-9a-f]{8}"),
        ("a_b" * 20, rf"lambda-runtime-rule-{'a_b' * 20}"),
        ("a_b" * 20 + "c", rf"lambda-runtime-rule-{'a_b' * 20}-[0-9a-f]{{8}}"),
    ],
)
def test_sid(name: str, expected: str) -> None:
    """A Sid has the letters that AWS takes, up to 100, and is another for another name."""
    sid = permission.sid("rule", name)
    assert re.fullmatch(expected, sid)
    assert len(sid) <= 100
    assert permission.word(sid) == "rule"
    assert permission.is_ours(sid)
