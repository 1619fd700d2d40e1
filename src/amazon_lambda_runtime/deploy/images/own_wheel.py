"""The runtime as a wheel, made of what is installed here: the command and its images are one.

No package index is asked for it, and no build backend. An installation tells in RECORD which files
are its own; one that is editable tells where its sources are. The same files make the same bytes.
"""

import base64
import hashlib
import importlib.metadata
import json
import re
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .model import DISTRIBUTION, ImageError

_NAME = DISTRIBUTION.replace("-", "_")
# What an installer writes about itself and about this machine; and what it makes anew elsewhere.
_LOCAL = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json")
# Where the interpreter's path is too long, or has a space in it, an installer writes three lines.
_FIRST = re.compile(rb"(?s)\A(#!/bin/sh\n'''exec' .*?\n' '''\n|#![^\n]*\n)")
_TIME = (1980, 1, 1, 0, 0, 0)


def requirement() -> str:
    """Return the path of the wheel. Raises ImageError if the installation is not whole."""
    folder, name = _made()
    return str(Path(folder.name, name))


@cache
def _made() -> tuple["tempfile.TemporaryDirectory[str]", str]:
    # The folder is gone with the process: an object of the module holds it.
    folder = tempfile.TemporaryDirectory(prefix="amazon-lambda-runtime-")
    return folder, write(Path(folder.name)).name


def write(folder: Path) -> Path:
    """Write the wheel into a folder. Raises ImageError."""
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
        files = dict(sorted(_files(distribution)))
    except (importlib.metadata.PackageNotFoundError, OSError) as error:
        raise ImageError(
            f"cannot take the runtime from this installation: {error}: install it again"
        ) from None
    whole = f"{_NAME}-{distribution.version}"
    lines = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    record = f"{whole}.dist-info/RECORD"
    files[record] = "".join(f"{line}\n" for line in (*lines, f"{record},,")).encode()
    path = folder / f"{whole}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _TIME)
            mode = 0o755 if ".data/scripts/" in name else 0o644
            info.external_attr = (stat.S_IFREG | mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def _files(distribution: importlib.metadata.Distribution) -> Iterator[tuple[str, bytes]]:
    """Give what is in the wheel: the package, its metadata, and its script."""
    sources = _sources(distribution)
    if sources is not None:
        for path in sorted(Path(sources, _NAME).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(sources).as_posix(), path.read_bytes()
    found = distribution.files
    if not found:
        raise OSError("it has no RECORD of its files")
    for file in found:
        content = Path(str(file.locate())).read_bytes() if _is_taken(file, sources) else None
        if content is not None and file.parts[0] == "..":
            # It begins with the interpreter of this machine; in a wheel, with none.
            content = _FIRST.sub(b"#!python\n", content)
            yield f"{_NAME}-{distribution.version}.data/scripts/{file.name}", content
        elif content is not None and file.name == "WHEEL":
            yield file.as_posix(), re.sub(rb"(?m)^Tag: .*", b"Tag: py3-none-any", content)
        elif content is not None:
            yield file.as_posix(), content


def _is_taken(file: importlib.metadata.PackagePath, sources: Path | None) -> bool:
    if "__pycache__" in file.parts:
        return False
    if file.parts[0] == "..":
        # The other script is made of entry_points.txt.
        return file.name == "bootstrap"
    if file.parts[0].endswith(".dist-info"):
        return file.name not in _LOCAL
    return file.parts[0] == _NAME and sources is None


def _sources(distribution: importlib.metadata.Distribution) -> Path | None:
    """Return the folder of the sources, None if the files themselves are installed."""
    told = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not told.get("dir_info", {}).get("editable"):
        return None
    folder = Path(unquote(urlsplit(told["url"]).path))
    return folder / "src"


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
