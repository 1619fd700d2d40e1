"""The ECR repository, the statement that lets Lambda read it, and the mark on our images.

The mark is a tag of the image's own: `lambda-runtime.PROJECT.` and the start of its digest. A
repository may hold base images and those of other services. Only what carries the mark, and no tag
of others beside it, was pushed by this project and may be deleted.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Note, Step
from amazon_lambda_runtime.deploy.policy.statement import VERSION, Policy, put
from amazon_lambda_runtime.deploy.resources.store import Store, Tags
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

from . import account, labels

_SID = "LambdaRuntimePull"
# The tag that docker, podman and buildah push an image with.
_PUSHED_AS = re.compile(r"image-[0-9a-f]{20}")
# As many images as ECR deletes with one request.
_AT_ONCE = 100


def plan(site: Site) -> Iterator[Step | Note]:
    """Yield what creates the repository and lets Lambda read it; an existing one is kept."""
    name = site.project.repository
    if find(site) is None:
        yield Step(
            "create",
            "repository",
            f"repository {name}",
            "it does not exist yet",
            lambda: _create(site),
        )
    elif site.ours(tags := _tags(site, name)):
        yield from _labels(site, tags)
    wanted = _statement(site)
    if wanted not in _policy(site)["Statement"]:
        yield Step(
            "update",
            "repository",
            f"policy of repository {name}",
            "Lambda may not read its images",
            lambda: _allow(site, wanted),
        )


def _labels(site: Site, tags: Tags | None) -> Iterator[Step]:
    name = site.project.repository
    arn = site.aws.arn("ecr", f"repository/{name}")
    yield from labels.plan(
        "repository", f"repository {name}", tags, site.project.tags,
        lambda tags: site.aws.call(
            "ecr", "tag_resource", resourceArn=arn, tags=labels.listed(tags)
        ),
        lambda keys: site.aws.call("ecr", "untag_resource", resourceArn=arn, tagKeys=keys),
    )  # fmt: skip


def find(site: Site) -> Reply | None:
    """Return the repository, None if there is none."""
    answer = site.aws.find(
        "ecr", "describe_repositories", repositoryNames=[site.project.repository]
    )
    return None if answer is None else dict(answer["repositories"][0])


def is_ours(site: Site) -> bool:
    """Say whether there is a repository with the project's tag."""
    return site.ours(_tags(site, site.project.repository))


def marked(site: Site, digest: str) -> str:
    """Return the tag that marks an image as this project's."""
    name = site.project.name
    clean = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    if clean != name or len(name) > 60:
        clean = f"{clean[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"lambda-runtime.{clean}.{digest.removeprefix('sha256:')[:12]}"


def image(site: Site, digest: str) -> Reply | None:
    """Return what ECR knows of the image, None if it is not in the repository."""
    found = site.aws.find(
        "ecr",
        "describe_images",
        repositoryName=site.project.repository,
        imageIds=[{"imageDigest": digest}],
    )
    return next(iter((found or {}).get("imageDetails") or ()), None)


def images(site: Site, name: str | None = None) -> list[Reply]:
    """Return all images of a repository, the project's if none is named, the newest first."""
    name = name or site.project.repository
    found = site.aws.pages("ecr", "describe_images", "imageDetails", repositoryName=name)
    return sorted(found, key=lambda image: image["imagePushedAt"].timestamp(), reverse=True)


def is_our_image(site: Site, image: Reply) -> bool:
    """Say whether an image carries the project's mark, and no tag of others."""
    tags = set(image.get("imageTags") or ())
    mark = marked(site, image["imageDigest"])
    return mark in tags and all(_PUSHED_AS.fullmatch(tag) for tag in tags - {mark})


def mark(site: Site, digest: str) -> None:
    """Put the project's mark on an image of the repository."""
    name = site.project.repository
    found = site.aws.call(
        "ecr", "batch_get_image", repositoryName=name, imageIds=[{"imageDigest": digest}]
    )
    for live in found.get("images") or ():
        kind = live.get("imageManifestMediaType")
        # Where the reply was lost, ECR says the second time that the tag is there.
        site.aws.create(
            "ecr",
            "put_image",
            look=lambda: image(site, digest),
            repositoryName=name,
            imageManifest=live["imageManifest"],
            imageDigest=digest,
            imageTag=marked(site, digest),
            **({"imageManifestMediaType": kind} if kind else {}),
        )


def _found(site: Site) -> Iterator[tuple[str, Tags]]:
    for found in site.aws.pages("ecr", "describe_repositories", "repositories"):
        yield found["repositoryName"], _tags_of(site, found["repositoryArn"])


def _tags(site: Site, name: str) -> Tags | None:
    found = find(site)
    return None if found is None else _tags_of(site, found["repositoryArn"])


def _tags_of(site: Site, arn: str) -> Tags:
    return site.aws.call("ecr", "list_tags_for_resource", resourceArn=arn).get("tags") or []


def _create(site: Site) -> None:
    site.aws.create(
        "ecr",
        "create_repository",
        look=lambda: find(site),
        repositoryName=site.project.repository,
        tags=labels.listed(labels.of(site, site.project.tags)),
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


def foreign_statements(site: Site) -> list[str]:
    """Return the Sids of the policy's statements that others wrote."""
    sids = [str(statement.get("Sid", "")) for statement in _policy(site)["Statement"]]
    return [sid for sid in sids if sid != _SID]


def _allow(site: Site, statement: dict[str, Any]) -> None:
    site.aws.call(
        "ecr",
        "set_repository_policy",
        repositoryName=site.project.repository,
        policyText=json.dumps(put(_policy(site), statement)),
    )


def _users(site: Site, name: str, but: Sequence[Function]) -> list[str]:
    foreign = [found for found in images(site, name) if not is_our_image(site, found)]
    count = f"{len(foreign)} image{'s' if len(foreign) > 1 else ''}"
    return [
        *account.users_of_repository(site, name, but),
        *([f"{count} that this project did not push"] if foreign else []),
    ]


def _delete(site: Site, name: str) -> None:
    # Without force: what is pushed there meanwhile is kept, and ECR says so.
    ids = [{"imageDigest": found["imageDigest"]} for found in images(site, name)]
    for start in range(0, len(ids), _AT_ONCE):
        site.aws.call(
            "ecr",
            "batch_delete_image",
            repositoryName=name,
            imageIds=ids[start : start + _AT_ONCE],
        )
    site.aws.remove("ecr", "delete_repository", repositoryName=name)


STORE = Store(
    "repository",
    lambda site, function: [site.project.repository],
    _tags,
    _delete,
    with_it=" and its images",
    users=_users,
    found=_found,
)
