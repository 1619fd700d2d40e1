"""Hot reload: when a file of the function is saved, the next event runs the new code."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import watchfiles

from .output import Log, unfailing
from .pool import Pool

# In ms: how long saves are collected that follow each other, and how often changes are looked for.
_DEBOUNCE = 200
_STEP = 30
# Files of a function besides Python. Files that it may write itself must not be among them.
_EXTENSIONS = (".env", ".html", ".ini", ".j2", ".json", ".sql", ".toml", ".yaml", ".yml")


async def reload_on_save(pool: Pool, log: Log) -> None:
    """Renew the pool's environments whenever the code is saved, until cancelled.

    If files cannot be watched, say so in the log and return.
    """
    root = pool.function.task_root
    log = unfailing(log)
    try:
        async for names in _saved(root, watchfiles.PythonFilter(extra_extensions=_EXTENSIONS)):
            log(f"{', '.join(names)} changed: reloading {pool.function.name}")
            pool.renew()
    except OSError as error:
        # The kernel limits the number of watches.
        log(f"cannot watch {root}: {error}. Restart to load what you save.")


async def _saved(
    root: str, of_interest: Callable[[watchfiles.Change, str], bool]
) -> AsyncIterator[list[str]]:
    """Yield the names of files that were saved together."""
    changes = watchfiles.awatch(root, watch_filter=of_interest, debounce=_DEBOUNCE, step=_STEP)
    async for changed in changes:
        yield sorted({str(Path(path).relative_to(root)) for _, path in changed})
