"""The ECR repository, and the statement that lets Lambda read it."""

import json
from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Note, Step
from amazon_lambda_runtime.deploy.policy.statement import VERSION, Policy, put
from amazon_lambda_runtime.deploy.resources.store import Store, Tags
from amazon_lambda_runtime.deploy.site import Site

from . import account

_SID = "LambdaRuntimePull"


def plan(site: Site) -> Iterator[Step | Note]:
    """Yield what creates the repository and lets Lambda read it; an existing one is kept."""
    name = site.project.repository
    if find(site) is None:
        yield Step(
            "create", "repository", f"repository {name}", "there is none", lambda: _create(site)
        )
    wanted = _statement(site)
    if wanted not in _policy(site)["Statement"]:
        yield Step(
            "update",
            "repository",
            f"policy of repository {name}",
            "Lambda may not read its images",
            lambda: _allow(site, wanted),
        )


def find(site: Site) -> Reply | None:
    """Return the repository, None if there is none."""
    answer = site.aws.find(
        "ecr", "describe_repositories", repositoryNames=[site.project.repository]
    )
    return None if answer is None else dict(answer["repositories"][0])


def is_ours(site: Site) -> bool:
    """Say whether there is a repository with the project's tag."""
    return site.ours(_tags(site, site.project.repository))


def _tags(site: Site, name: str) -> Tags | None:
    found = find(site)
    if found is None:
        return None
    arn = found["repositoryArn"]
    return site.aws.call("ecr", "list_tags_for_resource", resourceArn=arn).get("tags") or []


def _create(site: Site) -> None:
    site.aws.create(
        "ecr",
        "create_repository",
        look=lambda: find(site),
        repositoryName=site.project.repository,
        tags=site.tag_list,
    )


def _statement(site: Site) -> dict[str, Any]:
    return {
        "Sid": _SID,
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": {"StringLike": {"aws:sourceArn": site.aws.arn("lambda", "function:*")}},
    }


def _policy(site: Site) -> Policy:
    found = site.aws.find("ecr", "get_repository_policy", repositoryName=site.project.repository)
    policy = json.loads((found or {}).get("policyText") or "{}")
    return {"Version": VERSION, "Statement": [], **policy}


def _allow(site: Site, statement: dict[str, Any]) -> None:
    site.aws.call(
        "ecr",
        "set_repository_policy",
        repositoryName=site.project.repository,
        policyText=json.dumps(put(_policy(site), statement)),
    )


def _delete(site: Site, name: str) -> None:
    site.aws.remove("ecr", "delete_repository", repositoryName=name, force=True)


STORE = Store(
    "repository",
    lambda site, function: [site.project.repository],
    _tags,
    _delete,
    with_it=" and its images",
    users=account.users_of_repository,
)
