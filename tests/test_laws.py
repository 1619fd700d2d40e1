"""The laws of the house: who may import whom, and what a cold start may load."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from .harness import SOURCE, environment
from .lanes import find_python

PACKAGE = SOURCE / "amazon_lambda_runtime"

# A file imports only from lower floors. What is not listed is no part of the core.
FLOORS = {
    "_protocol": 0,
    "_sink": 0,
    "_stdlib": 0,
    "errors": 0,
    "codec": 1,
    "_http": 1,
    "context": 2,
    "failure": 3,
    "client": 4,
    "event_loop": 4,
    "logs": 4,
    "streaming": 5,
    "_logging_hook": 5,
    "lifecycle": 5,
    "concurrency": 6,
    "runtime": 7,
    "bootstrap": 8,
    "__init__": 9,
    "__main__": 9,
}
OPTIONAL = {"local": {"_protocol"}, "deploy": {"handler_source"}, "cli": {"deploy", "local"}}

BUDGET = 34
TOO_SLOW = {
    "asyncio",
    "contextlib",
    "dataclasses",
    "enum",
    "functools",
    "http",
    "importlib",
    "inspect",
    "json",
    "logging",
    "re",
    "socket",
    "ssl",
    "traceback",
    "typing",
    "urllib",
}


def imported(file: Path) -> set[str]:
    """Return the modules of the package that a file imports, lazily or not, by their first name."""
    inside = file.relative_to(PACKAGE).parent.parts
    found = set()
    tree = ast.parse(file.read_text())
    for block in tree.body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            block.body.clear()  # what only a type checker reads is no import
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == PACKAGE.name:
                    found.add(parts[1] if len(parts) > 1 else "__init__")
        elif isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".") if node.module else []
            if node.level:
                parts = [*inside[: len(inside) - node.level + 1], *parts]
            elif parts[0] == PACKAGE.name:
                parts = parts[1:]
            else:
                continue
            found |= {parts[0]} if parts else {alias.name for alias in node.names}
    return found


CORE = sorted(PACKAGE.glob("*.py"))


def test_every_file_has_a_floor() -> None:
    """A new file of the core says where it stands."""
    assert {file.stem for file in CORE} == set(FLOORS)


@pytest.mark.parametrize("file", CORE, ids=lambda file: file.stem)
def test_core_imports_lower_floors(file: Path) -> None:
    """Law 1: nothing of the same floor, nothing above, and nothing optional."""
    for name in imported(file):
        assert name in FLOORS, f"{file.name} imports {name}, which is no part of the core"
        if name == "logs":
            # The hook and Runtime load it when the user's code loads logging.
            assert file.stem in ("_logging_hook", "runtime")
        assert FLOORS[name] < FLOORS[file.stem], f"{file.name} imports {name}"


@pytest.mark.parametrize("part", OPTIONAL)
def test_optional_parts(part: str) -> None:
    """Law 1: `local` knows the protocol and no client; `cli` knows the parts and not the core."""
    for file in (PACKAGE / part).rglob("*.py"):
        assert imported(file) <= {part, *OPTIONAL[part]}, file


def loaded_by(statement: str, python: str) -> list[str]:
    code = (
        "import sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "names = sorted(set(sys.modules) - before)\n"
        "import json; print(json.dumps(names))"
    )
    env = environment(PYTHONPATH=str(SOURCE))
    # -S: a .pth file of the environment would have loaded half of it before.
    command = [python, "-S", "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    names: list[str] = json.loads(done.stdout)
    return names


@pytest.mark.parametrize("version", ["here", "3.11", "3.12", "3.13", "3.14"])
def test_budget(version: str) -> None:
    """Law 2: the bootstrap adds at most 34 modules, and none that is slow to load."""
    python = sys.executable if version == "here" else find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    names = set(loaded_by("import amazon_lambda_runtime.bootstrap", python))
    names -= set(loaded_by("import os, sys, site", python))
    assert len(names) <= BUDGET, sorted(names)
    assert not {name.partition(".")[0] for name in names} & TOO_SLOW
    assert "amazon_lambda_runtime.failure" not in names
    assert "amazon_lambda_runtime.logs" not in names


def test_no_per_invocation_state_in_modules() -> None:
    """Law 3: a module of the core holds constants, functions and classes; nothing to fill."""
    for file in CORE:
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Assign) and isinstance(
                node.value, ast.List | ast.Dict | ast.Set
            ):
                assert ast.unparse(node.targets[0]) == "__all__", (
                    f"{file.name}: {ast.unparse(node)}"
                )
            assert not isinstance(node, ast.Global)


def test_protocol_imports_nothing() -> None:
    """The lowest floor stands on the ground."""
    tree = ast.parse((PACKAGE / "_protocol.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
