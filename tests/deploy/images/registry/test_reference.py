"""References to images."""

import base64
import json
from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.images import ImageError
from amazon_lambda_runtime.deploy.images.registry.reference import parse

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "whole", "plain"),
    [
        ("python", "registry-1.docker.io/library/python:latest", False),
        ("python:3.13-slim", "registry-1.docker.io/library/python:3.13-slim", False),
        ("docker.io/me/it", "registry-1.docker.io/me/it:latest", False),
        ("public.ecr.aws/lambda/python:3.13", "public.ecr.aws/lambda/python:3.13", False),
        (f"host:5000/a/b@{DIGEST}", f"host:5000/a/b@{DIGEST}", False),
        (f"localhost/a:1@{DIGEST}", f"localhost/a@{DIGEST}", True),
        ("127.0.0.1:5000/a:1", "127.0.0.1:5000/a:1", True),
    ],
)
def test_parse(text: str, whole: str, plain: bool) -> None:
    """As people write them, and what they stand for."""
    reference = parse(text)
    assert str(reference) == whole
    assert reference.repository.plain_http == plain
    assert reference.pinned == ("@" in text)


@pytest.mark.parametrize("text", ["", "UPPER", "a:b:c", "host.io/", "a@sha256:1", "-a"])
def test_what_is_none(text: str) -> None:
    """What is no reference is told, with what would be one."""
    with pytest.raises(ImageError, match=r"is not an image: write"):
        parse(text)


def test_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `docker login` wrote down is used; what cannot be read is as if it were not there."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert parse("python").repository.username == ""
    login = {"auth": base64.b64encode(b"me:se:cret").decode()}
    config = {"auths": {"https://index.docker.io/v1/": login, "host.io": {}}}
    tmp_path.joinpath("config.json").write_text(json.dumps(config))
    hub = parse("python").repository
    assert (hub.username, hub.password) == ("me", "se:cret")
    assert parse("host.io/a").repository.username == ""
    tmp_path.joinpath("config.json").write_text("[]")
    assert parse("python").repository.username == ""
