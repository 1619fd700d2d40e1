"""The OCI distribution API: what a registry has, and what it is given, blob by blob.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md

Every operation can be repeated: a blob that is there is not sent again, and a manifest that is put
again is the same manifest. So a request is repeated, a few times, if its reply was lost or the
server failed.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from amazon_lambda_runtime.deploy.images.model import Meter, Repository, no_meter

from .persistence import ATTEMPTS, RegistryError, persist
from .transport import CHUNK, PASSING, Counted, Transport, document, plain

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEXES = (OCI_INDEX, DOCKER_INDEX)
_ACCEPT = ", ".join((OCI_MANIFEST, DOCKER_MANIFEST, *INDEXES))

# What a registry answers when it has forgotten an upload.
_FORGOTTEN = (*PASSING, 404, 416)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index as the registry has it, byte for byte."""

    digest: str
    media_type: str
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        return document(self.body, "read a manifest")


def sha256(data: bytes) -> str:
    """Return the digest of `data`, as registries write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Client:
    """Talks to registries. It keeps connections and tokens.

    `wait` is called with seconds, between two attempts.
    """

    def __init__(self, wait: Callable[[float], None] = time.sleep) -> None:
        self._wait = wait
        self._transport = Transport(wait)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def manifest(self, repository: Repository, version: str) -> Manifest:
        """Return the manifest of this tag or digest.

        Raises RegistryError, with status 404 if there is none, and if it is not the one asked for.
        """
        reply = self._transport.request(
            repository,
            "GET",
            f"manifests/{version}",
            f"read the image {repository}:{version}",
            accept=(200,),
            headers={"Accept": _ACCEPT},
        )
        digest = sha256(reply.data)
        if version.startswith("sha256:") and digest != version:
            raise RegistryError(f"{repository} sent {digest} when asked for {version}")
        kind = reply.headers.get("Content-Type", "").partition(";")[0].strip()
        found = document(reply.data, f"read the image {repository}:{version}")
        parts = found.get("manifests" if kind in INDEXES else "layers")
        if not isinstance(parts, list) or (kind not in INDEXES and "config" not in found):
            raise RegistryError(
                f"cannot read the image {repository}:{version}: the answer, of type {kind or '?'}, "
                "is not an image manifest"
            )
        return Manifest(digest, kind, reply.data)

    def exists(self, repository: Repository, digest: str) -> bool:
        """Return whether the repository has a manifest of this digest (or tag)."""
        what = f"look for {digest} in {repository}"
        path = f"manifests/{digest}"
        headers = {"Accept": _ACCEPT}
        return (
            self._transport.request(repository, "HEAD", path, what, (200, 404), headers).status
            == 200
        )

    def has_blob(self, repository: Repository, digest: str) -> bool:
        """Return whether the repository has a blob of this digest."""
        what = f"look for {digest} in {repository}"
        return (
            self._transport.request(repository, "HEAD", f"blobs/{digest}", what, (200, 404)).status
            == 200
        )

    def config(self, repository: Repository, manifest: Manifest) -> dict[str, Any]:
        """Return an image's config: architecture, os, config (Entrypoint, Cmd, Env), rootfs."""
        digest = manifest.document["config"]["digest"]
        reply = self._transport.request(
            repository, "GET", f"blobs/{digest}", f"read the config of {repository}", (200,)
        )
        if sha256(reply.data) != digest:
            raise RegistryError(f"{repository} sent another blob when asked for {digest}")
        return document(reply.data, f"read the config of {repository}")

    def download(
        self,
        repository: Repository,
        digest: str,
        size: int,
        target: Path,
        meter: Meter = no_meter,
    ) -> None:
        """Write a blob to the file `target`. Raises RegistryError if it is another one."""
        what = f"download {digest} from {repository}"

        def attempt() -> None:
            reply = self._transport.request(
                repository, "GET", f"blobs/{digest}", what, (200,), stream=True, attempts=1
            )
            hashed, done = hashlib.sha256(), 0
            try:
                with target.open("wb") as file:
                    for piece in reply.stream(CHUNK, decode_content=False):
                        file.write(piece)
                        hashed.update(piece)
                        done += len(piece)
                        meter(done, size, "download")
            except urllib3.exceptions.HTTPError as error:
                raise RegistryError(f"cannot {what}: {plain(error)}", passing=True) from error
            finally:
                reply.close()
            if f"sha256:{hashed.hexdigest()}" != digest:
                raise RegistryError(
                    f"cannot {what}: the {done} bytes received have another digest", passing=True
                )

        persist(attempt, ATTEMPTS, self._wait)

    def mount(self, repository: Repository, digest: str, source: Repository) -> bool:
        """Mount the blob from another repository of the registry; return whether that worked."""
        if source.host != repository.host or source.name == repository.name:
            return False
        query = urlencode({"mount": digest, "from": source.name})
        try:
            reply = self._transport.request(
                repository,
                "POST",
                f"blobs/uploads/?{query}",
                f"take {digest} from {source}",
                (201, 202),
            )
        except RegistryError:
            return False  # the blob can still be uploaded
        return reply.status == 201

    def upload(
        self, repository: Repository, digest: str, content: Path, meter: Meter = no_meter
    ) -> None:
        """Upload the file as a blob, in one piece. Raises RegistryError."""
        what, size = f"upload {digest} to {repository}", content.stat().st_size
        begun = False

        def attempt() -> None:
            nonlocal begun
            if begun and self.has_blob(repository, digest):
                return  # only the reply was lost
            begun = True
            started = self._transport.request(
                repository, "POST", "blobs/uploads/", what, (202,), attempts=1
            )
            place = _location(started, what)
            with content.open("rb") as file:
                # A broken upload is started anew: not all registries tell how much they
                # have, and none keeps it for long.
                body = Counted(file, lambda done: meter(done, size, "upload"))
                headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
                written = self._transport.request(
                    repository,
                    "PATCH",
                    place,
                    what,
                    (202,),
                    headers,
                    body,
                    attempts=1,
                    passing=_FORGOTTEN,
                )
            place = _location(written, what)
            place += ("&" if "?" in place else "?") + urlencode({"digest": digest})
            self._transport.request(
                repository, "PUT", place, what, (201,), attempts=1, passing=_FORGOTTEN
            )

        persist(attempt, ATTEMPTS, self._wait)

    def put_manifest(self, repository: Repository, body: bytes, media_type: str) -> str:
        """Put a manifest under its digest, and return the digest."""
        digest = sha256(body)
        reply = self._transport.request(
            repository,
            "PUT",
            f"manifests/{digest}",
            f"write the manifest {digest} to {repository}",
            (201,),
            {"Content-Type": media_type},
            body,
        )
        named = reply.headers.get("Docker-Content-Digest", digest)
        if named != digest:
            raise RegistryError(f"{repository} calls {named} what was pushed as {digest}")
        return digest


def _location(reply: urllib3.BaseHTTPResponse, what: str) -> str:
    place = reply.headers.get("Location")
    if not place:
        raise RegistryError(f"cannot {what}: the registry sent no Location for the upload")
    return place
