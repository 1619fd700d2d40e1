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
from tests.harness import examples
from tests.local.support import Recorder, invoke, obedient, respond, run, until


@asynccontextmanager
async def watched(folder: Path, *patterns: str) -> AsyncIterator[tuple[Pool, Recorder]]:
    """A pool whose code is in the folder, watched; its function need not be there."""
    # Events that come while environments start need one each.
    function = replace(obedient(), task_root=str(folder), concurrency=50)
    log = Recorder()
    async with open_pool(function, log) as pool:
        watching = asyncio.create_task(reload_on_save([pool], log, patterns=patterns))
        # Only a change tells that it watches.
        while not log and not watching.done():
            (folder / "begin.py").touch()
            await asyncio.sleep(0.3)
        log.clear()
        yield pool, log
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.parametrize("name", ["mod.py", "page.html", "sub/deep.py"])
def test_code(tmp_path: Path, name: str) -> None:
    """
    Python and what is named besides is code, in folders too.
    """

    async def test() -> None:
        (tmp_path / "sub").mkdir()
        async with watched(tmp_path, "*.html") as (_, log):
            (tmp_path / name).write_text("x")
            assert await log.wait_for(name) == f"{name} changed: reloading hello"

    run(test())


def test_data(tmp_path: Path) -> None:
    """
    What a handler may write itself is no code: a reload would cost it its state.
    """

    async def test() -> None:
        async with watched(tmp_path) as (_, log):
            for name in ("state.json", "page.html", "x.toml", ".env"):
                (tmp_path / name).write_text("x")
                await asyncio.sleep(0.2)  # a reload of its own
            (tmp_path / "last.py").touch()
            assert await log.wait_for("last") == "last.py changed: reloading hello"
            assert len(log) == 1

    run(test())


def test_storm(tmp_path: Path) -> None:
    """
    Many saves, one shortly after the other, are one reload, and the log does not list them all.
    """

    async def test() -> None:
        async with watched(tmp_path) as (pool, log):
            renewed = []
            pool.renew = lambda: renewed.append(1)  # type: ignore[method-assign]
            for number in range(24):
                (tmp_path / f"m{number:02}.py").touch()
                await asyncio.sleep(0.03)
            line = await log.wait_for("m00")
            assert line == "m00.py, m01.py, m02.py and 21 more changed: reloading hello"
            await asyncio.sleep(0.3)
            assert renewed == [1]

    run(test())


def test_still_starting(tmp_path: Path) -> None:
    """
    An environment that is still starting runs old code: it is ended, and what waits for it is run
    by a new one.
    """

    async def test() -> None:
        log = Recorder()
        function = obedient(["write", "starting\n"], ["sleep", 1])
        async with open_pool(function, log) as pool:
            invocation = invoke(pool, respond("1"))
            await log.wait_for("starting")
            (old,) = pool.environments
            pool.renew()
            assert (await invocation.wait()).payload == b"1"
            assert old not in pool.environments
            assert len(pool.environments) == 1

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
            for turn in range(examples(4)):
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
            await reload_on_save([pool], log)

    run(test())
    assert len(log) == 1
    assert log[0].startswith(f"cannot watch {missing}: ")
