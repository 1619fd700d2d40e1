"""`lambda-runtime clean`: forget what make did. AWS is not asked, and nothing in it is deleted."""

from pathlib import Path

import click

# What make writes beside its Makefile: a file for each target that makes something, and one that
# holds the variables it was made with.
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
  lambda-runtime clean
  make clean
"""


@click.command("clean", epilog=EXAMPLES)
def command() -> None:
    """Remove the files in this folder by which make knows what it has done.

    Nothing in AWS is deleted (`lambda-runtime destroy` does that). The next make looks at AWS again
    and does what is missing there.
    """
    if not Path(VARIABLES).exists():
        # Files of such names (deploy, image) may be anybody's where make has not been.
        click.echo("Nothing to clean: make has not been here.", err=True)
        return
    for name in (*SENTINELS, VARIABLES):
        try:
            Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise click.ClickException(f"cannot remove {name}: {error.strerror}") from None
