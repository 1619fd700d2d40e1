"""Load balancers: a target group with the function in it, and a listener's rule to it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.policy.statement import Names, Statement, actions, once
from amazon_lambda_runtime.deploy.resources import labels
from amazon_lambda_runtime.deploy.site import Site, Tags
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.triggers import AlbTrigger

from . import permission
from .kind import Kind


def _permissions(site: Site, trigger: AlbTrigger) -> list[permission.Permission]:
    # A target group's ARN ends in letters that AWS chooses: the statement has a * for them.
    arn = site.aws.arn("elasticloadbalancing", f"targetgroup/{trigger.target_group}/*")
    return [
        permission.Permission(
            permission.sid("alb", trigger.target_group),
            "elasticloadbalancing.amazonaws.com",
            source=arn,
        )
    ]


def _plan(site: Site, function: Function, trigger: AlbTrigger) -> Iterator[Step]:
    """Yield what makes the target group, its target and the listener's rule."""
    name = trigger.target_group
    live = _find(site, name)
    tagged = labels.listed(labels.of(site, _shared(site, name)))
    if live is None:
        yield Step(
            "create", "trigger", f"target group {name}", "it does not exist yet",
            lambda: site.aws.create(
                "elbv2", "create_target_group", look=lambda: _find(site, name),
                Name=name, TargetType="lambda", Tags=tagged,
            ),
        )  # fmt: skip
    else:
        tags = _tags(site, live["TargetGroupArn"])
        site.check_ours(f"target group {name}", tags)
        if labels.asked(function):
            arn = live["TargetGroupArn"]
            yield from _labels(site, f"target group {name}", arn, name, tags)
    multi = "true" if trigger.multi_value_headers else "false"
    if _multi(site, live) != multi:
        yield Step(
            "update", "trigger", f"target group {name}", f"multi-value headers → {multi}",
            lambda: site.aws.call(
                "elbv2", "modify_target_group_attributes", TargetGroupArn=_arn(site, name),
                Attributes=[{"Key": "lambda.multi_value_headers.enabled", "Value": multi}],
            ),
        )  # fmt: skip
    if live is None or site.live_arn(function) not in _targets(site, live):
        yield Step(
            "create", "trigger", f"target {function.name} of target group {name}",
            "it does not exist yet",
            lambda: site.aws.call(
                "elbv2", "register_targets", TargetGroupArn=_arn(site, name),
                Targets=[{"Id": site.live_arn(function)}],
            ),
        )  # fmt: skip
    yield from _elsewhere(site, trigger, live)
    if trigger.listener is None:
        return
    rule = _rule(site, trigger, live)
    if rule is not None:
        yield from _plan_rule(site, trigger, rule)
        if labels.asked(function) and site.ours(tags := _tags(site, rule["RuleArn"])):
            what = f"listener rule {trigger.path} to target group {name}"
            yield from _labels(site, what, rule["RuleArn"], name, tags)
    else:
        replaced = _replaced(site, trigger)
        yield Step(
            "update" if replaced else "create", "trigger",
            f"listener rule {trigger.path} to target group {name}",
            "its target group is not declared" if replaced else "it does not exist yet",
            lambda: _listen(site, trigger),
            f"{trigger.listener} {trigger.priority}",
        )  # fmt: skip


def _shared(site: Site, name: str) -> dict[str, str]:
    return labels.shared(
        site, lambda other: name in [t.target_group for t in other.triggers_of(AlbTrigger)]
    )


def _labels(site: Site, what: str, arn: str, name: str, live: Tags) -> Iterator[Step]:
    yield from labels.plan(
        "trigger", what, live, _shared(site, name),
        lambda tags: site.aws.call(
            "elbv2", "add_tags", ResourceArns=[arn], Tags=labels.listed(tags)
        ),
        lambda keys: site.aws.call("elbv2", "remove_tags", ResourceArns=[arn], TagKeys=keys),
    )  # fmt: skip


def _plan_rule(site: Site, trigger: AlbTrigger, rule: Reply) -> Iterator[Step]:
    """Yield what makes a rule that leads to the target group what is declared."""
    pairs = [
        ("path", _paths(rule), trigger.path),
        ("priority", rule.get("Priority"), str(trigger.priority)),
    ]
    if changes := tuple(differences(pairs)):
        what = f"listener rule {trigger.path} to target group {trigger.target_group}"
        site.check_ours(what, _tags(site, rule["RuleArn"]))
        if rule.get("Priority") != str(trigger.priority):
            # Told before anything is changed, if it is taken.
            _replaced(site, trigger)
        yield Step(
            "update", "trigger", what, "; ".join(changes),
            lambda: _change(site, trigger, rule), f"{trigger.listener} {trigger.priority}", changes,
        )  # fmt: skip


def _change(site: Site, trigger: AlbTrigger, rule: Reply) -> None:
    if _paths(rule) != trigger.path:
        conditions = [{"Field": "path-pattern", "Values": [trigger.path]}]
        site.aws.call("elbv2", "modify_rule", RuleArn=rule["RuleArn"], Conditions=conditions)
    if rule.get("Priority") != str(trigger.priority):
        place = {"RuleArn": rule["RuleArn"], "Priority": trigger.priority}
        site.aws.call("elbv2", "set_rule_priorities", RulePriorities=[place])


def _paths(rule: Reply) -> str:
    """Return the path of a rule; of one that asks for something else, all that it asks for."""
    conditions = rule.get("Conditions") or []
    values = [",".join(_values(condition)) for condition in conditions]
    if [condition.get("Field") for condition in conditions] == ["path-pattern"]:
        return values[0]
    pairs = zip(conditions, values, strict=True)
    return " and ".join(f"{condition.get('Field')} {value}" for condition, value in pairs)


def _values(condition: Reply) -> list[str]:
    return condition.get("Values") or condition.get("PathPatternConfig", {}).get("Values") or []


def _elsewhere(site: Site, trigger: AlbTrigger, live: Reply | None) -> Iterator[Step]:
    """Yield the removal of our rules in listeners that are not declared any more."""
    for listener, rule in _leading_to(site, live or {}):
        if listener != trigger.listener and site.ours(_tags(site, rule["RuleArn"])):
            yield Step(
                "delete", "trigger",
                f"listener rule {_paths(rule)} to target group {trigger.target_group}",
                f"listener {listener} is not declared",
                partial(site.aws.remove, "elbv2", "delete_rule", RuleArn=rule["RuleArn"]),
                rule["RuleArn"],
            )  # fmt: skip


def _leading_to(site: Site, group: Reply) -> Iterator[tuple[str, Reply]]:
    """Yield each rule that forwards to a target group, with its listener."""
    for balancer in group.get("LoadBalancerArns") or ():
        for listener in site.aws.pages(
            "elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer
        ):
            for rule in _rules(site, listener["ListenerArn"]):
                if _forwards_to(rule, group["TargetGroupArn"]):
                    yield listener["ListenerArn"], rule


def _remove(site: Site, function: Function, source: str) -> Iterator[Step]:
    """Yield the removal of a target group that is ours."""
    name = source.split("/")[1]
    live = _find(site, name)
    if live is not None and site.ours(_tags(site, live["TargetGroupArn"])):
        yield Step(
            "delete", "trigger", f"target group {name}", "it is not declared",
            lambda: _delete(site, live["TargetGroupArn"]),
        )  # fmt: skip


def _delete(site: Site, arn: str) -> None:
    """Delete a target group, after the listeners' rules that are ours and forward to it."""
    found = site.aws.find("elbv2", "describe_target_groups", TargetGroupArns=[arn])
    for _, rule in _leading_to(site, found["TargetGroups"][0] if found else {}):
        if site.ours(_tags(site, rule["RuleArn"])):
            site.aws.remove("elbv2", "delete_rule", RuleArn=rule["RuleArn"])
    site.aws.remove("elbv2", "delete_target_group", TargetGroupArn=arn)


def _find(site: Site, name: str) -> Reply | None:
    """Return the target group of that name, None if there is none."""
    found = site.aws.find("elbv2", "describe_target_groups", Names=[name])
    groups = (found or {}).get("TargetGroups") or []
    return dict(groups[0]) if groups else None


def _arn(site: Site, name: str) -> str:
    live = _find(site, name)
    if live is None:
        raise DeployError(f"the target group {name} was deleted while it was set up: deploy again")
    return str(live["TargetGroupArn"])


def _multi(site: Site, live: Reply | None) -> str:
    if live is None:
        return "false"
    found = site.aws.call(
        "elbv2", "describe_target_group_attributes", TargetGroupArn=live["TargetGroupArn"]
    )
    return next(
        (
            str(attribute["Value"])
            for attribute in found["Attributes"]
            if attribute["Key"] == "lambda.multi_value_headers.enabled"
        ),
        "false",
    )


def _targets(site: Site, live: Reply) -> set[str]:
    found = site.aws.call("elbv2", "describe_target_health", TargetGroupArn=live["TargetGroupArn"])
    return {health["Target"]["Id"] for health in found["TargetHealthDescriptions"]}


def _rules(site: Site, listener: str) -> list[dict[str, Any]]:
    return [
        dict(rule)
        for rule in site.aws.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener)
    ]


def _forwards_to(rule: dict[str, Any], arn: str) -> bool:
    return any(action.get("TargetGroupArn") == arn for action in rule.get("Actions", ()))


def _rule(site: Site, trigger: AlbTrigger, live: Reply | None) -> Reply | None:
    if live is None or trigger.listener is None:
        return None
    rules = _rules(site, trigger.listener)
    return next((rule for rule in rules if _forwards_to(rule, live["TargetGroupArn"])), None)


def _replaced(site: Site, trigger: AlbTrigger) -> str | None:
    """Return the ARN of the listener's rule that has the trigger's priority and gives way to it.

    A priority is unique in a listener, and deletions come last: what was declared before is changed
    in place. Raises DeployError if the rule is of others, or of a trigger that is still declared.
    """
    rules = _rules(site, str(trigger.listener))
    taken = next((r for r in rules if r.get("Priority") == str(trigger.priority)), None)
    if taken is None:
        return None
    what = f"priority {trigger.priority} of the listener of target group {trigger.target_group}"
    site.check_ours(f"a rule with {what}", _tags(site, taken["RuleArn"]))
    functions = (*site.project.functions, *site.project.others)
    declared = {t.target_group for f in functions for t in f.triggers_of(AlbTrigger)}
    groups = {str(action.get("TargetGroupArn")) for action in taken.get("Actions", ())}
    for name in sorted(declared - {trigger.target_group}):
        if any(f":targetgroup/{name}/" in group for group in groups):
            raise DeployError(f"{what} is also used for target group {name}: give each its own")
    return str(taken["RuleArn"])


def _listen(site: Site, trigger: AlbTrigger) -> None:
    arn = _arn(site, trigger.target_group)
    rule = _replaced(site, trigger)
    if rule is not None:
        site.aws.call(
            "elbv2",
            "modify_rule",
            RuleArn=rule,
            Conditions=[{"Field": "path-pattern", "Values": [trigger.path]}],
            Actions=[{"Type": "forward", "TargetGroupArn": arn}],
        )
        return
    site.aws.create(
        "elbv2",
        "create_rule",
        look=lambda: _rule(site, trigger, {"TargetGroupArn": arn}),
        ListenerArn=trigger.listener,
        Priority=trigger.priority,
        Conditions=[{"Field": "path-pattern", "Values": [trigger.path]}],
        Actions=[{"Type": "forward", "TargetGroupArn": arn}],
        Tags=labels.listed(labels.of(site, _shared(site, trigger.target_group))),
    )


def _tags(site: Site, arn: str) -> list[dict[str, str]]:
    found = site.aws.call("elbv2", "describe_tags", ResourceArns=[arn])
    descriptions = found.get("TagDescriptions") or [{}]
    return descriptions[0].get("Tags") or []


def _deployer(project: Project, names: Names) -> Iterator[Statement]:
    groups = project.triggers_of(AlbTrigger)
    if not groups:
        return
    # AWS cannot scope these.
    yield Statement(
        "FindBalancers",
        actions(
            "elasticloadbalancing",
            "DescribeTargetGroups DescribeTargetGroupAttributes DescribeTargetHealth "
            "DescribeListeners DescribeRules DescribeTags",
        ),
    )
    arns = [
        names("elasticloadbalancing", f"targetgroup/{trigger.target_group}/*") for trigger in groups
    ]
    listeners = [trigger.listener for trigger in groups if trigger.listener is not None]
    rules = [f"{arn.replace(':listener/', ':listener-rule/')}/*" for arn in listeners]
    yield Statement(
        "Balancers",
        actions(
            "elasticloadbalancing",
            "CreateTargetGroup ModifyTargetGroupAttributes DeleteTargetGroup RegisterTargets "
            "AddTags RemoveTags CreateRule ModifyRule SetRulePriorities DeleteRule",
        ),
        once([*arns, *listeners, *rules]),
    )


KIND = Kind(word="alb", permissions=_permissions, plan=_plan, remove=_remove, deployer=_deployer)
