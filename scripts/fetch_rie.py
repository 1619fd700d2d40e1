"""Fetch aws-lambda-rie, AWS's own emulator of the Runtime API, out of the aws-sam-cli wheel.

usage: fetch_rie.py DESTINATION
"""

import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# The binaries that the wheel carries, by what uname says.
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def fetch(destination: Path) -> None:
    """Download the wheel, without what it depends on, and leave the binary at `destination`.

    Raises LookupError if there is none for this machine, CalledProcessError if pip fails.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None or sys.platform != "linux":
        raise LookupError(f"aws-sam-cli carries none for {sys.platform} on {platform.machine()}")
    with tempfile.TemporaryDirectory() as directory:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--dest", directory, "aws-sam-cli"], check=True)
        (wheel,) = Path(directory).glob("*.whl")
        member = f"samcli/local/rapid/aws-lambda-rie-{machine}"
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
            destination.parent.mkdir(parents=True, exist_ok=True)
            part = destination.with_suffix(".part")
            with part.open("wb") as target:
                shutil.copyfileobj(source, target)
    part.chmod(0o755)
    part.replace(destination)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        fetch(Path(sys.argv[1]))
    except (LookupError, OSError, ValueError, KeyError, subprocess.CalledProcessError) as exc:
        sys.exit(f"fetch_rie: the tests will go without AWS's emulator: {exc}")


if __name__ == "__main__":
    main()
