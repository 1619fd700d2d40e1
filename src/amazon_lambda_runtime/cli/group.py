"""The subcommands by name, each loaded when it is used, and how they end."""

import importlib
import sys
from collections.abc import Sequence

import click

# The module that has it, in this package, as an attribute `command`.
_SUBCOMMANDS = {
    "clean": "amazon_lambda_runtime.cli.clean",
    "init": "amazon_lambda_runtime.cli.init",
    "local": "amazon_lambda_runtime.cli.local",
}


class _Subcommands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(_SUBCOMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _SUBCOMMANDS:
            return None
        command: click.Command = importlib.import_module(_SUBCOMMANDS[name]).command
        return command


@click.group("lambda-runtime", cls=_Subcommands, no_args_is_help=False)
@click.version_option(package_name="amazon-lambda-runtime", message="%(prog)s %(version)s")
def group() -> None:
    """Run AWS Lambda functions in Python."""


def run(arguments: Sequence[str] | None) -> int:
    """Run the command and return its exit status. An error is one line on stderr and status 2."""
    try:
        status: int | None = group.main(
            arguments, prog_name="lambda-runtime", standalone_mode=False
        )
    except click.ClickException as error:
        hint = ""
        if isinstance(error, click.UsageError) and error.ctx is not None:
            hint = f" See {error.ctx.command_path} --help"
        print(f"lambda-runtime: {error.format_message()}{hint}", file=sys.stderr)
        return 2
    return status or 0
