"""S3 notifications, merged into the bucket's by their Id: those of others are put back as they are.

S3 takes the whole configuration of a bucket only, so it is read just before it is written.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import Note, Step
from amazon_lambda_runtime.deploy.policy.statement import Names, Statement, actions, once
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.triggers import S3Trigger, SnsTrigger

from . import mapping, permission, queue, sender, topic
from .kind import Kind, Live

# Where a bucket sends to, if not to the function itself.
_DESTINATIONS = {"sns": topic.DESTINATION, "sqs": queue.DESTINATION}
# The lists of a bucket's configuration, and the key of the target in each.
_LISTS = {
    "direct": ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
    "sns": ("TopicConfigurations", "TopicArn"),
    "sqs": ("QueueConfigurations", "QueueArn"),
}


def _permissions(site: Site, trigger: S3Trigger) -> list[permission.Permission]:
    if trigger.via == "sns":
        return [topic.permission_of(site, trigger.topic or "")]
    if trigger.via == "sqs":
        return []  # the function polls the queue: its role is what counts
    return [
        permission.Permission(
            permission.sid("s3", trigger.bucket),
            "s3.amazonaws.com",
            source=_arn(site, trigger.bucket),
            # Once a bucket is deleted, anyone may create one of its name.
            more={"SourceAccount": site.aws.account},
        )
    ]


def _plan(site: Site, function: Function, trigger: S3Trigger) -> Iterator[Step | Note]:
    """Yield what makes the topic between; one that is declared itself has its own plan."""
    subscribed = [other.topic for other in function.triggers_of(SnsTrigger)]
    if trigger.via == "sns" and trigger.topic and trigger.topic not in subscribed:
        yield from topic.plan(site, function, trigger.topic, None)


def _plan_all(site: Site, function: Function, prune: bool) -> Iterator[Step]:
    """Yield what allows buckets to send, then one change for each bucket that differs.

    S3 refuses a notification to what does not allow it. Queues and topics exist by then.
    """
    triggers = function.triggers_of(S3Trigger)
    for via, name, bucket in dict.fromkeys((t.via, t.destination, t.bucket) for t in triggers):
        if name is not None:
            yield from sender.allow(site, _DESTINATIONS[via], name, bucket)
    for bucket in dict.fromkeys(trigger.bucket for trigger in triggers):
        yield from _notify(site, function, bucket, [t for t in triggers if t.bucket == bucket])


def _notify(
    site: Site, function: Function, bucket: str, triggers: list[S3Trigger]
) -> Iterator[Step]:
    wanted = [_notification(site, function, trigger) for trigger in triggers]
    live = _ours(function, _read(site, bucket))
    if _ids(live) != _ids(wanted):
        yield Step(
            "update" if live else "create", "trigger",
            f"notifications of bucket {bucket} to {function.name}",
            "they are not as declared" if live else "there are none yet",
            _write(site, function, bucket, wanted),
        )  # fmt: skip


def _prune(site: Site, function: Function, live: Live) -> Iterator[Step]:
    """Yield the removal of notifications by queue or topic, whose policies are their record.

    A bucket may go on to send there for as long as notifications of others need it.
    """
    declared = {
        (trigger.via, trigger.destination, trigger.bucket)
        for each in _with_others(site, function)
        for trigger in each.triggers_of(S3Trigger)
    }
    for via, arn in _used(site, function, live):
        name = arn.rpartition(":")[2]
        for bucket in sender.senders(site, _DESTINATIONS[via], name):
            if (via, name, bucket) not in declared:
                yield from _remove(site, function, bucket)
                if not _sends_for_others(site, function, bucket, arn):
                    yield sender.disallow(site, _DESTINATIONS[via], name, bucket)


def _stop(site: Site, function: Function, live: Live) -> Iterator[Step]:
    """Yield the removal of the function's notifications, from each bucket that has some."""
    buckets = permission.sources(live, "s3")
    for via, arn in _used(site, function, live):
        buckets += sender.senders(site, _DESTINATIONS[via], arn.rpartition(":")[2])
    for bucket in dict.fromkeys(source.rpartition(":")[2] for source in buckets):
        yield from _remove(site, function, bucket)


def _with_others(site: Site, function: Function) -> list[Function]:
    """Return the function and the project's others: they may share a topic."""
    all_of_them = (*site.project.functions, *site.project.others)
    return [function, *(other for other in all_of_them if other.name != function.name)]


def _used(site: Site, function: Function, live: Live) -> Iterator[tuple[str, str]]:
    """Yield the ARN of every queue and topic that leads to the function now."""
    for entry in mapping.of_function(site, function, "sqs"):
        yield "sqs", str(entry.get("EventSourceArn", ""))
    for source in permission.sources(live, "sns"):
        yield "sns", source


def _remove(site: Site, function: Function, source: str) -> Iterator[Step]:
    """Yield the removal of our notifications from a bucket, by its name or its ARN.

    The bucket may be gone. If another trigger still names it, `_plan_all` has what stays.
    """
    name = source.rpartition(":")[2]
    if name in [trigger.bucket for trigger in function.triggers_of(S3Trigger)]:
        return
    found = site.aws.find("s3", "get_bucket_notification_configuration", Bucket=name)
    if found is not None and _ours(function, found):
        yield Step(
            "delete", "trigger", f"notifications of bucket {name} to {function.name}",
            "they are not declared", _write(site, function, name, []),
        )  # fmt: skip


def _sends_for_others(site: Site, function: Function, name: str, arn: str) -> bool:
    """Say whether a notification that is not this function's goes from a bucket to this ARN."""
    found = site.aws.find("s3", "get_bucket_notification_configuration", Bucket=name)
    return any(
        notification.get(target) == arn and not _is_ours(function, notification)
        for key, target in _LISTS.values()
        for notification in (found or {}).get(key, [])
    )


def _read(site: Site, name: str) -> dict[str, Any]:
    found = site.aws.find(
        "s3",
        "get_bucket_notification_configuration",
        Bucket=name,
        ExpectedBucketOwner=site.aws.account,
    )
    if found is None:
        raise DeployError(f"there is no bucket {name}: create it, or name one that exists")
    found.pop("ResponseMetadata", None)
    return found


def _write(site: Site, function: Function, name: str, wanted: list[tuple[str, Any]]) -> Any:
    def run() -> None:
        configuration = _read(site, name)
        for key, _ in _LISTS.values():
            # S3 takes no two that overlap: those of a function that was renamed give way.
            former = [function, *site.left]
            others = [
                each
                for each in configuration.get(key, [])
                if not any(_is_ours(one, each) for one in former)
            ]
            mine = [notification for place, notification in wanted if place == key]
            configuration[key] = [*others, *mine]
        site.aws.call(
            "s3",
            "put_bucket_notification_configuration",
            Bucket=name,
            ExpectedBucketOwner=site.aws.account,
            NotificationConfiguration={k: v for k, v in configuration.items() if v or v == {}},
        )

    return run


def _notification(site: Site, function: Function, trigger: S3Trigger) -> tuple[str, Any]:
    """Return a notification, and the list of the configuration that it belongs to."""
    key, target = _LISTS[trigger.via]
    name = trigger.destination
    arn = site.live_arn(function) if name is None else site.aws.arn(trigger.via, name)
    rules = [
        {"Name": name, "Value": value}
        for name, value in (("prefix", trigger.prefix), ("suffix", trigger.suffix))
        if value
    ]
    text = f"{trigger.via} {sorted(trigger.events)} {trigger.prefix} {trigger.suffix} {arn}"
    notification: dict[str, Any] = {
        "Id": f"{_prefix(function)}{hashlib.sha256(text.encode()).hexdigest()[:8]}",
        target: arn,
        "Events": sorted(trigger.events),
    }
    if rules:
        notification["Filter"] = {"Key": {"FilterRules": rules}}
    return key, notification


def _ours(function: Function, configuration: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (key, notification)
        for key, _ in _LISTS.values()
        for notification in configuration.get(key, [])
        if _is_ours(function, notification)
    ]


def _is_ours(function: Function, notification: dict[str, Any]) -> bool:
    return str(notification.get("Id", "")).startswith(_prefix(function))


def _prefix(function: Function) -> str:
    return f"lambda-runtime.{function.name}."


def _ids(notifications: list[tuple[str, Any]]) -> list[str]:
    # The Id has a hash of all that a notification says.
    return sorted(notification["Id"] for _, notification in notifications)


def _arn(site: Site, name: str) -> str:
    return f"arn:{site.aws.partition}:s3:::{name}"


def _deployer(project: Project, names: Names) -> Iterator[Statement]:
    buckets = [trigger.bucket for trigger in project.triggers_of(S3Trigger)]
    if buckets:
        yield Statement(
            "Buckets",
            actions("s3", "GetBucketNotification PutBucketNotification"),
            once(f"arn:{names.partition}:s3:::{bucket}" for bucket in buckets),
        )


KIND = Kind(
    word="s3",
    permissions=_permissions,
    plan=_plan,
    plan_all=_plan_all,
    prune=_prune,
    remove=_remove,
    stop=_stop,
    deployer=_deployer,
)
