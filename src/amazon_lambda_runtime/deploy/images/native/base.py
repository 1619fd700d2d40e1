"""The image that the native engine builds upon, and the Python that is in it."""

import re
import tarfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from amazon_lambda_runtime.deploy.images.model import (
    PLATFORMS,
    ImageError,
    ImageSpec,
    Layer,
    Meter,
    Repository,
)
from amazon_lambda_runtime.deploy.images.registry.client import INDEXES, Client, Manifest
from amazon_lambda_runtime.deploy.images.registry.reference import Reference, parse

from .cache import Cache

_PYTHON = re.compile(r"(?:\./)?((?:usr/local|usr|var/lang|opt/[^/]+)/bin)/(python3(?:\.\d+)?)")
_LIBRARY = re.compile(
    r"(?:\./)?(?:usr/local|usr|var/lang|opt/[^/]+)/lib/(?:[^/]+/)?libpython3[^/]*"
)
_DEBIAN = re.compile(r"(?:\./)?usr/lib/python3/dist-packages(?:/.*)?", re.S)
_GLIBC = re.compile(r"(?:\./)?(?:usr/)?lib(?:64)?/(?:[^/]+/)?libc\.so\.6")
_MUSL = re.compile(r"(?:\./)?(?:usr/)?lib/ld-musl-[^/]+")
# A text inside the GNU C library itself.
_RELEASE = re.compile(rb"GNU C Library [^\n]* release version (\d+)\.(\d+)")
# A text inside Python itself, between zeros.
_PATCH = re.compile(rb"\0(3\.\d+\.\d+)\+?(?=\0)")
# Lambda's PATH for an image that sets none.
_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/bin"


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter in an image: "3.13" and "3.13.5", its path, its packages, its C library."""

    version: str
    release: str
    path: str
    packages: str
    libc: str
    libc_version: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Base:
    """A base image for one platform: by digest, its layers and config, and its Python."""

    repository: Repository
    digest: str
    config: dict[str, Any]
    layers: tuple[Layer, ...]
    python: Python


def find(spec: ImageSpec, client: Client, cache: Cache, meter: Meter) -> Base:
    """Return the base of `spec` for its platform. Raises ImageError if it cannot be used.

    Its layers are fetched only if its Python is not in the cache.
    """
    wanted = parse(spec.base)
    manifest = _manifest(wanted, spec, client, cache)
    key = f"config of {manifest.digest}"
    config = cache.facts(key)
    if config is None:
        config = client.config(wanted.repository, manifest)
        cache.remember(key, config)
    _check_platform(wanted, config, spec)
    layers = _layers(wanted, manifest, config)
    key = f"python and its release of {manifest.digest}"
    facts = cache.facts(key)
    if facts is None:
        facts = asdict(_python(wanted, config, layers, client, cache, meter))
        cache.remember(key, facts)
    python = Python(**{**facts, "libc_version": tuple(facts["libc_version"])})
    return Base(wanted.repository, manifest.digest, config, layers, python)


def fetch(repository: Repository, layer: Layer, client: Client, cache: Cache, meter: Meter) -> Path:
    """Return the file of a layer, from the cache or else from the registry."""
    known = cache.verified(layer.digest, layer.size)
    if known is not None:
        return known
    with cache.new_file() as new:
        client.download(repository, layer.digest, layer.size, new, meter)
        return cache.keep(new, layer.digest)


def _manifest(wanted: Reference, spec: ImageSpec, client: Client, cache: Cache) -> Manifest:
    """Return the manifest for the platform: that of the image, or one of its index's."""
    version = wanted.version
    # An index leads to a manifest. An index of indexes is allowed, and not seen in practice.
    for _ in range(3):
        manifest = _read(Reference(wanted.repository, version), client, cache)
        if manifest.media_type not in INDEXES:
            return manifest
        offered = [entry.get("platform", {}) for entry in manifest.document["manifests"]]
        fitting = [
            entry["digest"]
            for entry, platform in zip(manifest.document["manifests"], offered, strict=True)
            if platform.get("os") == "linux" and platform.get("architecture") == spec.platform
        ]
        if not fitting:
            known = ", ".join(sorted({str(each.get("architecture")) for each in offered}))
            raise ImageError(f"{wanted} is not available for {spec.platform}, only for {known}")
        version = fitting[0]
    raise ImageError(f"{wanted} is an index of indexes")


def _read(wanted: Reference, client: Client, cache: Cache) -> Manifest:
    """Return a manifest; one that is named by digest is remembered."""
    key = f"manifest {wanted}"
    known = cache.facts(key) if wanted.pinned else None
    if known is not None:
        return Manifest(wanted.version, known[0], known[1].encode())
    manifest = client.manifest(wanted.repository, wanted.version)
    pinned = Reference(wanted.repository, manifest.digest)
    cache.remember(f"manifest {pinned}", [manifest.media_type, manifest.body.decode()])
    return manifest


def _check_platform(wanted: Reference, config: dict[str, Any], spec: ImageSpec) -> None:
    is_for = config.get("architecture"), config.get("os")
    if is_for != (spec.platform, "linux"):
        words = {there: here for here, there in PLATFORMS.items()}
        there = words.get(str(is_for[0]), is_for[0])
        raise ImageError(
            f"{wanted} is an image for {there}, and the function is to run on {spec.architecture}"
        )


def _layers(wanted: Reference, manifest: Manifest, config: dict[str, Any]) -> tuple[Layer, ...]:
    layers = []
    ids = config["rootfs"]["diff_ids"]
    for entry, diff_id in zip(manifest.document["layers"], ids, strict=True):
        if not re.search(r"[.+]gzip$", entry["mediaType"]) or "foreign" in entry["mediaType"]:
            raise ImageError(
                f"{wanted} has a layer of type {entry['mediaType']}, which Lambda does not accept"
            )
        layers.append(Layer(entry["digest"], entry["size"], diff_id))
    return tuple(layers)


@dataclass(slots=True)
class _Seen:
    """What the layers of an image tell of its Python, from the first to the last."""

    #: By folder: where its python3 leads, and the versions that are there.
    links: dict[str, str] = field(default_factory=dict)
    versions: dict[str, list[str]] = field(default_factory=dict)
    #: Of each version, the release that an interpreter or its library has in it.
    releases: dict[str, str] = field(default_factory=dict)
    libc: str = "glibc"
    release: tuple[int, int] = (0, 0)
    debian: bool = False

    def look(self, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        """Take from one entry of a layer what it tells."""
        if match := _PYTHON.fullmatch(entry.name):
            self._python(match[1], match[2], entry)
            self._release(tar, entry)
        elif _LIBRARY.fullmatch(entry.name):
            self._release(tar, entry)
        elif _MUSL.fullmatch(entry.name):
            self.libc, self.release = "musl", (1, 2)
        elif _GLIBC.fullmatch(entry.name) and entry.isfile():
            content = tar.extractfile(entry)
            if content and (found := _RELEASE.search(content.read())):
                self.release = int(found[1]), int(found[2])
        elif _DEBIAN.fullmatch(entry.name):
            self.debian = True

    def _python(self, folder: str, name: str, entry: tarfile.TarInfo) -> None:
        if name == "python3":
            self.links[folder] = entry.linkname.rpartition("/")[2].removeprefix("python")
        else:
            self.versions.setdefault(folder, []).append(name.removeprefix("python"))

    def _release(self, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        content = tar.extractfile(entry) if entry.isfile() else None
        for found in _PATCH.findall(content.read() if content else b""):
            release = found.decode()
            self.releases[release.rpartition(".")[0]] = release

    def python(self, search_path: str) -> Python | None:
        """Return the interpreter that is first on PATH, None if there is none."""
        folders = (folder.strip("/") for folder in search_path.split(":"))
        here = next((folder for folder in folders if folder in self.versions), None)
        if here is None:
            return None
        linked, versions = self.links.get(here, ""), self.versions[here]
        version = linked if linked in versions else versions[-1]
        prefix = here.rpartition("/")[0]
        if self.debian and prefix == "usr":
            packages = f"usr/local/lib/python{version}/dist-packages"
        else:
            packages = f"{prefix}/lib/python{version}/site-packages"
        release = self.releases.get(version, version)
        path = f"/{here}/python{version}"
        return Python(version, release, path, packages, self.libc, self.release)


def _python(
    wanted: Reference,
    config: dict[str, Any],
    layers: tuple[Layer, ...],
    client: Client,
    cache: Cache,
    meter: Meter,
) -> Python:
    """Search the layers for an interpreter."""
    seen = _Seen()
    for layer in layers:
        file = fetch(wanted.repository, layer, client, cache, meter)
        with tarfile.open(file, "r:gz") as tar:
            for entry in tar:
                seen.look(tar, entry)
    env = dict(each.partition("=")[::2] for each in config.get("config", {}).get("Env") or ())
    python = seen.python(env.get("PATH", _PATH))
    if python is None:
        raise ImageError(
            f"{wanted} has no Python on its PATH: name an image that has one, such "
            "as python:3.13-slim-trixie"
        )
    if python.libc_version == (0, 0):
        raise ImageError(
            f"{wanted} has a C library that is neither glibc nor musl: name another base image"
        )
    return python


def tags(python: Python, architecture: str) -> list[str]:
    """Return the platform tags of the wheels that run there, best first (PEP 600, PEP 656)."""
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[architecture]
    major, minor = python.libc_version
    if python.libc == "musl":
        return [f"musllinux_{major}_{n}_{machine}" for n in range(minor, -1, -1)]
    # manylinux2014 and older are other names, which pip knows to belong together.
    oldest = 17 if machine == "aarch64" else 5
    modern = [f"manylinux_{major}_{n}_{machine}" for n in range(minor, oldest - 1, -1)]
    return [*modern, f"manylinux2014_{machine}", f"linux_{machine}"]
