"""S3 notifications, merged into the bucket's by their Id: those of others are put back as they are.

S3 knows only the whole configuration of a bucket, so it is read just before it is written.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import S3Trigger

from . import permission

_LISTS = {
    "direct": ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
    "sns": ("TopicConfigurations", "TopicArn"),
    "sqs": ("QueueConfigurations", "QueueArn"),
}


def permission_of(site: Site, trigger: S3Trigger) -> permission.Permission:
    """Return what lets the bucket invoke the function."""
    return permission.Permission(
        permission.sid("s3", trigger.bucket),
        "s3.amazonaws.com",
        source=_arn(site, trigger.bucket),
        # The name of a bucket that is deleted may become somebody else's.
        more={"SourceAccount": site.aws.account},
    )


def plan(site: Site, function: Function) -> Iterator[Step]:
    """Yield one change for each bucket whose notifications for this function differ."""
    triggers = [trigger for trigger in function.triggers if isinstance(trigger, S3Trigger)]
    for name in dict.fromkeys(trigger.bucket for trigger in triggers):
        wanted = [
            _notification(site, function, trigger) for trigger in triggers if trigger.bucket == name
        ]
        live = _ours(function, _read(site, name))
        if _sorted(live) != _sorted(wanted):
            yield Step(
                "update" if live else "create",
                "trigger",
                f"notifications of bucket {name} to {function.name}",
                "they differ" if live else "there are none",
                _write(site, function, name, wanted),
            )


def remove(site: Site, function: Function, source: str) -> Iterator[Step]:
    """Yield the removal of our notifications from a bucket, which may be gone itself.

    Of a bucket that another trigger still names, `plan` has the notifications that stay.
    """
    name = source.rpartition(":")[2]
    if any(isinstance(t, S3Trigger) and t.bucket == name for t in function.triggers):
        return
    found = site.aws.find("s3", "get_bucket_notification_configuration", Bucket=name)
    if found is not None and _ours(function, found):
        yield Step(
            "delete", "trigger", f"notifications of bucket {name} to {function.name}",
            "they are not declared", _write(site, function, name, []),
        )  # fmt: skip


def sends_for_others(site: Site, function: Function, name: str, arn: str) -> bool:
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
        raise DeployError(f"there is no bucket {name}: a trigger names one that exists")
    found.pop("ResponseMetadata", None)
    return found


def _write(site: Site, function: Function, name: str, wanted: list[tuple[str, Any]]) -> Any:
    def run() -> None:
        configuration = _read(site, name)
        for key, _ in _LISTS.values():
            others = [c for c in configuration.get(key, []) if not _is_ours(function, c)]
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
    """Return a notification and the list of the configuration that it stands in."""
    key, target = _LISTS[trigger.via]
    arn = {
        "direct": site.live_arn(function),
        "sns": site.aws.arn("sns", trigger.topic or ""),
        "sqs": site.aws.arn("sqs", trigger.queue or ""),
    }[trigger.via]
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


def _sorted(notifications: list[tuple[str, Any]]) -> list[str]:
    # The Id says all that is in it.
    return sorted(notification["Id"] for _, notification in notifications)


def _arn(site: Site, name: str) -> str:
    return f"arn:{site.aws.partition}:s3:::{name}"
