"""A group of commands in sections, each loaded when it is used."""

import importlib
from collections.abc import Mapping

import click

Sections = Mapping[str, Mapping[str, str]]


class LazyGroup(click.Group):
    """Shows its commands under headings, in the order of the table.

    `sections` has for each heading the commands by name, and for each command the module that has
    it as an attribute `command`, or `module:attribute`.
    """

    def __init__(self, *arguments: object, sections: Sections, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._sections = sections
        self._places = {name: place for part in sections.values() for name, place in part.items()}

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self._places)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self._places:
            return None
        module, _, attribute = self._places[name].partition(":")
        loaded = importlib.import_module(f"{__package__}.{module}")
        command: click.Command = getattr(loaded, attribute or "command")
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, self._places))
        for heading, commands in self._sections.items():
            rows = []
            for name in commands:
                command = self.get_command(context, name)
                assert command is not None
                limit = formatter.width - 6 - widest
                rows.append((name.ljust(widest), command.get_short_help_str(limit)))
            with formatter.section(heading):
                formatter.write_dl(rows)
