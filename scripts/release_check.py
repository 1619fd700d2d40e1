"""Say whether what would be published is good: `make release-check`; uploads nothing.

The sdist is built, and the wheel from it. Both hold the tracked files of the package and nothing
else, their metadata and the README are what an index shows (twine), and the wheel is put through
tests/test_install.py: in bare virtual environments elsewhere, hello is answered, the console
served, a project written, the pytest plugin found.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Has `build` and `twine`; the Makefile makes it.
PYTHON = ROOT / ".cache/release/env/bin/python"
DIST = ROOT / ".cache/release/dist"
PACKAGE = "src/amazon_lambda_runtime/"
# Beside the package, what a build needs and what a reader looks for.
BESIDE = {"CHANGELOG.md", "LICENSE", "MANIFEST.in", "README.md", "bin/bootstrap", "pyproject.toml"}
# What a build writes.
GENERATED = ("PKG-INFO", "setup.cfg", "src/amazon_lambda_runtime.egg-info/")


def main() -> int:
    sdist, wheel = build(DIST)
    faults = [*(f"the sdist {each}" for each in sdist_faults(sdist))]
    faults += (f"the wheel {each}" for each in wheel_faults(wheel))
    for fault in faults:
        print(f"release-check: {fault}", file=sys.stderr)
    if faults:
        return 1
    if subprocess.run([PYTHON, "-m", "twine", "check", "--strict", sdist, wheel]).returncode:
        return 1
    print(
        f"the wheel in bare virtual environments: tests/test_install.py, {wheel.name}", flush=True
    )
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/test_install.py"],
        cwd=ROOT,
        env={**os.environ, "WHEEL": str(wheel)},
        stdout=subprocess.PIPE,
        text=True,
    )
    print(tests.stdout, end="")
    if tests.returncode or " skipped" in tests.stdout:
        print("release-check: not all that the wheel has to do was shown", file=sys.stderr)
        return 1
    print(f"good: {sdist.relative_to(ROOT)} and {wheel.relative_to(ROOT)}")
    return 0


def build(folder: Path) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from what is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    print("building the sdist, and the wheel from it: half a minute", flush=True)
    done = subprocess.run(
        [PYTHON, "-m", "build", "--outdir", folder, ROOT],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        sys.exit(f"release-check: cannot build:\n{done.stdout}")
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def sdist_faults(sdist: Path) -> Iterator[str]:
    """Give what it lacks, and what it has too much."""
    with tarfile.open(sdist) as archive:
        members = [member.name for member in archive if member.isfile()]
    names = {name.partition("/")[2] for name in members}
    yield from _differences({n for n in names if not n.startswith(GENERATED)}, tracked() | BESIDE)


def wheel_faults(wheel: Path) -> Iterator[str]:
    """Likewise of the wheel; the script and the metadata are not among the package's files."""
    with zipfile.ZipFile(wheel) as archive:
        names = {f"src/{name}" for name in archive.namelist() if ".dist-info/" not in name}
    scripts = {name for name in names if ".data/scripts/" in name}
    if {Path(name).name for name in scripts} != {"bootstrap"}:
        yield "lacks the script bootstrap"
    yield from _differences(names - scripts, tracked())


def tracked() -> set[str]:
    """Return the package's files, as git knows them."""
    done = subprocess.run(
        ["git", "ls-files", PACKAGE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {*done.stdout.split("\n")} - {""}


def _differences(names: set[str], wanted: set[str]) -> Iterator[str]:
    if missing := sorted(wanted - names):
        yield f"lacks {', '.join(missing[:5])}: {len(missing)} in all"
    if more := sorted(names - wanted):
        yield f"has {', '.join(more[:5])}, which is none of its files: {len(more)} in all"


if __name__ == "__main__":
    sys.exit(main())
