"""Install the programs of `make test-deploy`, as root on Debian. Elsewhere say what is missing.

usage: setup_containers.py
"""

import os
import shutil
import subprocess
import sys

# The command, and the Debian package that has it.
PACKAGES = {
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "docker-registry": "docker-registry",
    "jq": "jq",
    "podman": "podman",
    "runc": "runc",
}


def missing() -> list[str]:
    """Return the packages whose commands are missing."""
    # Some commands are in root's PATH only.
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [
        package for command, package in PACKAGES.items() if not shutil.which(command, path=path)
    ]


def install() -> str | None:
    """Install what is missing. Return None, or in one line why that was not possible."""
    wanted = missing()
    if not wanted:
        return None
    if os.getuid() != 0 or not shutil.which("apt-get"):
        return f"{', '.join(wanted)} are missing: install them; here only root on Debian can"
    print(f"installing {', '.join(wanted)} with apt-get, once", file=sys.stderr, flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *wanted],
    ):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            return f"{' '.join(command[:3])} failed: {lines[-1] if lines else done.returncode}"
    return None


if __name__ == "__main__":
    sys.exit(install())
