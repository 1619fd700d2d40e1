"""What takes long says so, where no line moves."""

import time
from collections.abc import Callable
from threading import Timer

import pytest

from amazon_lambda_runtime.cli.deploy import reporter as module
from amazon_lambda_runtime.cli.deploy.reporter import Reporter
from amazon_lambda_runtime.deploy.plan import Step

STEP = Step("create", "role", "role lambda-role", "there is none", lambda: None)


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> float:
    """How long nothing is said: shorter than in earnest."""
    monkeypatch.setattr(module, "_SILENCE", 0.05)
    return 0.05


def said(capsys: pytest.CaptureFixture[str], line: str) -> bool:
    """Wait until the line has come."""
    err, deadline = "", time.monotonic() + 60
    while line not in err and time.monotonic() < deadline:
        err += capsys.readouterr().err
        time.sleep(0.01)
    return line in err.splitlines()


def test_what_goes_on_is_said(silence: float, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first step, and in each step, by what it is about."""
    with Reporter() as reporter:
        assert said(capsys, "  reading what is there: working on it")
        reporter.begin(STEP)
        assert said(capsys, "  role lambda-role: working on it")
        reporter.end(STEP)
    with Reporter("waiting for hello"):
        assert said(capsys, "  waiting for hello: working on it")


def test_what_is_over_is_not_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A step that has ended, a note that has said more, and a command that is done."""
    timers: list[Timer] = []

    def timer(seconds: float, say: Callable[[], None]) -> Timer:
        timers.append(Timer(seconds + 1000, say))
        return timers[-1]

    monkeypatch.setattr(module, "Timer", timer)
    with Reporter() as reporter:
        reporter.begin(STEP)
        assert [each.finished.is_set() for each in timers] == [True, False]
        reporter.end(STEP)
        assert timers[1].finished.is_set()
        reporter.begin(STEP)
        reporter.note("uploading a layer")
        assert timers[2].finished.is_set()
        reporter.begin(STEP)
    assert timers[3].finished.is_set()
    assert capsys.readouterr().err == "+ role lambda-role: there is none\n  uploading a layer\n"


def test_a_terminal_has_its_moving_line(
    silence: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a line moves, none is added."""
    pytest.importorskip("rich", reason="rich is not installed")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with Reporter():
        time.sleep(silence * 4)
    assert "working on it" not in capsys.readouterr().err


@pytest.mark.parametrize("other", ["stderr", "stdout"])
def test_one_terminal_is_not_enough(
    other: str, silence: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where one of the two is a file, no line moves and nothing is coloured."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: other != "stderr")
    monkeypatch.setattr("sys.stdout.isatty", lambda: other != "stdout")
    with Reporter() as reporter:
        assert said(capsys, "  reading what is there: working on it")
        reporter.begin(STEP)
        reporter.end(STEP)
    assert capsys.readouterr().err == "+ role lambda-role: there is none\n"
