"""SNS topics: the subscription of the function, and a bucket that may publish."""

import json
from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

from . import permission

# Of the statement that lets a bucket publish.
_SID = "lambda-runtime-s3-"


def permission_of(site: Site, name: str) -> permission.Permission:
    """Return what lets the topic invoke the function."""
    return permission.Permission(
        permission.sid("sns", name), "sns.amazonaws.com", source=site.aws.arn("sns", name)
    )


def plan(
    site: Site, function: Function, name: str, filter_policy: str | None, bucket: str | None = None
) -> Iterator[Step]:
    """Yield what makes the topic, lets a bucket publish to it, and subscribes the function."""
    arn = site.aws.arn("sns", name)
    live = site.aws.find("sns", "get_topic_attributes", TopicArn=arn)
    fifo: dict[str, Any] = {"Attributes": {"FifoTopic": "true"}} if name.endswith(".fifo") else {}
    if live is None:
        yield Step(
            "create", "trigger", f"topic {name}", "there is none",
            lambda: site.aws.call("sns", "create_topic", Name=name, Tags=site.tag_list, **fifo),
        )  # fmt: skip
    if bucket is not None:
        policy = json.loads((live or {}).get("Attributes", {}).get("Policy") or "{}")
        wanted = _statement(site, name, bucket)
        if wanted not in policy.get("Statement", []):
            yield Step(
                "update", "trigger", f"policy of topic {name}",
                f"bucket {bucket} may not publish to it", lambda: _allow(site, name, wanted),
            )  # fmt: skip
    subscription = None if live is None else _subscription(site, function, arn)
    if subscription is None:
        yield Step(
            "create", "trigger", f"subscription of {function.name} to topic {name}",
            "there is none", lambda: _subscribe(site, function, arn, filter_policy),
        )  # fmt: skip
        return
    found = site.aws.call(
        "sns", "get_subscription_attributes", SubscriptionArn=subscription["SubscriptionArn"]
    )
    there = found["Attributes"].get("FilterPolicy")
    if json.loads(there or "{}") != json.loads(filter_policy or "{}"):
        yield Step(
            "update", "trigger", f"subscription of {function.name} to topic {name}",
            "its filter policy differs",
            lambda: site.aws.call(
                "sns", "set_subscription_attributes",
                SubscriptionArn=subscription["SubscriptionArn"],
                AttributeName="FilterPolicy", AttributeValue=filter_policy or "{}",
            ),
        )  # fmt: skip


def remove(site: Site, function: Function, source: str) -> Iterator[Step]:
    """Yield the end of the subscription; the topic stays, somebody may publish to it."""
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


def buckets(site: Site, name: str) -> list[str]:
    """Return the buckets that we let publish to a topic."""
    sids = [str(statement.get("Sid", "")) for statement in _policy(site, name)["Statement"]]
    return [sid.removeprefix(_SID) for sid in sids if sid.startswith(_SID)]


def disallow(site: Site, name: str, bucket: str) -> Step:
    """Return what takes a bucket's leave to publish to a topic."""

    def run() -> None:
        policy = _policy(site, name)
        policy["Statement"] = [s for s in policy["Statement"] if s.get("Sid") != f"{_SID}{bucket}"]
        _set_policy(site, name, policy)

    why = f"bucket {bucket} need not publish to it"
    return Step("delete", "trigger", f"statement of topic {name}", why, run)


def _subscribe(site: Site, function: Function, arn: str, filter_policy: str | None) -> None:
    # Who is subscribed already is told the same subscription.
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


def _statement(site: Site, name: str, bucket: str) -> dict[str, Any]:
    return {
        "Sid": f"{_SID}{bucket}",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": site.aws.arn("sns", name),
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:{site.aws.partition}:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": site.aws.account},
        },
    }


def _policy(site: Site, name: str) -> dict[str, Any]:
    found = site.aws.find("sns", "get_topic_attributes", TopicArn=site.aws.arn("sns", name)) or {}
    policy: dict[str, Any] = json.loads(found.get("Attributes", {}).get("Policy") or "{}")
    return {"Version": "2012-10-17", "Statement": [], **policy}


def _allow(site: Site, name: str, wanted: dict[str, Any]) -> None:
    policy = _policy(site, name)
    others = [s for s in policy["Statement"] if s.get("Sid") != wanted["Sid"]]
    policy["Statement"] = [*others, wanted]
    _set_policy(site, name, policy)


def _set_policy(site: Site, name: str, policy: dict[str, Any]) -> None:
    site.aws.call(
        "sns",
        "set_topic_attributes",
        TopicArn=site.aws.arn("sns", name),
        AttributeName="Policy",
        AttributeValue=json.dumps(policy),
    )
