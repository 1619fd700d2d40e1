"""Whether Lambda can run the image: the one built here, or the one in the registry."""

import json
import re
import shutil
import subprocess
import textwrap
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

from amazon_lambda_runtime.deploy.aws import Aws
from amazon_lambda_runtime.deploy.errors import AwsError
from amazon_lambda_runtime.project.declaration import Project

from .finding import Finding, Skipped

# An index, by either of its media types: one name for images of many platforms. Lambda refuses it.
_INDEXES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
_URI = re.compile(r"[\d]+\.dkr\.ecr\.[\w.-]+/(?P<name>[^@]+)@(?P<digest>sha256:[0-9a-f]{64})")
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "arm64"}
# https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-custom.html
_SNAPSTART = "com.amazonaws.lambda.feature.snapstart"
#: The largest image that Lambda accepts, all layers unpacked, in bytes.
LARGEST = 10 * 1024**3


def local(project: Project) -> Iterator[Finding]:
    """What the engine has of the image, if it was built already."""
    if project.engine not in ("docker", "podman") or project.image_uri is not None:
        return  # the native engine makes only what Lambda takes
    engine = shutil.which(project.engine)
    if engine is None:
        yield Finding(
            "engine",
            f"there is no command {project.engine}, the engine in pyproject.toml",
            "the image could not be built",
            'Install it, or set engine = "native", which needs none.',
        )
        return
    image = _inspected(engine, project.image)
    if image is None:
        return  # not built yet
    yield from _manifest(project.image, (image.get("Descriptor") or {}).get("mediaType", ""))
    yield from _architecture(project, project.image, image.get("Architecture", ""))
    yield from _entrypoint(project, project.image, image.get("Config") or {})
    size = int(image.get("Size") or 0)
    if size > LARGEST:
        yield Finding(
            "size",
            f"the image {project.image} is {size / 1024**3:.1f} GiB",
            "Lambda accepts images of up to 10 GiB, unpacked",
            "Leave out what the function does not need, or keep it in S3.",
        )


def _inspected(engine: str, name: str) -> dict[str, Any] | None:
    """Return what the engine's `image inspect` says, None if it has no such image."""
    command = [engine, "image", "inspect", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Skipped(f"the image {name}: {' '.join(command)}: {error}") from None
    if done.returncode != 0:
        return None
    try:
        return dict(json.loads(done.stdout)[0])
    except (ValueError, LookupError, TypeError):
        raise Skipped(f"the image {name}: {' '.join(command)} does not answer in JSON") from None


def registry(project: Project, aws: Aws) -> Iterator[Finding]:
    """The image that image_uri names is in the registry, and Lambda can run it."""
    if project.image_uri is None:
        return
    match = _URI.fullmatch(project.image_uri)
    if match is None:
        yield Finding(
            "image-uri",
            f"{project.image_uri} is not an image of ECR by digest",
            "Lambda takes images from ECR only, and a tag may point at another image tomorrow",
            "Write ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST.",
        )
        return
    found = aws.find(
        "ecr",
        "batch_get_image",
        repositoryName=match["name"],
        imageIds=[{"imageDigest": match["digest"]}],
        acceptedMediaTypes=[*_INDEXES, *_MANIFESTS],
    )
    images = found["images"] if found is not None else []
    if not images:
        yield Finding(
            "image-uri",
            f"{project.image_uri} is not in the registry",
            "the function could not be created, or would fail (ImageDeleted)",
            "Push it again, or remove image_uri: then the image is built and pushed.",
        )
        return
    manifest = _document(images[0]["imageManifest"], f"the image {project.image_uri}")
    media_type = manifest.get("mediaType") or images[0].get("imageManifestMediaType", "")
    yield from _manifest(project.image_uri, media_type)
    if "config" in manifest:
        config = _config(aws, match["name"], manifest["config"]["digest"])
        yield from _architecture(project, project.image_uri, config.get("architecture", ""))
        yield from _entrypoint(project, project.image_uri, config.get("config") or {})


def _config(aws: Aws, repository: str, digest: str) -> dict[str, Any]:
    """Return an image's configuration, which is a blob of its own."""
    answer = aws.call(
        "ecr", "get_download_url_for_layer", repositoryName=repository, layerDigest=digest
    )
    try:
        with urllib.request.urlopen(answer["downloadUrl"], timeout=30) as reply:
            text = reply.read().decode(errors="replace")
    except (OSError, ValueError, HTTPException) as error:
        raise Skipped(f"the architecture of the image in {repository}: {error!r}") from None
    return _document(text, f"the architecture of the image in {repository}")


def _document(text: str, what: str) -> dict[str, Any]:
    """Return a JSON object. Raises Skipped for a proxy's page, or nothing."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        shown = textwrap.shorten(text, 80) or "nothing"
        raise Skipped(f"{what}: the answer is not a JSON object: {shown!r}. Is it a proxy's?")
    return found


def lifecycle(project: Project, aws: Aws) -> Iterator[Finding]:
    """No rule of the repository deletes images for having no tag."""
    try:
        found = aws.find("ecr", "get_lifecycle_policy", repositoryName=project.repository)
    except AwsError as error:
        raise Skipped(f"the lifecycle rules of {project.repository}: {error}") from None
    if found is None:
        return
    rules = _document(found["lifecyclePolicyText"], "the lifecycle rules").get("rules", [])
    if any(rule.get("selection", {}).get("tagStatus") == "untagged" for rule in rules):
        yield Finding(
            "lifecycle",
            f"a lifecycle rule of the repository {project.repository} deletes untagged images",
            "an image that a version of the function runs may have no tag: once it is deleted, the "
            "function fails (ImageDeleted)",
            "Remove the rule: `deploy` deletes old images itself, but none in use (`keep`).",
        )


def _manifest(image: str, media_type: str) -> Iterator[Finding]:
    if media_type in _INDEXES:
        yield Finding(
            "manifest",
            f"{image} is an index of images ({media_type})",
            "Lambda accepts a single image only: 'The image manifest, config or layer media type "
            "for the source image is not supported'",
            'Build with --provenance=false for one --platform, or with engine = "native".',
        )


def _architecture(project: Project, image: str, found: str) -> Iterator[Finding]:
    architecture = _ARCHITECTURES.get(found, found)
    wanted = " and ".join(project.architectures)
    if architecture and architecture not in project.architectures:
        yield Finding(
            "architecture",
            f"{image} is for {architecture}, and the function for {wanted}",
            "its first invocation would fail: exec format error, Runtime.InvalidEntrypoint",
            f'Build it again (make image), or set architecture = "{architecture}".',
        )


def _entrypoint(project: Project, image: str, config: dict[str, Any]) -> Iterator[Finding]:
    """What starts in an image is there, and for SnapStart it is what takes part in it."""
    entrypoint = config.get("Entrypoint") or []
    if not entrypoint:
        yield Finding(
            "no-entrypoint",
            f"{image} has no ENTRYPOINT",
            "Lambda would execute CMD, a handler's name, and fail: Runtime.InvalidEntrypoint",
            'Add to the Dockerfile: ENTRYPOINT ["/usr/local/bin/bootstrap"]',
        )
        return
    named = [function.name for function in project.functions if function.snapstart]
    is_ours = any(str(word).rpartition("/")[2] == "bootstrap" for word in entrypoint)
    label = (config.get("Labels") or {}).get(_SNAPSTART)
    if named and not is_ours and label != "Allow":
        yield Finding(
            "snapstart",
            f"{image} starts {entrypoint[0]}, which may not take part in SnapStart; "
            f"{', '.join(named)} has snapstart = true",
            "Lambda publishes a version with SnapStart only of an image that asks for the restore "
            "(GET /restore/next, as our bootstrap does), or that has the label",
            f'Make bootstrap the ENTRYPOINT, or add to the Dockerfile: LABEL {_SNAPSTART}="Allow"',
        )
