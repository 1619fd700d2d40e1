"""The project's packages for another machine: its processor, its C library, its Python."""

import hashlib
import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from amazon_lambda_runtime.deploy.images import requirements
from amazon_lambda_runtime.deploy.images.dependencies import Dependencies
from amazon_lambda_runtime.deploy.images.model import (
    DISTRIBUTION,
    ENTRYPOINT,
    ImageError,
    ImageSpec,
)

from . import installers
from .base import Python

# What is new when the same input makes another layer than before.
_FORMAT = 3
# What pip and uv write about the machine that they run on, and the time.
_LOCAL = ("direct_url.json", "uv_cache.json")


def inputs(spec: ImageSpec, wanted: Dependencies | None) -> Iterator[tuple[str, bytes]]:
    """Give all that decides about the packages: the runtime's requirement, the project's.

    No name and no text is one of this machine, or of the folder that the command runs from.
    """
    if spec.wheel is not None:
        yield spec.wheel.name, _content(spec.wheel)
    else:
        yield "runtime", spec.runtime.encode()
    if wanted is None:
        return
    yield "requirements", wanted.text.encode()
    yield from requirements.constraints(wanted, spec.folder)
    for entry in requirements.entries(wanted, spec.folder):
        if isinstance(entry, requirements.Local):
            yield from entry.content()
        elif not entry.startswith("-"):
            yield "requirement", entry.encode()


def key(spec: ImageSpec, wanted: Dependencies | None, python: Python, compiler: str) -> str:
    """Return what the layer of packages depends on, as a short text."""
    engine = (_FORMAT, importlib.metadata.version(DISTRIBUTION))
    hashed = hashlib.sha256(repr((engine, python, spec.architecture, compiler)).encode())
    for name, content in inputs(spec, wanted):
        hashed.update(repr((name, content)).encode())
    return f"packages {hashed.hexdigest()}"


def install(
    spec: ImageSpec,
    wanted: Dependencies | None,
    python: Python,
    folder: Path,
    interpreter: str | None,
) -> None:
    """Install the runtime and what the project wants into `folder`.

    Raises ImageError: what cannot be installed is told as pip or uv tells it.
    """
    runtime = str(spec.wheel.resolve()) if spec.wheel is not None else spec.runtime
    with tempfile.TemporaryDirectory() as directory:
        runs: list[tuple[list[str], bool]] = [([runtime], False)]
        if wanted is not None:
            text, hashed = requirements.whole(wanted, spec.folder, Path(directory))
            file = Path(directory, "requirements.txt")
            file.write_text(text)
            named = ["--requirement", str(file)]
            # Where one requirement has a hash, pip wants one of each: the runtime has none here.
            runs = [(named, True), ([runtime], False)] if hashed else [([*named, runtime], False)]
        for number, (arguments, hashed) in enumerate(runs):
            place = Path(directory, str(number))
            installers.install(
                arguments,
                python,
                spec.architecture,
                place,
                spec.folder,
                interpreter=interpreter,
                hashed=hashed,
            )
            if place.is_dir():  # uv makes none for nothing
                shutil.copytree(place, folder, symlinks=True, dirs_exist_ok=True)
    _settle(folder, python)


def _settle(folder: Path, python: Python) -> None:
    """Remove what tells of this machine, so that any other makes the same of it."""
    for script in folder.glob("bin/*"):
        content = script.read_bytes()
        script.write_bytes(_interpreter(content, python.path.encode()))
        script.chmod(0o755)
    (folder / ".lock").unlink(missing_ok=True)
    for info in folder.glob("*.dist-info"):
        for name in _LOCAL:
            (info / name).unlink(missing_ok=True)
        record = info / "RECORD"
        if record.is_file():
            lines = record.read_text().splitlines()
            kept = [line for line in lines if not _is_local(line)]
            record.write_text("".join(f"{line}\n" for line in sorted(kept)))


def _is_local(line: str) -> bool:
    return line.startswith(("../", "bin/")) or line.partition(",")[0].endswith(_LOCAL)


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


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read {file}: {error.strerror}") from None
