"""uv where it is there, or else pip, told to install wheels for another machine into a folder.

uv answers markers (`; python_version < "3.13"`) as that machine would. pip answers them as its own
Python does: it is run by one of the same version where there is one, and what is missing is told.
"""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from amazon_lambda_runtime.deploy.images import dependencies
from amazon_lambda_runtime.deploy.images.model import ImageError

from .base import Python, tags

_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
# The releases of glibc that uv has a platform for.
_GLIBCS = (*range(40, 30, -1), 28, 17)
_UNREACHABLE = re.compile(r"Request failed after|Failed to fetch|error sending request")
_RETRIED = re.compile(r"connection broken by [\"'](.*)[\"']: (\S+)")
_NOISE = re.compile(r"Using (CPython|Python)|(Resolved|Prepared|Downloaded|Downloading|Building) ")
# What pip is configured with, and the variable by which uv hears of it.
_SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS",
    "constraint": "UV_CONSTRAINT", "cert": "SSL_CERT_FILE", "trusted-host": "UV_INSECURE_HOST",
}  # fmt: skip


def install(
    wanted: Sequence[str],
    python: Python,
    architecture: str,
    folder: Path,
    project: Path,
    *,
    interpreter: str | None,
    hashed: bool = False,
) -> None:
    """Install `wanted`, arguments of pip, into `folder`. `interpreter` is one of that version.

    Raises ImageError with what pip or uv said.
    """
    uv = dependencies.uv()
    if uv is not None:
        command = [uv, "pip", "install", *_uv(python, architecture)]
        env = _environment(hashed=hashed)
    else:
        command = [*_pip(interpreter), "install", *_pip_options(python, architecture)]
        env = dict(os.environ)
    command += ["--require-hashes"] if hashed else []
    command += ["--only-binary=:all:", "--target", str(folder), *wanted]
    done = subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = _uv_reason if uv is not None else _pip_reason
        raise ImageError(reason(done.stderr, python, architecture))
    if uv is None and interpreter is None:
        _complete(folder, python, architecture)


def _uv(python: Python, architecture: str) -> list[str]:
    machine = _MACHINES[architecture]
    major, minor = python.libc_version
    if python.libc == "musl":
        platform = f"{machine}-unknown-linux-musl"
    else:
        fitting = next((each for each in _GLIBCS if (2, each) <= (major, minor)), None)
        if fitting is None:
            raise ImageError(f"the image's glibc {major}.{minor} is too old for any wheel")
        platform = f"{machine}-manylinux_2_{fitting}"
    options = ["--color=never", "--no-progress", "--link-mode=copy", "--no-python-downloads"]
    options += [f"--python={sys.executable}"]
    return [*options, f"--python-version={python.release}", f"--python-platform={platform}"]


def _pip(interpreter: str | None) -> list[str]:
    own = [sys.executable, "-m", "pip"]
    other = interpreter is not None and interpreter != sys.executable
    return [*own, "--python", str(interpreter)] if other else own


def _pip_options(python: Python, architecture: str) -> list[str]:
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    options += ["--no-warn-conflicts", "--root-user-action=ignore"]
    options += ["--implementation=cp", f"--python-version={python.release}"]
    for tag in tags(python, architecture):
        options += ["--platform", tag]
    return options


def _environment(*, hashed: bool) -> dict[str, str]:
    """Return the environment for uv: with the indexes that pip is configured with.

    uv does not read pip's configuration, and would look for private packages in public.
    """
    env = dict(os.environ)
    if any(name.startswith("UV_") and "INDEX" in name for name in env):
        return env
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in ("global", "install", ":env:") and key in _SETTINGS:
            env[_SETTINGS[key]] = " ".join(str(ast.literal_eval(value)).split())
    if hashed:
        env.pop("UV_CONSTRAINT", None)  # uv refuses one without a hash, and all is pinned anyway
    if "UV_INDEX" in env:  # pip looks into all of them, uv into the first that has the name
        env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    # uv separates these by commas, and not by spaces.
    if "UV_FIND_LINKS" in env:
        env["UV_FIND_LINKS"] = env["UV_FIND_LINKS"].replace(" ", ",")
    return env


def _uv_reason(stderr: str, python: Python, architecture: str) -> str:
    lines = [re.sub(r"^[^\w(`]+", "", line).strip() for line in stderr.splitlines()]
    said = " ".join(line for line in lines if line and not _NOISE.match(line))
    said = said.removeprefix("error: ").replace(" cause: ", ": ")
    if _UNREACHABLE.search(said):
        return f"uv cannot reach the package index: {said}"
    target = _target(python, architecture)
    if "wheel" in said or "Building source" in said:
        said += f". Build a wheel for {target}, or use an engine with a Dockerfile"
    return f"uv cannot install the packages for {target}: {said}"


def _pip_reason(stderr: str, python: Python, architecture: str) -> str:
    if broken := _RETRIED.search(stderr):
        why = broken[1].rpartition(": ")[2].strip("'\") ")
        return f"pip cannot reach the package index: {why} ({broken[2]})"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR: ", "WARNING: "))]
    said = " ".join(re.sub("^(ERROR|WARNING): ", "", line) for line in errors or lines[-1:])
    target = _target(python, architecture)
    if "No matching distribution found" in said:
        # An older pip does not say that an index has refused it.
        said += (
            ". If the name is right and the index takes your credentials, no wheel fits "
            f"{python.libc} (manylinux is for glibc, musllinux for musl): build one with "
            "`pip wheel` there, or use an engine with a Dockerfile"
        )
    return f"pip cannot install the packages for {target}: {said}"


def _target(python: Python, architecture: str) -> str:
    libc = ".".join(map(str, python.libc_version))
    return f"Python {python.release} on {architecture} ({python.libc} {libc})"


def _complete(folder: Path, python: Python, architecture: str) -> None:
    """Raise ImageError if a package is missing that only the image's Python asks for."""
    there = {
        canonicalize_name(each.metadata["Name"]): each
        for each in importlib.metadata.distributions(path=[str(folder)])
    }
    answers = markers(python, architecture)
    for name, each in there.items():
        for line in each.requires or ():
            needed = Requirement(line)
            wanted = needed.marker is None or needed.marker.evaluate({**answers, "extra": ""})
            if wanted and canonicalize_name(needed.name) not in there:
                raise ImageError(
                    f"{name} needs {needed.name} with Python {python.release}, and pip, which asks "
                    f"the Python that runs it, left it out: install uv, or Python {python.version},"
                    " or name it in requirements.txt"
                )


def markers(python: Python, architecture: str) -> Mapping[str, str]:
    """Return what markers ask about, as the image answers."""
    return {
        "implementation_name": "cpython",
        "implementation_version": python.release,
        "os_name": "posix",
        "platform_machine": _MACHINES[architecture],
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": python.release,
        "python_version": python.version,
        "sys_platform": "linux",
    }
