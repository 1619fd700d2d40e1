"""Old versions and old images: neither live, nor live recently, nor used by another function.

Rule 1: `keep` of each stay, and what an alias points at. Rule 2: an image goes only if no version
of any function of the account uses it, asked of Lambda just before it goes. A lifecycle
policy of ECR would not do: it knows tags and ages, and not what runs.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

from . import release, repository


def versions(site: Site, function: Function) -> Iterator[Step]:
    """Yield the removal of versions that are old and that no alias points at."""
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
        if number not in used:
            yield Step(
                "delete", "cleanup", f"version {function.name}:{number}",
                f"{keep} newer ones are kept",
                partial(
                    site.aws.remove, "lambda", "delete_function",
                    FunctionName=function.name, Qualifier=number,
                ),
            )  # fmt: skip


def images(site: Site) -> Iterator[Step]:
    """Yield the removal of images of our own repository that are old and unused."""
    if not repository.is_ours(site):
        return
    old = _by_age(site)[site.project.keep :]
    if not old:
        return
    used = in_use(site)
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
    for version in site.aws.pages("lambda", "list_functions", "Functions", FunctionVersion="ALL"):
        if version.get("PackageType") != "Image":
            continue
        used.add(f"sha256:{version.get('CodeSha256')}")
        found = site.aws.find("lambda", "get_function", FunctionName=version["FunctionArn"])
        code = (found or {}).get("Code") or {}
        for uri in (code.get("ImageUri"), code.get("ResolvedImageUri")):
            if uri and "@sha256:" in uri:
                used.add(f"sha256:{uri.rpartition('sha256:')[2]}")
    return used


def _delete(site: Site, digest: str) -> None:
    # Time has passed since the plan: a deployment may use the image by now.
    if digest not in in_use(site):
        site.aws.call(
            "ecr",
            "batch_delete_image",
            repositoryName=site.project.repository,
            imageIds=[{"imageDigest": digest}],
        )


def _by_age(site: Site) -> list[dict[str, Any]]:
    found = site.aws.pages(
        "ecr", "describe_images", "imageDetails", repositoryName=site.project.repository
    )
    return sorted(found, key=lambda image: image["imagePushedAt"].timestamp(), reverse=True)
