"""Hot reload: when the function's code is saved, the next event runs the new code.

Code is Python, and what the user names besides: a file that a handler writes into its own folder
would cost it its state. Files that are saved one shortly after the other are one reload.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Container, Iterable, Sequence
from pathlib import Path

import watchfiles

from .output import Log, unfailing
from .pool import Pool

# In ms: a reload comes after a pause of `_STEP` between saves, and at the latest after `_DEBOUNCE`.
_STEP = 100
_DEBOUNCE = 2000
# How many files are named in the log.
_NAMED = 3


async def reload_on_save(
    pools: Sequence[Pool],
    log: Log,
    variable_files: Sequence[Path] = (),
    read_variables: Callable[[], None] = lambda: None,
    patterns: Sequence[str] = (),
) -> None:
    """Renew the environments of pools of one folder whenever its code is saved, until cancelled.

    Code is Python, and every file whose path in the functions' folder matches one of `patterns`.
    When one of `variable_files` is saved, `read_variables` is called first; if it raises, what it
    raises is logged and nothing else happens. If files cannot be watched, say so in the log and
    return.
    """
    log = unfailing(log)
    files = {str(file.resolve()) for file in variable_files}
    await asyncio.gather(
        _watch_code(pools, log, files, patterns),
        *([_watch_variables(pools, log, files, read_variables)] if files else []),
    )


async def _watch_code(
    pools: Sequence[Pool], log: Log, variable_files: Container[str], patterns: Sequence[str]
) -> None:
    root = pools[0].function.task_root
    is_python, is_kept = watchfiles.PythonFilter(), watchfiles.DefaultFilter()

    def is_of_interest(change: watchfiles.Change, path: str) -> bool:
        if path in variable_files:
            return False
        place = Path(path).relative_to(root)
        named = any(place.match(pattern) for pattern in patterns)
        return is_python(change, path) or (named and is_kept(change, path))

    try:
        async for paths in _saved([root], is_of_interest):
            names = _names([str(path.relative_to(root)) for path in paths])
            _renew(pools, log, names)
    except OSError as error:
        # The kernel limits the number of watches.
        log(f"cannot watch {root}: {error}. Restart to load what you save.")


async def _watch_variables(
    pools: Sequence[Pool], log: Log, files: Collection[str], read: Callable[[], None]
) -> None:
    # Editors save by giving the name to another file: the folder sees that.
    folders = {str(Path(file).parent) for file in files}
    try:
        async for paths in _saved(folders, lambda _, path: path in files, recursive=False):
            names = _names([path.name for path in paths])
            try:
                read()
            except Exception as error:
                log(f"{names} changed, and the function keeps the variables it has: {error}")
                continue
            _renew(pools, log, names)
    except OSError as error:
        log(f"cannot watch {', '.join(files)}: {error}. Restart to load what you save.")


def _renew(pools: Sequence[Pool], log: Log, changed: str) -> None:
    """Say what is reloaded, and do it: where there are several functions, only those in use."""
    meant = [pool for pool in pools if len(pools) == 1 or pool.environments]
    names = _names([pool.function.name for pool in meant]) or "nothing"
    log(f"{changed} changed: reloading {names}")
    for pool in meant:
        pool.renew()


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


def _names(names: Sequence[str]) -> str:
    """Return the names, or the first of them and how many there are besides."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
