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

# The binaries in the wheel, by the machine of uname.
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def fetch(destination: Path) -> None:
    """Download the wheel, without its dependencies, and put the binary at `destination`.

    Raises LookupError if there is none for this machine, OSError if it cannot be downloaded.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None or sys.platform != "linux":
        raise LookupError(f"aws-sam-cli has none for {sys.platform} on {platform.machine()}")
    with tempfile.TemporaryDirectory() as directory:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        options = ["--retries", "1", "--no-deps", "--dest", directory]
        done = subprocess.run(
            [*pip, *options, "aws-sam-cli"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise OSError(f"pip: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
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
    print("fetching AWS's emulator from the wheel of aws-sam-cli, once", file=sys.stderr)
    try:
        fetch(Path(sys.argv[1]))
    except (LookupError, OSError, ValueError) as exc:
        sys.exit(f"the tests that need AWS's emulator are skipped: {exc}")


if __name__ == "__main__":
    main()
