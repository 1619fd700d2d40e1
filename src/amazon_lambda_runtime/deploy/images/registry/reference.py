"""References to images, as people write them: python:3.13, host:5000/name@sha256:..."""

import base64
import binascii
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from amazon_lambda_runtime.deploy.images.model import ImageError, Repository

_REFERENCE = re.compile(
    r"(?P<name>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DOCKER_HUB = "registry-1.docker.io"
# As other tools call it in their configuration.
_DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"
_LOOPBACK = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?")


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in a registry, by tag or digest."""

    repository: Repository
    version: str

    @property
    def pinned(self) -> bool:
        """Whether it is named by digest, and so can never be another image."""
        return self.version.startswith("sha256:")

    def __str__(self) -> str:
        return f"{self.repository}{'@' if self.pinned else ':'}{self.version}"


def parse(text: str) -> Reference:
    """Return the image that `text` stands for; without a host it is one of Docker Hub.

    A registry on loopback speaks plain HTTP, all others HTTPS. Credentials are those that
    `docker login` left in its configuration, if any. Raises ImageError for what is no reference.
    """
    host, path = _split(text)
    match = _REFERENCE.fullmatch(path)
    if match is None:
        raise ImageError(
            f"{text!r} is not an image: write [host/]name[:tag] or [host/]name@sha256:..."
        )
    name = match["name"]
    if host == _DOCKER_HUB and "/" not in name:
        name = f"library/{name}"
    username, password = _login(host)
    repository = Repository(
        host, name, username, password, plain_http=bool(_LOOPBACK.fullmatch(host))
    )
    return Reference(repository, match["digest"] or match["tag"] or "latest")


def _split(text: str) -> tuple[str, str]:
    """Return the host and the rest. A host has a dot or a port, or is localhost, as for docker."""
    first, slash, rest = text.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        return _DOCKER_HUB, text
    return (_DOCKER_HUB if first in ("docker.io", "index.docker.io") else first), rest


def _login(host: str) -> tuple[str, str]:
    """Return the user name and password for a registry that `docker login` wrote down in clear."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        known = json.loads((folder / "config.json").read_text()).get("auths", {})
        entry = known.get(_DOCKER_HUB_LOGIN if host == _DOCKER_HUB else host, {})
        username, _, password = base64.b64decode(entry.get("auth", "")).decode().partition(":")
    except (OSError, ValueError, AttributeError, binascii.Error):
        return "", ""
    return username, password
