"""What doctor says of an image in the registry, by its manifest and its configuration."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.deploy.checks import image as image_check
from amazon_lambda_runtime.deploy.checks.finding import Skipped
from tests.deploy.canned import ACCOUNT, REGION, Canned, refused, site

DIGEST = f"sha256:{'a' * 64}"
URI = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/orders@{DIGEST}"
OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker.distribution.manifest"
SNAPSTART = "com.amazonaws.lambda.feature.snapstart"
GOOD = {"architecture": "amd64", "config": {"Entrypoint": ["bootstrap"]}}


def checked(aws: Canned, uri: str | None = URI) -> list[str]:
    project = dataclasses.replace(site(aws).project, image_uri=uri)
    return [finding.check for finding in image_check.registry(project, aws)]


def registry(folder: Path, manifest: dict[str, Any], config: Any, media_type: str = "") -> Canned:
    (folder / "config.json").write_text(json.dumps(config))
    found = {"imageManifest": json.dumps(manifest), "imageManifestMediaType": media_type}
    return Canned(
        ecr__batch_get_image={"images": [found]},
        ecr__get_download_url_for_layer={"downloadUrl": f"file://{folder}/config.json"},
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (GOOD, []),
        ({**GOOD, "architecture": "arm64"}, ["architecture"]),
        ({**GOOD, "architecture": "s390x"}, ["architecture"]),
        ({**GOOD, "config": {}}, ["no-entrypoint"]),
        ({"architecture": "arm64"}, ["architecture", "no-entrypoint"]),
        ({"config": {"Entrypoint": ["bootstrap"]}}, []),
    ],
)
def test_an_image(tmp_path: Path, config: Any, expected: list[str]) -> None:
    """It is for the function's architecture and has an entry point."""
    manifest = {"mediaType": f"{OCI}.manifest.v1+json", "config": {"digest": "sha256:c"}}
    aws = registry(tmp_path, manifest, config)
    assert checked(aws) == expected
    asked, fetched = aws.sent
    assert asked[1] == {
        "repositoryName": "team/orders",
        "imageIds": [{"imageDigest": DIGEST}],
        "acceptedMediaTypes": [
            f"{DOCKER}.list.v2+json",
            f"{OCI}.index.v1+json",
            f"{DOCKER}.v2+json",
            f"{OCI}.manifest.v1+json",
        ],
    }
    assert fetched[1] == {"repositoryName": "team/orders", "layerDigest": "sha256:c"}


@pytest.mark.parametrize("kind", [f"{DOCKER}.list.v2+json", f"{OCI}.index.v1+json"])
@pytest.mark.parametrize("inside", [True, False])
def test_an_index(tmp_path: Path, kind: str, inside: bool) -> None:
    """Lambda refuses it, whether the document or only the registry tells its type."""
    manifest = {"mediaType": kind} if inside else {}
    assert checked(registry(tmp_path, manifest, {}, "" if inside else kind)) == ["manifest"]


def test_what_cannot_be_looked_at(tmp_path: Path) -> None:
    """No image, another registry, a tag; and a configuration that cannot be fetched."""
    assert checked(Canned(), None) == []
    assert checked(Canned()) == ["image-uri"]
    assert checked(Canned(ecr__batch_get_image={"images": []})) == ["image-uri"]
    assert checked(Canned(), URI.replace(ACCOUNT, "docker")) == ["image-uri"]
    assert checked(Canned(), URI.replace("@", ":")) == ["image-uri"]
    aws = registry(tmp_path, {"config": {"digest": "d"}}, {})
    (tmp_path / "config.json").write_text("no JSON")
    with pytest.raises(Skipped, match="the architecture of the image in team/orders"):
        checked(aws)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, []),
        ({"Size": 10 * 1024**3}, []),
        ({"Size": 10 * 1024**3 + 1}, ["size"]),
        ({"Architecture": "arm64"}, ["architecture"]),
        ({"Config": None}, ["no-entrypoint"]),
        ({"Descriptor": {"mediaType": f"{OCI}.index.v1+json"}}, ["manifest"]),
    ],
)
def test_an_image_of_docker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Any, expected: list[str]
) -> None:
    """What docker has built is checked in the same way, and may have 10 GiB."""
    whole = {"Architecture": "amd64", "Config": {"Entrypoint": ["bootstrap"]}, "Size": 1, **image}
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\necho '{json.dumps([whole])}'\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    project = dataclasses.replace(site(Canned()).project, engine="docker")
    assert [finding.check for finding in image_check.local(project)] == expected
    native = dataclasses.replace(project, engine="native")
    assert [*image_check.local(native)] == []


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"Entrypoint": ["/usr/local/bin/bootstrap"]}, []),
        ({"Entrypoint": ["/usr/bin/tini", "--", "bootstrap"]}, []),
        ({"Entrypoint": ["python", "-m", "awslambdaric"]}, ["snapstart"]),
        ({"Entrypoint": ["python"], "Labels": {SNAPSTART: "Deny"}}, ["snapstart"]),
        ({"Entrypoint": ["python"], "Labels": {SNAPSTART: "Allow"}}, []),
    ],
)
def test_snapstart(tmp_path: Path, config: Any, expected: list[str]) -> None:
    """With SnapStart the image asks for the restore, or has the label that allows the snapshot."""
    manifest = {"config": {"digest": "sha256:c"}}
    aws = registry(tmp_path, manifest, {"architecture": "amd64", "config": config})
    assert checked(aws) == []
    of_table = site(aws).project
    (function,) = of_table.functions
    asking = dataclasses.replace(function, snapstart=True)
    project = dataclasses.replace(of_table, image_uri=URI, functions=(asking,))
    found = [*image_check.registry(project, aws)]
    assert [each.check for each in found] == expected
    assert all(f"{function.name} has snapstart = true" in each.what for each in found)


@pytest.mark.parametrize("text", ["<html>Denied</html>", "", "[]"])
def test_answers_that_are_none(tmp_path: Path, text: str) -> None:
    """A proxy's page, or nothing, is told in a line."""
    aws = registry(tmp_path, {"config": {"digest": "sha256:c"}}, GOOD)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(Skipped, match="the answer is not a JSON object: "):
        checked(aws)
    aws.replies["ecr:batch_get_image"] = {"images": [{"imageManifest": text}]}
    with pytest.raises(Skipped, match="the answer is not a JSON object: "):
        checked(aws)


def test_a_lifecycle_rule() -> None:
    """One that deletes untagged images is warned of; others are not."""

    def found(rule: str) -> list[str]:
        text = json.dumps({"rules": [{"selection": {"tagStatus": rule}}]})
        aws = Canned(ecr__get_lifecycle_policy={"lifecyclePolicyText": text})
        return [finding.check for finding in image_check.lifecycle(site(aws).project, aws)]

    assert found("untagged") == ["lifecycle"]
    assert found("tagged") == []
    assert [*image_check.lifecycle(site(Canned()).project, Canned())] == []
    with pytest.raises(Skipped, match=r"lifecycle rules of shop: .*AccessDenied"):
        [*image_check.lifecycle(site(Canned()).project, _denied())]


def _denied() -> Canned:
    return Canned(ecr__get_lifecycle_policy=refused("AccessDenied"))
