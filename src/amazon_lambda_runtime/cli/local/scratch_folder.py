"""A folder for the time of one command, and the removal of those that killed commands have left.

Rule: a folder is removed only if it is ours and its command has provably ended. Each holds a file
that its command keeps locked, and the kernel drops a lock when its process ends, however it ends.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "lambda-runtime-"
_LOCK = ".lock"


@contextmanager
def scratch_folder() -> Iterator[str]:
    """Make an empty folder that is removed at the end; this process's other ones are inside it."""
    _remove_stale(Path(tempfile.gettempdir()))
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        # Under another name until it is locked: nobody may take it for one that has been left.
        new = os.path.join(folder, f"{_LOCK}-new")
        with open(new, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.rename(new, os.path.join(folder, _LOCK))
            tempfile.tempdir = folder
            try:
                yield folder
            finally:
                tempfile.tempdir = before


def _remove_stale(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*/"):
        with suppress(OSError):
            if folder.lstat().st_uid != os.geteuid() or folder.is_symlink():
                continue
            descriptor = os.open(folder / _LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
