"""What is installed beside the package: the extras of pyproject.toml, and how to get them.

An option or a command that needs what is not installed ends with exit status 2 and the pip line
that helps. A default that needs it is off, and one line says so.
"""

from collections.abc import Callable
from importlib.util import find_spec

import click

from amazon_lambda_runtime.pip_line import pip_line


def require(option: str, *modules: str) -> None:
    """Raise click.ClickException if an option was given and one of its modules is missing."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise click.ClickException(f"{option} needs {' and '.join(missing)}: {pip_line('tools')}")


def _to_stderr(line: str) -> None:
    click.echo(line, err=True)


def has(module: str, *, default: str, say: Callable[[str], None] = _to_stderr) -> bool:
    """Say whether a module is installed; if it is not, tell the user that `default` is off."""
    if find_spec(module) is not None:
        return True
    say(f"{default} is off, because {module} is not installed: {pip_line('tools')}")
    return False
