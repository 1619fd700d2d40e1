"""EventBridge rules: by a pattern or by the clock, with the function as their target."""

import json
from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import RuleTrigger, ScheduleTrigger

from . import permission


def permission_of(site: Site, trigger: RuleTrigger | ScheduleTrigger) -> permission.Permission:
    """Return what lets the rule invoke the function."""
    return permission.Permission(
        permission.sid("rule", trigger.rule),
        "events.amazonaws.com",
        source=_arn(site, trigger.rule, _bus(trigger)),
    )


def plan(site: Site, function: Function, trigger: RuleTrigger | ScheduleTrigger) -> Iterator[Step]:
    """Yield what makes the rule and its target."""
    bus = _bus(trigger)
    live = site.aws.find("events", "describe_rule", Name=trigger.rule, EventBusName=bus)
    wanted = _settings(trigger)
    what = f"rule {trigger.rule}"
    if live is None:
        yield Step(
            "create", "trigger", what, "there is none",
            lambda: site.aws.call("events", "put_rule", **wanted, Tags=site.tag_list),
        )  # fmt: skip
        target = None
    else:
        tags = site.aws.call(
            "events", "list_tags_for_resource", ResourceARN=_arn(site, trigger.rule, bus)
        )
        site.check_ours(what, tags.get("Tags") or [])
        pairs = [
            (
                "pattern",
                json.loads(live.get("EventPattern") or "{}"),
                json.loads(wanted.get("EventPattern") or "{}"),
            ),
            ("schedule", live.get("ScheduleExpression"), wanted.get("ScheduleExpression")),
            ("state", live.get("State"), wanted["State"]),
        ]
        if changes := list(differences(pairs)):
            yield Step(
                "update", "trigger", what, "; ".join(changes),
                lambda: site.aws.call("events", "put_rule", **wanted),
            )  # fmt: skip
        target = _target(site, function, trigger.rule, bus)
    goal: dict[str, Any] = {"Id": _id(function), "Arn": site.live_arn(function)}
    if isinstance(trigger, ScheduleTrigger) and trigger.input is not None:
        goal["Input"] = trigger.input
    if target != goal:
        yield Step(
            "update" if target else "create", "trigger", f"target {function.name} of {what}",
            "it differs" if target else "there is none",
            lambda: site.aws.call(
                "events", "put_targets", Rule=trigger.rule, EventBusName=bus, Targets=[goal]
            ),
        )  # fmt: skip


def remove(site: Site, function: Function, source: str) -> Iterator[Step]:
    """Yield the end of the target, and of the rule if it is ours and has no other."""
    bus, _, name = source.partition(":rule/")[2].rpartition("/")
    bus = bus or "default"
    if site.aws.find("events", "describe_rule", Name=name, EventBusName=bus) is None:
        return
    yield Step(
        "delete", "trigger", f"rule {name}", "it is not declared",
        lambda: delete(site, function, name, bus),
    )  # fmt: skip


def delete(site: Site, function: Function, name: str, bus: str) -> None:
    """Take our target off the rule, and the rule away if nothing else hangs on it."""
    where = {"Rule": name, "EventBusName": bus}
    site.aws.remove("events", "remove_targets", **where, Ids=[_id(function)])
    tags = site.aws.find("events", "list_tags_for_resource", ResourceARN=_arn(site, name, bus))
    left = site.aws.find("events", "list_targets_by_rule", **where)
    if site.ours((tags or {}).get("Tags")) and not (left or {}).get("Targets"):
        site.aws.remove("events", "delete_rule", Name=name, EventBusName=bus)


def _settings(trigger: RuleTrigger | ScheduleTrigger) -> dict[str, Any]:
    settings = {
        "Name": trigger.rule,
        "EventBusName": _bus(trigger),
        "State": "ENABLED" if trigger.enabled else "DISABLED",
    }
    if isinstance(trigger, RuleTrigger):
        settings["EventPattern"] = trigger.pattern
    else:
        settings["ScheduleExpression"] = trigger.expression
    return settings


def _target(site: Site, function: Function, name: str, bus: str) -> Reply | None:
    targets = site.aws.pages(
        "events", "list_targets_by_rule", "Targets", Rule=name, EventBusName=bus
    )
    return next((dict(target) for target in targets if target["Id"] == _id(function)), None)


def _id(function: Function) -> str:
    return f"lambda-runtime-{function.name}"[:64]


def _bus(trigger: RuleTrigger | ScheduleTrigger) -> str:
    return trigger.bus if isinstance(trigger, RuleTrigger) else "default"


def _arn(site: Site, name: str, bus: str) -> str:
    return site.aws.arn("events", f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}")
