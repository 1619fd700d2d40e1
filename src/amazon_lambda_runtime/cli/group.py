"""The commands by name, in the order of a person's day, and how they end."""

import errno
import os
import signal
import sys
from collections.abc import Sequence

import click

from .lazy_group import LazyGroup

COMMANDS = {
    "On this machine": {
        "init": "deploy.init",
        "local": "local.command",
        "events": "local.events",
    },
    "In AWS": {
        "doctor": "deploy.doctor",
        "plan": "deploy.plan",
        "deploy": "deploy.command",
        "invoke": "deploy.invoke",
        "logs": "deploy.logs",
        "rollback": "deploy.rollback",
        "diff": "deploy.diff",
        "destroy": "deploy.destroy",
    },
    "Durable executions": {
        "executions": "durable.executions",
        "callback": "durable.callback",
    },
    "For an administrator": {"permissions": "deploy.permissions"},
    "For an editor": {"schema": "deploy.schema"},
    "For make": {"step": "group:step"},
}
STEPS = {
    "The image": {
        "image": "deploy.steps:image",
        "ecr-repo": "deploy.steps:ecr_repo",
        "push": "deploy.steps:push",
    },
    "The role": {
        "policy-document": "deploy.steps:policy_document",
        "lambda-role": "deploy.steps:lambda_role",
        "lambda-policies": "deploy.steps:lambda_policies",
        "update-policies": "deploy.steps:update_policies",
    },
    "The function": {
        "lambda-function": "deploy.steps:lambda_function",
        "update-function": "deploy.steps:update_function",
    },
    "The queue": {
        "queue": "deploy.steps:queue",
        "lambda-sqs-trigger": "deploy.steps:lambda_sqs_trigger",
    },
    "The folder": {"clean": "deploy.clean"},
}
_FIRST_DAY = """
\b
A first day:
  lambda-runtime init
  lambda-runtime local hello.py --event payload.json
  lambda-runtime deploy
"""
_STEP_EXAMPLES = """
\b
Examples:
  lambda-runtime step image
  lambda-runtime step queue --queue-name orders
"""


class _Commands(LazyGroup):
    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in step.list_commands(context):
            # It was a command of this name up to version 0.1.
            click.echo(
                f"lambda-runtime {args[0]} is now: lambda-runtime step {args[0]}",
                err=True,
            )
            raise click.exceptions.Exit(2)
        return super().resolve_command(context, args)


@click.group(
    "lambda-runtime", cls=_Commands, sections=COMMANDS, epilog=_FIRST_DAY, no_args_is_help=False
)
@click.version_option(package_name="amazon-lambda-runtime", message="%(prog)s %(version)s")
def group() -> None:
    """Run AWS Lambda functions in Python, on this machine and in AWS."""


@click.group("step", cls=LazyGroup, sections=STEPS, epilog=_STEP_EXAMPLES, no_args_is_help=False)
def step() -> None:
    """Run one step of a deployment, as make does.

    Each target of the Makefile that `init` writes calls one of these. It prints what it made:
    an ARN, a URI, a digest. `lambda-runtime deploy` runs all the steps that are needed.
    """


def run(arguments: Sequence[str] | None) -> int:
    """Run the command and return its exit status. An error is one line on stderr and status 2.

    With `plan --exit-code` its status is 1.
    """
    if arguments is None:
        # From here on a command may have something to tidy up.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status: int | None = group.main(
            arguments, prog_name="lambda-runtime", standalone_mode=False
        )
    except click.ClickException as error:
        hint = ""
        if isinstance(error, click.UsageError) and error.ctx is not None:
            hint = f" See {error.ctx.command_path} --help"
        _complain(f"lambda-runtime: {error.format_message()}{hint}")
        return int(getattr(error, "status", 2))
    except click.Abort:
        # click's word for Ctrl-C.
        return 130
    except OSError as error:
        _complain(f"lambda-runtime: {_told(error)}")
        # With this option 2 means something else.
        return 1 if "--exit-code" in (sys.argv if arguments is None else arguments) else 2
    return status or 0


def _told(error: OSError) -> str:
    """Say in one line what the operating system has refused, where no command says it better."""
    if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        # Python would try again at its end, and exit with 120.
        sys.stdout = None
        return f"cannot write to stdout: {error.strerror}"
    try:
        os.getcwd()
    except FileNotFoundError:
        return "the current folder was deleted: change to another"
    return f"cannot use {error.filename}: {error.strerror}" if error.filename else str(error)


def _complain(line: str) -> None:
    """Print a line to stderr if it can be written; the exit status does not depend on it."""
    if sys.stderr is None:
        return
    try:
        print(line, file=sys.stderr)
    except OSError:
        # Python would try again at its end, and exit with 120.
        sys.stderr = None
