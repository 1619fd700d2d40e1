"""`lambda-runtime rollback`: the previous version is live again."""

from pathlib import Path
from typing import Any

import click

from .project_options import load_declared, project_options, translated

EXAMPLES = """
\b
Examples:
  lambda-runtime rollback
  lambda-runtime rollback --function orders --to 7
"""


@click.command("rollback", epilog=EXAMPLES)
@project_options
@click.option(
    "--to",
    metavar="VERSION",
    help="The version to make live.  [default: the one that was live before]",
)
@translated
def command(folder: Path, to: str | None, **flags: Any) -> None:
    """Make the previous version live again.

    Moves the alias `live` at once. Nothing is built, and no trigger changes. The next `deploy`
    makes what the project declares live again.
    """
    from amazon_lambda_runtime.deploy.resources.release import rollback
    from amazon_lambda_runtime.deploy.site import Site

    project, aws = load_declared(folder, **flags)
    if to is not None and len(project.functions) > 1:
        raise click.UsageError("--to is a version of one function: choose it with --function.")
    for function in project.functions:
        old, new = rollback(Site(project, aws), function, to)
        click.echo(f"{function.name}: version {new} is live, in place of {old}")
