"""The engine that needs no engine: layers and a manifest of our own on a base image.

A base by digest, the packages as one layer, the project as another. What went in decides the
digest; nothing of this machine does.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amazon_lambda_runtime.deploy.images import dependencies, proof
from amazon_lambda_runtime.deploy.images.files import select
from amazon_lambda_runtime.deploy.images.model import (
    ENTRYPOINT,
    TASK_ROOT,
    Built,
    ImageError,
    ImageSpec,
    Layer,
    Meter,
    Pushed,
    Repository,
    no_meter,
)
from amazon_lambda_runtime.deploy.images.registry.client import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    Client,
    sha256,
)

from . import base, layer, wheels
from .cache import Cache

_CREATED = "1970-01-01T00:00:00Z"
_HISTORY = "lambda-runtime"


@dataclass(frozen=True, slots=True)
class NativeImage(Built):
    """A manifest, and where its blobs are: the base's in its registry, ours in the cache."""

    manifest: bytes = b""
    config: bytes = b""
    base_layers: tuple[Layer, ...] = ()
    base_repository: Repository | None = None
    own_layers: tuple[Layer, ...] = ()


class Native:
    """Builds without any container software. `refresh` installs all packages anew."""

    name = "native"

    def __init__(
        self,
        *,
        refresh: bool = False,
        cache: Cache | None = None,
        client: Client | None = None,
    ) -> None:
        self._refresh = refresh
        self._cache = cache or Cache()
        self._client = client or Client()

    def available(self) -> str | None:
        """Return None, or why it cannot be used here, in a line."""
        pip = [sys.executable, "-m", "pip", "--version"]
        if dependencies.uv() is not None:
            return None
        if subprocess.run(pip, capture_output=True, check=False).returncode:
            return f"there is no uv, and {sys.executable} has no pip: install one of them"
        return None

    def build(self, spec: ImageSpec, meter: Meter = no_meter) -> NativeImage:
        """Make the layers, the config and the manifest. Only registries of bases are asked.

        Raises ImageError.
        """
        selection = select(spec)
        project = selection.files
        wanted = dependencies.declared(spec)
        found = base.find(spec, self._client, self._cache, meter)
        proof.handlers(
            project,
            (spec.handler, *spec.handlers),
            found.python.version,
            has_packages=wanted is not None,
        )
        interpreter = wheels.compiler(found.python)
        notes = [*selection.notes]
        if interpreter is None:
            notes.append(
                f"there is no Python {found.python.version} here to compile the modules with: "
                "each cold start compiles them"
            )
        packages = self._packages(spec, wanted, found, interpreter, meter)
        code = self._project(spec, project, interpreter)
        config = _config(found, spec, (packages, code))
        layers = (*found.layers, packages, code)
        manifest = _manifest(config, layers)
        self._cache.tidy()
        return NativeImage(
            sha256(manifest),
            tuple(notes),
            manifest,
            config,
            found.layers,
            found.repository,
            (packages, code),
        )

    def push(self, built: Built, repository: Repository, meter: Meter = no_meter) -> Pushed:
        """Push what is not there yet, the manifest last. Killed on the way, it goes on next time.

        Raises ImageError.
        """
        assert isinstance(built, NativeImage)
        assert built.base_repository is not None
        uploaded = 0
        if not self._client.exists(repository, built.digest):
            for each in built.base_layers:
                uploaded += self._give_base(each, built.base_repository, repository, meter)
            for each in built.own_layers:
                uploaded += self._give(each, repository, meter)
            uploaded += self._give_config(built.config, repository)
            self._client.put_manifest(repository, built.manifest, OCI_MANIFEST)
        layers = (*built.base_layers, *built.own_layers)
        return Pushed(
            built.digest,
            f"{repository}@{built.digest}",
            uploaded,
            sum(each.size for each in layers),
            tuple(each.digest for each in layers),
        )

    def _packages(
        self,
        spec: ImageSpec,
        wanted: dependencies.Dependencies | None,
        found: base.Base,
        interpreter: str | None,
        meter: Meter,
    ) -> Layer:
        """Return the layer of packages, from the cache if nothing that it depends on changed."""
        key = wheels.key(spec, wanted, found.python, str(interpreter))
        known = None if self._refresh else self._cache.facts(key)
        if known is not None:
            made = Layer(**known)
            if self._cache.verified(made.digest, made.size):
                return made
        meter(0, 1, "packages")
        with tempfile.TemporaryDirectory() as directory:
            folder = Path(directory, "packages")
            wheels.install(spec, wanted, found.python, folder, interpreter)
            if interpreter is not None:
                wheels.compile_all(interpreter, folder, found.python.packages)
            tree = wheels.places(folder, found.python)
            if ENTRYPOINT.strip("/") not in tree:
                raise ImageError(
                    f"{spec.runtime} contains no bootstrap: it is not a Lambda runtime"
                )
            proof.bootstrap(tree[ENTRYPOINT.strip("/")], found.python.path)
            made = layer.make(tree, self._cache)
        meter(1, 1, "packages")
        self._cache.remember(
            key, {"digest": made.digest, "size": made.size, "diff_id": made.diff_id}
        )
        return made

    def _project(self, spec: ImageSpec, project: dict[str, Path], interpreter: str | None) -> Layer:
        tree = {f"{TASK_ROOT}/{name}": path for name, path in project.items()}
        if interpreter is None:
            return layer.make(tree, self._cache)
        with tempfile.TemporaryDirectory() as directory:
            # Only the modules are copied, for their bytecode to be written beside them.
            folder = Path(directory, "task")
            for name, path in project.items():
                if name.endswith(".py") and not path.is_symlink():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, folder / name)
            wheels.compile_all(interpreter, folder, TASK_ROOT)
            for path in folder.rglob("*.pyc"):
                tree[f"{TASK_ROOT}/{path.relative_to(folder).as_posix()}"] = path
            return layer.make(tree, self._cache)

    def _give_base(self, each: Layer, source: Repository, target: Repository, meter: Meter) -> int:
        if self._client.has_blob(target, each.digest):
            return 0
        if self._client.mount(target, each.digest, source):
            return 0
        file = base.fetch(source, each, self._client, self._cache, meter)
        self._client.upload(target, each.digest, file, meter)
        return each.size

    def _give(self, each: Layer, target: Repository, meter: Meter) -> int:
        if self._client.has_blob(target, each.digest):
            return 0
        file = self._cache.verified(each.digest, each.size)
        if file is None:
            raise ImageError(f"the layer {each.digest} is no longer in the cache: build it again")
        self._client.upload(target, each.digest, file, meter)
        return each.size

    def _give_config(self, config: bytes, target: Repository) -> int:
        if self._client.has_blob(target, sha256(config)):
            return 0
        with self._cache.new_file() as file:
            file.write_bytes(config)
            self._client.upload(target, sha256(config), file)
        return len(config)


def _config(found: base.Base, spec: ImageSpec, added: tuple[Layer, ...]) -> bytes:
    """Return the config: the base's environment and labels, our entry point, no time of day."""
    old: dict[str, Any] = found.config
    settings = dict(old.get("config") or {})
    # Of a base that was meant to be run by itself.
    for name in ("Healthcheck", "ExposedPorts", "Volumes", "OnBuild", "ArgsEscaped", "Image"):
        settings.pop(name, None)
    settings["Entrypoint"] = [ENTRYPOINT]
    settings["Cmd"] = [spec.handler]
    settings["WorkingDir"] = f"/{TASK_ROOT}"
    history = [
        *old.get("history", ()),
        *({"created": _CREATED, "created_by": _HISTORY, "comment": what} for what in _LAYERS),
    ]
    document = {
        "architecture": spec.platform,
        "os": "linux",
        "created": _CREATED,
        "config": settings,
        "rootfs": {
            "type": "layers",
            "diff_ids": [each.diff_id for each in (*found.layers, *added)],
        },
        "history": history,
        **{key: old[key] for key in ("variant",) if key in old},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


_LAYERS = ("packages", "project")


def _manifest(config: bytes, layers: tuple[Layer, ...]) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": sha256(config), "size": len(config)},
        "layers": [
            {"mediaType": OCI_LAYER, "digest": each.digest, "size": each.size} for each in layers
        ],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
