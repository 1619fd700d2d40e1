"""Pushing to registries that ask for tokens, lose replies, fail, and go away in the middle."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.images import ImageSpec, RegistryError, Repository
from amazon_lambda_runtime.deploy.images.native.engine import Native
from amazon_lambda_runtime.deploy.images.registry.client import Client
from tests.deploy.images.conftest import DEBIAN
from tests.deploy.images.fake_registry import CUT, DEAD, LOST, SHORT, FakeRegistry, Fault


@pytest.fixture
def native(second_build: Native) -> Native:
    """These tests are about what a push says to a registry."""
    return second_build


@pytest.fixture
def client(waits: list[float]) -> Iterator[Client]:
    client = Client(waits.append)
    yield client
    client.close()


@pytest.mark.parametrize("bearer", [False, True], ids=["basic", "bearer"])
def test_login(bearer: bool, spec: ImageSpec, native: Native) -> None:
    """A registry may ask for Basic or for a Bearer token; both are given, to it alone."""
    with FakeRegistry("AWS:secret", bearer=bearer) as private:
        repository = private.repository()
        built = native.build(spec)
        pushed = native.push(built, repository)
        assert ("fn/app", pushed.digest) in private.manifests
        wrong = replace(repository, password="wrong", name="fn/other")
        with pytest.raises(RegistryError) as caught:
            native.push(built, wrong)
    assert caught.value.status == 401
    assert "log in, or give the registry's user name and password" in str(caught.value)
    assert "secret" not in repr(repository)


def test_no_login(spec: ImageSpec, native: Native) -> None:
    """Without credentials a 401 is told, and asked once only."""
    with FakeRegistry("AWS:secret") as private:
        with pytest.raises(RegistryError, match="401 Unauthorized"):
            native.push(native.build(spec), replace(private.repository(), username=""))
        assert len(private.log) == 1


def test_anonymous_token(registry: FakeRegistry, client: Client) -> None:
    """As Docker Hub has it: a token for everyone, and blobs that are elsewhere."""
    with FakeRegistry(bearer=True, anonymous=True) as public:
        digest = public.put_image("library/python", "3", DEBIAN)
        public.elsewhere = f"localhost:{public.host.rpartition(':')[2]}"
        repository = public.repository("library/python")
        manifest = client.manifest(repository, "3")
        assert manifest.digest == digest
        assert client.config(repository, manifest)["architecture"] == "amd64"
        assert client.exists(repository, digest)
        assert not client.exists(repository, "absent")
        assert public.requests("/elsewhere/.* 200")


def test_token_that_expires(spec: ImageSpec, native: Native) -> None:
    """In the middle of a push a new token is fetched, and the body is sent again."""
    with FakeRegistry("AWS:secret", bearer=True) as private:
        private.token_life = 3
        pushed = native.push(native.build(spec), private.repository())
        assert ("fn/app", pushed.digest) in private.manifests
        assert len(private.requests("GET /token")) > 3
        assert private.requests("PATCH .* 401")


def test_token_from_elsewhere(client: Client) -> None:
    """Credentials are not sent in clear where the registry is not in clear."""
    with FakeRegistry("AWS:secret", bearer=True) as private:
        secret = private.repository()
        pool = client._transport._pool(f"http://{private.host}")
        refusal = pool.request("GET", f"http://{private.host}/v2/a/blobs/b")
        with pytest.raises(RegistryError, match="wants its tokens to be fetched from 'http://"):
            client._transport._authorize(replace(secret, plain_http=False), refusal)
        private.faults.append(Fault("/token", 503))
        with pytest.raises(RegistryError, match=r"cannot get a token for .*: 503"):
            client._transport._authorize(secret, refusal)
        nothing_asked = pool.request("GET", f"http://{private.host}/token")
        assert not client._transport._authorize(secret, nothing_asked)


PUSH_FAULTS = [
    ("HEAD", 503), ("HEAD", DEAD), ("HEAD", LOST),
    ("POST", 500), ("POST", DEAD), ("POST", LOST), ("POST", 429),
    ("PATCH", 502), ("PATCH", CUT), ("PATCH", LOST), ("PATCH", DEAD), ("PATCH", 404),
    ("PUT /v2/fn/app/blobs", 500), ("PUT /v2/fn/app/blobs", LOST), ("PUT /v2/fn/app/blobs", DEAD),
    ("PUT /v2/fn/app/manifests", 500), ("PUT /v2/fn/app/manifests", LOST),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "what"), PUSH_FAULTS)
def test_passing_faults(
    pattern: str,
    what: int | str,
    registry: FakeRegistry,
    spec: ImageSpec,
    native: Native,
    waits: list[float],
) -> None:
    """Whatever fails once or twice, the push comes to its end, and the image is whole."""
    built = native.build(spec)
    registry.faults.append(Fault(pattern, what, times=2))
    pushed = native.push(built, registry.repository())
    assert ("fn/app", pushed.digest) in registry.manifests
    assert len(waits) in (1, 2)
    assert all(0 <= wait <= 1 for wait in waits)


def test_lost_reply_is_no_second_upload(
    registry: FakeRegistry, spec: ImageSpec, native: Native
) -> None:
    """Of a blob that was taken only the reply was lost: it is not sent again."""
    built = native.build(spec)
    registry.faults.append(Fault("PUT /v2/fn/app/blobs", LOST))
    pushed = native.push(built, registry.repository())
    assert registry.uploaded == pushed.uploaded_bytes


@pytest.mark.parametrize("what", [503, DEAD])
def test_bounded(
    what: int | str, registry: FakeRegistry, spec: ImageSpec, native: Native, waits: list[float]
) -> None:
    """A registry that always fails is asked five times, and the last reason is told."""
    built = native.build(spec)
    registry.faults.append(Fault("HEAD", what, times=1000))
    with pytest.raises(RegistryError) as caught:
        native.push(built, registry.repository())
    assert len(registry.requests("HEAD")) == 5
    assert len(waits) == 4
    assert caught.value.passing
    assert f"cannot look for {built.digest} in {registry.host}/fn/app: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_as_long_as_it_asks(registry: FakeRegistry, client: Client, waits: list[float]) -> None:
    """Retry-After is followed in full, as a date too; for what is too long nobody waits."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    for asked in ("33", date, "tomorrow"):
        registry.faults.append(Fault("HEAD", 429, headers={"Retry-After": asked}))
    assert not client.exists(registry.repository(), "x")
    assert waits[0] == 33
    assert 60 < waits[1] <= 100
    assert waits[2] <= 2
    registry.faults.append(Fault("HEAD", 503, headers={"Retry-After": "3600"}))
    with pytest.raises(RegistryError, match="503"):
        client.exists(registry.repository(), "x")
    assert len(waits) == 3


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"<html><style>p {}</style><p>Access\ndenied</p></html>", "'Access denied'"),
        (b"", "'empty'"),
        (b'{"layers": [', "'{\"layers\": ['"),
        (b"[1]", "'[1]'"),
    ],
)
def test_no_json(body: bytes, shown: str, registry: FakeRegistry, client: Client) -> None:
    """A proxy's page, nothing, or half an answer: one line that says what to do."""
    registry.faults.append(Fault("GET", 200, body=body))
    with pytest.raises(RegistryError) as caught:
        client.manifest(registry.repository(), "x")
    assert f"the answer is not a JSON object: {shown}. " in str(caught.value)
    assert "HTTPS_PROXY" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_manifest(registry: FakeRegistry, client: Client) -> None:
    """An answer that is JSON may be no manifest; a token's answer may have no token."""
    registry.faults.append(Fault("GET", 200, body=b'{"message": "welcome"}'))
    with pytest.raises(RegistryError, match="is not an image manifest"):
        client.manifest(registry.repository(), "x")
    with FakeRegistry(bearer=True, anonymous=True) as public:
        public.faults.append(Fault("/token", 200, body=b"{}"))
        with pytest.raises(RegistryError, match="the answer has none"):
            client.manifest(public.repository(), "x")


def test_proxy(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests go by HTTP_PROXY or HTTPS_PROXY, but for the hosts of NO_PROXY and this machine."""
    far = Repository("registry.invalid", "fn", plain_http=True)
    with FakeRegistry() as proxy, FakeRegistry() as here:
        monkeypatch.setenv("http_proxy", f"http://me:secret@{proxy.host}")
        monkeypatch.setenv("https_proxy", f"http://{proxy.host}")
        monkeypatch.delenv("no_proxy", raising=False)
        proxy.faults.append(Fault("HEAD http://registry.invalid/v2/fn/manifests/x", 404))
        assert not client.exists(far, "x")
        assert not client.exists(here.repository(), "x")
        assert len(here.log) == 1
        proxy.faults.append(Fault("CONNECT", 403, 9))
        with pytest.raises(RegistryError, match="403"):
            client.exists(replace(far, plain_http=False), "x")
        monkeypatch.setenv("https_proxy", "socks9://x")
        with pytest.raises(RegistryError, match="cannot use the proxy of HTTPS_PROXY"):
            client.exists(replace(far, plain_http=False), "x")


def test_the_same_host_in_the_clear(client: Client) -> None:
    """A redirect to the same host by http gets no credentials."""
    with FakeRegistry("AWS:secret") as private:
        repository = replace(private.repository(), plain_http=False)
        transport = client._transport
        transport._authorization[repository] = "Basic x"
        url = f"http://{private.host}/v2/fn/app/blobs/x"
        assert transport._once(repository, "GET", url, None, None, False).status == 401
        transport._authorization[private.repository()] = transport._authorization[repository]
        assert transport._once(private.repository(), "GET", url, None, None, False).status == 401
        assert private.authorizations == [None, "Basic x"]


@pytest.mark.parametrize(
    ("status", "advice"), [(403, "may not do that"), (404, "is the repository there"), (400, "")]
)
def test_refusals(
    status: int, advice: str, registry: FakeRegistry, spec: ImageSpec, native: Native
) -> None:
    """What is refused is not tried again; the line says what was attempted and what to do."""
    built = native.build(spec)
    registry.faults.append(Fault("POST", status, times=2))  # the first is an attempt to mount
    with pytest.raises(RegistryError) as caught:
        native.push(built, registry.repository())
    assert caught.value.status == status
    assert f"to {registry.host}/fn/app: {status} " in str(caught.value)
    assert "; FAULT: " in str(caught.value)
    assert advice in str(caught.value)


def test_nobody_there(client: Client) -> None:
    """No registry: what was attempted, and the system's reason."""
    with pytest.raises(RegistryError, match="Connection refused") as caught:
        client.exists(Repository("127.0.0.1:9", "fn", plain_http=True), "x")
    assert caught.value.status == 0


def test_wrong_content(
    registry: FakeRegistry, client: Client, tmp_path: Path, waits: list[float]
) -> None:
    """What does not have the digest that was asked for is not taken."""
    digest = registry.put_image("base/x", "1", DEBIAN)
    repository = registry.repository("base/x")
    manifest = client.manifest(repository, digest)
    layer = manifest.document["layers"][0]
    for key in registry.blobs:
        registry.blobs[key] += b"!"
    with pytest.raises(RegistryError, match="sent another blob"):
        client.config(repository, manifest)
    with pytest.raises(RegistryError, match="bytes received have another digest"):
        client.download(repository, layer["digest"], layer["size"], tmp_path / "x")
    assert len(waits) == 4
    kind, body = registry.manifests["base/x", digest]
    registry.manifests["base/x", digest] = (kind, body + b" ")
    with pytest.raises(RegistryError, match=f"when asked for {digest}"):
        client.manifest(repository, digest)


def test_download_that_breaks_off(registry: FakeRegistry, client: Client, tmp_path: Path) -> None:
    """A download is begun again."""
    digest = registry.put_image("base/x", "1", DEBIAN)
    repository = registry.repository("base/x")
    layer = client.manifest(repository, digest).document["layers"][0]
    registry.faults.append(Fault(f"GET /v2/base/x/blobs/{layer['digest']}", DEAD))
    registry.faults.append(Fault(f"GET /v2/base/x/blobs/{layer['digest']}", SHORT))
    told: list[int] = []
    file = tmp_path / "x"
    client.download(
        repository, layer["digest"], layer["size"], file, lambda done, t, w: told.append(done)
    )
    assert file.stat().st_size == layer["size"] == told[-1]


def test_odd_replies(registry: FakeRegistry, client: Client, tmp_path: Path) -> None:
    """A registry that calls a manifest otherwise, or takes an upload nowhere, is not believed."""
    repository = registry.repository()
    other = {"Docker-Content-Digest": "sha256:other"}
    registry.faults.append(Fault("PUT", 201, headers=other))
    with pytest.raises(RegistryError, match="calls sha256:other what was pushed as sha256:"):
        client.put_manifest(repository, b"{}", "x")
    registry.faults.append(Fault("POST", 202))
    file = tmp_path / "x"
    file.touch()
    with pytest.raises(RegistryError, match="the registry sent no Location for the upload"):
        client.upload(repository, "sha256:x", file)


def test_redirected_for_ever(registry: FakeRegistry, client: Client) -> None:
    """Redirects are followed, but not round and round."""
    registry.faults.append(Fault("GET", 307, 100, {"Location": "again"}))
    with pytest.raises(RegistryError, match="307 Temporary Redirect"):
        client.manifest(registry.repository(), "x")
    assert len(registry.log) == 6


def test_redirects_that_are_not_followed(
    registry: FakeRegistry, client: Client, tmp_path: Path
) -> None:
    """A request for a token, and what changes something, goes where we send it or nowhere."""
    away = {"Location": "/elsewhere/x"}
    with FakeRegistry("AWS:secret", bearer=True) as private:
        private.faults.append(Fault("/token", 307, headers=away))
        with pytest.raises(RegistryError, match=r"cannot get a token for .*: 307"):
            client.exists(private.repository(), "x")
        assert not private.requests("/elsewhere")
    registry.faults.append(Fault("POST", 307, headers=away))
    (tmp_path / "x").touch()
    with pytest.raises(RegistryError, match="307"):
        client.upload(registry.repository(), "sha256:x", tmp_path / "x")
    assert not registry.requests("/elsewhere")


def test_mount_refused(registry: FakeRegistry, spec: ImageSpec, native: Native) -> None:
    """Where blobs cannot be taken from another repository, they are uploaded."""
    built = native.build(spec)
    registry.faults.append(Fault("mount=", 403))
    pushed = native.push(built, registry.repository())
    layers = [registry.blobs["fn/app", digest] for digest in pushed.layers]
    assert pushed.uploaded_bytes is not None
    assert pushed.uploaded_bytes > sum(map(len, layers))


KILLED = """
import sys
from pathlib import Path
from amazon_lambda_runtime.deploy.images import ImageSpec, Repository
from amazon_lambda_runtime.deploy.images.native.cache import Cache
from amazon_lambda_runtime.deploy.images.native.engine import Native
folder, base, runtime, cache, host = sys.argv[1:]
native = Native(cache=Cache(Path(cache)))
built = native.build(ImageSpec(Path(folder), "hello.handler", base=base, runtime=runtime))
print(native.push(built, Repository(host, "fn/app", plain_http=True)).uploaded_bytes)
"""


def test_killed_and_resumed(
    registry: FakeRegistry, spec: ImageSpec, tmp_path: Path, native: Native
) -> None:
    """Killed in the middle of a push, the next one sends only what is missing."""
    command = [sys.executable, "-c", KILLED, str(spec.folder), spec.base, spec.runtime]
    command += [str(tmp_path / "cache"), registry.host]
    # It waits before the manifest; then a blob is lost, as if it had been killed before that.
    registry.faults.append(Fault("PUT /v2/fn/app/manifests", 503, 100, {"Retry-After": "10"}))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ})
    deadline = time.monotonic() + 30
    while not registry.requests("PUT /v2/fn/app/manifests"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    registry.faults.clear()
    gone = next(key for key in registry.blobs if key[0] == "fn/app")
    missing = len(registry.blobs.pop(gone))
    registry.log.clear()
    # Nor is it to be had from the base.
    registry.blobs = {key: blob for key, blob in registry.blobs.items() if key[1] != gone[1]}
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) == missing
    assert len(registry.requests("PATCH")) == 1
    assert len(registry.requests("PUT .*manifests.* 201")) == 1
    assert not list(tmp_path.glob("cache/new-*"))
