"""The engines with a Dockerfile: what they are told, and what is made of what they say.

A stand-in takes the place of each command; the slow tier runs the real ones.
"""

import base64
import json
import os
import stat
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from amazon_lambda_runtime.deploy.images import (
    Built,
    ImageError,
    ImageSpec,
    choose,
    unused,
    written,
)
from amazon_lambda_runtime.deploy.images.command import run
from amazon_lambda_runtime.deploy.images.engines import Buildah, Docker, Podman
from amazon_lambda_runtime.deploy.images.model import DISTRIBUTION, no_meter
from amazon_lambda_runtime.deploy.images.native.engine import Native

from .conftest import make_wheel
from .fake_registry import OCI, FakeRegistry

ID = "b" * 64
STAND_IN = """#!{python}
import json, os, sys
from pathlib import Path
told = {{"argv": sys.argv[1:]}}
options = dict(each.partition("=")[::2] for each in sys.argv[1:] if "=" in each)
if "--file" in options:
    told["dockerfile"] = Path(options["--file"]).read_text()
    folder = Path(sys.argv[-1])
    told["files"] = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    if (folder / "requirements.txt").exists():
        told["requirements"] = (folder / "requirements.txt").read_text()
    Path(options["--iidfile"]).write_text(os.environ.get("STAND_IN_ID", "sha256:{id}"))
if "push" in sys.argv:
    login = options.get("--authfile") or os.environ["DOCKER_CONFIG"] + "/config.json"
    told["login"] = json.loads(Path(login).read_text())
    told["mode"] = os.stat(login).st_mode
    if "--digestfile" in options:
        Path(options["--digestfile"]).write_text(os.environ["STAND_IN_DIGEST"] + "\\n")
    print("tag: digest:", os.environ.get("STAND_IN_DIGEST"), "size: 1")
with open({log!r}, "a") as log:
    print(json.dumps(told), file=log)
if os.environ.get("STAND_IN_FAILS", "none") in sys.argv:
    print("one\\ntwo\\n\\nthree\\nthe reason")
    sys.exit(3)
"""


class StandIn:
    """What the commands were told, one by one."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "log"
        for name in ("docker", "podman", "buildah"):
            path = folder / name
            path.write_text(STAND_IN.format(python=sys.executable, id=ID, log=str(self._log)))
            path.chmod(0o755)

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    folder = tmp_path / "bin"
    folder.mkdir()
    home = tmp_path / "docker"
    (home / "contexts").mkdir(parents=True)
    known = {"credsStore": "desktop", "auths": {"other": {"auth": "x"}}}
    (home / "config.json").write_text(json.dumps(known))
    monkeypatch.setenv("DOCKER_CONFIG", str(home))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return StandIn(folder)


@pytest.fixture
def image(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> str:
    """The digest of an image that the registry has, as if it had just been pushed."""
    digest = registry.put_image("fn/app", "it", {"a": b""})
    monkeypatch.setenv("STAND_IN_DIGEST", digest)
    return digest


@pytest.mark.parametrize("engine", [Buildah, Podman])
def test_buildah_and_podman(
    engine: type[Buildah], registry: FakeRegistry, spec: ImageSpec, stand_in: StandIn, image: str
) -> None:
    """Platform, time and digest are asked for; the password is in no command line."""
    made = engine(build_options=["--isolation=chroot"])
    assert made.available() is None
    built = made.build(replace(spec, architecture="arm64"))
    assert built.digest == f"sha256:{ID}"
    target = replace(registry.repository(), username="AWS", password="secret")
    pushed = made.push(built, target)
    assert (pushed.digest, pushed.uri) == (image, f"{registry.host}/fn/app@{image}")
    assert pushed.uploaded_bytes is None
    assert pushed.size_bytes > 0
    _, build, push = stand_in.told
    assert {"build", "--timestamp=0", "--platform=linux/arm64", "--isolation=chroot"} <= set(
        build["argv"]
    )
    assert "--no-cache" not in build["argv"]
    assert push["argv"][-2:] == [ID, f"docker://{registry.host}/fn/app:image-{ID[:20]}"]
    assert "--tls-verify=false" in push["argv"]
    assert "secret" not in " ".join(push["argv"])
    login = base64.b64encode(b"AWS:secret").decode()
    assert push["login"] == {"auths": {"other": {"auth": "x"}, registry.host: {"auth": login}}}
    assert stat.S_IMODE(push["mode"]) == 0o600


@pytest.mark.parametrize("buildx", [True, False])
def test_docker(
    buildx: bool,
    registry: FakeRegistry,
    spec: ImageSpec,
    stand_in: StandIn,
    image: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """buildx makes no attestations; the digest is the one that this push printed."""
    if not buildx:
        monkeypatch.setenv("STAND_IN_FAILS", "buildx")
    docker = Docker(refresh=True)
    pushed = docker.push(docker.build(spec), registry.repository())
    assert pushed.digest == image
    _, build, _, push = stand_in.told
    assert ("--provenance=false" in build["argv"]) == buildx
    assert {"--no-cache", "--platform=linux/amd64"} <= set(build["argv"])
    assert push["login"] == {"credsStore": "desktop", "auths": {"other": {"auth": "x"}}}


def test_what_is_built(spec: ImageSpec, stand_in: StandIn, tmp_path: Path) -> None:
    """The project's own Dockerfile, or one that is named, or ours; the handler is its CMD."""
    engine = Buildah()
    spec.folder.joinpath(".git").mkdir()
    spec.folder.joinpath(".git/config").touch()
    requirements = tmp_path / "other.txt"
    requirements.write_text("x")
    engine.build(replace(spec, requirements=requirements))
    spec.folder.joinpath("Dockerfile").write_text("FROM own")
    engine.build(replace(spec, handler="a.b", runtime=DISTRIBUTION))
    named = tmp_path / "Named"
    named.write_text("FROM named\n\n")
    engine.build(replace(spec, dockerfile=named))
    ours, own, other = stand_in.told
    assert ours["dockerfile"].startswith("# The image of a Lambda function")
    assert ours["dockerfile"].endswith('CMD ["hello.handler"]\n')
    wheel = Path(spec.runtime).name
    assert ours["files"] == ["Dockerfile", "hello.py", wheel, "requirements.txt"]
    assert f"RUNTIME=./{wheel}" in ours["argv"]
    assert own["dockerfile"] == 'FROM own\nCMD ["a.b"]\n'
    assert own["files"] == ["Dockerfile", "hello.py"]
    assert f"RUNTIME={DISTRIBUTION}" in own["argv"]
    assert other["dockerfile"] == 'FROM named\nCMD ["hello.handler"]\n'
    with pytest.raises(ImageError, match=r"cannot read .*absent: No such file"):
        engine.build(replace(spec, dockerfile=tmp_path / "absent"))


def test_already_there(registry: FakeRegistry, stand_in: StandIn) -> None:
    """An image that the repository has is not pushed again; another of the same tag is."""
    registry.put_image("fn/app", "it", {"a": b""})
    _, body = registry.manifests["fn/app", "it"]
    config = json.loads(body)["config"]["digest"]
    tag = f"image-{config.removeprefix('sha256:')[:20]}"
    registry.manifests["fn/app", tag] = registry.manifests["fn/app", "it"]
    pushed = Podman().push(Built(config), registry.repository())
    assert pushed.uploaded_bytes == 0
    with pytest.raises(FileNotFoundError):
        assert not stand_in.told


def test_an_index(
    registry: FakeRegistry, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Lambda would refuse is refused here, with what to do."""
    digest = registry.put("fn/app", "it", {"mediaType": f"{OCI}.index.v1+json", "manifests": []})
    monkeypatch.setenv("STAND_IN_DIGEST", digest)
    with pytest.raises(ImageError, match="pushed an index, which Lambda refuses: switch its att"):
        Podman().push(Built(f"sha256:{ID}"), registry.repository())
    monkeypatch.setenv("STAND_IN_DIGEST", "none")
    with pytest.raises(ImageError, match="docker printed no digest"):
        Docker().push(Built(f"sha256:{ID}"), registry.repository())


def test_no_configuration(
    registry: FakeRegistry, stand_in: StandIn, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who never used docker has no configuration of it."""
    monkeypatch.setenv("DOCKER_CONFIG", "/nonexistent")
    assert Podman().push(Built(f"sha256:{ID}"), registry.repository()).digest == image
    assert stand_in.told[-1]["login"] == {}


def test_failures(spec: ImageSpec, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that fails is told in a line, with its last words."""
    monkeypatch.setenv("STAND_IN_FAILS", "build")
    shown: list[str] = []
    with pytest.raises(ImageError) as caught:
        Buildah().build(spec, lambda done, total, what: shown.append(what))
    assert str(caught.value) == "buildah build failed with status 3: two | three | the reason"
    assert shown == ["one", "two", "three", "the reason"]
    monkeypatch.setenv("STAND_IN_FAILS", "none")
    monkeypatch.setenv("STAND_IN_ID", "?")
    with pytest.raises(ImageError, match="printed no id of the image that it built"):
        Buildah().build(spec)
    with pytest.raises(ImageError, match=r"cannot run /nonexistent: No such file"):
        run(["/nonexistent"], no_meter)


def test_interrupted(tmp_path: Path) -> None:
    """A command does not outlive the wait for it."""

    def stop(done: int, total: int, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(["sh", "-c", f"echo $$ > {tmp_path}/pid; echo x; exec sleep 60"], stop)
    with pytest.raises(ProcessLookupError):
        os.kill(int(tmp_path.joinpath("pid").read_text()), 0)


def test_choose(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, or the one that needs nothing; the reason is told where one cannot be used."""
    assert isinstance(choose(), Native)
    assert {choose(name).name for name in ("docker", "podman", "buildah", "native")} == {
        "docker",
        "podman",
        "buildah",
        "native",
    }
    with pytest.raises(ImageError, match="no engine 'kaniko': choose auto, native, docker, podman"):
        choose("kaniko")
    monkeypatch.setenv("STAND_IN_FAILS", "info")
    with pytest.raises(ImageError, match="engine docker cannot be used: docker info says: the rea"):
        choose("docker")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ImageError, match="podman cannot be used: there is no command podman"):
        choose("podman")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert Native().available() == (
        "there is no uv, and /bin/false has no pip: install one of them"
    )


def test_a_dockerfile_that_somebody_wrote(
    spec: ImageSpec, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """auto builds it with what is at hand, or it is told loudly; that of `init` is none."""
    file = spec.folder / "Dockerfile"
    assert written(spec.folder, None) is None
    template = (files("amazon_lambda_runtime") / "cli" / "templates" / "Dockerfile").read_text()
    file.write_text(template.replace('CMD ["hello', 'CMD ["other'))
    assert written(spec.folder, None) is None
    file.write_text(template.replace("python3-pip", "python3-pip gcc"))
    assert written(spec.folder, None) == file
    assert choose("auto", file).name == "docker"
    assert unused("auto", choose("auto", file), file) is None
    assert isinstance(choose("native", file), Native)
    monkeypatch.setenv("STAND_IN_FAILS", "info")
    warning = unused("auto", choose("auto", file), file)
    assert warning is not None
    assert warning.startswith(f"{file} IS NOT USED")


def test_declared_dependencies(spec: ImageSpec, stand_in: StandIn) -> None:
    """Our own Dockerfile is given what the project declares, and wheels of what is at a path."""
    local = make_wheel(spec.folder.parent, "local", {"local.py": ""})
    text = f'[project]\ndependencies = ["click", "local @ {local.as_uri()}"]\n'
    spec.folder.joinpath("pyproject.toml").write_text(text)
    choose("buildah").build(spec)
    ours = stand_in.told[-1]
    assert "requirements.txt" in ours["files"]
    assert local.name in ours["files"]
    assert ours["requirements"] == f"click\n./{local.name}\n"


def test_a_handler_that_cannot_be_loaded(spec: ImageSpec, stand_in: StandIn) -> None:
    """Nothing is built; with a Dockerfile of the user's, only the build tells what is in it."""
    engine = Buildah()
    with pytest.raises(ImageError, match=r"the handler other\.handler can't be loaded"):
        engine.build(replace(spec, handler="other.handler"))
    with pytest.raises(ImageError, match=r"Did you mean hello\.handler"):
        engine.build(replace(spec, handlers=("hello.handlr",)))
    spec.folder.joinpath("Dockerfile").write_text("FROM own")
    engine.build(replace(spec, handler="other.handler"))
    assert len(stand_in.told) == 1  # the two before did not come to it
