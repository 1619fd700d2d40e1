"""The wall clock is set while executions wait: somebody sets it, or a laptop has been asleep."""

import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from amazon_lambda_runtime.local.durable.clock import SteadyClock

from .support import Local, eventually, local

JUMPING = Path(__file__).with_name("jumping.py")


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "clock"
    file.write_text("0")
    monkeypatch.setenv("CLOCK", str(file))
    return file


@pytest.fixture
def server(clock: Path, tmp_path: Path) -> Iterator[Local]:
    with local(tmp_path, command=(sys.executable, str(JUMPING), "local")) as running:
        running.call("one_step")
        yield running


def set_clock(clock: Path, seconds: float) -> None:
    """Set it in one step: the server may read the file at any moment."""
    new = clock.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(clock)


@pytest.mark.parametrize("seconds", [3600, -3600, 86_400 * 2])
def test_wait(server: Local, clock: Path, seconds: float) -> None:
    """A wait is over when its time has passed, whatever the wall clock says meanwhile."""
    arn = server.start("step_wait_step", seconds=3)
    server.has(arn, "WaitStarted")
    began = time.monotonic()
    set_clock(clock, seconds)
    assert server.end_of(arn)["Status"] == "SUCCEEDED"
    assert time.monotonic() - began < 20
    types = server.types(arn)
    assert types.count("WaitSucceeded") == types.count("ExecutionSucceeded") == 1
    assert [event["EventId"] for event in server.events(arn)] == [*range(1, len(types) + 1)]


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_callback(server: Local, clock: Path, seconds: float) -> None:
    """A callback that comes after it is taken, and what is started then ends."""
    arn = server.start("callback")
    found = server.callback(arn)
    set_clock(clock, seconds)
    server.client.send_durable_execution_callback_success(CallbackId=found, Result=b"1")
    assert server.end_of(arn)["Status"] == "SUCCEEDED"
    assert server.call("one_step")["Payload"] == {"n": 1}
    eventually(lambda: "SUCCEEDED" in server.log)


def test_machine_that_was_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timers stand still meanwhile: what is due then is seen half a minute later at most."""
    steady = [1000.0]
    monkeypatch.setattr(time, "clock_gettime", lambda clock: steady[0])
    clock = SteadyClock()
    began = clock.now()
    wake = began + timedelta(hours=1)
    assert clock.arm(wake) == 30
    steady[0] += 3590
    assert (clock.now() - began).total_seconds() == pytest.approx(3590)
    assert clock.arm(wake) == pytest.approx(10)
    steady[0] += 20
    assert clock.arm(wake) == 0
