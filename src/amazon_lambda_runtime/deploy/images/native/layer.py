"""A layer that depends on nothing but what is in it: same files, same bytes, same digest.

Names are sorted; owner, times and modes are not those of the machine that made it. All is readable
for everyone, since Lambda runs as a user that no image knows.
"""

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from amazon_lambda_runtime.deploy.images.model import ImageError, Layer

from .cache import Cache

_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Text:
    """A file that is only in the image."""

    content: bytes
    executable: bool = False


# What is to be where in the image: a path without a leading slash, and a file of this machine
# (or a link, which stays one) or a text.
Tree = Mapping[str, Path | Text]


def make(tree: Tree, cache: Cache) -> Layer:
    """Write the layer that has these files to the cache, and return it."""
    with cache.new_file() as new:
        with new.open("wb") as raw:
            outer = _Hashed(raw)
            with gzip.GzipFile("", "wb", _LEVEL, outer, mtime=0) as packed:  # type: ignore[call-overload]
                inner = _Hashed(packed)
                # Written as a stream: tarfile never looks back.
                with tarfile.open(fileobj=inner, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
                    for name, source in _with_parents(tree):
                        _add(tar, name, source)
        cache.keep(new, outer.digest)
    return Layer(outer.digest, outer.size, inner.digest)


def _with_parents(tree: Tree) -> Iterator[tuple[str, Path | Text | None]]:
    """Give all entries in order; None stands for a folder."""
    entries: dict[str, Path | Text | None] = dict(tree)
    for name in tree:
        for parent in PurePosixPath(name).parents[:-1]:
            entries.setdefault(str(parent), None)
    # A folder comes before what is in it.
    yield from sorted(entries.items(), key=lambda entry: PurePosixPath(entry[0]).parts)


def _add(tar: tarfile.TarFile, name: str, source: Path | Text | None) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o755
    if source is None:
        entry.type = tarfile.DIRTYPE
        tar.addfile(entry)
    elif isinstance(source, Text):
        entry.mode = 0o755 if source.executable else 0o644
        entry.size = len(source.content)
        tar.addfile(entry, io.BytesIO(source.content))
    elif source.is_symlink():
        entry.type, entry.mode = tarfile.SYMTYPE, 0o777
        entry.linkname = str(source.readlink())
        tar.addfile(entry)
    else:
        with source.open("rb") as file:
            status = os.fstat(file.fileno())
            entry.mode = 0o755 if status.st_mode & 0o100 else 0o644
            entry.size = status.st_size
            try:
                tar.addfile(entry, file)  # in pieces: it may be larger than the memory
            except OSError as error:
                raise ImageError(f"cannot read {source}: it changed meanwhile ({error})") from None


class _Hashed:
    """Something to write to, that counts and hashes what passes."""

    def __init__(self, target: object) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size += len(data)
        self._target.write(data)  # type: ignore[attr-defined]
        return len(data)

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"
