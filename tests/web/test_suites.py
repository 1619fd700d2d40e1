"""Tests that nobody here wrote, on applications behind a front door.

A test that fails there, and not without the door, is in expected_failures.txt with the reason; one
that fails unexpectedly is a failure here, and so is one that passes unexpectedly.
"""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.harness import environment

ROOT = Path(__file__).parents[2]
SUITES = ROOT / ".cache" / "suites"
EXPECTED = Path(__file__).with_name("expected_failures.txt")
# What is left out: tests of a command, of the test client, of another event loop.
OPTIONS = {
    "flask": ["--ignore=tests/test_cli.py"],
    "httpbin": [],
    "starlette": ["--ignore=tests/test_testclient.py", "-k", "not trio and not websocket"],
}


@cache
def failures(suite: str, door: str = "", stream: bool = False) -> frozenset[str]:
    """Return the names of the tests that fail behind a door; "" is no door."""
    (folder,) = SUITES.glob(f"{suite}-*")
    env = environment(
        SUITE=suite, DOOR=door, STREAM=str(int(stream)),
        PYTHONPATH=os.pathsep.join([str(ROOT / "tests"), str(SUITES / "packages")]),
    )  # fmt: skip
    # Ours is not the configuration of these tests, though they lie below it.
    options = ["-q", "-c", "/dev/null", "--rootdir=.", "-p", "no:cacheprovider", "-rfE"]
    command = [sys.executable, "-m", "pytest", *options, "-p", "web.suite_plugin", "tests"]
    done = subprocess.run(
        [*command, *OPTIONS[suite]], cwd=folder, env=env, capture_output=True, text=True
    )
    assert re.search(r"\d{2,} passed", done.stdout), done.stdout[-2000:] + done.stderr
    return frozenset(re.findall(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", done.stdout, re.M))


def expected(suite: str, door: str) -> set[str]:
    """Return what is to fail: lines of `suite door test`, where `*` is any door."""
    found = set()
    for line in EXPECTED.read_text().splitlines():
        if line and not line.startswith("#"):
            name, doors, test = line.split(" ", 2)
            if name == suite and (doors == "*" or door in doors.split(",")):
                found.add(test)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suite", "door", "stream"),
    [
        ("flask", "url", False),
        ("flask", "rest", True),
        ("httpbin", "url", False),
        ("httpbin", "http", False),
        ("httpbin", "rest", False),
        ("httpbin", "alb", False),
        ("httpbin", "lattice", False),
        ("starlette", "url", True),
        ("starlette", "rest", False),
    ],
)
def test_suite(suite: str, door: str, stream: bool) -> None:
    if not (SUITES / "fetched").exists():
        pytest.skip("the suites could not be fetched: make .cache/suites")
    found = failures(suite, door, stream) - failures(suite)
    assert found == expected(suite, door)


def test_every_expected_failure_has_a_reason() -> None:
    """It stands in a comment before it."""
    for block in EXPECTED.read_text().strip().split("\n\n"):
        assert block.startswith("# "), block
