"""The function's role: trust, managed policies, and one inline policy of our own.

The policies that we attach are recorded in the role's tags. So one that leaves the file is
detached, and one that was attached by others stays.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import Note, Step, differences
from amazon_lambda_runtime.deploy.policy.role_statements import statements
from amazon_lambda_runtime.deploy.policy.statement import VERSION
from amazon_lambda_runtime.deploy.resources.store import Store, Tags
from amazon_lambda_runtime.deploy.retry import FRESH
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

from . import account, labels

TRUST: dict[str, Any] = {
    "Version": VERSION,
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
_NO_PATH = "/"
_BOUNDARY = "lambda-runtime:boundary"
_ATTACHED = "lambda-runtime:policy:"


def plan(site: Site, function: Function) -> Iterator[Step | Note]:
    """Yield what makes the role what it should be."""
    role = find(site, function.role)
    if role is None:
        what = f"role {function.role}"
        yield Step("create", "role", what, "it does not exist yet", lambda: _create(site, function))
    else:
        if not _trusts_lambda(role):
            yield _trust(site, function, role)
        yield from _boundary(site, function, role)
        yield from _labels(site, function, role)
    yield from _managed(site, function, role)
    yield from _inline(site, function, role is not None)


def _managed(site: Site, function: Function, role: Reply | None) -> Iterator[Step]:
    """Yield the attachment of managed policies, and the detachment of those that we attached."""
    tags = tags_of(role)
    attached = {
        policy["PolicyArn"]
        for policy in site.aws.pages(
            "iam", "list_attached_role_policies", "AttachedPolicies", RoleName=function.role
        )
    }
    listed = wanted(site, function)
    for arn in listed:
        if arn not in attached:
            yield Step(
                "create", "policies", f"policy {arn} of role {function.role}",
                "it is not attached", _attach(site, function, arn, tags),
            )  # fmt: skip
    for arn in sorted(attached - set(listed)):
        if tags.get(tag_of(arn)) == site.project.name:
            yield Step(
                "delete", "policies", f"policy {arn} of role {function.role}",
                "it is no longer listed", _detach(site, function, arn),
            )  # fmt: skip


def find(site: Site, name: str) -> Reply | None:
    """Return the role, None if there is none."""
    found = site.aws.find("iam", "get_role", RoleName=name)
    return None if found is None else dict(found["Role"])


def arn(site: Site, function: Function) -> str:
    """Return the role's ARN as IAM gives it: it has a path, which the name does not tell."""
    role = find(site, function.role)
    return site.role_arn(function) if role is None else str(role["Arn"])


def is_fresh(site: Site, function: Function) -> bool:
    """Say whether the role was made within the last minute, by this run or by one before it."""
    role = find(site, function.role)
    return role is not None and abs(time.time() - role["CreateDate"].timestamp()) < FRESH


def inline_name(function: Function) -> str:
    """Return the name of our inline policy: several functions may share a role."""
    return f"lambda-runtime-{function.name}"


def tags_of(role: Reply | None) -> dict[str, str]:
    """Return a role's tags; none of one that is not there."""
    return {tag["Key"]: tag["Value"] for tag in (role or {}).get("Tags", ())}


def wanted(site: Site, function: Function) -> list[str]:
    """Return the managed policies of all functions that have this role."""
    sharing = [
        other
        for other in (*site.project.functions, *site.project.others)
        if other.role == function.role
    ]
    return list(dict.fromkeys(arn for other in sharing for arn in other.policies))


def _create(site: Site, function: Function) -> None:
    site.aws.create(
        "iam",
        "create_role",
        look=lambda: find(site, function.role),
        RoleName=function.role,
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Description=_description(site),
        Tags=[
            *labels.listed(labels.of(site, _shared(site, function))),
            *(_bounded(site) if function.permissions_boundary else ()),
        ],
        Path=function.role_path,
        **_bounds(function),
    )


def _shared(site: Site, function: Function) -> dict[str, str]:
    return labels.shared(site, lambda other: other.role == function.role)


def _labels(site: Site, function: Function, role: Reply) -> Iterator[Step]:
    """Yield what gives a role of ours the tags of the functions that have it."""
    name = function.role
    if site.ours(role.get("Tags")):
        yield from labels.plan(
            "role", f"role {name}", role.get("Tags"), _shared(site, function),
            lambda tags: site.aws.call(
                "iam", "tag_role", RoleName=name, Tags=labels.listed(tags)
            ),
            lambda keys: site.aws.call("iam", "untag_role", RoleName=name, TagKeys=keys),
        )  # fmt: skip


def _bounds(function: Function) -> dict[str, Any]:
    arn = function.permissions_boundary
    return {} if arn is None else {"PermissionsBoundary": arn}


def _bounded(site: Site) -> list[dict[str, str]]:
    """Return the tag that tells a boundary of ours from an administrator's."""
    return [{"Key": _BOUNDARY, "Value": site.project.name}]


def _boundary(site: Site, function: Function, role: Reply) -> Iterator[Step]:
    """Yield what bounds a role of ours; how those of others are bound is their matter."""
    what = f"role {function.role}"
    if not site.ours(role.get("Tags")):
        return
    if role.get("Path", _NO_PATH) != function.role_path and function.role_path != _NO_PATH:
        raise DeployError(
            f"{what} is in the path {role.get('Path')}, and role_path is {function.role_path}: IAM "
            "cannot move a role. Give it another name with `role`, or set its own path"
        )
    if function.permissions_boundary is None and _BOUNDARY not in tags_of(role):
        return  # an administrator's, if there is one
    live = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    if changes := tuple(differences([("", live, function.permissions_boundary)])):
        bounds = _bounds(function)

        def bind() -> None:
            if bounds:
                site.aws.call("iam", "tag_role", RoleName=function.role, Tags=_bounded(site))
                site.aws.call(
                    "iam", "put_role_permissions_boundary", RoleName=function.role, **bounds
                )
            else:
                site.aws.remove("iam", "delete_role_permissions_boundary", RoleName=function.role)
                site.aws.call("iam", "untag_role", RoleName=function.role, TagKeys=[_BOUNDARY])

        yield Step(
            "update", "role", f"permissions boundary of {what}", changes[0].strip(), bind,
            changes=(changes[0].strip(),),
        )  # fmt: skip


def _description(site: Site) -> str:
    return f"Of Lambda functions of {site.project.name}"


def trust_of(role: Reply) -> dict[str, Any]:
    """Return the document that says who may assume a role."""
    document: str | dict[str, Any] = role["AssumeRolePolicyDocument"]
    return json.loads(unquote(document)) if isinstance(document, str) else document


def _trusts_lambda(role: Reply) -> bool:
    document = trust_of(role)
    return any(
        "lambda.amazonaws.com" in json.dumps(statement.get("Principal"))
        for statement in document.get("Statement", ())
        if statement.get("Effect") == "Allow"
    )


def _trust(site: Site, function: Function, role: Reply) -> Step | Note:
    what = f"role {function.role}"
    if not site.ours(role.get("Tags")):
        return Note(f"{what} is not this project's, and its trust policy does not allow Lambda")
    return Step(
        "update", "role", f"trust of {what}", "Lambda cannot assume it",
        lambda: site.aws.call(
            "iam", "update_assume_role_policy",
            RoleName=function.role, PolicyDocument=json.dumps(TRUST),
        ),
    )  # fmt: skip


def _attach(
    site: Site, function: Function, arn: str, tags: Mapping[str, str]
) -> Callable[[], None]:
    def run() -> None:
        # The tag first: if the run ends here, the next still knows whose the policy is.
        if tags.get(tag_of(arn)) != site.project.name:
            tag = {"Key": tag_of(arn), "Value": site.project.name}
            site.aws.call("iam", "tag_role", RoleName=function.role, Tags=[tag])
        site.aws.call("iam", "attach_role_policy", RoleName=function.role, PolicyArn=arn)

    return run


def _detach(site: Site, function: Function, arn: str) -> Callable[[], None]:
    def run() -> None:
        site.aws.remove("iam", "detach_role_policy", RoleName=function.role, PolicyArn=arn)
        site.aws.call("iam", "untag_role", RoleName=function.role, TagKeys=[tag_of(arn)])

    return run


def _inline(site: Site, function: Function, there: bool) -> Iterator[Step]:
    name = inline_name(function)
    live = None
    if there:
        found = site.aws.find("iam", "get_role_policy", RoleName=function.role, PolicyName=name)
        if found is not None:
            live = found["PolicyDocument"]
            live = json.loads(unquote(live)) if isinstance(live, str) else live
    wanted = statements(site, function)
    document = {"Version": VERSION, "Statement": wanted}
    what = f"inline policy {name} of role {function.role}"
    if not wanted:
        if live is not None:
            yield Step(
                "delete", "policies", what, "nothing is left to allow",
                lambda: site.aws.remove(
                    "iam", "delete_role_policy", RoleName=function.role, PolicyName=name
                ),
            )  # fmt: skip
    elif live != document:
        yield Step(
            "create" if live is None else "update",
            "policies",
            what,
            "it does not exist yet" if live is None else "its statements differ",
            lambda: site.aws.call(
                "iam",
                "put_role_policy",
                RoleName=function.role,
                PolicyName=name,
                PolicyDocument=json.dumps(document),
            ),
        )


def tag_of(arn: str) -> str:
    """Return the key of the tag that records who attached a policy, by its whole ARN.

    Two policies may have one name, in two paths or in two accounts. A key has 128 characters at
    most, and not all letters of an ARN.
    """
    name = re.sub(r"[^\w+=.@-]", "-", arn.rpartition("/")[2])[:60]
    return f"{_ATTACHED}{name}:{hashlib.sha256(arn.encode()).hexdigest()[:8]}"


def _tags(site: Site, name: str) -> Tags | None:
    found = find(site, name)
    return None if found is None else list(found.get("Tags") or [])


def _found(site: Site) -> Iterator[tuple[str, Tags | None]]:
    # IAM lists roles without their tags, and an account may have thousands of them.
    for role in site.aws.pages("iam", "list_roles", "Roles"):
        if role.get("Description") == _description(site):
            yield role["RoleName"], _tags(site, role["RoleName"])


def _delete(site: Site, name: str) -> None:
    # IAM deletes a role only once it has no policy.
    aws = site.aws
    for policy in [
        *aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    ]:
        aws.remove("iam", "detach_role_policy", RoleName=name, PolicyArn=policy["PolicyArn"])
    for inline in [*aws.pages("iam", "list_role_policies", "PolicyNames", RoleName=name)]:
        aws.remove("iam", "delete_role_policy", RoleName=name, PolicyName=inline)
    aws.remove("iam", "delete_role", RoleName=name)


def _users(site: Site, name: str, but: Sequence[Function]) -> list[str]:
    tags = (find(site, name) or {}).get("Tags") or []
    projects = {tag["Value"] for tag in tags if tag["Key"].startswith(_ATTACHED)}
    return [
        *account.users_of_role(site, name, but),
        *(f"project {project}" for project in sorted(projects - {site.project.name})),
    ]


STORE = Store(
    "role",
    lambda site, function: [function.role],
    _tags,
    _delete,
    with_it=" and its policies",
    users=_users,
    found=_found,
)
