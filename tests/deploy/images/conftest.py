"""What the tests of images share: a registry, a cache that is empty, a runtime's wheel."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.images import ImageSpec
from amazon_lambda_runtime.deploy.images.native.cache import Cache
from amazon_lambda_runtime.deploy.images.native.engine import Native
from amazon_lambda_runtime.deploy.images.registry.client import Client

from .fake_registry import FakeRegistry

LIBC = b"...\nGNU C Library (Debian GLIBC 2.41-12) stable release version 2.41.\n..."
DEBIAN = {
    "usr/bin/python3.13": b"ELF\x003.13.5\x00",
    "usr/bin/python3": b"-> python3.13",
    "usr/lib/python3/dist-packages/x": b"",
    "usr/lib/x86_64-linux-gnu/libc.so.6": LIBC,
}


def make_wheel(
    folder: Path, name: str, files: dict[str, str], requires: str = "", version: str = "1.0"
) -> Path:
    """Write a wheel, for any Python."""
    info = f"{name}-{version}.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*contents, f"{info}/RECORD"))
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in {**contents, f"{info}/RECORD": record}.items():
            archive.writestr(member, content)
    return path


@pytest.fixture(scope="session")
def runtime_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel that brings a `bootstrap`, as the runtime's does."""
    return make_wheel(
        tmp_path_factory.mktemp("wheels"),
        "little_runtime",
        {
            "little_runtime/__init__.py": "def main(): ...\n",
            "little_runtime-1.0.data/scripts/bootstrap": "#!python\nimport little_runtime\n",
        },
    )


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        running.put_image("base/debian", "trixie", DEBIAN)
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    folder.joinpath("hello.py").write_text("def handler(event, context):\n    return event\n")
    return folder


@pytest.fixture
def spec(registry: FakeRegistry, project: Path, runtime_wheel: Path) -> ImageSpec:
    base = f"{registry.host}/base/debian:trixie"
    return ImageSpec(project, "hello.handler", base=base, runtime=str(runtime_wheel))


@pytest.fixture(scope="session")
def built_before(tmp_path_factory: pytest.TempPathFactory, runtime_wheel: Path) -> Path:
    """A cache in which the runtime is installed: pip takes more than a second of CPU."""
    folder = tmp_path_factory.mktemp("built_before")
    (folder / "hello.py").write_text("")
    client = Client()
    with FakeRegistry() as running:
        running.put_image("base/debian", "trixie", DEBIAN)
        base = f"{running.host}/base/debian:trixie"
        spec = ImageSpec(folder, "hello.handler", base=base, runtime=str(runtime_wheel))
        Native(cache=Cache(folder / "cache"), client=client).build(spec)
    client.close()
    return folder / "cache"


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the engine would have waited."""
    return []


@pytest.fixture
def native(tmp_path: Path, waits: list[float]) -> Iterator[Native]:
    client = Client(waits.append)
    yield Native(cache=Cache(tmp_path / "cache"), client=client)
    client.close()


@pytest.fixture
def second_build(built_before: Path, tmp_path: Path, waits: list[float]) -> Iterator[Native]:
    """An engine that need not install the runtime, for tests of something else."""
    shutil.copytree(built_before, tmp_path / "second")
    client = Client(waits.append)
    yield Native(cache=Cache(tmp_path / "second"), client=client)
    client.close()
