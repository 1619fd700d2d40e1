"""The engines by name, and the one that is used if none is named.

docker, podman and buildah are commands: they build what a Dockerfile says, and each tells, when it
pushes, the digest that the registry has. The image must be a single manifest: Lambda refuses an
index, which is what docker's attestations make of it.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .command import run
from .context import Context, prepared
from .model import Built, Engine, ImageError, ImageSpec, Meter, Pushed, Repository, no_meter
from .native.engine import Native
from .registry.client import INDEXES, Client

_ID = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})")


def choose(name: str = "auto", dockerfile: Path | None = None, *, refresh: bool = False) -> Engine:
    """Return an engine that can be used here: docker, podman, buildah, native, or auto.

    auto is native, which needs no other program, unless there is a `dockerfile` that somebody wrote
    and an engine that can build it. `refresh` uses nothing of an earlier build. Raises ImageError
    for another name, or with the reason why the engine cannot be used.
    """
    engines: dict[str, Engine] = {
        "native": Native(refresh=refresh),
        "docker": Docker(refresh=refresh),
        "podman": Podman(refresh=refresh),
        "buildah": Buildah(refresh=refresh),
    }
    if name not in ("auto", *engines):
        raise ImageError(f"there is no engine {name!r}: choose auto, {', '.join(engines)}")
    if name == "auto" and dockerfile is not None:
        builders = (each for each in engines.values() if each.name != "native")
        if (found := next((each for each in builders if not each.available()), None)) is not None:
            return found
    engine = engines["native" if name == "auto" else name]
    if reason := engine.available():
        raise ImageError(f"the engine {engine.name} cannot be used: {reason}")
    return engine


def unused(name: str, engine: Engine, dockerfile: Path | None) -> str | None:
    """Return what to tell if auto, the `name`, found no engine for what somebody wrote."""
    if dockerfile is None or name != "auto" or engine.name != "native":
        return None
    return (
        f"{dockerfile} IS NOT USED: there is no docker, podman or buildah here to build it, and "
        'the native engine does not read it. Install one, or set engine = "native" to allow that'
    )


class _Command(ABC):
    """What the three commands have in common. `build_options` are more arguments for each build."""

    name = ""

    def __init__(
        self,
        *,
        refresh: bool = False,
        build_options: Sequence[str] = (),
        client: Client | None = None,
    ) -> None:
        self._refresh = refresh
        self._command = [self.name]
        self._build_options = list(build_options)
        self._client = client or Client()

    def available(self) -> str | None:
        """Return None, or in one line why it cannot be used here."""
        if shutil.which(self.name) is None:
            return f"there is no command {self.name}"
        probe = subprocess.run(
            [*self._command, "info"], capture_output=True, text=True, check=False
        )
        if probe.returncode:
            lines = (probe.stderr or probe.stdout).strip().splitlines()
            return f"{self.name} info says: {lines[-1] if lines else 'nothing'}"
        return None

    def build(self, spec: ImageSpec, meter: Meter = no_meter) -> Built:
        """Build the Dockerfile, for the platform of `spec`. Raises ImageError."""
        with prepared(spec) as context, tempfile.TemporaryDirectory() as directory:
            file = Path(directory, "id")
            command = [*self._command, *self._build(context, file)]
            command += [f"--platform=linux/{spec.platform}"]
            command += ["--no-cache"] if self._refresh else []
            command += ["--build-arg", f"RUNTIME={context.runtime}", *self._build_options]
            try:
                run([*command, str(context.folder)], meter)
            except ImageError as error:
                raise _foreign(self.name, spec, error) from None
            match = _ID.fullmatch(file.read_text().strip())
            if match is None:
                raise ImageError(f"{self.name} printed no id of the image that it built")
            return Built(f"sha256:{match[1]}", context.notes)

    def push(self, built: Built, repository: Repository, meter: Meter = no_meter) -> Pushed:
        """Push the image, under a tag made of its own name. Raises ImageError."""
        tag = f"image-{built.digest.removeprefix('sha256:')[:20]}"
        digest = self._there(built, repository, tag)
        uploaded = 0 if digest else None
        if not digest:
            digest = self._push(built.digest, f"{repository}:{tag}", repository, meter)
        manifest = self._client.manifest(repository, digest)
        if manifest.media_type in INDEXES:
            raise ImageError(
                f"{self.name} pushed an index, which Lambda refuses: switch its attestations off"
            )
        layers = manifest.document["layers"]
        return Pushed(
            digest,
            f"{repository}@{digest}",
            uploaded,
            sum(entry["size"] for entry in layers),
            tuple(entry["digest"] for entry in layers),
        )

    def _there(self, built: Built, repository: Repository, tag: str) -> str:
        """Return the digest of this image if the repository has it already, "" if not.

        If tags are immutable, it cannot be pushed again.
        """
        if not self._client.exists(repository, tag):
            return ""
        manifest = self._client.manifest(repository, tag)
        config = manifest.document.get("config", {}).get("digest")
        return manifest.digest if config == built.digest else ""

    @abstractmethod
    def _build(self, context: Context, file: Path) -> list[str]:
        """Return the command that builds and writes the image's id to `file`."""
        ...

    @abstractmethod
    def _push(self, image: str, target: str, repository: Repository, meter: Meter) -> str:
        """Push and return the digest."""
        ...


def _foreign(engine: str, spec: ImageSpec, error: ImageError) -> ImageError:
    """Return what to do where this machine can't run what the Dockerfile runs."""
    if "exec format error" not in str(error).lower():
        return error
    return ImageError(
        f"{engine} cannot run programs for {spec.architecture} on this machine, and the Dockerfile "
        f"runs some: let it emulate them (apt-get install qemu-user-static), build on a machine of "
        f'that architecture, or set engine = "native", which runs none ({error})'
    )


class Buildah(_Command):
    """buildah: no daemon."""

    name = "buildah"

    def _build(self, context: Context, file: Path) -> list[str]:
        # Times are the epoch, so that the same input gives the same digest.
        times = ["--timestamp=0", "--format=oci", "--layers", f"--iidfile={file}"]
        return ["build", *times, f"--file={context.dockerfile}"]

    def _push(self, image: str, target: str, repository: Repository, meter: Meter) -> str:
        with _login(repository) as folder:
            file = folder / "digest"
            command = [*self._command, "push", f"--digestfile={file}"]
            command += [f"--authfile={folder / 'config.json'}"]
            command += ["--tls-verify=false"] if repository.plain_http else []
            image = image.removeprefix("sha256:")
            run([*command, image, f"docker://{target}"], meter)
            return file.read_text().strip()


class Podman(Buildah):
    """podman: the same, and it can run the image as well."""

    name = "podman"


class Docker(_Command):
    """docker: with buildx where it is there, else with the daemon's own builder."""

    name = "docker"

    def _build(self, context: Context, file: Path) -> list[str]:
        buildx = [*self._command, "buildx", "version"]
        if subprocess.run(buildx, capture_output=True, check=False).returncode:
            verb = ["build"]
        else:
            verb = ["buildx", "build", "--load", "--provenance=false", "--sbom=false"]
        return [*verb, f"--iidfile={file}", f"--file={context.dockerfile}"]

    def _push(self, image: str, target: str, repository: Repository, meter: Meter) -> str:
        run([*self._command, "tag", image, target], meter)
        with _login(repository) as folder:
            env = {**os.environ, "DOCKER_CONFIG": str(folder)}
            printed = run([*self._command, "push", target], meter, env=env)
        match = _PUSHED.search(printed)
        if match is None:
            raise ImageError(f"docker printed no digest for what it pushed to {target}")
        return match[1]


@contextmanager
def _login(repository: Repository) -> Iterator[Path]:
    """Give a folder with a config.json that logs in to `repository`, for one command.

    A command line would show the password to all users, and `docker login` would store it. The rest
    of the folder links to the user's own.
    """
    home = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        config = json.loads((home / "config.json").read_text())
    except (OSError, ValueError):
        config = {}
    if repository.username:
        login = f"{repository.username}:{repository.password}".encode()
        config.setdefault("auths", {})[repository.host] = {"auth": base64.b64encode(login).decode()}
        # docker asks a credential store before it reads `auths`.
        config.pop("credsStore", None)
        config.get("credHelpers", {}).pop(repository.host, None)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for path in home.glob("*"):
            if path.name != "config.json":
                (folder / path.name).symlink_to(path)
        (folder / "config.json").touch(0o600)
        (folder / "config.json").write_text(json.dumps(config))
        yield folder
