"""The Makefile's front door: what it says of the interpreter, and what it installs when."""

import os
import re
import shutil
import site
import socket
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = (
    "awk", "cat", "chmod", "cksum", "dirname", "grep", "make", "mkdir", "rm", "sh", "sleep", "tail",
)  # fmt: skip
# A Python that is said to be another, or that lacks a module: sitecustomize is run at its start.
PYTHON = """#!/bin/sh
PYTHONPATH={folder} exec {python} "$@"
"""
# Writes down what it is asked, and makes what an installation would.
UV = """#!/bin/sh
echo "$*" >> {calls}
if [ "$1" = venv ]; then
    mkdir -p .venv/bin
    printf '#!/bin/sh\\nexec {python} "$@"\\n' > .venv/bin/python
else
    {install}
    printf '#!/bin/sh\\necho "$@"\\n' > .venv/bin/lambda-runtime
fi
chmod +x .venv/bin/*
"""


@dataclass
class Clone:
    """A fresh clone, and a PATH with nothing on it but what the tests put there."""

    folder: Path
    bin: Path
    environment: dict[str, str] = field(default_factory=dict)

    def make(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env={"PATH": str(self.bin), "HOME": str(self.folder), **self.environment},
            capture_output=True,
            text=True,
            timeout=180,
        )

    def refused(self, *arguments: str) -> str:
        """Return the one line in which make says why it does nothing."""
        done = self.make("run", *arguments)
        assert done.returncode == 2
        assert not (self.folder / ".venv").exists()
        line, end = done.stderr.splitlines()
        assert end.startswith("make: *** ")
        return line.removeprefix("make: ")

    def program(self, name: str, text: str) -> None:
        self.bin.joinpath(name).write_text(text)
        self.bin.joinpath(name).chmod(0o755)

    def python(self, name: str, customised: str) -> None:
        """Put a Python on PATH that runs this code at its start."""
        folder = self.bin.parent / f"custom-{name}"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(customised)
        self.program(name, PYTHON.format(folder=folder, python=sys.executable))

    def uv(self, install: str = ":") -> None:
        calls = self.bin.parent / "calls"
        self.program("uv", UV.format(calls=calls, python=sys.executable, install=install))

    @property
    def calls(self) -> list[str]:
        """What uv was asked for: `venv` and the extras that were installed."""
        lines = (self.bin.parent / "calls").read_text().splitlines()
        return [line.partition(" ")[0] if "venv --" in line else line.split()[-1] for line in lines]


OLD = "import sys; sys.version_info = (3, 10, 13, 'final', 0)"


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    folder, programs = tmp_path / "clone", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("scripts", "bin"):
        shutil.copytree(ROOT / name, folder / name)
    for name in TOOLS:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not installed")
        (programs / name).symlink_to(found)
    made = Clone(folder, programs)
    made.python("python3", "")
    return made


class TestInterpreter:
    def test_too_old(self, clone: Clone) -> None:
        """
        A Python below 3.11 is named at once, with what to do.
        """
        clone.python("python3.10", OLD)
        assert clone.refused("PYTHON=python3.10") == (
            "python3.10 is Python 3.10, and 3.11 or later is needed: "
            "name one with PYTHON=/path/to/python3"
        )

    def test_newer_one(self, clone: Clone) -> None:
        """
        A newer one that is on PATH is named.
        """
        clone.python("python3.10", OLD)
        clone.python("python3.13", "")
        assert clone.refused("PYTHON=python3.10").endswith(" (python3.13 is on PATH)")

    def test_missing(self, clone: Clone) -> None:
        """
        So is one that there is not.
        """
        assert clone.refused("PYTHON=python9") == (
            "cannot find python9: install Python 3.11 or later, "
            "or name one with PYTHON=/path/to/python3"
        )

    def test_broken(self, clone: Clone) -> None:
        """
        And one that does not start.
        """
        clone.program("broken", "#!/bin/sh\necho no libpython >&2\nexit 127\n")
        assert clone.refused("PYTHON=broken") == (
            "cannot run broken: name another Python with PYTHON=/path/to/python3"
        )

    @pytest.mark.parametrize("module", ["venv", "ensurepip"])
    def test_without_venv(self, clone: Clone, module: str) -> None:
        """
        A Python that cannot make virtual environments, as Debian's without python3-venv.
        """
        clone.python("bare", f"import sys; sys.modules[{module!r}] = None")
        assert clone.refused("PYTHON=bare") == (
            "bare has no venv or no ensurepip: install them "
            "(on Debian: apt-get install python3-venv), or uv"
        )
        # uv needs neither.
        clone.uv()
        assert clone.make("run", "PYTHON=bare").returncode == 0


class TestInstallation:
    def test_once(self, clone: Clone) -> None:
        """
        `make run` installs the extra `local` and nothing else, says so before, and only once.
        """
        clone.uv()
        first = clone.make("run")
        assert first.returncode == 0
        assert "local examples/hello/hello.py --event" in first.stdout
        assert clone.calls == ["venv", ".[local]"]
        said = [line for line in first.stderr.splitlines() if not line.startswith("  ")]
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        assert said[:2] == [
            f"making a virtual environment of Python {version} in .venv, once",
            "installing the packages of [local] into .venv with uv, once",
        ]
        second = clone.make("run")
        assert (second.returncode, second.stderr) == (0, "")
        assert clone.calls == ["venv", ".[local]"]

    def test_after_the_tests(self, clone: Clone) -> None:
        """
        What `make test` has installed is enough for `make run`.
        """
        clone.uv()
        subprocess.run(
            [clone.folder / "scripts/install.sh", "dev"],
            env={"PATH": str(clone.bin)},
            check=True,
            capture_output=True,
        )
        clone.make("run")
        assert clone.calls == ["venv", ".[dev]"]

    def test_when_something_has_changed(self, clone: Clone) -> None:
        """
        Other dependencies are installed into the same environment.
        """
        clone.uv()
        clone.make("run")
        with (clone.folder / "pyproject.toml").open("a") as file:
            file.write("# more\n")
        clone.make("run")
        assert clone.calls == ["venv", ".[local]", ".[local]"]

    @pytest.mark.parametrize(
        ("python", "reason"),
        [
            ("#!/bin/sh\necho 3.10\n", "it is of Python 3.10, and python3 is "),
            ("#!/nowhere/python\n", "its Python does not start"),
        ],
    )
    def test_another_python(self, clone: Clone, python: str, reason: str) -> None:
        """
        An environment of another Python, or of one that was removed, is made anew.
        """
        clone.uv()
        clone.make("run")
        (clone.folder / ".venv/bin/python").write_text(python)
        (clone.folder / ".venv/old").touch()
        done = clone.make("run")
        assert done.returncode == 0
        assert f"making .venv anew: {reason}" in done.stderr
        assert not (clone.folder / ".venv/old").exists()
        assert clone.calls == ["venv", ".[local]"] * 2

    def test_moved(self, clone: Clone) -> None:
        """
        So is one that was made in another folder: its scripts name that one.
        """
        clone.uv()
        clone.make("run")
        clone.folder = clone.folder.rename(clone.folder.with_name("elsewhere"))
        assert "anew: it was made in another folder" in clone.make("run").stderr
        assert clone.calls == ["venv", ".[local]"] * 2

    def test_it_says_how_far_it_is(self, clone: Clone) -> None:
        """
        A long installation is not silent for more than a few seconds.
        """
        clone.uv("echo 'Prepared 3 packages'; sleep 4")
        assert "  3 s: Prepared 3 packages\n" in clone.make("run").stderr


class TestCi:
    @pytest.fixture
    def stubbed(self, clone: Clone) -> Clone:
        """A clone in which each program only writes down that it was called."""
        shutil.copytree(ROOT / ".ci", clone.folder / ".ci")
        for name in ("cat", "date", "dirname", "sh"):
            (clone.bin / name).unlink(missing_ok=True)
            (clone.bin / name).symlink_to(shutil.which(name) or name)
        (clone.folder / ".venv/bin").mkdir(parents=True)
        for program in (
            clone.bin / "make",
            clone.bin / "python3",
            clone.folder / "scripts/install.sh",
            clone.folder / "scripts/install_chromium.sh",
            clone.folder / ".venv/bin/coverage",
            clone.folder / ".venv/bin/python",
        ):
            program.unlink(missing_ok=True)
            told = "${COVERAGE_TRACED:+measured }" + program.name
            program.write_text(f'#!/bin/sh\necho "called: {told} $*"\n')
            program.chmod(0o755)
        return clone

    def run(self, clone: Clone) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [clone.folder / ".ci/run"],
            env={"PATH": str(clone.bin)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def test_phases(self, stubbed: Clone) -> None:
        """
        All that users run is run, each fast test once, measured if it is of a room that must be
        covered; each phase has its time.
        """
        done = self.run(stubbed)
        assert done.returncode == 0, done.stdout + done.stderr
        called = re.findall(r"called: (.*)", done.stdout)
        assert {"make run", "make check", "make test-slow", "make test-deploy"} <= {*called}
        covered, others = (line.split() for line in called if "not slow" in line)
        assert covered[:4] == ["measured", "python", "-m", "pytest"]
        rooms = {room.removeprefix("tests/") for room in covered if room.startswith("tests/")}
        assert {"core", "events", "samples", "testing", "web"} <= rooms
        assert all((ROOT / "tests" / room).is_dir() for room in rooms)
        assert others[:3] == ["python", "-m", "pytest"]
        assert {word for word in others if "ignore" in word} == {
            f"--ignore=tests/{room}" for room in rooms
        }
        phases = re.findall(r"^== (.*)$", done.stdout, re.M)
        assert phases[-1] == "all is well"
        timed = re.findall(r"^ +\d+ s  (.*)$", done.stdout, re.M)
        assert timed == phases[:-1]

    @pytest.mark.parametrize(
        ("command", "phase"),
        [
            ("python -m tests.traced install", "fast tests of what must be covered"),
            ("python -m tests.traced combine", "coverage"),
            ("coverage report --omit", "coverage"),
        ],
    )
    def test_failure(self, stubbed: Clone, command: str, phase: str) -> None:
        """
        The first phase that fails is named, and its status is that of the run.
        """
        program, _, arguments = command.partition(" ")
        stub = stubbed.folder / ".venv/bin" / program
        stub.write_text(f'#!/bin/sh\ncase "$*" in "{arguments}"*) exit 3 ;; esac\n')
        done = self.run(stubbed)
        assert done.returncode == 3
        assert f"== failed: {phase} (3)" in done.stdout
        assert "== slow tests" not in done.stdout


class TestFailure:
    @pytest.mark.parametrize("is_new", [False, pytest.param(True, marks=pytest.mark.slow)])
    def test_no_network(self, clone: Clone, is_new: bool) -> None:
        """
        Without a network there is one line, from pip itself; what it wrote is kept. An environment
        that is there is used; to make one with pip in it takes ten times as long.
        """
        if not is_new:
            venv.create(clone.folder / ".venv", symlinks=True)
            (packages,) = clone.folder.glob(".venv/lib/*/site-packages")
            (packages / "pip.pth").write_text(f"{site.getsitepackages()[0]}\n")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        clone.environment = {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"http://127.0.0.1:{port}/simple",
        }
        done = clone.make("run")
        assert done.returncode == 2
        said = [line for line in done.stderr.splitlines() if line.startswith("make: ")]
        assert ("making a virtual environment" in done.stderr) is is_new
        assert said[0] == (
            "make: cannot download packages: is there a network? (Connection refused). "
            "All output is in .cache/install.log"
        )
        assert len(said) == 2
        assert "Connection refused" in (clone.folder / ".cache/install.log").read_text()

    def test_any_other(self, clone: Clone) -> None:
        """
        What else fails is named in one line, and tried again next time.
        """
        clone.uv("echo 'warning: x' >&2; echo 'error: No space left on device' >&2; exit 1")
        done = clone.make("run")
        assert done.returncode == 2
        assert (
            "make: cannot install packages: error: No space left on device. "
            "All output is in .cache/install.log\n"
        ) in done.stderr
        clone.uv()
        assert clone.make("run").returncode == 0
