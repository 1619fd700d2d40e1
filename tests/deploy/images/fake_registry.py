"""A registry in this process, as strict as the specification allows, that fails when told to.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import base64
import gzip
import hashlib
import io
import json
import re
import socket
import tarfile
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from amazon_lambda_runtime.deploy.images import Repository

OCI = "application/vnd.oci.image"

#: Faults: do it and keep the reply; hang up at once; hang up in the middle of the body, or of the
#: reply's.
LOST, DEAD, CUT, SHORT = "lost", "dead", "cut", "short"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Fault:
    """What happens to the next `times` requests whose "METHOD path" has `pattern` in it."""

    pattern: str
    #: A status, or LOST, DEAD, CUT.
    what: int | str
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"errors":[{"code":"FAULT"}]}'


class FakeRegistry:
    """Listens on loopback. `login` is "user:password" if it asks for one, `bearer` how it does."""

    def __init__(self, login: str = "", *, bearer: bool = False, anonymous: bool = False) -> None:
        self.login, self.bearer, self.anonymous = login, bearer, anonymous
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.uploads: dict[str, tuple[str, bytes | None]] = {}
        self.faults: list[Fault] = []
        self.log: list[str] = []
        self.authorizations: list[str | None] = []
        self.tokens: set[str] = set()
        #: How many requests a token is good for.
        self.token_life = 10**9
        #: Where blobs are to be read, if that is elsewhere.
        self.elsewhere = ""
        self.uploaded = 0
        registry = self

        class Handler(_Handler):
            pass

        Handler.registry = registry
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def repository(self, name: str = "fn/app") -> Repository:
        username, _, password = self.login.partition(":")
        return Repository(self.host, name, username, password, plain_http=True)

    def put_image(
        self,
        name: str,
        tag: str,
        files: Mapping[str, bytes],
        architecture: str = "amd64",
        **config: Any,
    ) -> str:
        """Store an image of one layer and return its digest; `name@index` is put in an index."""
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as tar:
            for path, content in files.items():
                entry = tarfile.TarInfo(path)
                if content.startswith(b"-> "):
                    entry.type, entry.linkname = tarfile.SYMTYPE, content[3:].decode()
                    tar.addfile(entry)
                    continue
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        layer = gzip.compress(raw.getvalue(), mtime=0)
        document = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], **config},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(raw.getvalue())]},
        }
        whole = json.dumps(document).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": self._store(name, whole, f"{OCI}.config.v1+json"),
            "layers": [self._store(name, layer, f"{OCI}.layer.v1.tar+gzip")],
        }
        return self.put(name, tag, manifest)

    def put(self, name: str, tag: str, manifest: Mapping[str, Any]) -> str:
        body = json.dumps(manifest).encode()
        digest = digest_of(body)
        for version in (tag, digest):
            self.manifests[name, version] = (manifest["mediaType"], body)
        return digest

    def _store(self, name: str, content: bytes, media_type: str) -> dict[str, Any]:
        self.blobs[name, digest_of(content)] = content
        return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}

    def requests(self, pattern: str) -> list[str]:
        """Return the requests, "METHOD path status", that match."""
        return [line for line in self.log if re.search(pattern, line)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: FakeRegistry

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_CONNECT = do_GET  # noqa: N815

    def _serve(self) -> None:
        registry = self.registry
        line = f"{self.command} {self.path}"
        registry.authorizations.append(self.headers.get("Authorization"))
        fault = next((f for f in registry.faults if f.times and f.pattern in line), None)
        if fault is not None:
            fault.times -= 1
        size = int(self.headers.get("Content-Length", 0))
        if fault and fault.what == CUT:
            self.rfile.read(size // 2)
            return self._hang_up(line)
        if fault and fault.what == DEAD:
            return self._hang_up(line)
        body = self.rfile.read(size)
        if len(body) < size:
            return self._hang_up(line)
        if fault and isinstance(fault.what, int):
            return self._answer(fault.what, fault.body, fault.headers)
        status, content, headers = self._route(body)
        if fault and fault.what == SHORT:
            self._answer(status, content, headers, len(content) // 2)
            return self._hang_up(line)
        if fault:  # LOST
            return self._hang_up(line)
        return self._answer(status, content, headers)

    def _hang_up(self, line: str) -> None:
        self.registry.log.append(f"{line} -")
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(
        self, status: int, content: bytes, headers: Mapping[str, str], sent: int | None = None
    ) -> None:
        self.registry.log.append(f"{self.command} {self.path} {status}")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:sent])

    def _route(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        registry = self.registry
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/token":
            return self._token(query)
        if url.path.startswith("/elsewhere/"):
            assert "Authorization" not in self.headers, "secrets go to no other host"
            return 200, self._blob(url.path.rpartition("/")[2]), {}
        if refusal := self._refusal():
            return refusal
        match = re.fullmatch(r"/v2/([a-z0-9/._-]+?)/(blobs|manifests)/(.*)", url.path)
        if match is None:
            return 404, b"", {}
        name, kind, rest = match.groups()
        if kind == "manifests":
            return self._manifest(name, rest, body)
        if rest.startswith("uploads/"):
            return self._upload(name, rest.removeprefix("uploads/"), query, body)
        blob = registry.blobs.get((name, rest))
        if blob is None:
            return _error(404, "BLOB_UNKNOWN")
        if registry.elsewhere and self.command == "GET":
            return 307, b"", {"Location": f"http://{registry.elsewhere}/elsewhere/{rest}"}
        return 200, blob, {"Docker-Content-Digest": rest}

    def _blob(self, digest: str) -> bytes:
        return next(blob for (_, known), blob in self.registry.blobs.items() if known == digest)

    def _token(self, query: Mapping[str, str]) -> tuple[int, bytes, dict[str, str]]:
        registry = self.registry
        if query.get("service") != "fake" or not query.get("scope"):
            return 400, b"", {}
        given = self.headers.get("Authorization", "")
        if not registry.anonymous and given != _basic(registry.login):
            return 401, b"", {}
        token = uuid.uuid4().hex
        registry.tokens = {token}
        self.registry.token_uses = 0  # type: ignore[attr-defined]
        return 200, json.dumps({"token": token}).encode(), {}

    def _refusal(self) -> tuple[int, bytes, dict[str, str]] | None:
        registry = self.registry
        given = self.headers.get("Authorization", "")
        if registry.bearer:
            uses = getattr(registry, "token_uses", 0)
            if given.removeprefix("Bearer ") in registry.tokens and uses < registry.token_life:
                registry.token_uses = uses + 1  # type: ignore[attr-defined]
                return None
            challenge = f'Bearer realm="http://{registry.host}/token",service="fake",scope="all"'
        elif not registry.login or given == _basic(registry.login):
            return None
        else:
            challenge = 'Basic realm="fake"'
        status, body, headers = _error(401, "UNAUTHORIZED")
        return status, body, {**headers, "WWW-Authenticate": challenge}

    def _manifest(self, name: str, version: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        registry = self.registry
        if self.command != "PUT":
            if (name, version) not in registry.manifests:
                return _error(404, "MANIFEST_UNKNOWN")
            kind, content = registry.manifests[name, version]
            accepted = self.headers.get("Accept", "").split(",")
            if kind not in [each.strip() for each in accepted]:
                return _error(404, "MANIFEST_UNKNOWN")
            headers = {"Content-Type": kind, "Docker-Content-Digest": digest_of(content)}
            return 200, content, headers
        document = json.loads(body)
        if version.startswith("sha256:") and version != digest_of(body):
            return _error(400, "DIGEST_INVALID")
        if document["mediaType"] != self.headers.get("Content-Type"):
            return _error(400, "MANIFEST_INVALID")
        for entry in (document["config"], *document["layers"]):
            if len(registry.blobs.get((name, entry["digest"]), b"")) != entry["size"]:
                return _error(400, "MANIFEST_BLOB_UNKNOWN")
        registry.manifests[name, version] = (document["mediaType"], body)
        return 201, b"", {"Docker-Content-Digest": digest_of(body)}

    def _upload(
        self, name: str, upload: str, query: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        registry = self.registry
        if self.command == "POST":
            if "mount" in query and (query.get("from"), query["mount"]) in registry.blobs:
                digest = query["mount"]
                registry.blobs[name, digest] = registry.blobs[query["from"], digest]
                return 201, b"", {"Location": f"/v2/{name}/blobs/{digest}"}
            upload = uuid.uuid4().hex
            registry.uploads[upload] = (name, None)
            return 202, b"", {"Location": f"/v2/{name}/blobs/uploads/{upload}?state=1"}
        known, content = registry.uploads.get(upload, ("", None))
        if known != name:
            return _error(404, "BLOB_UPLOAD_UNKNOWN")
        if self.command == "PATCH":
            if content is not None or query.get("state") != "1":
                return _error(416, "RANGE_INVALID")
            registry.uploads[upload] = (name, body)
            registry.uploaded += len(body)
            return 202, b"", {"Location": f"/v2/{name}/blobs/uploads/{upload}?state=2"}
        if self.command != "PUT" or query.get("state") != "2" or body:
            return _error(400, "BLOB_UPLOAD_INVALID")
        del registry.uploads[upload]
        if query.get("digest") != digest_of(content or b""):
            return _error(400, "DIGEST_INVALID")
        registry.blobs[name, query["digest"]] = content or b""
        return 201, b"", {"Location": f"/v2/{name}/blobs/{query['digest']}"}


def _error(status: int, code: str) -> tuple[int, bytes, dict[str, str]]:
    body = json.dumps({"errors": [{"code": code, "message": f"{code.lower()} it is"}]})
    return status, body.encode(), {"Content-Type": "application/json"}


def _basic(login: str) -> str:
    return f"Basic {base64.b64encode(login.encode()).decode()}"
