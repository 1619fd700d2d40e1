"""Old versions and old images: neither live, nor live recently, nor used by another function.

Rule 1: `keep` of each stay, what an alias points at, and a version that has executions which have
not ended. Rule 2: an image goes only if it carries
our mark, no tag of others, and no version of any function of the account uses it, asked of Lambda
just before it goes. Where AWS refuses to tell, all images stay. A lifecycle
policy of ECR would not do: it knows tags and ages, and not what runs.
"""

from collections.abc import Iterator
from functools import partial

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import AwsError
from amazon_lambda_runtime.deploy.plan import Note, Step
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

from . import account, executions, release, repository


def versions(site: Site, function: Function) -> Iterator[Step | Note]:
    """Yield the removal of versions that are old and unused."""
    keep = site.project.keep
    old = release.versions(site, function)[keep:]
    if not old:
        return
    used = set()
    for alias in site.aws.pages("lambda", "list_aliases", "Aliases", FunctionName=function.name):
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        used |= {alias["FunctionVersion"], *weights}
    for version in old:
        number = version["Version"]
        if number in used:
            continue
        if why := executions.keeps(site, function, version, number):
            yield _stays(function, number, why)
            continue
        yield Step(
            "delete", "cleanup", f"version {function.name}:{number}",
            f"{keep} newer ones are kept", partial(_delete_version, site, function, version),
        )  # fmt: skip


def _delete_version(site: Site, function: Function, version: Reply) -> None:
    number = version["Version"]
    # Time has passed since the plan.
    if why := executions.keeps(site, function, version, number):
        site.aws.retry.note(_stays(function, number, why).text)
    else:
        site.aws.remove("lambda", "delete_function", FunctionName=function.name, Qualifier=number)


def _stays(function: Function, number: str, why: str) -> Note:
    return Note(f"version {function.name}:{number} is old, and stays: {why}")


def images(site: Site) -> Iterator[Step | Note]:
    """Yield the removal of images of our own that are old and unused."""
    if not repository.is_ours(site):
        return
    ours = [image for image in repository.images(site) if repository.is_our_image(site, image)]
    # A release takes one for each architecture.
    old = ours[site.project.keep * len(site.project.architectures) :]
    if not old:
        return
    try:
        used = in_use(site)
    except AwsError as error:
        yield Note(f"old images of {site.project.repository} stay: they may be in use ({error})")
        return
    for image in old:
        digest = image["imageDigest"]
        if digest not in used:
            yield Step(
                "delete", "cleanup", f"image {site.project.repository}@{digest[:19]}",
                "no version of any function uses it", partial(_delete, site, digest),
            )  # fmt: skip


def in_use(site: Site) -> set[str]:
    """Return the digests of the images that some version of some function of the account uses."""
    used = set()
    for version in account.versions(site):
        used.add(f"sha256:{version.get('CodeSha256')}")
        for uri in account.image_uris(site, version):
            if "@sha256:" in uri:
                used.add(f"sha256:{uri.rpartition('sha256:')[2]}")
    return used


def _delete(site: Site, digest: str) -> None:
    # Time has passed since the plan: others may use the image by now, or have tagged it.
    live = repository.image(site, digest)
    if live and repository.is_our_image(site, live) and digest not in in_use(site):
        site.aws.call(
            "ecr",
            "batch_delete_image",
            repositoryName=site.project.repository,
            imageIds=[{"imageDigest": digest}],
        )
