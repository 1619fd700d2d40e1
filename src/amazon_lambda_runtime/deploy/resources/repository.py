"""The ECR repository, and that Lambda may read it."""

import json
from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Note, Step
from amazon_lambda_runtime.deploy.site import Site

_SID = "LambdaRuntimePull"


def plan(site: Site) -> Iterator[Step | Note]:
    """Yield what makes the repository; one that is there already is used as it is."""
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


def is_ours(site: Site, found: Reply) -> bool:
    """Say whether the repository carries the project's tag."""
    tags = site.aws.call("ecr", "list_tags_for_resource", resourceArn=found["repositoryArn"])
    return site.ours(tags.get("tags"))


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


def _policy(site: Site) -> dict[str, Any]:
    found = site.aws.find("ecr", "get_repository_policy", repositoryName=site.project.repository)
    if found is None:
        return {"Version": "2012-10-17", "Statement": []}
    policy: dict[str, Any] = json.loads(found["policyText"])
    return policy


def _allow(site: Site, statement: dict[str, Any]) -> None:
    policy = _policy(site)
    others = [other for other in policy["Statement"] if other.get("Sid") != _SID]
    policy["Statement"] = [*others, statement]
    site.aws.call(
        "ecr",
        "set_repository_policy",
        repositoryName=site.project.repository,
        policyText=json.dumps(policy),
    )
