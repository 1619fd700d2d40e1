"""The slow tier: real registries, real images, real containers. `make test-deploy` runs it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.images import Repository

from . import machine

sys.path.insert(0, str(machine.ROOT))  # the scripts are not installed
from scripts import setup_containers


@pytest.fixture(scope="session")
def containers() -> None:
    """What it needs is installed, or the test is skipped with the reason."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if reason := setup_containers.install():
        pytest.skip(reason)
    if os.getuid() != 0:
        pytest.skip("containers are built and run by root here")


@pytest.fixture(scope="session")
def registry(containers: None) -> Iterator[str]:
    """The address of a registry that has library/debian:python, Debian's trixie with Python."""
    try:
        machine.debian()
    except machine.Cannot as reason:
        pytest.skip(f"no base image can be made: {reason}")
    with machine.registry() as host:
        base = Repository(host, "library/debian", plain_http=True)
        machine.push(machine.WITH_PYTHON, base, "python")
        yield host


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return machine.wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a handler and with a package that has a part compiled for its processor."""
    folder = tmp_path / "project"
    folder.mkdir(mode=0o700)
    folder.joinpath("hello.py").write_text(
        "import os, sys, orjson\n"
        "def handler(event, context):\n"
        "    return {'asked by': event['name'], 'json': orjson.dumps([1]).decode(),\n"
        "            'python': sys.version_info[:2], 'uid': os.getuid(), 'cwd': os.getcwd()}\n"
    )
    folder.joinpath("hello.py").chmod(0o600)
    folder.joinpath("requirements.txt").write_text("orjson==3.10.15\n")
    return folder
