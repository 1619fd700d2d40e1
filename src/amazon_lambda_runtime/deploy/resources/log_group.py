"""The log group. It is created before the function: Lambda would create one without retention.

Retention deletes. A group that does not carry the project's tag keeps its own, unless the table
itself has a `retention`.
"""

from collections.abc import Iterator, Sequence

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Note, Step
from amazon_lambda_runtime.deploy.resources.foreign import settings
from amazon_lambda_runtime.deploy.resources.store import Store, Tags
from amazon_lambda_runtime.deploy.site import PROJECT_TAG, Site
from amazon_lambda_runtime.project.declaration import Function

from . import account, labels

_PREFIX = "/aws/lambda/"


def name(function: Function) -> str:
    """Return the name of the group that the function logs to."""
    return function.log_group or usual_name(function)


def usual_name(function: Function) -> str:
    """Return the name of the group that a function logs to that asks for none."""
    return f"{_PREFIX}{function.name}"


def plan(site: Site, function: Function) -> Iterator[Step | Note]:
    """Yield what makes the log group and its retention."""
    group = name(function)
    live = find(site, group)
    if live is None:
        yield Step(
            "create",
            "log-group",
            f"log group {group}",
            "it does not exist yet",
            lambda: site.aws.create(
                "logs",
                "create_log_group",
                look=lambda: find(site, group),
                logGroupName=group,
                tags=labels.of(site, _shared(site, group)),
            ),
        )
    elif labels.asked(function) and site.ours(tags := _tags_of(site, group)):
        arn = site.aws.arn("logs", f"log-group:{group}")
        yield from labels.plan(
            "log-group", f"log group {group}", tags, _shared(site, group),
            lambda tags: site.aws.call("logs", "tag_resource", resourceArn=arn, tags=tags),
            lambda keys: site.aws.call("logs", "untag_resource", resourceArn=arn, tagKeys=keys),
        )  # fmt: skip
    retention = None if live is None else live.get("retentionInDays")
    if retention == function.retention:
        return
    if live is not None and not function.retains and not site.ours(_tags(site, group)):
        yield Note(
            f"log group {group} does not carry the tag of this project: its logs are kept "
            f"{_days(retention)}, as before. Set `retention` for {function.name} to change that"
        )
    else:
        yield Step(
            "update",
            "log-group",
            f"retention of log group {group}",
            change := f"{_days(retention)} → {_days(function.retention)}",
            lambda: _retain(site, function),
            changes=(change,),
        )


def _shared(site: Site, group: str) -> dict[str, str]:
    return labels.shared(site, lambda other: name(other) == group)


def find(site: Site, group: str) -> Reply | None:
    """Return the log group of that name, None if there is none."""
    groups = site.aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=group)
    return next((dict(found) for found in groups if found["logGroupName"] == group), None)


def foreign_settings(site: Site, function: Function) -> Iterator[Step]:
    """Yield what is set in a log group of ours, and not declared."""
    group = name(function)
    live = find(site, group)
    if live is not None and site.ours(_tags(site, group)):
        usual = {"kmsKeyId": "", "logGroupClass": "STANDARD", "deletionProtectionEnabled": False}
        yield from settings("log-group", f"log group {group}", live, {}, usual)


def _retain(site: Site, function: Function) -> None:
    group = name(function)
    if function.retention is None:
        site.aws.call("logs", "delete_retention_policy", logGroupName=group)
    else:
        site.aws.call(
            "logs",
            "put_retention_policy",
            logGroupName=group,
            retentionInDays=function.retention,
        )


def _days(retention: int | None) -> str:
    return "for ever" if retention is None else f"{retention} days"


def _tags(site: Site, group: str) -> Tags | None:
    return None if find(site, group) is None else _tags_of(site, group)


def _tags_of(site: Site, group: str) -> Tags:
    arn = site.aws.arn("logs", f"log-group:{group}")
    found = site.aws.find("logs", "list_tags_for_resource", resourceArn=arn) or {}
    return found.get("tags") or {}


def _delete(site: Site, group: str) -> None:
    site.aws.remove("logs", "delete_log_group", logGroupName=group)


def _found(site: Site) -> Iterator[tuple[str, Tags | None]]:
    """Yield the groups with the usual names, and those of other names that carry our tag.

    An account may have thousands that are of no function: these are found by the tag.
    """
    usual = site.aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=_PREFIX)
    names = {group["logGroupName"]: True for group in usual}
    for resource in site.aws.pages(
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        TagFilters=[{"Key": PROJECT_TAG, "Values": [site.project.name]}],
        ResourceTypeFilters=["logs:log-group"],
    ):
        _, _, name = resource["ResourceARN"].partition(":log-group:")
        names[name.removesuffix(":*")] = bool(name)
    for name, there in names.items():
        if there:
            yield name, _tags_of(site, name)


def _users(site: Site, group: str, but: Sequence[Function]) -> list[str]:
    """Return the functions that log there, but for these and for those that are gone."""
    users = account.users_of_log_group(site, group, but)
    function = group.removeprefix(_PREFIX)
    own = group.startswith(_PREFIX) and function not in {each.name for each in but}
    if own and f"function {function}" not in users and not account.is_gone(site, function):
        users.append(f"function {function}")
    return users


STORE = Store(
    "log group",
    lambda site, function: [name(function)],
    _tags,
    _delete,
    users=_users,
    found=_found,
)
