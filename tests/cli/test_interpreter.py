"""Which Python runs a function."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amazon_lambda_runtime.cli.local.interpreter import find_interpreter, has_module
from tests.harness import SOURCE, environment

from .support import COMMAND, PATIENCE


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a virtual environment, whose Python is this one without its packages."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "src").mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    return tmp_path


def test_of_the_project(project: Path) -> None:
    """The .venv beside pyproject.toml is used, from the handler's folder up; or --python."""
    python = str(project / ".venv" / "bin" / "python")
    for folder in (project, project / "src"):
        assert find_interpreter(None, folder).path == python
    assert find_interpreter(sys.executable, project).path == sys.executable
    (project / "pyproject.toml").unlink()
    assert find_interpreter(None, project).path == sys.executable


def test_of_another_user(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .venv that belongs to another user is not run: in /tmp it may be anyone's."""
    if os.geteuid() == 0:
        os.chown(project / ".venv", 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert find_interpreter(None, project).path == sys.executable


def test_modules_of_the_project(project: Path) -> None:
    """A module is looked for in the project's Python, not in the one of the command."""
    python = str(project / ".venv" / "bin" / "python")
    assert has_module(python, "json")
    assert not has_module(python, "click")
    assert has_module(sys.executable, "click")


def test_its_packages(project: Path) -> None:
    """A function imports what its project has, and our package; nothing that we have beside it."""
    (project / "hello.py").write_text(
        "import sys\n"
        "from importlib.util import find_spec\n"
        "import amazon_lambda_runtime\n"
        "def handler(event, context):\n"
        "    names = 'amazon_lambda_runtime', 'click', 'httptools'\n"
        "    return [sys.prefix, [name for name in names if find_spec(name)]]\n"
    )
    done = subprocess.run(
        [*COMMAND, "local", "hello.handler", "-e", "1"],
        cwd=project,
        env=environment(PYTHONPATH=str(SOURCE)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert json.loads(done.stdout) == [str(project / ".venv"), ["amazon_lambda_runtime"]]
    line = done.stderr.splitlines()[0]
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert line == (
        f"Python {version}: {project}/.venv/bin/python (beside {project}/pyproject.toml)"
    )
