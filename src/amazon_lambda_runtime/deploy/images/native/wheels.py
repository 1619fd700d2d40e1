"""The project's packages for another machine: its processor, its C library, its Python.

pip resolves them. It takes wheels for another platform, but asks the one it runs on when a
requirement says `; python_version < "3.13"` or `; sys_platform == "linux"`, so those answers are
changed (`TARGET`).
"""

import hashlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from amazon_lambda_runtime.deploy.images.files import chosen
from amazon_lambda_runtime.deploy.images.model import (
    DISTRIBUTION,
    ENTRYPOINT,
    ImageError,
    ImageSpec,
)

from .base import Python, tags

# Run with: the Python's version, the machine, then pip's own arguments.
TARGET = """
import sys
version, machine, *sys.argv[1:] = sys.argv[1:]
from pip._internal.cli.main import main
from pip._vendor.packaging import markers
here = markers.default_environment()
there = {
    **here,
    "implementation_name": "cpython",
    "implementation_version": version + ".0",
    "os_name": "posix",
    "platform_machine": machine,
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": version + ".0",
    "python_version": version,
    "sys_platform": "linux",
}
markers.default_environment = lambda: dict(there)
sys.exit(main())
"""
_NOT_FOUND = re.compile(r"No matching distribution found for ([^\s(]+)")
# A wheel or a folder: "./libs/mylib[extra]", "-e ./libs/mylib", "mylib @ file:./libs/mylib".
_LOCAL = re.compile(r"(?:(?:-e|--editable)[ =]\s*)?(?:[\w.-]+\s*@\s*)?(?:file:(?://)?)?([^[\]#]+)")
# What is new when the same input makes another layer than before.
_FORMAT = 2
_OPTION = re.compile(r"(?:-r|--requirement|-c|--constraint)[ =]?\s*(\S+)")


def inputs(spec: ImageSpec) -> Iterator[tuple[str, bytes]]:
    """Give all that decides about the packages: the runtime's requirement, the project's files."""
    if spec.wheel is not None:
        yield spec.wheel.name, _content(spec.wheel)
    else:
        yield "runtime", spec.runtime.encode()
    if spec.requirements_file is not None:
        yield from _requirements(spec.requirements_file, set())


def key(spec: ImageSpec, python: Python, compiler: str) -> str:
    """Return what the layer of packages depends on, as a short text."""
    engine = (_FORMAT, importlib.metadata.version(DISTRIBUTION))
    hashed = hashlib.sha256(repr((engine, python, spec.architecture, compiler)).encode())
    for name, content in inputs(spec):
        hashed.update(repr((name, content)).encode())
    return f"packages {hashed.hexdigest()}"


def install(spec: ImageSpec, python: Python, folder: Path) -> None:
    """Install the runtime and the project's requirements into `folder`.

    Raises ImageError: what has no wheel for that platform and Python is told by name.
    """
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[spec.architecture]
    command = [sys.executable, "-c", TARGET, python.version, machine, "install"]
    command += ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    command += ["--no-warn-conflicts", "--root-user-action=ignore", "--target", str(folder)]
    command += ["--implementation", "cp", "--python-version", python.version]
    command += ["--only-binary=:all:"]
    for tag in tags(python, spec.architecture):
        command += ["--platform", tag]
    if spec.requirements_file is not None:
        command += ["--requirement", str(spec.requirements_file)]
    command.append(str(spec.wheel) if spec.wheel is not None else spec.runtime)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(_reason(done.stderr, python, spec.architecture))
    _settle(folder, python)


def _reason(stderr: str, python: Python, architecture: str) -> str:
    if missing := _NOT_FOUND.search(stderr):
        return (
            f"{missing[1]} has no wheel for Python {python.version} on {architecture} "
            f"({python.libc} {'.'.join(map(str, python.libc_version))}): build one with "
            "`pip wheel` there, or use an engine with a Dockerfile"
        )
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return "pip cannot install the packages: " + " ".join(errors or lines[-1:])


def _settle(folder: Path, python: Python) -> None:
    """Remove what tells of this machine, so that any other makes the same of it."""
    for script in folder.glob("bin/*"):
        content = script.read_bytes()
        script.write_bytes(_interpreter(content, python.path.encode()))
        script.chmod(0o755)
    for info in folder.glob("*.dist-info"):
        (info / "direct_url.json").unlink(missing_ok=True)
        record = info / "RECORD"
        if record.is_file():
            lines = record.read_text().splitlines()
            kept = [line for line in lines if not _is_local(line)]
            record.write_text("".join(f"{line}\n" for line in sorted(kept)))


def _is_local(line: str) -> bool:
    return line.startswith(("../", "bin/")) or "direct_url.json," in line


def _interpreter(script: bytes, path: bytes) -> bytes:
    """Return a script with its first lines, which name our interpreter, naming that one."""
    first, _, rest = script.partition(b"\n")
    if not first.startswith(b"#!"):
        return script
    if first == b"#!/bin/sh" and rest.startswith(b"'''exec' "):
        # What pip writes where the interpreter's path is too long, or has a space in it.
        rest = rest.partition(b"\n' '''\n")[2]
    elif b"python" not in first:  # its path may be written otherwise than ours: with a .. in it
        return script
    return b"#!" + path + b"\n" + rest


def compiler(python: Python) -> str | None:
    """Return an interpreter of this machine that can compile for that one, if there is any."""
    if python.version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{python.version}")
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    if found is None:
        return None
    # It may be a stand-in that would tell us to install it.
    done = subprocess.run([found, "-c", probe], capture_output=True, text=True, check=False)
    return found if done.stdout.strip() == python.version else None


def compile_all(interpreter: str, folder: Path, place: str) -> None:
    """Write the bytecode of all modules in `folder`, which will be at `place` in the image.

    It is not checked against the source when it is loaded: both are in the same image, whose files
    have no time of their own.
    """
    command = [interpreter, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", f"/{place}", str(folder)]
    # What cannot be compiled is for the function to stumble over.
    subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PYTHONHASHSEED": "0"},
        check=False,
    )


def places(folder: Path, python: Python) -> dict[str, Path]:
    """Return where in the image each file of `folder` goes: scripts beside `bootstrap`."""
    scripts = ENTRYPOINT.strip("/").rpartition("/")[0]
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        relative = path.relative_to(folder)
        if relative.parts[0] == "bin":
            found[f"{scripts}/{'/'.join(relative.parts[1:])}"] = path
        else:
            found[f"{python.packages}/{relative.as_posix()}"] = path
    return found


def _requirements(file: Path, seen: set[Path]) -> Iterator[tuple[str, bytes]]:
    """Give a file of requirements, and those that it names."""
    if file.resolve() in seen:
        return
    seen.add(file.resolve())
    content = _content(file)
    yield file.name, content
    for line in content.decode(errors="replace").splitlines():
        if match := _OPTION.match(line.strip()):
            yield from _requirements(file.parent / match[1], seen)
        # What is behind a semicolon says when, not what.
        elif match := _LOCAL.match(line.partition(";")[0].strip()):
            yield from _local(file.parent / match[1])


def _local(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give a wheel, or the files of a folder that is installed; what builds leave is none."""
    if path.is_file():
        yield path.name, _content(path)
    elif path.is_dir():
        for name, file in chosen(path).items():
            if file.is_file():
                yield f"{path.name}/{name}", _content(file)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read {file}: {error.strerror}") from None
