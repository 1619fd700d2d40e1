"""What earlier builds fetched or made: blobs by their digest, and small facts by a key.

A file is complete or absent, so a build that is killed leaves nothing damaged.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# In seconds: what is not used for so long is removed.
_KEEP = 30 * 24 * 3600


class Cache:
    """A folder, by default ~/.cache/amazon-lambda-runtime (or below XDG_CACHE_HOME)."""

    def __init__(self, folder: Path | None = None) -> None:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self._folder = folder or Path(home, "amazon-lambda-runtime")

    def blob(self, digest: str, size: int) -> Path | None:
        """Return the file of this blob, if there is one of that size."""
        path = self._blob(digest)
        if not path.is_file() or path.stat().st_size != size:
            return None
        os.utime(path)
        return path

    def verified(self, digest: str, size: int) -> Path | None:
        """Return the file of this blob after reading it; one that was damaged is removed."""
        path = self.blob(digest, size)
        if path is None:
            return None
        with path.open("rb") as file:
            if f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" == digest:
                return path
        path.unlink()
        return None

    @contextmanager
    def new_file(self) -> Iterator[Path]:
        """Give the path of a file to fill and to `keep`; it is gone afterwards if it was not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        # The project's files are in it. Each file below is its owner's alone, by mkstemp.
        self._folder.chmod(0o700)
        handle, name = tempfile.mkstemp(prefix="new-", dir=self._folder)
        os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def keep(self, file: Path, digest: str) -> Path:
        """Make `file` the blob of this digest, and return where it is now."""
        path = self._blob(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        return file.replace(path)

    def facts(self, key: str) -> Any:
        """Return what was remembered under `key`, None if nothing was."""
        path = self._facts(key)
        try:
            os.utime(path)
            return json.loads(path.read_bytes())
        except (OSError, ValueError):
            return None

    def remember(self, key: str, facts: object) -> None:
        """Remember something that JSON can hold."""
        path = self._facts(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.new_file() as new:
            new.write_text(json.dumps(facts))
            new.replace(path)

    def tidy(self) -> None:
        """Remove what was not used for a month."""
        oldest = time.time() - _KEEP
        for path in self._folder.rglob("*"):
            with suppress(FileNotFoundError):  # another build may be quicker
                if path.is_file() and path.stat().st_mtime < oldest:
                    path.unlink()

    def _blob(self, digest: str) -> Path:
        return self._folder / "blobs" / digest.replace(":", "/")

    def _facts(self, key: str) -> Path:
        return self._folder / "facts" / hashlib.sha256(key.encode()).hexdigest()
