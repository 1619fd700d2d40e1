"""The laws of the house: who may import whom, and what a cold start may load."""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from .harness import SOURCE, environment
from .lanes import find_python

PACKAGE = SOURCE / "amazon_lambda_runtime"

# What each room may import besides itself. A file of the root is a room of its own.
ROOMS = {
    "protocol": set(),
    "pip_line": set(),
    "core": {"protocol"},
    "bootstrap": {"core"},
    "__init__": {"core"},
    "__main__": {"bootstrap"},
    "events": {"core"},
    "samples": set(),
    "web": {"core", "events", "protocol"},
    "durable": set(),
    "testing": {"core", "protocol", "samples"},
    "project": {"pip_line"},
    "local": {"pip_line", "project", "protocol", "samples"},
    "deploy": {"project"},
    "cli": {"deploy", "local", "pip_line", "project", "samples"},
}

# Inside the core a file imports only from lower floors.
FLOORS = {
    "logs.sink": 0,
    "stdlib": 0,
    "errors": 0,
    "hooks": 0,
    "signature": 0,
    "afresh": 1,
    "applications": 1,
    "codec": 1,
    "http": 1,
    "context": 2,
    "error_document": 3,
    "typing": 3,
    "client": 4,
    "async_client": 5,
    "event_loop": 4,
    "logs.stack": 5,
    "logs.format": 6,
    "report": 4,
    "streaming": 5,
    "logs.hook": 7,
    "shutdown": 5,
    "snapshot": 5,
    "serving": 8,
    "awslambdaric": 9,
    "tasks": 9,
    "workers": 10,
    "runtime": 11,
    "loading": 12,
}


BUDGET = 20
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


def name_of(file: Path) -> str:
    """Return a file's name below the package: `core.runtime`, `core` for its __init__."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts)


# What `init` copies is the user's.
FILES = {
    name_of(file): file for file in sorted(PACKAGE.rglob("*.py")) if "templates" not in file.parts
}


@cache
def import_statements(file: Path) -> tuple[tuple[ast.Import | ast.ImportFrom, bool], ...]:
    """Return a file's imports, lazy ones too, and whether they are under `if TYPE_CHECKING:`."""
    tree = ast.parse(file.read_text())
    for_types: set[ast.stmt] = set()
    for block in tree.body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            for_types.update(block.body)
    return tuple(
        (node, node in for_types)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


@cache
def imported(file: Path, *, annotations: bool) -> frozenset[str]:
    """Return the files of the package that a file imports, lazily or not.

    What is imported under `if TYPE_CHECKING:` counts only with `annotations`. To import a name
    from a package is to import the package; a package is no import of the files inside of it.
    """
    inside = [PACKAGE.name, *file.relative_to(PACKAGE).parent.parts]
    found = set()
    for node, for_types in import_statements(file):
        if for_types and not annotations:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            base = inside[: len(inside) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{module}.{alias.name}".removeprefix(f"{PACKAGE.name}.")
                found.add(whole if whole in FILES else module)
    names = {
        "__init__" if name == PACKAGE.name else name.removeprefix(f"{PACKAGE.name}.")
        for name in found
    }
    return frozenset(name for name in names if name in FILES and FILES[name] != file)


def room_of(name: str) -> str:
    return name.partition(".")[0]


def test_every_file_has_a_place() -> None:
    """A new room, and a new file of the core, says where it stands."""
    assert {room_of(name) for name in FILES} == set(ROOMS)
    core = {name.removeprefix("core.") for name in FILES if name.startswith("core.")}
    assert core - {"logs"} == set(FLOORS)


@pytest.mark.parametrize("name", FILES)
def test_rooms(name: str) -> None:
    """Law 1: a room knows only the rooms that the table names."""
    room = room_of(name)
    for other in imported(FILES[name], annotations=True):
        assert room_of(other) in {room, *ROOMS[room]}, f"{name} imports {other}"


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("core.")])
def test_floors(name: str) -> None:
    """Law 1: a file of the core imports nothing of its own floor, and nothing above."""
    own = FLOORS.get(name.removeprefix("core."), 0)
    for other in imported(FILES[name], annotations=False):
        short = other.removeprefix("core.")
        if room_of(other) == "core" and short in FLOORS:
            assert FLOORS[short] < own, f"{name} imports {other}"
        if short == "logs.format":
            # The hook and Runtime load it when the user's code loads logging.
            assert name in ("core.logs.hook", "core.runtime")


def circles() -> set[frozenset[str]]:
    """Return the circles of imports, annotations counted, each as the set of its files."""
    graph = {name: imported(file, annotations=True) for name, file in FILES.items()}

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for name in graph[todo.pop()] - seen:
                seen.add(name)
                todo.append(name)
        return seen

    far = {name: reach(name) for name in graph}
    return {
        frozenset(other for other in far[name] if name in far[other])
        for name in graph
        if name in far[name]
    }


def test_no_circles() -> None:
    """Law 1: no file is in a circle of imports, annotations counted."""
    assert not circles()


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
    """Law 2: the bootstrap adds at most 20 modules, and none that is slow to load."""
    python = sys.executable if version == "here" else find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    names = set(loaded_by("import amazon_lambda_runtime.bootstrap", python))
    names -= set(loaded_by("import os, sys, site", python))
    assert len(names) <= BUDGET, sorted(names)
    assert not {name.partition(".")[0] for name in names} & TOO_SLOW
    assert "amazon_lambda_runtime.core.error_document" not in names
    assert "amazon_lambda_runtime.core.logs.format" not in names


CORE = [file for name, file in FILES.items() if room_of(name) in ("core", "bootstrap", "__init__")]


@pytest.mark.parametrize("file", CORE, ids=name_of)
def test_no_per_invocation_state_in_modules(file: Path) -> None:
    """Law 4: a module of the core holds constants, functions and classes; nothing to fill."""
    tree = ast.parse(file.read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for inner in ast.walk(node.value):
                filled = isinstance(inner, ast.List | ast.Dict | ast.Set | ast.ListComp)
                made = isinstance(inner, ast.Call) and ast.unparse(inner.func) in (
                    "list", "dict", "set", "bytearray", "deque", "defaultdict",
                )  # fmt: skip
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                constant = ast.unparse(target) == "__all__" or not (filled or made)
                assert constant, f"{file.name}: {ast.unparse(node)}"
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)]


def test_rooms_that_are_loaded_by_a_string() -> None:
    """Law 1: the bootstrap serves web applications; nothing else reaches a room above its own."""
    found = [
        f"{name}: {line.strip()}"
        for name, file in FILES.items()
        if room_of(name) in ("core", "bootstrap", "protocol", "__init__")
        for line in file.read_text().splitlines()
        if "__import__(" in line
    ]
    assert [line for line in found if ".web" in line] == [
        'bootstrap: return __import__(f"{__package__}.web", fromlist=["Web"]).Web(application)'
    ]
    for name in FILES:
        if room_of(name) == "web":
            above = {
                other
                for other in imported(FILES[name], annotations=True)
                if room_of(other) == "events"
            }
            assert above <= {"events.sources"}, f"{name} imports {above}"


def test_protocol_imports_nothing() -> None:
    """The lowest floor stands on the ground."""
    assert not import_statements(PACKAGE / "protocol.py")


def importers_of(*packages: str) -> set[str]:
    """Return the files that import these packages of others."""
    importers = set()
    for file in PACKAGE.rglob("*.py"):
        for node, _ in import_statements(file):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
            )
            if any(name.partition(".")[0] in packages for name in names):
                importers.add(str(file.relative_to(PACKAGE)))
    return importers


def test_who_talks_to_aws() -> None:
    """Law 1: boto3 is imported in one file of `deploy`, and in one of `local`; and for the users of
    the fixture."""
    assert importers_of("boto3", "botocore") == {
        "deploy/aws.py",
        "local/services/client.py",
        "testing/local_project.py",
    }


def test_who_knows_the_engine_of_durable_executions() -> None:
    """Law 1: AWS's engine is imported in one file of `local`, and in that of unit tests."""
    engine = "aws_durable_execution_sdk_python_testing"
    sdk = "aws_durable_execution_sdk_python"
    files = {"local/durable/aws.py", "testing/durable.py"}
    assert importers_of(engine) == files
    assert importers_of(sdk) == {*files, "durable.py"}
