"""The command that installs an extra of this package here, from where the package came from."""

import json
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_NAME = "amazon-lambda-runtime"


def pip_line(extra: str) -> str:
    """Return the command, for this interpreter: pip's, or uv's where there is no pip.

    The package is installed from what it was installed from: the index, a clone, a wheel, or a
    repository (direct_url.json, PEP 610). What is gone is looked for in the index.
    """
    # Slow to load, and seldom needed.
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        told = json.loads(distribution(_NAME).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        told = {}
    return f"{_installer()} {_requirement(told, extra)}"


def _installer() -> str:
    python = shlex.quote(sys.executable)
    if find_spec("pip") is None:
        return f"uv pip install --python {python}"
    found = shutil.which("pip")
    if found is not None and Path(found) == Path(sys.executable).with_name("pip"):
        return "pip install"
    return f"{python} -m pip install"


def _requirement(told: dict[str, Any], extra: str) -> str:
    url = str(told.get("url", ""))
    place = unquote(urlsplit(url).path)
    if url.startswith("file:") and Path(place).exists():
        option = "-e " if (told.get("dir_info") or {}).get("editable") else ""
        return option + shlex.quote(f"{place}[{extra}]")
    if (vcs := told.get("vcs_info")) is not None:
        revision = vcs.get("requested_revision")
        at = f"@{revision}" if revision else ""
        return shlex.quote(f"{_NAME}[{extra}] @ {vcs['vcs']}+{url}{at}")
    return shlex.quote(f"{_NAME}[{extra}]")
