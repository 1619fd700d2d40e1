"""What `pip install` puts on a bare Python."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from .harness import ACCEPTED, SERVING, event, run

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the built wheel in it, and nothing else."""
    directory = tmp_path_factory.mktemp("bare")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheels = directory / "wheels"
    built = subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        pytest.skip(f"the wheel can't be built here: {built.stderr.strip().splitlines()[-1]}")
    (wheel,) = wheels.glob("*.whl")
    venv.create(directory / "venv", with_pip=False, symlinks=os.name != "nt")
    python = directory / "venv" / "bin" / "python"
    # Without --no-deps: a dependency that crept in would be installed, and found below.
    subprocess.run(
        [*pip, "--python", str(python), "install", str(wheel)], check=True, capture_output=True
    )
    return directory / "venv" / "bin"


def test_no_dependency(bare: Path) -> None:
    """2: the runtime is all that is installed."""
    code = "from importlib.metadata import distributions; print([d.name for d in distributions()])"
    done = subprocess.run(
        [bare / "python", "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['amazon-lambda-runtime']\n"


def test_bootstrap_is_a_script(bare: Path) -> None:
    """2: `bootstrap` is our own few lines, and serves the example."""
    script = bare / "bootstrap"
    lines = script.read_text().splitlines()
    assert lines[0].startswith("#!")
    assert lines[1:] == (ROOT / "bin" / "bootstrap").read_text().splitlines()[1:]
    assert lines[-2:] == ['if __name__ == "__main__":', "    main()"]
    done = run(
        [str(script), "hello.handler"],
        [event(b'{"name": "Ada"}'), ACCEPTED],
        ROOT / "examples" / "hello",
    )
    assert done.posts[0].body == b'{"message": "Hello Ada!"}'
    assert done.status == SERVING


def test_command_says_what_it_needs(bare: Path) -> None:
    """The command without its tools says in one line how to get them, and exits with 2."""
    done = subprocess.run(
        [bare / "lambda-runtime", "local", "x.y"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert 'pip install "amazon-lambda-runtime[tools]"' in done.stderr


def test_types_are_shipped(bare: Path) -> None:
    """A type checker finds py.typed."""
    assert list(bare.parent.glob("lib/*/site-packages/amazon_lambda_runtime/py.typed"))
