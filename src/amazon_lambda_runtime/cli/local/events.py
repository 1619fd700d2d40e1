"""`lambda-runtime events`: sample events of AWS's services, to read and to invoke with."""

import json
import sys
from typing import Any

import click

from amazon_lambda_runtime import samples

EXAMPLES = """
\b
Examples:
  lambda-runtime events list
  lambda-runtime events show s3-put --bucket in-orders --key "a b.csv"
  lambda-runtime events show sqs --body '{"order": 7}' | lambda-runtime local orders.app --event -
"""
LIST_EXAMPLES = """
\b
Examples:
  lambda-runtime events list
  lambda-runtime events list --json
"""
SHOW_EXAMPLES = """
\b
Examples:
  lambda-runtime events show scheduled
  lambda-runtime events show s3-put --bucket in-orders --key "a b.csv"
"""


@click.group("events", epilog=EXAMPLES, no_args_is_help=False)
def command() -> None:
    """Print the events that AWS sends."""


@command.command("list", epilog=LIST_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="With their fields, as JSON.")
def list_events(as_json: bool) -> None:
    """Print the names of all events, their sources, and what they are."""
    rows = [(name, samples.source(name), samples.describe(name)) for name in samples.names()]
    if as_json:
        keys = ("name", "source", "about", "fields")
        document = [dict(zip(keys, (*row, samples.fields(row[0])), strict=True)) for row in rows]
        click.echo(json.dumps(document, indent=2))
        return
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, source, about in rows:
        click.echo(f"{name:{widths[0]}}  {source:{widths[1]}}  {about}")


class _Show(click.Group):
    """A command for each event, with an option for each of its fields."""

    def list_commands(self, context: click.Context) -> list[str]:
        return samples.names()

    def get_command(self, context: click.Context, name: str) -> click.Command:
        try:
            fields = samples.fields(name)
        except samples.UnknownSample as error:
            raise click.ClickException(f"cannot show the event: {error}") from None
        options: list[click.Parameter] = [
            _option(field, default) for field, default in fields.items()
        ]
        return _ShowOne(
            name,
            params=options,
            callback=lambda **given: _print(name, given),
            help=samples.describe(name) + ".",
        )


class _ShowOne(click.Command):
    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(context, args)
        except click.NoSuchOption as error:
            choice = ", ".join(option.opts[0] for option in self.params) or "none"
            raise click.ClickException(
                f"the event {self.name} has no field {error.option_name}; it has: {choice}"
            ) from None


@command.group(
    "show",
    cls=_Show,
    no_args_is_help=False,
    subcommand_metavar="EVENT [--FIELD VALUE]...",
    epilog=SHOW_EXAMPLES,
)
def show() -> None:
    """Print an event. Each of its fields is an option: see `show EVENT --help`."""


def _option(field: str, default: object) -> click.Option:
    told = default if isinstance(default, str) else json.dumps(default)
    of_json = "" if isinstance(default, str) else "JSON. "
    return click.Option(
        [f"--{field.replace('_', '-')}", field],
        help=f"{of_json}[default: {told}]" if told else of_json,
        callback=None if isinstance(default, str) else _value_of_json,
    )


def _value_of_json(context: click.Context, option: click.Parameter, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.ClickException(f"{option.opts[0]} {text} is not JSON: {error}") from None


def _print(name: str, given: dict[str, Any]) -> None:
    fields = {field: value for field, value in given.items() if value is not None}
    try:
        event = samples.load(name, **fields)
    except (TypeError, ValueError) as error:
        raise click.ClickException(f"cannot show the event: {error}") from None
    json.dump(event, sys.stdout, indent=2)
    sys.stdout.write("\n")
