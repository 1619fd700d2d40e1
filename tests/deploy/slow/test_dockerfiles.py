"""The Dockerfiles of the guide: built on Debian's trixie in place of their bases, and invoked."""

import json
import shutil
from pathlib import Path

import pytest

from tests.harness import ACCEPTED, ScriptedApi, event

from . import machine

pytestmark = pytest.mark.deploy

EXAMPLES = machine.ROOT / "examples"
# A Debian that has what the other bases have: python3, python and pip.
PYTHON = "localhost/debian:trixie-slim-pip"
WITH_PIP = f"""\
FROM {machine.SLIM}
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip ca-certificates
RUN ln -s python3 /usr/bin/python
ENV PIP_BREAK_SYSTEM_PACKAGES=1 UV_BREAK_SYSTEM_PACKAGES=1
"""
BASES = {
    "debian": {"BASE": machine.SLIM},
    "slim": {"BASE": PYTHON},
    "aws": {"BASE": PYTHON},
    "distroless": {"BUILD": PYTHON, "BASE": machine.WITH_PYTHON},
}


def test_all_are_built() -> None:
    """None is left out."""
    assert {file.parent.name for file in EXAMPLES.glob("dockerfiles/*/Dockerfile")} == set(BASES)


@pytest.mark.parametrize("name", BASES)
def test_dockerfile(registry: str, wheel: Path, tmp_path: Path, name: str) -> None:
    """It builds, and the image answers, run as Lambda runs it."""
    if not machine.has_image(PYTHON):
        (tmp_path / "Dockerfile").write_text(WITH_PIP)
        machine.command("buildah", "build", *machine.CHROOT, "-t", PYTHON, str(tmp_path))
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLES / "hello", folder)
    shutil.copy(EXAMPLES / "dockerfiles" / name / "Dockerfile", folder)
    shutil.copy(wheel, folder)
    (folder / "requirements.txt").write_text("orjson\n")
    arguments = {**BASES[name], "RUNTIME": f"./{wheel.name}"}
    image = f"localhost/dockerfiles:{name}"
    machine.command(
        "buildah", "build", *machine.CHROOT, "-t", image,
        *[f"--build-arg={key}={value}" for key, value in arguments.items()], str(folder),
    )  # fmt: skip
    with (
        ScriptedApi([event(b'{"name": "Ada"}'), ACCEPTED]) as api,
        machine.running(image, api.address, "--cap-drop=ALL", "--read-only") as printed,
    ):
        assert api.finished.wait(60), printed.read_text()
    (post,) = [request for request in api.requests if request.method == "POST"]
    assert json.loads(post.body) == {"message": "Hello Ada!"}
    size = machine.command("podman", "image", "inspect", "--format={{.Size}}", image)
    print(f"{name}: {int(size) / 1e6:.0f} MB")
