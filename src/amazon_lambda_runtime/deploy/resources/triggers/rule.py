"""EventBridge rules: by a pattern or by the clock, with the function as their target."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.policy.statement import Names, Statement, actions, once
from amazon_lambda_runtime.deploy.resources import account, labels
from amazon_lambda_runtime.deploy.resources.foreign import foreign, settings
from amazon_lambda_runtime.deploy.resources.store import Store, Tags
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.triggers import RuleTrigger, ScheduleTrigger

from . import permission
from .kind import Kind, Live


def _permissions(site: Site, trigger: RuleTrigger | ScheduleTrigger) -> list[permission.Permission]:
    return [
        permission.Permission(
            permission.sid("rule", _resource(trigger.rule, trigger.bus).removeprefix("rule/")),
            "events.amazonaws.com",
            source=site.aws.arn("events", _resource(trigger.rule, trigger.bus)),
        )
    ]


def _plan(site: Site, function: Function, trigger: RuleTrigger | ScheduleTrigger) -> Iterator[Step]:
    """Yield what makes the rule and its target."""
    live = site.aws.find("events", "describe_rule", Name=trigger.rule, EventBusName=trigger.bus)
    yield from _plan_rule(site, function, trigger, live)
    target = None if live is None else _target(site, function, trigger.rule, trigger.bus)
    wanted: dict[str, Any] = {"Id": _id(function), "Arn": site.live_arn(function)}
    if isinstance(trigger, ScheduleTrigger) and trigger.input is not None:
        wanted["Input"] = trigger.input
    if target != wanted:
        yield Step(
            "update" if target else "create", "trigger",
            f"target {function.name} of rule {trigger.rule}",
            "it is not as declared" if target else "it does not exist yet",
            lambda: site.aws.call(
                "events", "put_targets",
                Rule=trigger.rule, EventBusName=trigger.bus, Targets=[wanted],
            ),
            trigger.bus,
        )  # fmt: skip


def _plan_rule(
    site: Site, function: Function, trigger: RuleTrigger | ScheduleTrigger, live: Reply | None
) -> Iterator[Step]:
    wanted = _settings(trigger)
    what = f"rule {trigger.rule}"
    place = (trigger.rule, trigger.bus)
    labelled = labels.shared(site, lambda other: place in _declared(other))
    if live is None:
        tagged = labels.listed(labels.of(site, labelled))
        yield Step(
            "create", "trigger", what, "it does not exist yet",
            lambda: site.aws.call("events", "put_rule", **wanted, Tags=tagged), trigger.bus,
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
    if labels.asked(function):
        yield from labels.plan(
            "trigger", what, tags.get("Tags"), labelled,
            lambda tags: site.aws.call(
                "events", "tag_resource", ResourceARN=arn, Tags=labels.listed(tags)
            ),
            lambda keys: site.aws.call("events", "untag_resource", ResourceARN=arn, TagKeys=keys),
        )  # fmt: skip


def _remove(site: Site, function: Function, source: str) -> Iterator[Step]:
    """Yield the removal of our target, and of the rule if it is ours and has no other target."""
    name, bus = _place(source)
    # The statement of a rule that is declared may have another Sid, of an older deployment.
    if (name, bus) in _declared(function):
        return
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


def _stop(site: Site, function: Function, live: Live) -> Iterator[Step]:
    """Yield what disables each rule of the function; where it has others, its target goes."""
    for source in permission.sources(live, "rule"):
        name, bus = _place(source)
        where = {"Name": name, "EventBusName": bus}
        rule = site.aws.find("events", "describe_rule", **where)
        if rule is None or _target(site, function, name, bus) is None:
            continue
        if _has_others(site, function, name, bus):
            yield Step(
                "delete", "trigger", f"target {function.name} of rule {name}",
                "the function is not in pyproject.toml any more",
                partial(
                    site.aws.remove, "events", "remove_targets",
                    Rule=name, EventBusName=bus, Ids=[_id(function)],
                ), bus,
            )  # fmt: skip
        elif rule.get("State") != "DISABLED":
            yield Step(
                "update", "trigger", f"rule {name}",
                f"the function {function.name} is not in pyproject.toml any more: state "
                f"{rule.get('State')} → DISABLED",
                partial(site.aws.remove, "events", "disable_rule", **where), bus,
            )  # fmt: skip


def _has_others(site: Site, function: Function, name: str, bus: str) -> bool:
    """Say whether a rule has a target besides the function, or is not for it alone to stop."""
    functions = (*site.project.functions, *site.project.others)
    declared = [place for each in functions for place in _declared(each)]
    arn = site.aws.arn("events", _resource(name, bus))
    tags = site.aws.find("events", "list_tags_for_resource", ResourceARN=arn) or {}
    targets = site.aws.pages(
        "events", "list_targets_by_rule", "Targets", Rule=name, EventBusName=bus
    )
    return (
        (name, bus) in declared
        or not site.ours(tags.get("Tags"))
        or any(target["Id"] != _id(function) for target in targets)
    )


def _declared(function: Function) -> list[tuple[str, str]]:
    rules = [(trigger.rule, trigger.bus) for trigger in function.triggers_of(RuleTrigger)]
    clocks = [(trigger.rule, trigger.bus) for trigger in function.triggers_of(ScheduleTrigger)]
    return [*rules, *clocks]


def _place(arn: str) -> tuple[str, str]:
    """Return the name and the bus of a rule by its ARN."""
    bus, _, name = arn.partition(":rule/")[2].rpartition("/")
    return name, bus or "default"


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


def _recorded(site: Site, function: Function) -> list[str]:
    recorded = permission.sources(permission.read(site, function), "rule")
    return [arn.partition(":rule/")[2] for arn in recorded]


def _found(site: Site) -> Iterator[tuple[str, Tags]]:
    """Yield every rule of the account, on every bus, as the end of its ARN."""
    for bus in site.aws.pages("events", "list_event_buses", "EventBuses"):
        for rule in site.aws.pages("events", "list_rules", "Rules", EventBusName=bus["Name"]):
            found = site.aws.find("events", "list_tags_for_resource", ResourceARN=rule["Arn"])
            yield rule["Arn"].partition(":rule/")[2], (found or {}).get("Tags") or []


def _users(site: Site, name: str, but: Sequence[Function]) -> list[str]:
    """Return the targets of a rule but for these functions, and for those that are gone."""
    rule, bus = _place(f":rule/{name}")
    arns = [
        str(target["Arn"])
        for target in site.aws.pages(
            "events", "list_targets_by_rule", "Targets", Rule=rule, EventBusName=bus
        )
    ]
    return [
        f"target {arn}"
        for arn in arns
        if not account.is_of(arn, site, but)
        and not (":function:" in arn and account.is_gone(site, arn))
    ]


def _delete_whole(site: Site, name: str) -> None:
    rule, bus = _place(f":rule/{name}")
    where = {"Rule": rule, "EventBusName": bus}
    targets = [
        *site.aws.pages("events", "list_targets_by_rule", "Targets", **where),
    ]
    if targets:
        site.aws.remove(
            "events", "remove_targets", **where, Ids=[target["Id"] for target in targets]
        )
    site.aws.remove("events", "delete_rule", Name=rule, EventBusName=bus)


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
                "ListTagsForResource TagResource UntagResource",
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
    stop=_stop,
    deployer=_deployer,
    # Those that are recorded go with their functions.
    store=Store(
        "rule",
        _recorded,
        lambda site, name: None,
        _delete_whole,
        users=_users,
        found=_found,
    ),
    foreign=_foreign,
)
