"""The real parts of the slow tests: a registry, base images, the wheel, a container that runs."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from amazon_lambda_runtime.deploy.images import Repository

ROOT = Path(__file__).parents[3]
#: Where what takes long to make is kept, beside the virtual environment.
KEPT = ROOT / ".cache" / "containers"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
SLIM = "localhost/debian:trixie-slim"
ARM = "localhost/debian:trixie-slim-arm64"
WITH_PYTHON = "localhost/debian:trixie-slim-python"

REGISTRY = """
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}
http: {addr: "127.0.0.1:%d"}
"""

# What buildah can do everywhere: no daemon, no namespaces.
CHROOT = ("--isolation=chroot",)

# Where a container may not ask for more open files than this shell has.
RUN_OPTIONS = ("--rm", "--ulimit=nofile=1024:20000", "--ulimit=nproc=1024:4096", "--network=host")


class Cannot(Exception):
    """Raised when this machine lacks something that a test needs."""


def command(*arguments: str, timeout: float = 600) -> str:
    """Run a command and return what it printed. Raises Cannot if it fails."""
    try:
        done = subprocess.run(
            arguments, capture_output=True, text=True, timeout=timeout, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Cannot(f"{arguments[0]}: {error}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Cannot(f"{' '.join(arguments[:3])}: {' | '.join(lines[-3:])}")
    return done.stdout


@contextmanager
def registry() -> Iterator[str]:
    """Give the address of an empty registry of Debian's on loopback."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "config.yml")
        config.write_text(REGISTRY % (f"{directory}/data", port))
        with Path(directory, "log").open("wb") as log:
            process = subprocess.Popen(
                ["docker-registry", "serve", str(config)], stdout=log, stderr=log
            )
        try:
            wait_until(lambda: listens(port))
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def gateway() -> str:
    """Return the address that a container of podman's network reaches this machine at."""
    return command(
        "podman", "network", "inspect", "podman", "--format",
        "{{range .Subnets}}{{.Gateway}}{{end}}",
    ).strip()  # fmt: skip


def wait_until(is_so: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until something is so. Raises Cannot."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise Cannot(f"waited {seconds} seconds in vain")
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def which(name: str) -> str | None:
    return shutil.which(name)


def remove(root: Path) -> None:
    """Delete a root that debootstrap may have left half made, with this machine's /proc in it."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        place = Path(line.split()[1])
        if place.is_relative_to(root):
            command("umount", str(place))
    shutil.rmtree(root, ignore_errors=True)


def debian() -> None:
    """Make the two base images, if this machine has not got them yet: trixie, and with Python."""
    root = KEPT / "trixie"
    if not (root / "usr/bin/dpkg").exists() or not (root / "made").exists():
        remove(root)
        root.parent.mkdir(parents=True, exist_ok=True)
        command(
            "debootstrap",
            "--variant=minbase",
            "--include=ca-certificates",
            "trixie",
            str(root),
            MIRROR,
        )
        for used_up in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
            for path in (root / used_up).glob("*"):
                with contextlib.suppress(OSError):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        (root / "made").touch()
    with tempfile.TemporaryDirectory() as directory:
        context = Path(directory)
        if not has_image(SLIM):
            dockerfile = "FROM scratch\nADD trixie.tar /\n"
            if CERTIFICATES.exists():
                # Whom this machine trusts, its images do: there may be a proxy in between.
                shutil.copyfile(CERTIFICATES, context / CERTIFICATES.name)
                dockerfile += f"COPY {CERTIFICATES.name} {CERTIFICATES}\n"
            context.joinpath("Dockerfile").write_text(dockerfile)
            command("tar", "-C", str(root), "-cf", str(context / "trixie.tar"), "--exclude=./dev/*",
                    "--exclude=./made", ".")  # fmt: skip
            command("buildah", "build", *CHROOT, "-t", SLIM, directory)
            (context / "trixie.tar").unlink()
        if not has_image(WITH_PYTHON):
            context.joinpath("Dockerfile").write_text(
                f"FROM {SLIM}\nRUN apt-get update && "
                "apt-get install -y --no-install-recommends python3 ca-certificates && "
                "apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*\n"
            )
            command("buildah", "build", *CHROOT, "-t", WITH_PYTHON, directory)


def arm64() -> None:
    """Make a base image of arm64's packages: unpacked, since nothing of them can run here."""
    if has_image(ARM):
        return
    with tempfile.TemporaryDirectory(dir=KEPT) as directory:
        root = Path(directory, "root")
        command(
            "debootstrap", "--foreign", "--arch=arm64", "--variant=minbase", "--include=python3",
            "trixie", str(root), MIRROR,
        )  # fmt: skip
        for package in (root / "var/cache/apt/archives").glob("*.deb"):
            if package.name.startswith(("libc6_", "libpython3", "python3", "base-files_")):
                command("dpkg-deb", "--extract", str(package), str(root))
        shutil.rmtree(root / "var/cache/apt")
        command("tar", "-C", str(root), "-cf", f"{directory}/arm64.tar", "--exclude=./dev/*", ".")
        shutil.rmtree(root)
        Path(directory, "Dockerfile").write_text("FROM scratch\nADD arm64.tar /\n")
        command("buildah", "build", *CHROOT, "--platform=linux/arm64", "-t", ARM, directory)


def has_image(name: str) -> bool:
    done = subprocess.run(["buildah", "inspect", name], capture_output=True, check=False)
    return done.returncode == 0


def push(image: str, repository: Repository, tag: str = "latest") -> None:
    """Push an image of this machine with podman's own means."""
    command("buildah", "push", "--tls-verify=false", image, f"docker://{repository}:{tag}")


def wheel(folder: Path) -> Path:
    """Return the wheel of this checkout."""
    command(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder),
        str(ROOT),
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


@contextmanager
def running(uri: str, api: str, *options: str) -> Iterator[Path]:
    """Run the image as a container that talks to the Runtime API at `api`; give what it prints."""
    name = f"alr-{uuid.uuid4().hex[:12]}"
    podman = ["podman", "--runtime=runc"]
    with tempfile.TemporaryDirectory() as directory:
        printed = Path(directory, "printed")
        with printed.open("wb") as file:
            process = subprocess.Popen(
                [*podman, "run", *RUN_OPTIONS, "--tls-verify=false", f"--name={name}",
                 f"--env=AWS_LAMBDA_RUNTIME_API={api}", *options, uri],
                stdout=file,
                stderr=file,
            )  # fmt: skip
        try:
            yield printed
        finally:
            # The first process of a container does not die of a SIGTERM that it does not expect.
            kill = [*podman, "rm", "--force", "--time=0", name]
            subprocess.run(kill, capture_output=True, check=False, timeout=60)
            process.wait(30)
