"""Which saved files renew a pool, and what is logged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from amazon_lambda_runtime.local.engine.pool import Pool
from amazon_lambda_runtime.local.engine.reload import reload_on_save
from amazon_lambda_runtime.local.server import open_pool
from tests.local.support import Recorder, invoke, obedient, respond, run, until


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[tuple[Pool, Recorder]]:
    """A pool whose code is in the folder, watched; its function need not be there."""
    function = replace(obedient(), task_root=str(folder))
    log = Recorder()
    async with open_pool(function, log) as pool:
        watching = asyncio.create_task(reload_on_save(pool, log))
        # Only a change tells that it watches.
        while not log and not watching.done():
            (folder / "begin.py").touch()
            await asyncio.sleep(0.3)
        log.clear()
        yield pool, log
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.parametrize("name", ["mod.py", "page.html", "settings.json", "sub/deep.py", ".env"])
def test_code(tmp_path: Path, name: str) -> None:
    """
    Python and what a function is made of besides is code, in folders too.
    """

    async def test() -> None:
        (tmp_path / "sub").mkdir()
        async with watched(tmp_path) as (_, log):
            (tmp_path / name).write_text("x")
            assert await log.wait_for(name) == f"{name} changed: reloading hello"

    run(test())


def test_together(tmp_path: Path) -> None:
    """
    What is saved together is loaded together.
    """

    async def test() -> None:
        async with watched(tmp_path) as (_, log):
            for name in ("b.py", "a.py", "notes.txt", "a.pyc"):
                (tmp_path / name).write_text("x")
            assert await log.wait_for("a.py") == "a.py, b.py changed: reloading hello"

    run(test())


def test_new_process(tmp_path: Path) -> None:
    """
    An idle environment is ended, and another one is there before the next event.
    """

    async def test() -> None:
        async with watched(tmp_path) as (pool, log):
            await invoke(pool, respond()).wait_until_reported()
            before = set(pool.environments)
            (tmp_path / "mod.py").touch()
            await log.wait_for("mod.py")
            await until(lambda: not before & set(pool.environments), "the end of the old one")
            assert len(pool.environments) == 1

    run(test())


def test_many_saves_and_events(tmp_path: Path) -> None:
    """
    Of the events that come while files are saved, each is answered, and none with an error.
    """

    async def test() -> None:
        async with watched(tmp_path) as (pool, log):
            answers = []
            for turn in range(12):
                (tmp_path / "mod.py").write_text(str(turn))
                answers += [invoke(pool, ["sleep", 0.02], respond()) for _ in range(2)]
                await asyncio.sleep(0.1)
            assert not any([(await each.wait()).failed for each in answers])
            assert [line for line in log if "reloading" in line]

    run(test())


def test_nothing_to_watch(tmp_path: Path) -> None:
    """
    Where files cannot be watched the log says so, and nothing else ends.
    """
    log = Recorder()
    missing = str(tmp_path / "missing")

    async def test() -> None:
        async with open_pool(replace(obedient(), task_root=missing), log) as pool:
            await reload_on_save(pool, log)

    run(test())
    assert len(log) == 1
    assert log[0].startswith(f"cannot watch {missing}: ")
