"""Fetch tests that nobody here wrote, for tests/web/test_suites.py: `make .cache/suites`.

Each is the sdist of a release that is pinned here, unpacked; what it needs besides is installed
into a folder of its own.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

SDISTS = ("flask==3.1.3", "httpbin==0.10.2", "starlette==1.10.0")
# Of httpbin, whose own requirements would bring another Flask.
PACKAGES = ("brotlicffi", "decorator", "flasgger", "greenlet", "six", "trio")


def main(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    sdists = folder / "sdists"
    command = [*pip, "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(sdists)]
    subprocess.run([*command, *SDISTS], check=True)
    target = ["--target", str(folder / "packages"), "--upgrade"]
    subprocess.run([*pip, "install", "-q", *target, *PACKAGES], check=True)
    for file in sdists.glob("*.tar.gz"):
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="data")
    folder.joinpath("fetched").touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
