"""What the tests stand on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .harness import chance, examples

ROOT = Path(__file__).parent.parent
# A test that fails where its own processes ignore SIGINT.
PROBE = """
import signal, subprocess, sys

def test_child():
    code = "import time; print(1, flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=subprocess.DEVNULL)
    assert child.stdout.readline()
    child.send_signal(signal.SIGINT)
    try:
        assert child.wait(20) != 0
    finally:
        child.kill()
        child.stdout.close()
"""


def test_ctrl_c_is_not_ignored(tmp_path: Path) -> None:
    """Where SIGINT is ignored at the start, as under nohup, it ends the processes of the tests."""
    (tmp_path / "test_probe.py").write_text(PROBE)
    pytest_of_its_own = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *pytest_of_its_own, "-p", "tests.conftest",
         "-c", "/dev/null", "--rootdir", str(tmp_path), "test_probe.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SEED": "7"},
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "SEED=7 repeats" in done.stdout


def test_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long proof takes its sample, or as many as the variable says."""
    monkeypatch.delenv("EXAMPLES", raising=False)
    assert examples(20) == 20
    monkeypatch.setenv("EXAMPLES", "10000")
    assert examples(20) == 10000


def test_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed gives a test the same numbers, and another test others."""
    monkeypatch.setenv("SEED", "1")
    assert chance("a").random() == chance("a").random() != chance("b").random()
    before = chance("a").random()
    monkeypatch.setenv("SEED", "2")
    assert chance("a").random() != before
