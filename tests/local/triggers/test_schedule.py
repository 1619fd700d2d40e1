"""A schedule fires by the clock, which a test sets."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from amazon_lambda_runtime.local.triggers import schedule as schedule_module
from amazon_lambda_runtime.local.triggers.schedule import Schedule
from amazon_lambda_runtime.project.schedule import ScheduleError
from tests.local.support import run

START = datetime(2026, 11, 27, 2, 59, 30, tzinfo=UTC)


class Clock:
    """The time, and the naps that make it go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        self.naps: list[float] = []
        clock = self

        class Now(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return clock.now

        async def sleep(seconds: float) -> None:
            clock.naps.append(seconds)
            clock.now += timedelta(seconds=seconds)
            await yielded(0)

        yielded = asyncio.sleep
        monkeypatch.setattr(schedule_module, "datetime", Now)
        monkeypatch.setattr(asyncio, "sleep", sleep)


async def fired(expression: str, clock: Clock, count: int, jump: float = 0) -> list[datetime]:
    """Return the first times at which it fires; after the first, the clock jumps."""
    found: list[datetime] = []
    done = asyncio.Event()

    def fire(at: datetime) -> None:
        found.append(at)
        clock.now += timedelta(seconds=jump if len(found) == 1 else 0)
        if len(found) == count:
            done.set()

    async with Schedule(expression, fire) as schedule:
        assert schedule.next is not None
        await done.wait()
    return found[:count]


def test_cron(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fires at the minutes that it names, and never naps past a clock that is set."""
    clock = Clock(monkeypatch)
    found = run(fired("cron(0 3 * * ? *)", clock, 2))
    assert found == [START.replace(hour=3, minute=0, second=0) + timedelta(days=n) for n in (0, 1)]
    assert max(clock.naps) <= 30


def test_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts from the start, as from when a rule was made."""
    found = run(fired("rate(5 minutes)", Clock(monkeypatch), 3))
    assert found == [START + timedelta(minutes=5 * n) for n in (1, 2, 3)]


def test_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was due while the machine slept fires once, and the clock's next time follows."""
    found = run(fired("rate(1 minute)", Clock(monkeypatch), 2, jump=150))
    assert found == [START + timedelta(minutes=1), START + timedelta(minutes=2)]


def test_never(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose years are over waits for nothing."""

    async def test() -> None:
        async with Schedule("cron(0 3 * * ? 2020)", lambda at: None) as schedule:
            assert schedule.next is None

    run(test())


def test_refused() -> None:
    """An expression that is none is refused."""

    async def test() -> None:
        with pytest.raises(ScheduleError):
            Schedule("every day", lambda at: None)

    run(test())
