"""`lambda-runtime init` and `step clean`: what is written, kept, and never touched."""

import dataclasses
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from amazon_lambda_runtime.cli.deploy.starters import STARTERS
from amazon_lambda_runtime.core import loading
from amazon_lambda_runtime.project.handler_source import partial_failures
from amazon_lambda_runtime.project.settings import load
from amazon_lambda_runtime.project.triggers import TYPES, UrlTrigger
from amazon_lambda_runtime.project.triggers.sqs import SqsTrigger
from amazon_lambda_runtime.testing import invoke

from .support import COMMAND, run_here

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "src/amazon_lambda_runtime/cli/templates"
FILES = {
    "Makefile",
    "Dockerfile",
    "policies",
    "payload.json",
    "hello.py",
    "pyproject.toml",
    ".dockerignore",
    ".gitignore",
}


def command(folder: Path, *arguments: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run the command in a folder."""
    done = run_here(folder, *arguments)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done


def written(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_empty_folder(tmp_path: Path) -> None:
    """All that a function needs, and three lines about what to do next."""
    done = command(tmp_path, "init", "orders")
    assert written(tmp_path / "orders") == FILES
    assert len(done.stdout.splitlines()) == 3
    assert all("cd orders && " in line for line in done.stdout.splitlines())
    (told,) = done.stderr.splitlines()
    assert set(told.removeprefix("Wrote: ").removesuffix(".").split(", ")) == FILES


def test_what_it_says_first_works(tmp_path: Path) -> None:
    """The first of the three lines shows the function answer."""
    done = command(tmp_path, "init")
    line = done.stdout.splitlines()[0]
    arguments = line.partition("lambda-runtime ")[2].split()
    told = subprocess.check_output([*COMMAND, *arguments], cwd=tmp_path, timeout=60)
    assert told == b'{"message": "Hello Ada!"}'


def test_handler_is_the_example() -> None:
    """The handler is the one of the README, which the tests run."""
    assert (TEMPLATES / "hello.py").read_text() == (ROOT / "examples/hello/hello.py").read_text()


@pytest.mark.parametrize("trigger", STARTERS)
def test_handler_of_a_trigger(tmp_path: Path, trigger: str) -> None:
    """It handles the event that is written beside it, and reports as the table says."""
    command(tmp_path, "init", "--trigger", trigger)
    event = json.loads((tmp_path / "payload.json").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        patch.delitem(sys.modules, "hello", raising=False)
        runtime, _ = loading.load("hello.handler")
        del sys.modules["hello"]
    response = invoke(runtime, event)
    if trigger == "sqs":
        assert response == {"batchItemFailures": []}
        (declared,) = load(tmp_path, variables={}).functions[0].triggers
        assert isinstance(declared, SqsTrigger)
        assert declared.report_batch_item_failures is True
        assert partial_failures("hello.handler", tmp_path) is True
    if trigger in ("alb", "url"):
        assert "Hello" in str(response)


@pytest.mark.parametrize(
    ("file", "source", "handler"),
    [
        ("app.py", "def handler(event, context):\n    return 'mine'\n", None),
        ("lambda_function.py", "def lambda_handler(event, context):\n    return 'mine'\n",
         "lambda_function.lambda_handler"),
        ("main.py", "from amazon_lambda_runtime import Runtime\n\nclass Mine(Runtime):\n"
         "    def handler(self, event, context):\n        return 'mine'\n", None),
    ],
)  # fmt: skip
def test_code_that_is_there(tmp_path: Path, file: str, source: str, handler: str | None) -> None:
    """Its handler is the function's: it is kept, and no other is written beside it."""
    (tmp_path / file).write_text(source)
    (tmp_path / "helpers.py").write_text("def help(): ...\n")
    (tmp_path / "test_app.py").write_text(source)
    done = command(tmp_path, "init")
    assert written(tmp_path) == (FILES - {"hello.py", "payload.json"}) | {
        file, "helpers.py", "test_app.py",
    }  # fmt: skip
    assert (tmp_path / file).read_text() == source
    wrote, kept = done.stderr.splitlines()
    assert "hello.py" not in wrote
    assert kept == f"Kept, since they were there: {file}."
    declared = load(tmp_path, variables={})
    assert (declared.module, declared.functions[0].handler) == (file, handler)
    variables = {"LAMBDA_MODULE": file}
    assert f"LAMBDA_MODULE ?= {file}\n" in (tmp_path / "Makefile").read_text()
    assert load(tmp_path, variables=variables).module == file
    first = done.stdout.splitlines()[0].partition("lambda-runtime ")[2]
    assert first == f"local {file} -e '{{}}'"
    told = subprocess.check_output([*COMMAND, *shlex.split(first)], cwd=tmp_path, timeout=60)
    assert told == b'"mine"'


def test_several_files_with_a_handler(tmp_path: Path) -> None:
    """One has to be chosen; nothing is written before."""
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("handler = print\n")
    done = command(tmp_path, "init", status=2)
    assert "a.py and b.py each have a handler: choose one with --module." in done.stderr
    assert "no such file" in command(tmp_path, "init", "--module", "c.py", status=2).stderr
    assert written(tmp_path) == {"a.py", "b.py"}
    done = command(tmp_path, "init", "--module", "b.py", "--trigger", "sqs")
    assert load(tmp_path, variables={}).module == "b.py"
    assert "lambda-runtime events show sqs | lambda-runtime local b.py --event -" in done.stdout


def test_second_time(tmp_path: Path) -> None:
    """What is there is kept and listed; --force writes the files again, but no second table."""
    command(tmp_path, "init")
    (tmp_path / "hello.py").write_text("mine")
    table = (tmp_path / "pyproject.toml").read_text()
    done = command(tmp_path, "init", "--name", "other")
    assert (tmp_path / "hello.py").read_text() == "mine"
    for name in FILES:
        assert name in done.stderr
    command(tmp_path, "init", "--force")
    assert (tmp_path / "hello.py").read_text() == (TEMPLATES / "hello.py").read_text()
    assert (tmp_path / "pyproject.toml").read_text() == table


@pytest.mark.parametrize("end", ["", "\n"])
def test_pyproject_of_ones_own(tmp_path: Path, end: str) -> None:
    """A pyproject.toml keeps every byte, and gets the table at its end."""
    mine = f'# mine\n[project]\nname = "x"   # odd  spacing{end}'
    (tmp_path / "pyproject.toml").write_text(mine)
    command(tmp_path, "init")
    text = (tmp_path / "pyproject.toml").read_text()
    assert text.startswith(mine)
    assert set(tomllib.loads(text)) == {"project", "tool"}
    assert "lambda-runtime" in tomllib.loads(text)["tool"]


def test_pyproject_that_is_not_toml(tmp_path: Path) -> None:
    """Nothing is written beside a file that cannot be read."""
    (tmp_path / "pyproject.toml").write_text("[")
    done = command(tmp_path, "init", status=2)
    assert "it is not TOML" in done.stderr
    assert written(tmp_path) == {"pyproject.toml"}


def test_name(tmp_path: Path) -> None:
    """A name is that of the function, its role, queue, repository and image."""
    command(tmp_path, "init", "--name", "orders")
    made = (tmp_path / "Makefile").read_text()
    for line in (
        "IMAGE_NAME    ?= orders\n",
        "REPO_NAME     ?= orders\n",
        "FUNCTION_NAME ?= orders\n",
        "ROLE_NAME     ?= orders-role\n",
        "QUEUE_NAME    ?= orders\n",
        "REGION        ?=\n",
    ):
        assert line in made
    assert "hello-python" not in made + (tmp_path / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("folder", "project", "name"),
    [
        ("My Orders", "", "my-orders"),
        ("folder", '[project]\nname = "Acme.Orders_2"\n', "acme-orders-2"),
        ("x" * 80, "[tool.other]\n", "x" * 59),
    ],
)
def test_without_a_name(tmp_path: Path, folder: str, project: str, name: str) -> None:
    """It is that of [project], else the folder's: two projects of an account are not one."""
    place = tmp_path / folder
    place.mkdir()
    if project:
        (place / "pyproject.toml").write_text(project)
    command(place, "init")
    declared = load(place, variables={})
    function = declared.functions[0]
    assert (declared.repository, function.name) == (name, name)
    # Another project of that name in the account has another end.
    assert re.fullmatch(rf"{name}-[0-9a-f]{{6}}", declared.name)
    assert function.role == f"{name}-role"
    assert f"FUNCTION_NAME ?= {name}\n" in (place / "Makefile").read_text()


@pytest.mark.parametrize("folder", ["日本", "x", "é-2"])
def test_no_name_to_be_had(tmp_path: Path, folder: str) -> None:
    """A folder without two letters that AWS takes needs --name; nothing is written."""
    done = command(tmp_path, "init", folder, status=2)
    assert "a name has 2 letters or more. Choose one with --name." in done.stderr
    assert written(tmp_path) == set()


@pytest.mark.parametrize("name", ["Orders", "a b", "x" * 60, "-x", "x", ""])
def test_name_that_will_not_do(tmp_path: Path, name: str) -> None:
    """A name that one of them cannot have is refused before anything is written."""
    assert "--name takes" in command(tmp_path, "init", "--name", name, status=2).stderr
    assert written(tmp_path) == set()


def test_name_of_a_target(tmp_path: Path) -> None:
    """A folder in which make would overwrite a file of the user's gets no Makefile."""
    (tmp_path / "deploy").write_text("#!/bin/sh\n")
    done = command(tmp_path, "init", status=2)
    assert "make would overwrite deploy" in done.stderr
    assert written(tmp_path) == {"deploy"}


def test_after_make(tmp_path: Path) -> None:
    """Files that make has written are kept by `init`, and removed by `step clean`."""
    command(tmp_path, "init")
    for name in (".variables", "deploy", "image"):
        (tmp_path / name).write_text("")
    command(tmp_path, "init")
    command(tmp_path, "step", "clean")
    assert written(tmp_path) == FILES


def test_clean_elsewhere(tmp_path: Path) -> None:
    """Where make has not been, no file is removed, whatever its name."""
    (tmp_path / "deploy").write_text("#!/bin/sh\n")
    assert "make has not run in this folder" in command(tmp_path, "step", "clean").stderr
    assert written(tmp_path) == {"deploy"}


def test_clean_cannot(tmp_path: Path) -> None:
    """What cannot be removed is told."""
    (tmp_path / ".variables").write_text("")
    (tmp_path / "image").mkdir()
    assert "cannot remove image" in command(tmp_path, "step", "clean", status=2).stderr


def test_folder_that_cannot_be(tmp_path: Path) -> None:
    """A folder that cannot be made is told in one line."""
    (tmp_path / "file").write_text("")
    done = command(tmp_path, "init", "file/project", status=2)
    assert done.stderr.startswith("lambda-runtime: cannot ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", [None, "orders"])
@pytest.mark.parametrize(
    "trigger", [None, "sqs", "s3", "sns", "eventbridge", "schedule", "alb", "url"]
)
def test_what_is_declared(tmp_path: Path, trigger: str | None, name: str | None) -> None:
    """The table is one that can be deployed, and means what the Makefile's variables mean."""
    arguments = ["init"]
    arguments += [] if trigger is None else ["--trigger", trigger]
    arguments += [] if name is None else ["--name", name]
    done = command(tmp_path, *arguments)
    variables = dict(
        re.findall(r"^([A-Z_]+) *\?= *(\S*)$", (tmp_path / "Makefile").read_text(), re.M)
    )
    assert done.stdout.splitlines()[2].endswith(" lambda-runtime deploy")
    declared = load(tmp_path, variables={})
    types = [type(found) for found in declared.functions[0].triggers]
    assert types == ([] if trigger is None else [TYPES[trigger]])
    if trigger != "sqs":
        # With it the project has that queue; without it, none that the Makefile could agree with.
        del variables["QUEUE_NAME"], variables["BATCH_SIZE"]
    del variables["AWS_PROFILE"], variables["REGION"]
    # A variable asks for the function by its name, and says itself where the policies are: those
    # are the only differences.
    found = load(tmp_path, variables=variables)
    [function] = found.functions
    assert function.managed - declared.functions[0].managed == {"policies_file"}
    same = dataclasses.replace(function, managed=declared.functions[0].managed)
    found = dataclasses.replace(found, functions=(same,))
    assert found == dataclasses.replace(declared, narrowed=True)


# --web


@pytest.mark.parametrize("framework", ["fastapi", "flask"])
def test_web(framework: str, tmp_path: Path) -> None:
    """An application that runs, behind a function URL; of FastAPI's, one that streams."""
    done = command(tmp_path, "init", "shop", "--web", framework)
    folder = tmp_path / "shop"
    assert written(folder) == FILES - {"hello.py"} | {"main.py", "requirements.txt"}
    assert "lambda-runtime local main.py --event payload.json" in done.stdout
    (function,) = load(folder, None, {}).functions
    assert (function.handler, function.web) == ("main.app", True)
    (url,) = function.triggers
    assert isinstance(url, UrlTrigger)
    assert url.streams is (framework == "fastapi")
    assert function.environment.get("LAMBDA_RUNTIME_WEB_STREAM") == (
        "url" if framework == "fastapi" else None
    )
    assert (folder / "requirements.txt").read_text().startswith(framework)
    pytest.importorskip(framework)
    local = [*COMMAND, "local", "main.py", "--event", "payload.json"]
    answer = subprocess.run(local, cwd=folder, capture_output=True, check=True).stdout
    assert json.loads(json.loads(answer)["body"]) == {"message": "Hello World!"}


def test_web_once_more(tmp_path: Path) -> None:
    """An application that is there is kept, unless --force says otherwise."""
    command(tmp_path, "init", "--web", "flask", "--trigger", "alb")
    done = command(tmp_path, "init", "--web", "flask", status=2)
    assert "main.py already has a handler: leave out --web." in done.stderr
    (tmp_path / "main.py").write_text("from flask import Flask\napp = Flask('mine')\n")
    command(tmp_path, "init", "--web", "flask", "--force")
    assert "hello" in (tmp_path / "main.py").read_text()


@pytest.mark.parametrize("trigger", sorted({*STARTERS} - {"url", "alb"}))
def test_web_behind_another_trigger(trigger: str, tmp_path: Path) -> None:
    """What sends no requests reaches no application."""
    done = command(tmp_path, "init", "--web", "flask", "--trigger", trigger, status=2)
    assert "--web goes with --trigger url or alb." in done.stderr
    assert written(tmp_path) == set()
