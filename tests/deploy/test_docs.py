"""The pages have every key, variable, target and command, and none that there is not."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

from amazon_lambda_runtime.cli.group import COMMANDS, STEPS
from amazon_lambda_runtime.project.declaration import DEFAULTS, Function, Project
from amazon_lambda_runtime.project.keys import FUNCTION_KEYS, PROJECT_KEYS
from amazon_lambda_runtime.project.triggers import TYPES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/guides/deploy.md").read_text()
MAKEFILE = (ROOT / "src/amazon_lambda_runtime/cli/templates/Makefile").read_text()


def rows(head: str) -> list[list[str]]:
    """Return the cells of the table whose first line begins so."""
    lines = PAGE[PAGE.index(f"| {head} |") :].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


def words(cell: str) -> set[str]:
    return set(re.findall(r"`([\w-]+)`", cell))


def test_keys() -> None:
    """The page of the keys is the one that is generated, and each field has its key."""
    command = [sys.executable, str(ROOT / "scripts/keys_page.py"), "--print"]
    made = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    written = (ROOT / "docs/reference/keys.md").read_text()
    assert made == written, "run: python scripts/keys_page.py"
    functions = {field.name for field in dataclasses.fields(Function)}
    assert set(FUNCTION_KEYS) - functions == {"environment_file", "policies_file"}
    projects = {field.name for field in dataclasses.fields(Project)}
    assert set(PROJECT_KEYS) - projects == {"function"}


def test_defaults() -> None:
    """A default that the page tells is the one that there is."""
    for field in dataclasses.fields(Function):
        if field.name in FUNCTION_KEYS and isinstance(field.default, str | int) and field.default:
            assert FUNCTION_KEYS[field.name].default == str(field.default)


def test_triggers() -> None:
    """The guide names each type."""
    (kinds,) = re.findall(r"^There are (`sqs`.*?), each with", PAGE, re.M | re.S)
    assert words(kinds) == set(TYPES)


def test_variables() -> None:
    """Each variable of the Makefile, with its default, which is the engine's too."""
    told = {row[0].strip("`"): row[1].strip("`") for row in rows("variable")}
    assert told == dict(re.findall(r"^([A-Z_]+) *\?= *(\S*)$", MAKEFILE, re.M))
    assert {name: default for name, default in told.items() if default} == dict(DEFAULTS)


def test_targets_and_commands() -> None:
    """Each target and each subcommand."""
    targets = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.M))
    assert {row[0].strip("`") for row in rows("target")} == targets
    commands = {row[0].strip("`").split()[0] for row in rows("command")}
    listed = {name for part in COMMANDS.values() for name in part}
    assert commands | {"local", "events", "step", "executions", "callback"} == listed
    steps = {name for part in STEPS.values() for name in part}
    # `make deploy` runs the step `push`; `make invoke` runs the command of that name.
    assert targets - {"help", "deploy", "invoke"} | {"push"} == steps
