"""`lambda-runtime rollback`: what was live before is live again."""

from pathlib import Path
from typing import Any

import click

from .project_options import load, project_options, translated

EXAMPLES = """
\b
Examples:
  lambda-runtime rollback
  lambda-runtime rollback --function orders --to 7
"""


@click.command("rollback", epilog=EXAMPLES)
@project_options
@click.option("--to", metavar="VERSION", help="[default: what was live before]")
@translated
def command(folder: Path, to: str | None, **flags: Any) -> None:
    """Move the alias `live` back, at once: nothing is built, and no trigger changes.

    `deploy` goes forward again to what the project says.
    """
    from amazon_lambda_runtime.deploy.resources.release import rollback
    from amazon_lambda_runtime.deploy.site import Site

    project, aws = load(folder, **flags)
    if to is not None and len(project.functions) > 1:
        raise click.UsageError("--to is a version of one function: say --function.")
    for function in project.functions:
        old, new = rollback(Site(project, aws), function, to)
        click.echo(f"{function.name}: version {new} is live, and {old} no more")
