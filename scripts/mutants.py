"""Which changes of the code no test notices: `make mutants`, or this with --room, --count, --seed.

A mutant is the source with one token changed (mutations.py). From each room a random sample is
drawn; the fast tests that cover the changed statement run against each mutant, the quickest first,
until one fails. A mutant that survives lacks a test, or changes nothing that matters. Exit status 1
if less than 95 % of a room's sample is killed.

Only a copy of the checkout is changed. It has a virtual environment of its own, which shares this
one's packages, so that the processes that a test starts run the copy, too. One run of each folder
of tests measures what each test covers; a child process counts to the test that pytest names in its
environment, and what a fixture runs to all tests of its file. What runs at import (constants,
signatures, decorators) is covered by each test that covers anything in the file.
"""

import argparse
import contextlib
import functools
import os
import random
import re
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import NamedTuple

from coverage import CoverageData
from coverage.exceptions import CoverageException

from .mutations import Mutant, mutants_of

ENOUGH = 95  # percent
PACKAGE = Path("src/amazon_lambda_runtime")
ROOMS = {  # where its source is, and its tests
    "core": (["core/**/*.py", "bootstrap.py", "protocol.py"], ["tests/core", "tests/faults"]),
    "events": (["events/**/*.py"], ["tests/events"]),
    "local": (["local/**/*.py"], ["tests/local", "tests/cli"]),
    "deploy": (["deploy/**/*.py"], ["tests/deploy", "tests/cli"]),
    "project": (["project/**/*.py"], ["tests/project", "tests/cli", "tests/deploy"]),
    "cli": (["cli/**/*.py"], ["tests/cli", "tests/deploy"]),
    "web": (["web/**/*.py"], ["tests/web"]),
    "testing": (["testing/**/*.py"], ["tests/testing", "tests/samples"]),
}
PLUGIN = """
import os, pathlib, coverage, pytest
wanted = os.environ.get("MUTANTS_TESTS")
def pytest_collection_modifyitems(items):
    if wanted:
        order = {name: n for n, name in enumerate(pathlib.Path(wanted).read_text().splitlines())}
        items[:] = sorted((i for i in items if i.nodeid in order), key=lambda i: order[i.nodeid])
def switch(context):
    if coverage.Coverage.current():
        coverage.Coverage.current().switch_context(context)
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    switch(f"{item.nodeid} (setup)")
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    switch(f"{item.nodeid} (call)")
def pytest_runtest_logreport(report):
    with open(os.environ["MUTANTS_TIMES"], "a") as file:
        print(report.duration, report.outcome, report.nodeid, file=file)
"""


class Copy:
    """A copy of the checkout, with an environment whose processes run it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.times, self.data = folder / "tree", folder / "times", folder / "data"
        self.second = int(time.time())
        left_out = shutil.ignore_patterns(".git", ".venv", ".cache", "*_cache", "__pycache__")
        shutil.copytree(".", self.root, ignore=left_out, symlinks=True)
        venv.create(self.root / ".venv", symlinks=True)
        self.python = self.root / ".venv/bin/python"
        scripts = (path for path in Path(sys.prefix, "bin").iterdir() if path.is_file())
        for script in scripts:  # bootstrap, for one
            text = script.read_bytes()
            if text.startswith(f"#!{sys.prefix}/bin/python".encode()):
                copied = self.python.with_name(script.name)
                copied.write_bytes(b"#!%s\n" % bytes(self.python) + text.partition(b"\n")[2])
                copied.chmod(0o755)
        (packages,) = self.root.glob(".venv/lib/*/site-packages")
        (packages / "mutants_plugin.py").write_text(PLUGIN)
        shared = f"import site; site.addsitedir({site.getsitepackages()[0]!r})"
        (packages / "mutants.pth").write_text(f"{self.root / 'src'}\n{shared}\n")
        (folder / "coveragerc").write_text(
            "[run]\nparallel = true\nsigterm = true\npatch = fork, execv, _exit\ncore = ctrace\n"
            "source_pkgs = amazon_lambda_runtime\ncontext = ${PYTEST_CURRENT_TEST-}\n"
            f"data_file = {self.data}/coverage\n"
        )

    def run_tests(self, tests: list[str], limit: float | None, **env: str) -> int | None:
        """Return pytest's exit status; None if `limit` seconds were not enough."""
        command = [str(self.python), "-m", "pytest", "-q", "-m", "not slow and not deploy", *tests,
                   "-p", "mutants_plugin", "-p", "no:cacheprovider", "-p", "no:xdist"]  # fmt: skip
        inherited = {**os.environ, "MUTANTS_TIMES": str(self.times)}
        inherited.pop("PYTEST_CURRENT_TEST", None)
        process = subprocess.Popen(command, cwd=self.root, env=inherited | env,
                                   stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)  # fmt: skip
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            return None
        finally:  # also at Ctrl-C; what the tests have started goes with them
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def measure(self, folder: str) -> "Measured":
        """Run the tests of a folder once: what does each one cover, and how long does it take?"""
        self.times.unlink(missing_ok=True)
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir()
        self.times.touch()
        rc = str(self.data.with_name("coveragerc"))
        began = time.monotonic()
        status = self.run_tests([folder], None, COVERAGE_PROCESS_START=rc)
        took = time.monotonic() - began
        seconds: dict[str, float] = {}
        failed = set()
        for line in self.times.read_text().splitlines():
            duration, outcome, name = line.split(" ", 2)
            seconds[name] = seconds.get(name, 0) + float(duration)
            if outcome != "passed":
                failed.add(name)
        if status not in (0, 1) or not seconds:
            sys.exit(f"pytest ended with status {status} before a mutant was made")
        of_file: dict[str, set[str]] = {}
        for name in seconds:
            of_file.setdefault(name.partition("::")[0], set()).add(name)
        covered: dict[Path, dict[int, set[str]]] = {}
        for part in self.data.iterdir():
            if part.name.endswith("-journal"):  # of a process that was killed
                continue
            data = CoverageData(str(part))
            with contextlib.suppress(CoverageException):
                data.read()
            for file in data.measured_files():
                lines = covered.setdefault(Path(file).relative_to(self.root), {})
                for number, contexts in data.contexts_by_lineno(file).items():
                    for context in contexts:  # "test (phase)", as pytest's variable has it
                        name = re.sub(r" \(\w+\)$", "", context)
                        # A fixture may serve all tests of a file, whichever is the first.
                        whole = of_file.get(name.partition("::")[0], set())
                        shared = whole if context.endswith("(setup)") else {name}
                        lines.setdefault(number, set()).update(shared)
        overhead = took - sum(seconds.values())
        passed = {name: seconds[name] for name in seconds.keys() - failed}
        return Measured(covered, passed, overhead)

    def kills(self, mutant: Mutant, tests: list[str], limit: float) -> bool:
        """Run the tests against a mutant; tell whether one failed, or did not come to its end."""
        file = self.root / mutant.file
        source = file.read_bytes()
        wanted = self.times.with_name("wanted")
        wanted.write_text("\n".join(tests))
        self.write(file, mutant.applied(source))
        try:
            folders = sorted({name.partition("::")[0] for name in tests})
            status = self.run_tests(["-x", *folders], limit, MUTANTS_TESTS=str(wanted))
            return status not in (0, 5)  # 5: none of them is there
        finally:
            self.write(file, source)

    def write(self, file: Path, source: bytes) -> None:
        """Write a file, with a second of its own: by second and size Python knows a .pyc."""
        file.write_bytes(source)
        self.second += 1
        os.utime(file, (self.second, self.second))


class Measured(NamedTuple):
    covered: dict[Path, dict[int, set[str]]]
    seconds: dict[str, float]
    overhead: float  # what pytest itself takes

    def with_those_of(self, other: "Measured") -> "Measured":
        covered = {file: dict(lines) for file, lines in self.covered.items()}
        for file, lines in other.covered.items():
            for line, names in lines.items():
                known = covered.setdefault(file, {})
                known[line] = known.get(line, set()) | names
        overhead = max(self.overhead, other.overhead)
        return Measured(covered, self.seconds | other.seconds, overhead)

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Return the tests that cover a mutant's statement, the quickest first."""
        lines = self.covered.get(mutant.file, {})
        found: set[str] = set()
        if not mutant.at_import:
            found = set().union(*(lines.get(line, set()) for line in mutant.statement))
        if not found & self.seconds.keys():
            found = set().union(*lines.values())
        return sorted(found & self.seconds.keys(), key=lambda name: self.seconds[name])


def examine(room: str, measured: Measured, copy: Copy, options: argparse.Namespace) -> float:
    """Print the survivors of a room's sample; return how many percent were killed."""
    files = [file for source in ROOMS[room][0] for file in sorted(PACKAGE.glob(source))]
    every = [
        mutant for file in files if "templates" not in file.parts for mutant in mutants_of(file)
    ]
    chance = random.Random(f"{room} {options.seed}")
    sample = chance.sample(every, min(options.count, len(every)))
    killed = 0
    for mutant in sample:
        tests = measured.tests_of(mutant)
        expected = measured.overhead + sum(measured.seconds[name] for name in tests)
        limit = options.patience + 3 * expected
        if tests and copy.kills(mutant, tests, limit):
            killed += 1
            continue
        names = sorted({name.partition("::")[0] for name in tests}) or ["no test covers it"]
        print(f"{mutant}  ({len(tests)} tests: {', '.join(names)})", flush=True)
    percent = 100 * killed / max(1, len(sample))
    print(f"{room}: {killed} of {len(sample)} killed, {percent:.0f} %, of {len(every)}", flush=True)
    return percent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--room", action="append", choices=ROOMS, help="default: each")
    parser.add_argument("--count", type=int, default=30, help="mutants of each room (30)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="default: drawn")
    parser.add_argument("--patience", type=float, default=30, metavar="SECONDS",
                        help="beside three times what its tests take (30)")  # fmt: skip
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    rooms = options.room or list(ROOMS)
    percents = []
    of_folder: dict[str, Measured] = {}  # rooms have folders in common
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        copy = Copy(Path(temporary).resolve())
        for room in rooms:
            folders = [folder for folder in ROOMS[room][1] if Path(folder).exists()]
            print(f"{room}: measuring what its tests cover", flush=True)
            for folder in folders:
                of_folder[folder] = of_folder.get(folder) or copy.measure(folder)
            measured = functools.reduce(Measured.with_those_of, map(of_folder.__getitem__, folders))
            percents.append(examine(room, measured, copy, options))
    sys.exit(any(percent < ENOUGH for percent in percents))


if __name__ == "__main__":
    main()
