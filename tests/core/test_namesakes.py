"""Modules of the function's that have the name of one of the standard library's.

Numbers are those of docs/reference/behaviour.md.
"""

import json
import sys
from pathlib import Path

import pytest

from tests.harness import ACCEPTED, SERVING, SOURCE, UNTRACED, Run, event, run
from tests.lanes import PYTHONS

BOOTSTRAP = SOURCE.parent / "bin" / "bootstrap"
each_python = pytest.mark.parametrize("python", PYTHONS)

PLAIN = "def handler(event, context):\n    return 'served'\n"
# Each loads a good part of the library.
LOGS = "import logging\n" + PLAIN
PARSES = "import urllib.parse, dataclasses\n" + PLAIN
ADVICE = "Rename it: {} has the name of a module of the standard library"


def loaded(python: str, handler: str, source: str, directory: Path) -> Run:
    """Serve one event with a handler whose file is written first."""
    file = directory / (handler.rpartition(".")[0] + ".py")
    file.parent.mkdir(exist_ok=True)
    file.write_text(source)
    done = started(python, handler, directory)
    file.unlink()
    return done


def started(python: str, handler: str, directory: Path) -> Run:
    # `python -m` would load much of the library first.
    command = [python, str(BOOTSTRAP), handler]
    return run(command, [event(), ACCEPTED], directory, {"PYTHONPATH": str(SOURCE), **UNTRACED})


@each_python
def test_module_that_is_loaded_already(python: str, tmp_path: Path) -> None:
    """165: what the interpreter has loaded, has frozen, or what the runtime sees to."""
    for name in ("os", "codecs", "runpy", "logging"):
        done = loaded(python, f"{name}.handler", PLAIN, tmp_path)
        (post,) = done.posts
        assert json.loads(post.body)["errorType"] == "Runtime.BuiltInModuleConflict"
        advice = ADVICE.format(f"{name}.py")
        told = f"Cannot use module {name} as a handler module. {advice}"
        assert (post.path[-10:], json.loads(post.body)["errorMessage"]) == ("init/error", told)
        assert done.status == 1
        assert done.stdout.count(advice) == 1, done.stdout
        assert done.stderr == ""


@each_python
def test_module_that_the_library_finds(python: str, tmp_path: Path) -> None:
    """165: the library imports the function's module in place of its own, and fails."""
    for name in ("types", "enum", "collections", "re"):
        done = loaded(python, f"{name}.handler", PARSES, tmp_path)
        (post,) = done.posts
        document = json.loads(post.body)
        assert document["errorType"] == "Runtime.ImportModuleError"
        assert document["errorMessage"].startswith(f"Unable to import module '{name}': ")
        assert document["errorMessage"].endswith(ADVICE.format(f"{name}.py"))
        assert (done.status, done.stderr) == (1, "")


@each_python
def test_module_beside_the_handler(python: str, tmp_path: Path) -> None:
    """165: the same where it is not the handler's own module, or is a folder."""
    tmp_path.joinpath("types.py").write_text("class Order: pass\n")
    (post,) = loaded(python, "app.handler", "import enum\n" + PLAIN, tmp_path).posts
    assert json.loads(post.body)["errorMessage"].endswith(ADVICE.format("types.py"))
    tmp_path.joinpath("types.py").unlink()
    (post,) = loaded(python, "os/app.handler", PLAIN, tmp_path).posts
    assert json.loads(post.body)["errorMessage"].endswith(ADVICE.format("os/"))


@each_python
def test_modules_that_work(python: str, tmp_path: Path) -> None:
    """96, 165: a module of such a name that nobody else needs is served."""
    works = [("token", PLAIN), ("types", PLAIN), ("secrets", PARSES), ("calendar", PARSES)]
    works += [("token", LOGS), ("types", LOGS), ("enum", LOGS)]  # the library gets its own
    for name, source in works:
        done = loaded(python, f"{name}.handler", source, tmp_path)
        assert [post.body for post in done.posts] == [b'"served"'], done.stdout + done.stderr
        assert done.status == SERVING


def test_the_library_itself(tmp_path: Path) -> None:
    """7, 165: without such a module of the function's, there is nothing to rename."""
    tmp_path.joinpath("json").mkdir()
    for handler, message in [
        ("os.handler", "Handler 'handler' missing on module 'os'"),
        ("json.nothing.handler", "Unable to import module 'json.nothing': No module named"),
    ]:
        (post,) = started(sys.executable, handler, tmp_path).posts
        told = json.loads(post.body)["errorMessage"]
        assert told.startswith(message)
