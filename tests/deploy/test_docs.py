"""docs/guides/deploy.md has every key, variable, target and command, and none that there is not."""

import dataclasses
import re
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


def first(head: str) -> set[str]:
    return {word for row in rows(head) for word in words(row[0])}


def test_keys() -> None:
    """Each key of the tables is explained once, and each field has its key."""
    assert first("`[tool.lambda-runtime]`") == {*PROJECT_KEYS, "architecture", "engine", "keep"}
    assert first("key") == set(FUNCTION_KEYS)
    functions = {field.name for field in dataclasses.fields(Function)}
    assert set(FUNCTION_KEYS) - functions == {"environment_file", "policies_file"}
    projects = {field.name for field in dataclasses.fields(Project)}
    assert set(PROJECT_KEYS) - projects == {"function"}


def test_defaults() -> None:
    """A default that the page tells is the one that there is."""
    told = {word: row[1].strip('`"') for row in rows("key") for word in words(row[0])}
    for field in dataclasses.fields(Function):
        if field.name in FUNCTION_KEYS and isinstance(field.default, int):
            assert told[field.name] == str(field.default)


def test_triggers() -> None:
    """So are the keys of each trigger."""
    told = {row[0].strip("`"): row[1] for row in rows("type")}
    assert set(told) == set(TYPES)
    for name, kind in TYPES.items():
        cell = re.sub(r'`"[^`]*`|`\[[^`]*`|`[a-z]+\([^`]*`', "", told[name])
        assert set(re.findall(r"`(\w+)`", cell)) == {f.name for f in dataclasses.fields(kind)}
        for field in dataclasses.fields(kind):
            if isinstance(field.default, bool | int):
                default = str(field.default).lower()
                assert re.search(rf"`{field.name}` \({default}\b", told[name]), field.name


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
    assert commands | {"local", "events", "step"} == listed
    steps = {name for part in STEPS.values() for name in part}
    # `make deploy` runs the step `push`; `make invoke` runs the command of that name.
    assert targets - {"help", "deploy", "invoke"} | {"push"} == steps
