"""`lambda-runtime step clean`: forget what make did. Nothing in AWS is read or deleted."""

from pathlib import Path

import click

# What make writes beside its Makefile: a file for each target that makes something, and a file that
# holds the variables of the last run.
SENTINELS = (
    "image",
    "ecr-repo",
    "deploy",
    "policy-document",
    "lambda-role",
    "lambda-policies",
    "lambda-function",
    "queue",
    "lambda-sqs-trigger",
    "invoke",
)
VARIABLES = ".variables"

EXAMPLES = """
\b
Examples:
  lambda-runtime step clean
  make clean
"""


@click.command("clean", epilog=EXAMPLES)
def command() -> None:
    """Forget what make did in this folder.

    Removes the files that its targets wrote. Nothing in AWS is deleted; `lambda-runtime destroy`
    does that. The next make reads AWS again, and makes what is missing there.
    """
    if not Path(VARIABLES).exists():
        # Without it, files of such names (deploy, image) are the user's.
        click.echo("Nothing to clean: make has not run in this folder.", err=True)
        return
    for name in (*SENTINELS, VARIABLES):
        try:
            Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise click.ClickException(f"cannot remove {name}: {error.strerror}") from None
