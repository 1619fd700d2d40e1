"""EventBridge rules: by a pattern or by the clock, with the function as their target."""

import json
from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.policy.statement import Names, Statement, actions, once
from amazon_lambda_runtime.deploy.resources.foreign import foreign, settings
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.triggers import RuleTrigger, ScheduleTrigger

from . import permission
from .kind import Kind


def _permissions(site: Site, trigger: RuleTrigger | ScheduleTrigger) -> list[permission.Permission]:
    return [
        permission.Permission(
            permission.sid("rule", trigger.rule),
            "events.amazonaws.com",
            source=site.aws.arn("events", _resource(trigger.rule, trigger.bus)),
        )
    ]


def _plan(site: Site, function: Function, trigger: RuleTrigger | ScheduleTrigger) -> Iterator[Step]:
    """Yield what makes the rule and its target."""
    live = site.aws.find("events", "describe_rule", Name=trigger.rule, EventBusName=trigger.bus)
    yield from _plan_rule(site, trigger, live)
    target = None if live is None else _target(site, function, trigger.rule, trigger.bus)
    wanted: dict[str, Any] = {"Id": _id(function), "Arn": site.live_arn(function)}
    if isinstance(trigger, ScheduleTrigger) and trigger.input is not None:
        wanted["Input"] = trigger.input
    if target != wanted:
        yield Step(
            "update" if target else "create", "trigger",
            f"target {function.name} of rule {trigger.rule}",
            "it differs" if target else "there is none",
            lambda: site.aws.call(
                "events", "put_targets",
                Rule=trigger.rule, EventBusName=trigger.bus, Targets=[wanted],
            ),
            trigger.bus,
        )  # fmt: skip


def _plan_rule(
    site: Site, trigger: RuleTrigger | ScheduleTrigger, live: Reply | None
) -> Iterator[Step]:
    wanted = _settings(trigger)
    what = f"rule {trigger.rule}"
    if live is None:
        yield Step(
            "create", "trigger", what, "there is none",
            lambda: site.aws.call("events", "put_rule", **wanted, Tags=site.tag_list), trigger.bus,
        )  # fmt: skip
        return
    arn = site.aws.arn("events", _resource(trigger.rule, trigger.bus))
    tags = site.aws.call("events", "list_tags_for_resource", ResourceARN=arn)
    site.check_ours(what, tags.get("Tags") or [])
    pairs = [
        ("pattern", _pattern(live), _pattern(wanted)),
        ("schedule", live.get("ScheduleExpression"), wanted.get("ScheduleExpression")),
        ("state", live.get("State"), wanted["State"]),
    ]
    if changes := list(differences(pairs)):
        yield Step(
            "update", "trigger", what, "; ".join(changes),
            lambda: site.aws.call("events", "put_rule", **wanted), trigger.bus, tuple(changes),
        )  # fmt: skip


def _remove(site: Site, function: Function, source: str) -> Iterator[Step]:
    """Yield the removal of our target, and of the rule if it is ours and has no other target."""
    bus, _, name = source.partition(":rule/")[2].rpartition("/")
    bus = bus or "default"
    if site.aws.find("events", "describe_rule", Name=name, EventBusName=bus) is None:
        return
    yield Step(
        "delete", "trigger", f"rule {name}", "it is not declared",
        lambda: _delete(site, function, name, bus), f"{bus} {function.name}",
    )  # fmt: skip


def _delete(site: Site, function: Function, name: str, bus: str) -> None:
    """Remove our target from the rule, and then the rule if it is ours and has no other target."""
    where = {"Rule": name, "EventBusName": bus}
    site.aws.remove("events", "remove_targets", **where, Ids=[_id(function)])
    arn = site.aws.arn("events", _resource(name, bus))
    tags = site.aws.find("events", "list_tags_for_resource", ResourceARN=arn)
    left = site.aws.find("events", "list_targets_by_rule", **where)
    if site.ours((tags or {}).get("Tags")) and not (left or {}).get("Targets"):
        site.aws.remove("events", "delete_rule", Name=name, EventBusName=bus)


def _settings(trigger: RuleTrigger | ScheduleTrigger) -> dict[str, Any]:
    settings = {
        "Name": trigger.rule,
        "EventBusName": trigger.bus,
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


def _pattern(rule: dict[str, Any]) -> Any:
    return json.loads(rule.get("EventPattern") or "{}")


def _resource(name: str, bus: str) -> str:
    return f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}"


def _deployer(project: Project, names: Names) -> Iterator[Statement]:
    rules: list[RuleTrigger | ScheduleTrigger] = [*project.triggers_of(RuleTrigger)]
    rules += project.triggers_of(ScheduleTrigger)
    if rules:
        yield Statement(
            "Rules",
            actions(
                "events",
                "DescribeRule PutRule DeleteRule ListTargetsByRule PutTargets RemoveTargets "
                "ListTagsForResource TagResource ",
            ),
            once(names("events", _resource(trigger.rule, trigger.bus)) for trigger in rules),
        )


def _foreign(
    site: Site, function: Function, trigger: RuleTrigger | ScheduleTrigger
) -> Iterator[Step]:
    """Yield what others have set in the rule, which is ours, and its targets of others."""
    where = {"EventBusName": trigger.bus}
    live = site.aws.find("events", "describe_rule", Name=trigger.rule, **where)
    if live is None:
        return
    what = f"rule {trigger.rule}"
    usual = {"Description": "", "RoleArn": "", "ScheduleExpression": "", "EventPattern": ""}
    yield from settings("trigger", what, live, _settings(trigger), usual)
    for target in site.aws.pages(
        "events", "list_targets_by_rule", "Targets", Rule=trigger.rule, **where
    ):
        if not target["Id"].startswith("lambda-runtime-"):
            yield foreign("trigger", f"target {target['Id']} of {what}", target["Arn"])


KIND = Kind(
    word="rule",
    permissions=_permissions,
    plan=_plan,
    remove=_remove,
    deployer=_deployer,
    foreign=_foreign,
)
