"""The subcommands by name, each loaded when it is used, and how they end."""

import importlib
import sys
from collections.abc import Sequence

import click

# The module that has it as an attribute `command`, or as the one named behind the colon.
_SUBCOMMANDS = {
    "clean": "amazon_lambda_runtime.cli.deploy.clean",
    "deploy": "amazon_lambda_runtime.cli.deploy.command",
    "destroy": "amazon_lambda_runtime.cli.deploy.destroy",
    "diff": "amazon_lambda_runtime.cli.deploy.diff",
    "doctor": "amazon_lambda_runtime.cli.deploy.doctor",
    "ecr-repo": "amazon_lambda_runtime.cli.deploy.steps:ecr_repo",
    "events": "amazon_lambda_runtime.cli.local.events",
    "image": "amazon_lambda_runtime.cli.deploy.steps:image",
    "init": "amazon_lambda_runtime.cli.deploy.init",
    "invoke": "amazon_lambda_runtime.cli.deploy.invoke",
    "lambda-function": "amazon_lambda_runtime.cli.deploy.steps:lambda_function",
    "lambda-policies": "amazon_lambda_runtime.cli.deploy.steps:lambda_policies",
    "lambda-role": "amazon_lambda_runtime.cli.deploy.steps:lambda_role",
    "lambda-sqs-trigger": "amazon_lambda_runtime.cli.deploy.steps:lambda_sqs_trigger",
    "local": "amazon_lambda_runtime.cli.local.command",
    "logs": "amazon_lambda_runtime.cli.deploy.logs",
    "permissions": "amazon_lambda_runtime.cli.deploy.permissions",
    "plan": "amazon_lambda_runtime.cli.deploy.plan",
    "policy-document": "amazon_lambda_runtime.cli.deploy.steps:policy_document",
    "push": "amazon_lambda_runtime.cli.deploy.steps:push",
    "queue": "amazon_lambda_runtime.cli.deploy.steps:queue",
    "rollback": "amazon_lambda_runtime.cli.deploy.rollback",
    "update-function": "amazon_lambda_runtime.cli.deploy.steps:update_function",
    "update-policies": "amazon_lambda_runtime.cli.deploy.steps:lambda_policies",
}


class _Subcommands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(_SUBCOMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _SUBCOMMANDS:
            return None
        module, _, attribute = _SUBCOMMANDS[name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute or "command")
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
