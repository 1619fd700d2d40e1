"""The Dockerfiles of docs/guides/dockerfiles.md, built and invoked.

Only debian:trixie-slim can be made here. It takes the place of the other bases, with what they have
and the Dockerfiles use: the steps are tried, not the sizes.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.harness import ACCEPTED, ScriptedApi, event

from . import machine

pytestmark = pytest.mark.deploy

DOCKERFILES = machine.ROOT / "examples" / "dockerfiles"
WITH_PIP = "localhost/debian:trixie-slim-pip"
# Debian's Python as Docker's official one: pip may install, and /usr/local is as it is there.
STAND_IN = f"""
FROM {machine.WITH_PYTHON}
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip
ENV PIP_BREAK_SYSTEM_PACKAGES=1
ENV PYTHONPATH=/usr/local/lib/python3.13/site-packages
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
"""


@pytest.fixture(scope="module")
def with_pip(registry: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    if not machine.has_image(WITH_PIP):
        folder = tmp_path_factory.mktemp("base")
        folder.joinpath("Dockerfile").write_text(STAND_IN)
        machine.command("buildah", "build", *machine.CHROOT, "-t", WITH_PIP, str(folder))
    return WITH_PIP


@pytest.mark.parametrize("name", sorted(each.name for each in DOCKERFILES.iterdir()))
def test_dockerfile(name: str, project: Path, wheel: Path, with_pip: str) -> None:
    """It builds, and its image answers, run as Lambda runs it."""
    bases = {
        "debian": {"BASE": machine.SLIM},
        "slim": {"BASE": with_pip},
        "aws": {"BASE": with_pip},
        "distroless": {"BUILD": with_pip, "BASE": machine.WITH_PYTHON},
    }[name]
    shutil.copy(DOCKERFILES / name / "Dockerfile", project)
    shutil.copy(wheel, project)
    arguments = {**bases, "RUNTIME": f"./{wheel.name}"}
    image = f"localhost/dockerfiles-{name}"
    machine.command(
        "buildah", "build", *machine.CHROOT, "-t", image,
        *[f"--build-arg={key}={value}" for key, value in arguments.items()], str(project),
    )  # fmt: skip
    with (
        ScriptedApi([event(b'{"name": "Ada"}'), ACCEPTED]) as api,
        machine.running(
            image, api.address, "--user=993:990", "--cap-drop=ALL", "--read-only",
            "--security-opt=no-new-privileges", "--tmpfs=/tmp:size=512m",
        ) as printed,
    ):  # fmt: skip
        assert api.finished.wait(60), printed.read_text()
    (post,) = [request for request in api.requests if request.method == "POST"]
    assert post.kind == "response", post.body
    answer = json.loads(post.body)
    assert (answer["asked by"], answer["uid"], answer["cwd"]) == ("Ada", 993, "/var/task")
    if name == "debian":
        # What the guide says of its size: docs/guides/dockerfiles.md.
        print(f"{image}: {size_of(image) - size_of(machine.SLIM):,} bytes more than its base")


def size_of(image: str) -> int:
    """Return the size of an image's files in bytes."""
    return int(machine.command("podman", "image", "inspect", "--format={{.Size}}", image))
