"""Which Python runs a function: the one that has what the function imports.

That is the project's own, and not the one that this command happens to be installed in. Our package
is put on its path from a folder that holds nothing else: what the project has not installed, it
cannot import here either, as on Lambda.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click

# The oldest Python that the runtime works with.
_OLDEST = (3, 11)
_OUR_VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
# In seconds: longer than a Python takes to start.
_PATIENCE = 20


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, its version, and why it is the one."""

    path: str
    version: str
    reason: str

    def __str__(self) -> str:
        return f"Python {self.version}: {self.path} ({self.reason})"


def find_interpreter(given: str | None, task_root: Path) -> Interpreter:
    """Return the Python of --python, else that of the project's .venv, else this process's.

    Raises click.ClickException if it cannot be run, or is too old.
    """
    if given is not None:
        path = shutil.which(given)
        if path is None:
            raise click.ClickException(f"--python {given}: there is no such program")
        return _checked(os.path.abspath(path), "--python")
    for folder in (task_root, *task_root.parents):
        python = folder / ".venv" / "bin" / "python"
        if (
            (folder / "pyproject.toml").is_file()
            and _is_ours(folder)
            and os.access(python, os.X_OK)
        ):
            return _checked(str(python), f"beside {folder / 'pyproject.toml'}")
    return Interpreter(sys.executable, _OUR_VERSION, "that of lambda-runtime")


def has_module(python: str, module: str) -> bool:
    """Return whether this Python can import the module."""
    code = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    done = subprocess.run([python, "-P", "-c", code], check=False, timeout=_PATIENCE)
    return done.returncode == 0


def link_package(folder: str) -> None:
    """Put our package into this folder, for a Python's path."""
    package = Path(__file__).resolve().parents[2]
    Path(folder, package.name).symlink_to(package)


def _is_ours(folder: Path) -> bool:
    """Return whether the .venv is the user's or root's: in /tmp it may be anyone's."""
    try:
        return (folder / ".venv").stat().st_uid in (os.geteuid(), 0)
    except OSError:
        return False


def _checked(path: str, reason: str) -> Interpreter:
    if os.path.realpath(path) == os.path.realpath(sys.executable):
        return Interpreter(path, _OUR_VERSION, reason)
    try:
        done = subprocess.run(
            [path, "-c", _VERSION],
            # Not in a folder whose files it might import.
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=_PATIENCE,
        )
        version = tuple(int(part) for part in done.stdout.strip().split("."))
    except ValueError:
        said = f"{done.stdout.strip()[:40]!r}" if done.stdout.strip() else "nothing"
        raise click.ClickException(
            f"{path} ({reason}) is not a working Python: asked for its version, it said {said}; "
            "choose another with --python PATH"
        ) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise click.ClickException(
            f"{path} ({reason}) is not a working Python: {error}; choose another with --python PATH"
        ) from None
    if version < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise click.ClickException(
            f"{path} ({reason}) is Python {done.stdout.strip()}: the runtime needs {oldest}; "
            "choose another with --python PATH"
        )
    return Interpreter(path, done.stdout.strip(), reason)
