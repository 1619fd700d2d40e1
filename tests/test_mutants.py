"""The tool that changes the code: on a package of a few lines, what it kills and what survives."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SOURCE = '''\
"""A docstring with 1 number."""


def clamp(number: "int") -> int:
    if number > 9:
        return 9
    return number


def count(number: int) -> None:
    if number < 0:
        raise ValueError("less than 0")
    while number:
        number -= 1
'''
TESTS = """\
import subprocess
import sys

import pytest

from amazon_lambda_runtime.project.numbers import clamp


def test_clamp():
    assert [clamp(3), clamp(10), clamp(50)] == [3, 9, 9]  # 10 for 9 is noticed, >= for > is not


@pytest.fixture(scope="module")
def child():
    code = "from amazon_lambda_runtime.project.numbers import count; count(2); count(0)"
    code += "; __import__('os').execvp('echo', ['echo', '7'])"  # what it has run is measured, too
    return subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)


def test_that_has_the_fixture_first(child):
    assert child.stdout is not None


def test_count_in_a_child(child):
    assert child.stdout == b"7\\n"


def test_that_fails_without_a_mutant():
    raise RuntimeError(clamp(1))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one file in the room `project`, and its tests."""
    files = {
        "src/amazon_lambda_runtime/__init__.py": "",
        "src/amazon_lambda_runtime/project/__init__.py": "",
        "src/amazon_lambda_runtime/project/numbers.py": SOURCE,
        # pytest loads the installed package's plugin by this name.
        "src/amazon_lambda_runtime/testing/__init__.py": "",
        "src/amazon_lambda_runtime/testing/pytest_plugin.py": "",
        "tests/project/test_numbers.py": TESTS,
        "pyproject.toml": "[tool.pytest.ini_options]\nmarkers = ['slow', 'deploy']\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def start(checkout: Path, *options: str) -> "subprocess.Popen[str]":
    (checkout / ".cache").mkdir()
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.mutants", "--room", "project", *options],
        cwd=checkout,
        env={**kept, "PYTHONPATH": str(ROOT), "TMPDIR": str(checkout / ".cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # SIGINT may be ignored where the tests run.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.slow
def test_survivors(checkout: Path) -> None:
    """What no test notices is told, with its line; the rest is killed, also what runs for ever."""
    process = start(checkout, "--seed", "7", "--count", "99", "--patience", "3")
    told = process.communicate(timeout=120)[0].splitlines()
    assert told[:2] == ["seed 7", "project: measuring what its tests cover"]
    file = "src/amazon_lambda_runtime/project/numbers.py"
    tests = "tests: tests/project/test_numbers.py)"
    assert sorted(told[2:-1]) == [
        f"{file}:14: number -= 1  ->  number -= 2  (3 {tests}",
        f"{file}:5: if number > 9:  ->  if number >= 9:  (1 {tests}",
    ]
    assert told[-1] == "project: 7 of 9 killed, 78 %, of 9"
    assert process.returncode == 1


@pytest.mark.slow
def test_all_are_killed(checkout: Path) -> None:
    """Exit status 0 if no mutant of the sample survives."""
    (checkout / "src/amazon_lambda_runtime/project/numbers.py").write_text(
        "def clamp(number: int) -> int:\n    return min(number, 9)\n"
    )
    (checkout / "tests/project/test_numbers.py").write_text(TESTS.partition("@pytest.fixture")[0])
    process = start(checkout, "--count", "2")
    told = process.communicate(timeout=60)[0]
    assert told.endswith("project: 2 of 2 killed, 100 %, of 2\n")
    assert process.returncode == 0


@pytest.mark.slow
def test_interrupted(checkout: Path) -> None:
    """Ctrl-C ends it at once; the checkout is as it was, and no copy is left."""
    slow = TESTS + "\n\ndef test_slow():\n    clamp(1)\n    __import__('time').sleep(60)\n"
    (checkout / "tests/project/test_numbers.py").write_text(slow)
    process = start(checkout)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("seed ")
    deadline = time.monotonic() + 30
    while not [*checkout.glob(".cache/mutants-*/times")] and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode != 0
    assert not [*(checkout / ".cache").iterdir()]
    assert (checkout / "src/amazon_lambda_runtime/project/numbers.py").read_text() == SOURCE


def test_a_package_without_tests(checkout: Path) -> None:
    """Where pytest finds no test, it says so and ends with status 1, and no mutant is made."""
    (checkout / "tests/project/test_numbers.py").write_text("")
    process = start(checkout)
    told = process.communicate(timeout=60)[0]
    assert "pytest ended with status 5 before a mutant was made" in told
    assert process.returncode == 1
