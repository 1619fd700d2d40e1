"""The native engine, against a strict registry: what it pushes, and what it need not push."""

import gzip
import importlib.util
import io
import json
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.deploy.images import ImageError, ImageSpec, Pushed, dependencies
from amazon_lambda_runtime.deploy.images.model import no_meter
from amazon_lambda_runtime.deploy.images.native import base, wheels
from amazon_lambda_runtime.deploy.images.native.cache import Cache
from amazon_lambda_runtime.deploy.images.native.engine import Native
from amazon_lambda_runtime.deploy.images.registry.client import Client
from tests.deploy.images.conftest import DEBIAN, LIBC, make_wheel
from tests.deploy.images.fake_registry import OCI, FakeRegistry


def image(registry: FakeRegistry, pushed: Pushed) -> tuple[dict[str, Any], list[tarfile.TarFile]]:
    """Return the config of what was pushed, and its layers, read from the registry."""
    kind, body = registry.manifests["fn/app", pushed.digest]
    assert kind == f"{OCI}.manifest.v1+json"
    manifest = json.loads(body)
    config = json.loads(registry.blobs["fn/app", manifest["config"]["digest"]])
    layers = []
    for entry in manifest["layers"]:
        raw = gzip.decompress(registry.blobs["fn/app", entry["digest"]])
        layers.append(tarfile.open(fileobj=io.BytesIO(raw)))  # noqa: SIM115
    return config, layers


def content(layer: tarfile.TarFile, name: str) -> bytes:
    file = layer.extractfile(name)
    assert file is not None
    return file.read()


def test_what_is_in_an_image(registry: FakeRegistry, spec: ImageSpec, native: Native) -> None:
    """One manifest: the base's layers, the packages, the project; bootstrap is the entry point."""
    pushed = native.push(native.build(spec), registry.repository())
    config, (base, packages, code) = image(registry, pushed)
    assert config["architecture"] == "amd64"
    assert config["os"] == "linux"
    assert config["created"] == "1970-01-01T00:00:00Z"
    assert config["config"]["Entrypoint"] == ["/usr/local/bin/bootstrap"]
    assert config["config"]["Cmd"] == ["hello.handler"]
    assert config["config"]["WorkingDir"] == "/var/task"
    assert config["config"]["Env"] == ["PATH=/usr/local/bin:/usr/bin:/bin"]
    assert len(config["rootfs"]["diff_ids"]) == 3
    assert base.getnames() == list(DEBIAN)
    script = content(packages, "usr/local/bin/bootstrap")
    assert script == b"#!/usr/bin/python3.13\nimport little_runtime\n"
    packaged = "usr/local/lib/python3.13/dist-packages/little_runtime/__init__.py"
    assert packaged in packages.getnames()
    assert content(code, "var/task/hello.py").startswith(b"def handler")
    for entry in (*packages, *code):
        executable = entry.isdir() or entry.name == "usr/local/bin/bootstrap"
        assert entry.mode == (0o755 if executable else 0o644), entry.name
        assert (entry.uid, entry.gid, entry.mtime, entry.uname) == (0, 0, 0, "")
    assert pushed.uri == f"{registry.host}/fn/app@{pushed.digest}"
    assert pushed.uploaded_bytes is not None
    # The base was there, in another repository.
    assert 0 < registry.uploaded == pushed.uploaded_bytes
    assert len(pushed.layers) == 3


def test_the_same_again(
    registry: FakeRegistry, spec: ImageSpec, native: Native, tmp_path: Path
) -> None:
    """The same input is the same digest, from an empty cache too, and nothing is uploaded."""
    first = native.push(native.build(spec), registry.repository())
    registry.log.clear()
    assert native.build(spec).digest == first.digest
    assert not registry.requests("blobs")
    client = Client()
    other = Native(cache=Cache(tmp_path / "other cache"), client=client)
    copied = tmp_path / "elsewhere" / "copy"
    copied.mkdir(parents=True)
    for file in spec.folder.iterdir():
        copied.joinpath(file.name).write_bytes(file.read_bytes())
        copied.joinpath(file.name).chmod(0o600)
    registry.log.clear()
    again = other.push(other.build(replace(spec, folder=copied)), registry.repository())
    client.close()
    assert (again.digest, again.uploaded_bytes) == (first.digest, 0)
    assert not registry.requests("POST|PATCH|PUT")


def test_a_change_of_code(registry: FakeRegistry, spec: ImageSpec, native: Native) -> None:
    """Only the layer of the project is uploaded, and pip is not run."""
    first = native.push(native.build(spec), registry.repository())
    spec.folder.joinpath("hello.py").write_text("def handler(event, context): return 1\n")
    told: list[str] = []
    before = registry.uploaded
    built = native.build(spec, lambda done, total, what: told.append(what))
    second = native.push(built, registry.repository(), lambda d, t, what: told.append(what))
    assert second.layers[:2] == first.layers[:2]
    assert second.digest != first.digest
    assert set(told) == {"upload"}
    layer = len(registry.blobs["fn/app", second.layers[2]])
    assert layer < registry.uploaded - before < layer + 2000
    assert second.uploaded_bytes == registry.uploaded - before


def test_requirements(
    registry: FakeRegistry, spec: ImageSpec, native: Native, tmp_path: Path
) -> None:
    """Markers are answered as the target would, and a script names the image's interpreter."""
    there = make_wheel(
        tmp_path, "there", {"there.py": ""}, 'Requires-Dist: absent; python_version != "3.13"\n'
    )
    make_wheel(tmp_path, "not_there", {"not_there.py": ""})
    spec.folder.joinpath("requirements.txt").write_text(
        f"-r more.txt\nnot_there; platform_machine != 'x86_64'\n--find-links {tmp_path}\n"
    )
    spec.folder.joinpath("more.txt").write_text(f"{there}; python_version == '3.13'\n")
    pushed = native.push(native.build(spec), registry.repository())
    names = image(registry, pushed)[1][1].getnames()
    folder = "usr/local/lib/python3.13/dist-packages"
    assert f"{folder}/there.py" in names
    assert f"{folder}/not_there.py" not in names
    assert not [name for name in names if name.endswith("direct_url.json")]
    # A change of what they name is a change.
    spec.folder.joinpath("more.txt").write_text("")
    assert native.build(spec).own_layers[0].digest != pushed.layers[1]


def test_what_decides_about_the_packages(spec: ImageSpec, native: Native, tmp_path: Path) -> None:
    """A wheel that a file of requirements names, the files that it names, even in a circle."""
    local = make_wheel(spec.folder, "local", {"local.py": ""})
    named = tmp_path / "named.txt"
    named.write_text(f"./{local.name}; python_version > '3'\n-c named.txt\n")
    wanted = replace(spec, requirements=named, runtime="little_runtime==1.0")
    named.with_name(local.name).write_bytes(local.read_bytes())
    before = dict(wheels.inputs(wanted, dependencies.declared(wanted)))
    assert before["runtime"] == b"little_runtime==1.0"
    assert before[local.name] == local.read_bytes()
    named.write_text(f"--no-index\n--find-links {Path(spec.runtime).parent}\n")
    native.build(wanted)
    other = make_wheel(tmp_path, "local", {"local.py": "changed"})
    assert other.read_bytes() != local.read_bytes()


def test_no_runtime(spec: ImageSpec, native: Native, tmp_path: Path) -> None:
    """What contains no bootstrap is no runtime."""
    with pytest.raises(ImageError, match=r"contains no bootstrap"):
        native.build(replace(spec, runtime=str(make_wheel(tmp_path, "none", {"none.py": ""}))))
    with pytest.raises(ImageError, match=r"cannot read .*/absent.whl: No such file"):
        native.build(replace(spec, runtime=str(tmp_path / "absent.whl")))


def test_another_processor(registry: FakeRegistry, spec: ImageSpec, native: Native) -> None:
    """An index is followed to the platform's image; a base for another one is refused."""
    arm = registry.put_image("base/debian", "arm", DEBIAN, "arm64", Labels={"a": "b"})
    intel = registry.put_image("base/debian", "intel", DEBIAN)
    entries = [
        {"digest": digest, "platform": {"os": "linux", "architecture": name}}
        for digest, name in ((intel, "amd64"), (arm, "arm64"), (intel, "unknown"))
    ]
    kind = f"{OCI}.index.v1+json"
    registry.put("base/debian", "index", {"mediaType": kind, "manifests": entries})
    both = replace(spec, base=f"{registry.host}/base/debian:index", architecture="arm64")
    config, _ = image(registry, native.push(native.build(both), registry.repository()))
    assert config["architecture"] == "arm64"
    assert config["config"]["Labels"] == {"a": "b"}
    registry.put("base/debian", "index", {"mediaType": kind, "manifests": entries[:1]})
    with pytest.raises(ImageError, match="not available for arm64, only for amd64"):
        native.build(both)
    with pytest.raises(ImageError, match=r"is an image for x86_64, .* to run on arm64"):
        native.build(replace(spec, architecture="arm64"))
    with pytest.raises(ImageError, match="no architecture 'amd64': choose x86_64 or arm64"):
        replace(spec, architecture="amd64")


@pytest.mark.parametrize(
    ("files", "path", "packages"),
    [
        (
            {"usr/local/bin/python3.13": b"", "usr/local/bin/python3": b"-> python3.13",
             "usr/bin/python3.11": b"", "usr/lib/x86_64-linux-gnu/libc.so.6": LIBC},
            "usr/local/bin/python3.13",
            "usr/local/lib/python3.13/site-packages",
        ),
        (
            {"./usr/bin/python3.12": b"", "./lib/ld-musl-x86_64.so.1": b""},
            "usr/bin/python3.12",
            "usr/lib/python3.12/site-packages",
        ),
    ],
    ids=["python", "alpine"],
)  # fmt: skip
def test_pythons(
    files: dict[str, bytes],
    path: str,
    packages: str,
    registry: FakeRegistry,
    spec: ImageSpec,
    native: Native,
) -> None:
    """The interpreter is the first one on the PATH, wherever it keeps its packages."""
    registry.put_image("base/debian", "trixie", files)
    _, layers = image(registry, native.push(native.build(spec), registry.repository()))
    assert content(layers[1], "usr/local/bin/bootstrap").startswith(f"#!/{path}\n".encode())
    assert f"{packages}/little_runtime/__init__.py" in layers[1].getnames()


@pytest.mark.parametrize(
    ("file", "data", "libc"),
    [
        ("usr/lib/x86_64-linux-gnu/libc.so.6", LIBC, ("glibc", (2, 41))),
        ("lib/ld-musl-x86_64.so.1", b"", ("musl", (1, 2))),
    ],
)
def test_its_c_library(
    file: str,
    data: bytes,
    libc: tuple[str, tuple[int, int]],
    registry: FakeRegistry,
    spec: ImageSpec,
    tmp_path: Path,
) -> None:
    """Wheels are chosen, and a refusal is told, by the C library of the base and its release."""
    registry.put_image("base/debian", "trixie", {"usr/bin/python3.13": b"", file: data})
    client = Client()
    for _ in range(2):  # read, and remembered
        found = base.find(spec, client, Cache(tmp_path / "cache"), no_meter).python
        assert (found.libc, found.libc_version) == libc
    client.close()


def test_bases_that_are_none(registry: FakeRegistry, spec: ImageSpec, native: Native) -> None:
    """A base without a Python, with an unknown C library or an odd layer is refused in a line."""
    registry.put_image("base/debian", "trixie", {"bin/sh": b""})
    with pytest.raises(ImageError, match=r"has no Python on its PATH: name an image that has"):
        native.build(spec)
    registry.put_image("base/debian", "trixie", {"usr/bin/python3.13": b""})
    with pytest.raises(ImageError, match="has a C library that is neither glibc nor musl"):
        native.build(spec)
    _, body = registry.manifests["base/debian", "trixie"]
    manifest = json.loads(body)
    manifest["layers"][0]["mediaType"] = f"{OCI}.layer.v1.tar+zstd"
    registry.put("base/debian", "trixie", manifest)
    with pytest.raises(ImageError, match=r"layer of type .*zstd, which Lambda does not accept"):
        native.build(spec)


def test_a_damaged_cache(
    registry: FakeRegistry, spec: ImageSpec, native: Native, tmp_path: Path
) -> None:
    """What was damaged in the cache is made or fetched anew, or said to be gone."""
    built = native.build(spec)
    for blob in tmp_path.glob("cache/blobs/sha256/*"):
        blob.write_bytes(bytes(blob.stat().st_size))
    with pytest.raises(ImageError, match="is no longer in the cache: build it again"):
        native.push(built, registry.repository())
    again = native.build(spec)
    assert again.digest == built.digest
    native.push(again, registry.repository())


def test_bytecode(registry: FakeRegistry, spec: ImageSpec, native: Native, tmp_path: Path) -> None:
    """Where there is a Python of the image's version, all modules are compiled, always alike."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    files = {name.replace("3.13", here): content for name, content in DEBIAN.items()}
    files["usr/bin/python3"] = f"-> python{here}".encode()
    registry.put_image("base/debian", "trixie", files)
    spec.folder.joinpath("broken.py").write_text("def (:\n")
    built = native.build(spec)
    assert built.notes == ()
    client = Client()
    assert Native(cache=Cache(tmp_path / "other"), client=client).build(spec).digest == built.digest
    client.close()
    _, (_, packages, code) = image(registry, native.push(built, registry.repository()))
    tag = sys.implementation.cache_tag
    for layer, place, module in (
        (code, "var/task", "hello"),
        (packages, f"usr/local/lib/python{here}/dist-packages/little_runtime", "__init__"),
    ):
        compiled = content(layer, f"{place}/__pycache__/{module}.{tag}.pyc")
        # By a hash that nobody compares (PEP 552).
        assert compiled[:8] == importlib.util.MAGIC_NUMBER + b"\x01\0\0\0"
    assert not [name for name in code.getnames() if "broken." in name and name.endswith("pyc")]
    assert "var/task/broken.py" in code.getnames()


def test_refresh(spec: ImageSpec, native: Native, tmp_path: Path) -> None:
    """What is asked to be fresh is installed again."""
    native.build(spec)
    told: list[str] = []
    client = Client()
    fresh = Native(refresh=True, cache=Cache(tmp_path / "cache"), client=client)
    fresh.build(spec, lambda done, total, what: told.append(what))
    client.close()
    assert told == ["packages", "packages"]


LONG = "#!/bin/sh\n'''exec' \"" + sys.executable + '" "$0" "$@"\n\' \'\'\'\nx\n'


@pytest.mark.parametrize(
    ("script", "becomes"),
    [
        (f"#!{sys.executable}\nx\n", "#!/usr/bin/python3.13\nx\n"),
        (LONG, "#!/usr/bin/python3.13\nx\n"),
        ("#!/bin/sh\nx\n", "#!/bin/sh\nx\n"),
        ("ELF", "ELF"),
    ],
    ids=["usual", "long", "shell", "binary"],
)
def test_scripts(script: str, becomes: str) -> None:
    """A script that pip made for this interpreter is one for the image's; others are left alone."""
    assert wheels._interpreter(script.encode(), b"/usr/bin/python3.13") == becomes.encode()


def test_no_interpreter_to_compile_with(
    registry: FakeRegistry, spec: ImageSpec, native: Native
) -> None:
    """Without a Python of the image's version nothing is compiled, and that is said."""
    files = {name.replace("3.13", "3.99"): content for name, content in DEBIAN.items()}
    files["usr/bin/python3"] = b"-> python3.99"
    registry.put_image("base/debian", "trixie", files)
    built = native.build(spec)
    assert built.notes == (
        "there is no Python 3.99 here to compile the modules with: each cold start compiles them",
    )
    _, layers = image(registry, native.push(built, registry.repository()))
    assert not [name for layer in layers for name in layer.getnames() if name.endswith(".pyc")]
