"""Each command of the pages is one that there is: the program, its options, its arguments."""

import re

import click
import pytest

from amazon_lambda_runtime.cli.group import group

from .pages import COMMANDS, PROGRAMS, ROOT, Command

OURS = [
    pytest.param(command, words, id=f"{number}-{command}")
    for number, command in enumerate(COMMANDS)
    for words in command.words
    if words[0] == "lambda-runtime"
]


def test_programs() -> None:
    """What begins a line is a program that the pages use on purpose."""
    unknown = [
        str(command) for command in COMMANDS for words in command.words if words[0] not in PROGRAMS
    ]
    assert not unknown


@pytest.mark.parametrize(("command", "words"), OURS)
def test_ours(command: Command, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its options exist, and its arguments are such as it takes."""
    found: click.Command = group
    context = click.Context(group)
    name, *arguments = words
    while isinstance(found, click.Group):
        name, *arguments = arguments
        inner = found.get_command(context, name)
        assert inner is not None, f"there is no {name}"
        context, found = click.Context(found, parent=context), inner
    # test_pages runs it where its files are; here they are not looked for.
    for parameter in found.params:
        if isinstance(parameter.type, click.Path | click.File):
            monkeypatch.setattr(parameter, "type", click.STRING)
    with found.make_context(name, arguments, parent=context):
        pass


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_targets(page: str) -> None:
    """A target of `make` is in the Makefile of the repository."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    called = {
        words[1]
        for command in COMMANDS
        if command.page == ROOT / page
        for words in command.words
        if words[0] == "make"
    }
    assert called
    assert called <= targets
