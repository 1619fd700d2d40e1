"""What makes a function run, one kind a file, and what is no longer declared.

The statements of the function's own resource policy are the record of what was set up: a trigger
begins with its statement, and the statement is the last thing to go. So what a killed run left
half done, or what left the project file, can always be found again.
"""

from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.plan import Note, Step
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import (
    AlbTrigger,
    RuleTrigger,
    S3Trigger,
    ScheduleTrigger,
    SnsTrigger,
    SqsTrigger,
    UrlTrigger,
)

from . import alb, bucket, mapping, permission, queue, rule, topic, url


def plan(site: Site, function: Function, *, prune: bool = True) -> Iterator[Step | Note]:
    """Yield what makes the function's triggers what is declared.

    `prune` removes those that are ours and declared no more.
    """
    live = permission.read(site, function)
    kept: set[str] = set()
    for trigger in function.triggers:
        for wanted in _permissions(site, trigger):
            kept.add(wanted.sid)
            yield from permission.plan(site, function, wanted, live)
        if isinstance(trigger, SqsTrigger):
            yield from queue.plan(site, function, trigger)
            yield from mapping.plan(site, function, trigger)
        elif isinstance(trigger, SnsTrigger):
            yield from topic.plan(site, function, trigger.topic, trigger.filter_policy)
        elif isinstance(trigger, RuleTrigger | ScheduleTrigger):
            yield from rule.plan(site, function, trigger)
        elif isinstance(trigger, AlbTrigger):
            yield from alb.plan(site, function, trigger)
        elif isinstance(trigger, S3Trigger) and trigger.via == "sns" and trigger.topic:
            yield from topic.plan(site, function, trigger.topic, None, trigger.bucket)
    yield from bucket.plan(site, function)
    yield from url.plan(site, function, prune=prune)
    if prune:
        yield from _prune_buckets(site, function, live)
        yield from mapping.prune(site, function)
        for sid, statement in live.items():
            if sid.startswith(permission.PREFIX) and sid not in kept:
                yield from _remove(site, function, sid, permission.source(statement))


def _permissions(site: Site, trigger: object) -> list[permission.Permission]:
    """Return who must be allowed to invoke the function for this trigger."""
    if isinstance(trigger, S3Trigger) and trigger.via == "direct":
        return [bucket.permission_of(site, trigger)]
    if isinstance(trigger, S3Trigger) and trigger.via == "sns" and trigger.topic:
        return [topic.permission_of(site, trigger.topic)]
    if isinstance(trigger, SnsTrigger):
        return [topic.permission_of(site, trigger.topic)]
    if isinstance(trigger, RuleTrigger | ScheduleTrigger):
        return [rule.permission_of(site, trigger)]
    if isinstance(trigger, AlbTrigger):
        return [alb.permission_of(site, trigger)]
    if isinstance(trigger, UrlTrigger):
        return url.permissions_of(trigger)
    return []


def _prune_buckets(
    site: Site, function: Function, live: dict[str, dict[str, Any]]
) -> Iterator[Step]:
    """Yield the end of notifications by queue or topic, whose policies are their record.

    A bucket's leave stays for as long as somebody else's notifications need it.
    """
    rest = (*site.project.functions, *site.project.others)
    declared = {
        (trigger.via, trigger.queue if trigger.via == "sqs" else trigger.topic, trigger.bucket)
        # A topic may be another function's too.
        for each in (function, *(other for other in rest if other.name != function.name))
        for trigger in each.triggers
        if isinstance(trigger, S3Trigger)
    }
    for entry in mapping.of_function(site, function):
        name = str(entry.get("EventSourceArn", "")).rpartition(":")[2]
        for source in queue.buckets(site, name):
            if ("sqs", name, source) not in declared:
                yield from bucket.remove(site, function, source)
                if not bucket.sends_for_others(site, function, source, entry["EventSourceArn"]):
                    yield queue.disallow(site, name, source)
    for sid, statement in live.items():
        arn = permission.source(statement)
        if not sid.startswith(permission.PREFIX) or ":sns:" not in arn:
            continue
        name = arn.rpartition(":")[2]
        for source in topic.buckets(site, name):
            if ("sns", name, source) not in declared:
                yield from bucket.remove(site, function, source)
                if not bucket.sends_for_others(site, function, source, arn):
                    yield topic.disallow(site, name, source)


def _remove(site: Site, function: Function, sid: str, source: str) -> Iterator[Step]:
    """Yield what removes the trigger that a statement of ours stands for, and the statement."""
    part = "url" if sid.startswith(url.SID) else "trigger"
    service = source.split(":")[2] if source.count(":") > 2 else ""
    removal = {
        "s3": bucket.remove,
        "sns": topic.remove,
        "events": rule.remove,
        "elasticloadbalancing": alb.remove,
    }.get(service)
    if removal is not None:
        yield from removal(site, function, source)
    yield permission.removal(site, function, sid, part)
