"""Images, really: pushed to a registry, pulled from it, run as containers, invoked."""

import json
import os
import re
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.deploy.images import Client, Engine, ImageSpec, Pushed, Repository
from amazon_lambda_runtime.deploy.images.engines import Buildah, Docker, Podman
from amazon_lambda_runtime.deploy.images.native.cache import Cache
from amazon_lambda_runtime.deploy.images.native.engine import Native
from tests.harness import ACCEPTED, ScriptedApi, event
from tests.lanes import find_python

from . import machine

pytestmark = pytest.mark.deploy

ANSWER = {
    "asked by": "Ada",
    "json": "[1]",
    "python": [3, 13],
    "uid": 993,
    "cwd": "/var/task",
}


@pytest.fixture
def spec(registry: str, project: Path, wheel: Path) -> ImageSpec:
    base = f"{registry}/library/debian:python"
    return ImageSpec(project, "hello.handler", base=base, runtime=str(wheel))


@pytest.fixture
def native(tmp_path: Path) -> Native:
    return Native(cache=Cache(tmp_path / "cache"))


def repository(registry: str, name: str = "fn/hello") -> Repository:
    return Repository(registry, name, plain_http=True)


def invoked(pushed: Pushed) -> Any:
    """Return what the image answers, run as Lambda would: by a user without rights, read-only."""
    with (
        ScriptedApi([event(b'{"name": "Ada"}'), ACCEPTED]) as api,
        machine.running(
            pushed.uri,
            api.address,
            "--user=993:990",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            "--read-only",
            "--tmpfs=/tmp:size=512m",
        ) as printed,
    ):
        if not api.finished.wait(60):
            pytest.fail(f"no answer; the container printed: {printed.read_text()}")
    (post,) = [request for request in api.requests if request.method == "POST"]
    assert post.kind == "response", post.body
    return json.loads(post.body)


def test_native(registry: str, spec: ImageSpec, native: Native) -> None:
    """Pushed to Debian's registry it runs, and answers. What is there already is not sent again."""
    target = repository(registry)
    first = native.push(native.build(spec), target)
    assert invoked(first) == ANSWER
    again = native.push(native.build(spec), target)
    assert (again.digest, again.uploaded_bytes) == (first.digest, 0)
    spec.folder.joinpath("hello.py").write_text("def handler(event, context): return event\n")
    changed = native.push(native.build(spec), target)
    assert changed.layers[:-1] == first.layers[:-1]
    assert changed.uploaded_bytes is not None
    assert 0 < changed.uploaded_bytes < 5000
    assert invoked(changed) == {"name": "Ada"}
    client = Client()
    assert client.exists(target, changed.digest)
    assert client.manifest(target, changed.digest).digest == changed.digest
    client.close()


def test_bytecode(
    registry: str, spec: ImageSpec, native: Native, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image's own interpreter takes the bytecode that was made here, and compiles nothing."""
    python = find_python("3.13")
    if python is None:
        pytest.skip("Python 3.13 is not installed, to compile with")
    monkeypatch.setenv("PATH", f"{Path(python).parent}:{os.environ['PATH']}")
    built = native.build(spec)
    assert built.notes == ()
    printed = machine.command(
        "podman", "--runtime=runc", "run", *machine.RUN_OPTIONS, "--tls-verify=false",
        "--entrypoint=/bin/sh", native.push(built, repository(registry, "fn/bytecode")).uri, "-c",
        "python3 -v -c 'import amazon_lambda_runtime.bootstrap, hello, orjson' 2>&1",
    )  # fmt: skip
    for module in (
        "packages/amazon_lambda_runtime/__pycache__/bootstrap",
        "task/__pycache__/hello",
    ):
        assert re.search(rf"code object from '/\S*{module}.cpython-313.pyc'", printed), printed
    assert "# wrote " not in printed


def test_arm64(registry: str, spec: ImageSpec, native: Native, tmp_path: Path) -> None:
    """Wheels, platform and manifest are those of the other processor, without a line of it run."""
    machine.arm64()
    base = repository(registry, "library/arm64")
    machine.push(machine.ARM, base)
    arm = replace(spec, base=f"{base}:latest", architecture="arm64")
    target = repository(registry, "fn/arm64")
    pushed = native.push(native.build(arm), target)
    client = Client()
    config = client.config(target, client.manifest(target, pushed.digest))
    assert (config["architecture"], config["os"]) == ("arm64", "linux")
    file = tmp_path / "layer"
    client.download(target, pushed.layers[-2], 0, file)
    client.close()
    with tarfile.open(file) as tar:
        (name,) = [each for each in tar.getnames() if each.endswith(".so")]
        library = tar.extractfile(name)
        assert library is not None
        assert "aarch64" in name
        assert library.read(20)[18:] == b"\xb7\x00"  # EM_AARCH64


@pytest.fixture(params=["buildah", "podman", "docker"])
def engine(request: pytest.FixtureRequest, containers: None, tmp_path: Path) -> Any:
    """Each engine that reads a Dockerfile; docker's daemon is podman's, behind its socket."""
    base = f"--build-arg=BASE={machine.SLIM}"
    if request.param == "buildah":
        return Buildah(build_options=[*machine.CHROOT, base])
    if request.param == "podman":
        return Podman(build_options=[*machine.CHROOT, base])
    return request.getfixturevalue("docker")


def test_dockerfile(registry: str, spec: ImageSpec, native: Native, engine: Engine) -> None:
    """What the Dockerfile of `init` makes answers as the native engine's image does."""
    assert engine.available() is None
    target = repository(registry, f"fn/{engine.name}")
    built = engine.build(spec)
    pushed = engine.push(built, target)
    assert pushed.uri == f"{target}@{pushed.digest}"
    assert invoked(pushed) == ANSWER == invoked(native.push(native.build(spec), target))
    again = engine.push(built, target)
    assert (again.digest, again.uploaded_bytes) == (pushed.digest, 0)
    client = Client()
    config = client.config(target, client.manifest(target, pushed.digest))
    client.close()
    assert config["architecture"] == "amd64"
    assert config["config"]["Entrypoint"] == ["/usr/local/bin/bootstrap"]
    assert config["config"]["Cmd"] == ["hello.handler"]
    packages = machine.command(
        "podman", "--runtime=runc", "run", *machine.RUN_OPTIONS, "--tls-verify=false",
        "--entrypoint=/bin/sh", pushed.uri, "-c", "dpkg-query -W -f '${Package}\n'; ls /var/task",
    ).split()  # fmt: skip
    assert "python3" in packages
    assert not {"python3-pip", "gcc", "make", "Dockerfile"} & set(packages)
    assert not [name for name in packages if name.endswith(".whl")]


@pytest.fixture
def docker(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    if not machine.which("docker"):
        pytest.skip("there is no command docker to drive podman's socket with")
    socket = tmp_path / "podman.sock"
    registries = tmp_path / "registries.conf"
    registries.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
    process = subprocess.Popen(
        ["podman", "--runtime=runc", "system", "service", "--time=0", f"unix://{socket}"],
        env={
            **os.environ,
            "BUILDAH_ISOLATION": "chroot",
            "CONTAINERS_REGISTRIES_CONF": str(registries),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    monkeypatch.setenv("DOCKER_HOST", f"unix://{socket}")
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    try:
        machine.wait_until(socket.exists)
        yield Docker(build_options=[f"--build-arg=BASE={machine.SLIM}"])
    finally:
        process.terminate()
        process.wait(20)
