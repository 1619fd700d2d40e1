"""The list of messages: what it finds in a file, and that it reads the whole package."""

import ast

import pytest

from scripts.messages import main, messages

SOURCE = '''\
"""Two words, and no message."""

import click


def helper(name: "one two") -> str:
    """Neither is this one."""
    if not name:
        raise ValueError(f"no name in {name.strip()!r}: " "give one")
    print("wrote it to", name)
    return "[ERROR] LAMBDA_RUNTIME " + name


@click.command("show")
@click.option("--all", help="Show them all.")
def show() -> None:
    """Show one event."""
    yield Finding("key", f"{show} is not there", why="it would fail")
    log("word")
'''


def test_messages() -> None:
    """A message has its line, its kind and its fields; docstrings and single words are none."""
    assert list(messages(ast.parse(SOURCE))) == [
        (9, "error", "no name in {name.strip()}: give one"),
        (10, "output", "wrote it to"),
        (11, "text", "[ERROR] LAMBDA_RUNTIME {name}"),
        (16, "help", "Show one event."),
        (18, "finding", "{show} is not there"),
        (18, "finding", "it would fail"),
        (15, "help", "Show them all."),
    ]


def test_whole_package(capsys: pytest.CaptureFixture[str]) -> None:
    """The list has the messages of each room, one a line."""
    main()
    lines = capsys.readouterr().out.splitlines()
    rooms = {line.partition("/")[0] for line in lines if "/" in line.partition(":")[0]}
    assert {"cli", "core", "deploy", "events", "local", "project"} <= rooms
    assert all(" [" in line for line in lines)
