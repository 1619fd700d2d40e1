"""Hot reload: a file of the function is saved, and the next event finds the new code."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import watchfiles

from .output import Log
from .pool import Pool

# In ms: how long it may go on that files are saved one after the other, and how often it is looked.
_DEBOUNCE = 200
_STEP = 30
# What else than Python a function is made of. What it may write itself must not be among it.
_EXTENSIONS = (".env", ".html", ".ini", ".j2", ".json", ".sql", ".toml", ".yaml", ".yml")


async def reload_on_save(pool: Pool, log: Log) -> None:
    """Renew the pool's environments whenever the code is saved, until cancelled.

    Where files cannot be watched the log is told, and that is all.
    """
    root = pool.function.task_root
    try:
        async for names in _saved(root, watchfiles.PythonFilter(extra_extensions=_EXTENSIONS)):
            log(f"{', '.join(names)} changed: {pool.function.name} is loaded anew")
            pool.renew()
    except OSError as error:
        # The kernel has a limit for them.
        log(f"cannot watch {root}: {error}. What is saved is not loaded before the next start.")


async def _saved(
    root: str, of_interest: Callable[[watchfiles.Change, str], bool]
) -> AsyncIterator[list[str]]:
    """Yield the names of the files that were saved together."""
    changes = watchfiles.awatch(root, watch_filter=of_interest, debounce=_DEBOUNCE, step=_STEP)
    async for changed in changes:
        yield sorted({str(Path(path).relative_to(root)) for _, path in changed})
