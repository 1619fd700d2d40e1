"""Hot reload: when a file of the function is saved, the next event runs the new code."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Container, Iterable, Sequence
from pathlib import Path

import watchfiles

from .output import Log, unfailing
from .pool import Pool

# In ms: how long saves are collected that follow each other, and how often changes are looked for.
_DEBOUNCE = 200
_STEP = 30
# Files of a function besides Python. Files that it may write itself must not be among them.
_EXTENSIONS = (".env", ".html", ".ini", ".j2", ".json", ".sql", ".toml", ".yaml", ".yml")


async def reload_on_save(
    pool: Pool,
    log: Log,
    variable_files: Sequence[Path] = (),
    read_variables: Callable[[], None] = lambda: None,
) -> None:
    """Renew the pool's environments whenever the code is saved, until cancelled.

    When one of `variable_files` is saved, `read_variables` is called first; if it raises, what it
    raises is logged and nothing else happens. If files cannot be watched, say so in the log and
    return.
    """
    log = unfailing(log)
    files = {str(file.resolve()) for file in variable_files}
    await asyncio.gather(
        _watch_code(pool, log, files),
        *([_watch_variables(pool, log, files, read_variables)] if files else []),
    )


async def _watch_code(pool: Pool, log: Log, variable_files: Container[str]) -> None:
    root = pool.function.task_root
    is_code = watchfiles.PythonFilter(extra_extensions=_EXTENSIONS)

    def is_of_interest(change: watchfiles.Change, path: str) -> bool:
        return path not in variable_files and is_code(change, path)

    try:
        async for paths in _saved([root], is_of_interest):
            names = ", ".join(str(path.relative_to(root)) for path in paths)
            log(f"{names} changed: reloading {pool.function.name}")
            pool.renew()
    except OSError as error:
        # The kernel limits the number of watches.
        log(f"cannot watch {root}: {error}. Restart to load what you save.")


async def _watch_variables(
    pool: Pool, log: Log, files: Collection[str], read: Callable[[], None]
) -> None:
    # Editors save by giving the name to another file: the folder sees that.
    folders = {str(Path(file).parent) for file in files}
    try:
        async for paths in _saved(folders, lambda _, path: path in files, recursive=False):
            names = ", ".join(path.name for path in paths)
            try:
                read()
            except Exception as error:
                log(f"{names} changed, and the function keeps the variables it has: {error}")
                continue
            log(f"{names} changed: reloading {pool.function.name}")
            pool.renew()
    except OSError as error:
        log(f"cannot watch {', '.join(files)}: {error}. Restart to load what you save.")


async def _saved(
    roots: Iterable[str],
    of_interest: Callable[[watchfiles.Change, str], bool],
    recursive: bool = True,
) -> AsyncIterator[list[Path]]:
    """Yield the files that were saved together."""
    changes = watchfiles.awatch(
        *roots, watch_filter=of_interest, debounce=_DEBOUNCE, step=_STEP, recursive=recursive
    )
    async for changed in changes:
        yield sorted({Path(path) for _, path in changed})
