"""What goes into an image, where it goes, and the result: the values that all engines share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

#: Called as work goes on: bytes done, bytes in all (0 and 0 if unknown), and what is done.
Meter = Callable[[int, int, str], None]

DISTRIBUTION = "amazon-lambda-runtime"
TASK_ROOT = "var/task"
ENTRYPOINT = "/usr/local/bin/bootstrap"
# Lambda's words for a processor, and the registries'.
PLATFORMS = {"x86_64": "amd64", "arm64": "arm64"}


class ImageError(Exception):
    """Raised when an image cannot be built or pushed: what was attempted, and what went wrong."""


def no_meter(done: int, total: int, what: str) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """What goes into an image.

    `handler` is its CMD. `dockerfile` is for the engines that read one; None is the Dockerfile of
    the folder, or else the one that `lambda-runtime init` writes. `base` is for the native engine:
    any image with a Python in it. `requirements` defaults to the folder's requirements.txt, if it
    has one. `runtime` is a requirement, or the path of a wheel. `exclude` adds patterns, in the
    syntax of .dockerignore, to those of `files.EXCLUDED` and of the folder's .dockerignore.
    """

    folder: Path
    handler: str
    architecture: str = "x86_64"
    dockerfile: Path | None = None
    base: str = "python:3.13-slim-trixie"
    requirements: Path | None = None
    runtime: str = DISTRIBUTION
    exclude: tuple[str, ...] = ()
    #: Relative paths of files that hold secrets, such as environment files.
    secret: tuple[str, ...] = ()
    #: The handlers of all functions that run the image, if `handler` is not the only one.
    handlers: tuple[str, ...] = ()
    #: Relative paths of files that are packed though they look like secrets.
    include: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.architecture not in PLATFORMS:
            known = " or ".join(PLATFORMS)
            raise ImageError(f"Lambda has no architecture {self.architecture!r}: choose {known}")

    @property
    def platform(self) -> str:
        """The architecture in the words of registries: amd64, arm64."""
        return PLATFORMS[self.architecture]

    @property
    def requirements_file(self) -> Path | None:
        """The requirements of the project, if there are any."""
        if self.requirements is not None:
            return self.requirements
        file = self.folder / "requirements.txt"
        return file if file.is_file() else None

    @property
    def wheel(self) -> Path | None:
        """The runtime's wheel, if that is what `runtime` names."""
        return Path(self.runtime) if self.runtime.endswith(".whl") else None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of a registry: host[:port], name, and the credentials to write to it."""

    host: str
    name: str
    username: str = ""
    password: str = field(default="", repr=False)
    plain_http: bool = False

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: the digest of its compressed bytes, their number, the digest of what is in it."""

    digest: str
    size: int
    diff_id: str


@dataclass(frozen=True, slots=True)
class Built:
    """An image on this machine. `digest` is its own name for it; `notes` are for the user."""

    digest: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pushed:
    """An image in a registry. `digest` is the manifest's, and `uri` the image by that digest.

    `uploaded_bytes` is None if the engine does not report it. `size_bytes` is the sum of the
    compressed `layers`, which are given by their digests.
    """

    digest: str
    uri: str
    uploaded_bytes: int | None
    size_bytes: int
    layers: tuple[str, ...]


class Engine(Protocol):
    """Builds images and pushes them. Its methods raise ImageError."""

    name: str

    def available(self) -> str | None:
        """Return None, or in one line why it cannot be used here."""
        ...

    def build(self, spec: ImageSpec, meter: Meter = no_meter) -> Built:
        """Build the image on this machine."""
        ...

    def push(self, built: Built, repository: Repository, meter: Meter = no_meter) -> Pushed:
        """Push what `build` returned, and return its digest as the push itself had it."""
        ...
