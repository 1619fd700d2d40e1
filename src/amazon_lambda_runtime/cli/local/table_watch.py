"""A table that is saved while its project is served: the user is told that it counts at a start."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from amazon_lambda_runtime.project import settings
from amazon_lambda_runtime.project.declaration import Project
from amazon_lambda_runtime.project.errors import ConfigError

# In seconds: how often the file is looked at.
_EVERY = 1.0


def watch_table(folder: Path, say: Callable[[str], None]) -> Coroutine[Any, Any, None]:
    """Return what tells the user, for ever, of each change of the table since it was called."""
    return _watch(folder, say, _saved(folder / "pyproject.toml"), _load(folder))


async def _watch(
    folder: Path, say: Callable[[str], None], saved: int, served: Project | None
) -> None:
    file = folder / "pyproject.toml"
    while True:
        await asyncio.sleep(_EVERY)
        if (now := _saved(file)) == saved:
            continue
        saved = now
        try:
            found = settings.load(folder)
        except ConfigError as error:
            say(f"pyproject.toml has been saved, and can't be used: {error}")
        else:
            if found != served:
                say("pyproject.toml has been saved: stop and start again, to use what it says now")


def _load(folder: Path) -> Project | None:
    try:
        return settings.load(folder)
    except ConfigError:
        return None


def _saved(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
