"""The end of a project: what carries its tag goes, what does not is listed and stays.

Triggers go first, then functions, then what held their data. What is deleted here is gone:
messages in queues, logs, images.
"""

import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import Any

from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import SqsTrigger

from .plan import Note, Plan, Step
from .resources import function as functions
from .resources import log_group, repository, role, triggers
from .resources.triggers import mapping, queue
from .site import PROJECT_TAG, Site

_WHY = "it is this project's"


def plan(site: Site) -> Plan:
    """Return what destroys the project's functions. The notes tell what is left, and why.

    The repository, and functions that are not in the project file any more, go with the whole
    project, and not with one function of it.
    """
    return Plan.of(_all(site))


def _all(site: Site) -> Iterator[Step | Note]:
    whole = not site.project.others
    doomed = [*site.project.functions, *(_undeclared(site) if whole else ())]
    for function in doomed:
        yield from _function(site, function)
    shared = {name for function in site.project.others for name in _queues(site, function)}
    names = [name for function in doomed for name in _queues(site, function)]
    for name in dict.fromkeys(names):
        if name not in shared:
            yield from _queue(site, name)
    shared = {name for function in site.project.others for name in _topics(function)}
    names = [name for function in doomed for name in _topics(function)]
    for name in dict.fromkeys(names):
        if name not in shared:
            yield from _topic(site, name)
    shared = {function.role for function in site.project.others}
    for name, function in {function.role: function for function in doomed}.items():
        if name not in shared:
            yield from _role(site, function)
    if whole:
        yield from _repository(site)


def _undeclared(site: Site) -> list[Function]:
    """Return the functions that carry the project's tag and are not in its file."""
    tagged = site.aws.pages(
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        TagFilters=[{"Key": PROJECT_TAG, "Values": [site.project.name]}],
        ResourceTypeFilters=["lambda:function"],
    )
    declared = {site.function_arn(function) for function in site.project.functions}
    found = []
    for arn in sorted({resource["ResourceARN"] for resource in tagged} - declared):
        live = site.aws.find("lambda", "get_function_configuration", FunctionName=arn)
        if live is not None:
            found.append(Function(live["FunctionName"], live["Role"].rpartition("/")[2]))
    return found


def _function(site: Site, function: Function) -> Iterator[Step | Note]:
    what = f"function {function.name}"
    found = functions.find(site, function)
    if found is not None and not site.ours(found.get("Tags")):
        yield _left(what)
        return
    if found is not None:
        # As if nothing were declared any more.
        bare = dataclasses.replace(function, triggers=())
        yield from triggers.plan(site, bare, prune=True)
        for live in mapping.of_function(site, function):
            if not mapping.is_ours(site, live):
                yield _left(f"mapping of {live.get('EventSourceArn')} to {function.name}")
        yield _delete(site, what, "lambda", "delete_function", FunctionName=function.name)
    group = log_group.find(site, function)
    if group is not None:
        name = group["logGroupName"]
        arn = site.aws.arn("logs", f"log-group:{name}")
        tags = site.aws.find("logs", "list_tags_for_resource", resourceArn=arn) or {}
        if site.ours(tags.get("tags")):
            what = f"log group {name}"
            yield _delete(site, what, "logs", "delete_log_group", logGroupName=name)
        else:
            yield _left(f"log group {name}")


def _queues(site: Site, function: Function) -> list[str]:
    """Return the queues that the function declares, and those that are mapped to it."""
    names = []
    for trigger in function.triggers:
        if isinstance(trigger, SqsTrigger):
            names += [trigger.queue, trigger.dead_letter_queue]
    for live in mapping.of_function(site, function):
        names.append(str(live.get("EventSourceArn", "")).rpartition(":")[2])
    return names


def _queue(site: Site, name: str) -> Iterator[Step | Note]:
    where = queue.url(site, name)
    if where is None:
        return
    tags = site.aws.find("sqs", "list_queue_tags", QueueUrl=where) or {}
    if site.ours(tags.get("Tags")):
        yield _delete(site, f"queue {name}", "sqs", "delete_queue", QueueUrl=where)
    else:
        yield _left(f"queue {name}")


def _topics(function: Function) -> list[str]:
    names = (getattr(trigger, "topic", None) for trigger in function.triggers)
    return [name for name in names if name is not None]


def _topic(site: Site, name: str) -> Iterator[Step | Note]:
    arn = site.aws.arn("sns", name)
    if site.aws.find("sns", "get_topic_attributes", TopicArn=arn) is None:
        return
    tags = site.aws.call("sns", "list_tags_for_resource", ResourceArn=arn)
    if site.ours(tags.get("Tags")):
        yield _delete(site, f"topic {name}", "sns", "delete_topic", TopicArn=arn)
    else:
        yield _left(f"topic {name}")


def _role(site: Site, function: Function) -> Iterator[Step | Note]:
    found = role.find(site, function)
    if found is None:
        return
    if not site.ours(found.get("Tags")):
        yield _left(f"role {function.role}")
        return

    def run() -> None:
        # A role goes only when nothing hangs on it.
        aws, name = site.aws, function.role
        for policy in list(
            aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
        ):
            arn = policy["PolicyArn"]
            aws.remove("iam", "detach_role_policy", RoleName=name, PolicyArn=arn)
        for inline in list(aws.pages("iam", "list_role_policies", "PolicyNames", RoleName=name)):
            aws.remove("iam", "delete_role_policy", RoleName=name, PolicyName=inline)
        aws.remove("iam", "delete_role", RoleName=name)

    yield Step("delete", "role", f"role {function.role} and its policies", _WHY, run)


def _repository(site: Site) -> Iterator[Step | Note]:
    found = repository.find(site)
    if found is None:
        return
    what = f"repository {site.project.repository}"
    if repository.is_ours(site, found):
        yield _delete(
            site, f"{what} and its images", "ecr", "delete_repository",
            repositoryName=site.project.repository, force=True,
        )  # fmt: skip
    else:
        yield _left(what)


def _delete(site: Site, what: str, service: str, operation: str, **parameters: Any) -> Step:
    run = partial(site.aws.remove, service, operation, **parameters)
    return Step("delete", "destroy", what, _WHY, run)


def _left(what: str) -> Note:
    return Note(f"{what} stays: it does not carry the tag of this project")
