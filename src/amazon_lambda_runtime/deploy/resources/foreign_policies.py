"""Policies that are live and not declared: on a role of ours, its trust, and the function's own."""

import json
from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

from . import repository, role
from .foreign import foreign, settings
from .triggers import permission

_INLINE = "lambda-runtime-"
_HOUR = 3600


def of_role(site: Site, function: Function) -> Iterator[Step]:
    """Yield what others have given to a role of ours: of any other role that is their matter."""
    found = role.find(site, function.role)
    if found is None or not site.ours(found.get("Tags")):
        return
    name = {"RoleName": function.role}
    what = f"role {function.role}"
    wanted, tags = role.wanted(site, function), role.tags_of(found)
    for each in site.aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", **name):
        arn = each["PolicyArn"]
        if arn not in wanted and role.tag_of(arn) not in tags:
            yield foreign("policies", f"policy of {what}", arn)
    for inline in site.aws.pages("iam", "list_role_policies", "PolicyNames", **name):
        if not inline.startswith(_INLINE):
            yield foreign("policies", f"inline policy of {what}", inline)
    for statement in role.trust_of(found).get("Statement", ()):
        if _plain(statement) != _plain(role.TRUST["Statement"][0]):
            yield foreign("role", f"trust of {what}", json.dumps(statement, sort_keys=True))
    yield from settings("role", what, found, {}, {"MaxSessionDuration": _HOUR})


def _plain(statement: dict[str, Any]) -> dict[str, Any]:
    """Return a statement without its Sid, which allows nothing; a list of one is its item."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value
        for key, value in statement.items()
        if key != "Sid"
    }


def of_function(site: Site, function: Function) -> Iterator[Step]:
    """Yield who else may invoke the function."""
    for sid, statement in sorted(permission.read(site, function).items()):
        if not permission.is_ours(sid):
            who = statement.get("Principal")
            yield foreign(
                "trigger", f"permission {sid} of {function.name}",
                who if isinstance(who, str) else json.dumps(who, sort_keys=True),
            )  # fmt: skip


def of_repository(site: Site) -> Iterator[Step]:
    """Yield who else may do something in a repository of ours."""
    if repository.is_ours(site):
        for sid in repository.foreign_statements(site):
            yield foreign("repository", f"policy of repository {site.project.repository}", sid)
