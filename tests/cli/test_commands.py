"""The commands: their order, their help, and where they were before."""

import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from amazon_lambda_runtime.cli.group import COMMANDS, STEPS, group, run


def all_commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each command and of each group but the first; not of each sample event."""
    if path:
        yield path
    if isinstance(command, click.Group) and path != ("events", "show"):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from all_commands(found, (*path, name))


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run([*arguments, "--help"]) == 0
    return capsys.readouterr().out


def test_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Commands stand in the order of a day, each with a whole sentence; then a first day."""
    out = shown(capsys)
    rows = re.findall(r"^  ([a-z]+) +([A-Z].*)$", out, re.M)
    assert [name for name, _ in rows] == [
        "init", "local", "events",
        "doctor", "plan", "deploy", "invoke", "logs", "rollback", "diff", "destroy",
        "executions", "callback",
        "permissions",
        "schema",
        "step",
    ]  # fmt: skip
    assert re.findall(r"^[A-Z].*:$", out, re.M) == ["Options:", *(f"{name}:" for name in COMMANDS)]
    first_day = out.partition("A first day:\n")[2].splitlines()
    assert [line.split()[:2] for line in first_day] == [
        ["lambda-runtime", name] for name in ("init", "local", "deploy")
    ]


def test_steps(capsys: pytest.CaptureFixture[str]) -> None:
    """The steps have a help of their own, by what they make."""
    out = shown(capsys, "step")
    rows = re.findall(r"^  ([a-z][a-z-]+) +([A-Z].*)$", out, re.M)
    assert [name for name, _ in rows] == [name for part in STEPS.values() for name in part]


@pytest.mark.parametrize("path", list(all_commands(group)), ids=" ".join)
def test_help_has_examples(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """The help of each command begins with its name, and ends with examples of it."""
    out = shown(capsys, *path)
    assert out.startswith(f"Usage: lambda-runtime {' '.join(path)} [OPTIONS]")
    examples = out.partition("Examples:\n")[2]
    assert re.search(rf"^  .*lambda-runtime {' '.join(path)}( |$)", examples, re.M)


def test_options_are_told_alike() -> None:
    """Each option has a sentence of its own; an option of several commands has the same in each."""
    sentences: dict[str, set[str]] = {}
    for path in all_commands(group):
        command: click.Command | None = group
        for name in path:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option):
                assert re.match(r"[A-Z].*\.(  \[|$)", option.help or ""), (path, option.opts)
                sentences.setdefault(option.opts[-1], set()).add(option.help or "")
    different = {name for name, told in sentences.items() if len(told) > 1}
    # These say what the JSON has, whose name it is, and what else the policy allows.
    assert different == {"--json", "--name", "--prune", "--queue-name"}


@pytest.mark.parametrize("path", [(), ("step",), ("events",), ("events", "show"), ("executions",)])
def test_lines_are_whole(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """What a group says of its commands fits into a line each."""
    rows = re.findall(r"^  [a-z][a-z0-9-]* +[A-Z].*$", shown(capsys, *path), re.M)
    assert rows
    assert not [row for row in rows if not row.endswith(".") or row.endswith("...")]


@pytest.mark.parametrize("name", [name for part in STEPS.values() for name in part])
def test_old_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A step that was a command of its own says where it is now, whatever follows it."""
    assert run([name, "--image-uri", "x"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"lambda-runtime {name} is now: lambda-runtime step {name}\n")


def test_names_are_complete(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that no command has or had is an error of one line."""
    assert run(["step", "nope"]) == 2
    assert capsys.readouterr().err == (
        "lambda-runtime: No such command 'nope'. See lambda-runtime step --help\n"
    )


def test_loaded_when_used() -> None:
    """A command loads nothing of another: a local invocation never waits for AWS's libraries."""
    code = (
        "import sys\n"
        "from amazon_lambda_runtime.cli.group import run\n"
        "run(['local', '--help'])\n"
        "print([name for name in sys.modules if '.deploy' in name or name == 'boto3'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
