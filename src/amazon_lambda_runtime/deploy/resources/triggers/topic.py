"""SNS topics: the subscription of the function, and a bucket that may publish."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.policy.statement import Names, Policy, Statement, actions, once
from amazon_lambda_runtime.deploy.resources import account, labels
from amazon_lambda_runtime.deploy.resources.foreign import settings
from amazon_lambda_runtime.deploy.resources.store import Store, Tags
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.aws_limits import FIFO_SUFFIX
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.triggers import S3Trigger, SnsTrigger

from . import permission
from .kind import Kind, Live
from .sender import Destination, foreign


def permission_of(site: Site, name: str) -> permission.Permission:
    """Return what allows the topic to invoke the function."""
    return permission.Permission(
        permission.sid("sns", name), "sns.amazonaws.com", source=site.aws.arn("sns", name)
    )


def plan(site: Site, function: Function, name: str, filter_policy: str | None) -> Iterator[Step]:
    """Yield what makes the topic and subscribes the function, with this filter policy."""
    arn = site.aws.arn("sns", name)
    live = site.aws.find("sns", "get_topic_attributes", TopicArn=arn)
    tags = labels.shared(site, lambda other: name in _names(site, other))
    if live is None:
        more = {"FifoTopic": "true"} if name.endswith(FIFO_SUFFIX) else {}
        yield Step(
            "create", "trigger", f"topic {name}", "it does not exist yet",
            # If the request is repeated, it is the same topic.
            lambda: site.aws.call(
                "sns", "create_topic", Name=name, Attributes=more,
                Tags=labels.listed(labels.of(site, tags)),
            ),
        )  # fmt: skip
    elif labels.asked(function) and site.ours(there := _tags(site, name)):
        yield from labels.plan(
            "trigger", f"topic {name}", there, tags,
            lambda tags: site.aws.call(
                "sns", "tag_resource", ResourceArn=arn, Tags=labels.listed(tags)
            ),
            lambda keys: site.aws.call("sns", "untag_resource", ResourceArn=arn, TagKeys=keys),
        )  # fmt: skip
    what = f"subscription of {function.name} to topic {name}"
    subscription = None if live is None else _subscription(site, function, arn)
    if subscription is None:
        yield Step(
            "create", "trigger", what, "it does not exist yet",
            lambda: _subscribe(site, function, arn, filter_policy),
        )  # fmt: skip
        return
    where = {"SubscriptionArn": subscription["SubscriptionArn"]}
    found = site.aws.call("sns", "get_subscription_attributes", **where)
    there = found["Attributes"].get("FilterPolicy")
    if json.loads(there or "{}") != json.loads(filter_policy or "{}"):
        yield Step(
            "update", "trigger", what, "its filter policy differs",
            lambda: site.aws.call(
                "sns", "set_subscription_attributes", **where,
                AttributeName="FilterPolicy", AttributeValue=filter_policy or "{}",
            ),
        )  # fmt: skip


def _permissions(site: Site, trigger: SnsTrigger) -> list[permission.Permission]:
    return [permission_of(site, trigger.topic)]


def _plan(site: Site, function: Function, trigger: SnsTrigger) -> Iterator[Step]:
    return plan(site, function, trigger.topic, trigger.filter_policy)


def _remove(site: Site, function: Function, source: str) -> Iterator[Step]:
    """Yield the removal of the subscription. The topic stays: others may publish to it."""
    subscription = _subscription(site, function, source)
    if subscription is not None:
        yield Step(
            "delete", "trigger",
            f"subscription of {function.name} to topic {source.rpartition(':')[2]}",
            "it is not declared",
            lambda: site.aws.remove(
                "sns", "unsubscribe", SubscriptionArn=subscription["SubscriptionArn"]
            ),
        )  # fmt: skip


def _stop(site: Site, function: Function, live: Live) -> Iterator[Step]:
    for source in permission.sources(live, "sns"):
        yield from _remove(site, function, source)


def _subscribe(site: Site, function: Function, arn: str, filter_policy: str | None) -> None:
    # If the request is repeated, SNS returns the same subscription.
    site.aws.call(
        "sns",
        "subscribe",
        TopicArn=arn,
        Protocol="lambda",
        Endpoint=site.live_arn(function),
        Attributes={"FilterPolicy": filter_policy} if filter_policy else {},
        ReturnSubscriptionArn=True,
    )


def _subscription(site: Site, function: Function, arn: str) -> Reply | None:
    subscriptions = site.aws.pages(
        "sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=arn
    )
    endpoint = site.live_arn(function)
    return next((dict(s) for s in subscriptions if s["Endpoint"] == endpoint), None)


def _read_policy(site: Site, name: str) -> dict[str, Any]:
    arn = site.aws.arn("sns", name)
    found = site.aws.find("sns", "get_topic_attributes", TopicArn=arn) or {}
    policy: dict[str, Any] = json.loads(found.get("Attributes", {}).get("Policy") or "{}")
    return policy


def _write_policy(site: Site, name: str, policy: Policy) -> None:
    site.aws.call(
        "sns",
        "set_topic_attributes",
        TopicArn=site.aws.arn("sns", name),
        AttributeName="Policy",
        AttributeValue=json.dumps(policy),
    )


def _foreign(site: Site, function: Function, trigger: SnsTrigger) -> Iterator[Step]:
    arn = site.aws.arn("sns", trigger.topic)
    subscription = _subscription(site, function, arn)
    if subscription is not None:
        found = site.aws.call(
            "sns", "get_subscription_attributes", SubscriptionArn=subscription["SubscriptionArn"]
        )
        what = f"subscription of {function.name} to topic {trigger.topic}"
        usual = {
            "FilterPolicyScope": "MessageAttributes",
            "RawMessageDelivery": "false",
            "DeliveryPolicy": "",
            "RedrivePolicy": "",
            "ReplayPolicy": "",
        }
        yield from settings("trigger", what, found["Attributes"], {}, usual)
    if site.ours(_tags(site, trigger.topic)):
        live = site.aws.call("sns", "get_topic_attributes", TopicArn=arn)
        keys = {"KmsMasterKeyId": "", "DisplayName": "", "DeliveryPolicy": ""}
        what = f"topic {trigger.topic}"
        yield from settings("trigger", what, live["Attributes"], {}, keys)


def _names(site: Site, function: Function) -> list[str]:
    topics = [trigger.topic for trigger in function.triggers_of(SnsTrigger)]
    return [*topics, *(t.topic for t in function.triggers_of(S3Trigger) if t.topic is not None)]


def _tags(site: Site, name: str) -> Tags | None:
    arn = site.aws.arn("sns", name)
    if site.aws.find("sns", "get_topic_attributes", TopicArn=arn) is None:
        return None
    return site.aws.call("sns", "list_tags_for_resource", ResourceArn=arn).get("Tags") or []


def _found(site: Site) -> Iterator[tuple[str, Tags]]:
    for topic in site.aws.pages("sns", "list_topics", "Topics"):
        arn = topic["TopicArn"]
        found = site.aws.find("sns", "list_tags_for_resource", ResourceArn=arn)
        yield arn.rpartition(":")[2], (found or {}).get("Tags") or []


def _users(site: Site, name: str, but: Sequence[Function]) -> list[str]:
    """Return who else is subscribed to the topic, or may publish to it."""
    subscriptions = site.aws.pages(
        "sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=site.aws.arn("sns", name)
    )
    endpoints = [str(subscription["Endpoint"]) for subscription in subscriptions]
    return [
        *(f"subscriber {e}" for e in endpoints if not account.is_of(e, site, but)),
        *foreign(DESTINATION.policy(site, name)),
    ]


def _delete(site: Site, name: str) -> None:
    site.aws.remove("sns", "delete_topic", TopicArn=site.aws.arn("sns", name))


def _deployer(project: Project, names: Names) -> Iterator[Statement]:
    topics = [trigger.topic for trigger in project.triggers_of(SnsTrigger)]
    topics += [t.topic for t in project.triggers_of(S3Trigger) if t.topic is not None]
    if topics:
        arns = once(names("sns", topic) for topic in topics)
        yield Statement(
            "Topics",
            actions(
                "sns",
                "GetTopicAttributes CreateTopic SetTopicAttributes DeleteTopic TagResource "
                "UntagResource ListTagsForResource Subscribe ListSubscriptionsByTopic "
                "GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe",
            ),
            # Those of a topic's subscriptions begin with its own.
            (*arns, *(f"{arn}:*" for arn in arns)),
        )


DESTINATION = Destination("topic", "sns", "sns:Publish", "trigger", _read_policy, _write_policy)
KIND = Kind(
    word="sns",
    permissions=_permissions,
    plan=_plan,
    remove=_remove,
    stop=_stop,
    deployer=_deployer,
    foreign=_foreign,
    store=Store("topic", _names, _tags, _delete, users=_users, found=_found),
)
