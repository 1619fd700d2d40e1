"""`lambda-runtime destroy`: delete what was deployed."""

import sys
from pathlib import Path
from typing import Any

import click

from .project_options import announce, load_declared, project_options, translated
from .reporter import Reporter, show

EXAMPLES = """
\b
Examples:
  lambda-runtime destroy
  lambda-runtime destroy --function orders --yes
  lambda-runtime destroy --stop-executions    # of durable functions
"""


@click.command("destroy", epilog=EXAMPLES)
@project_options
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--stop-executions",
    is_flag=True,
    help="Stop the executions of durable functions that have not ended: they are lost.",
)
@translated
def command(folder: Path, yes: bool, stop_executions: bool, **flags: Any) -> None:
    """Delete what the project deployed, with its data.

    Deletes everything that carries the project's tag, and lists what stays. It asks for
    confirmation first.
    """
    from amazon_lambda_runtime.deploy import destroy
    from amazon_lambda_runtime.deploy.plan import execute
    from amazon_lambda_runtime.deploy.site import Site

    project, aws = load_declared(folder, **flags)
    announce(aws)
    with Reporter() as reporter:
        aws.retry.note = reporter.note
        plan = destroy.plan(Site(project, aws), stop_executions=stop_executions)
    show(plan)
    if not plan.steps:
        click.echo("Nothing to destroy.")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(
                "cannot ask for confirmation: there is no terminal. Use one, or --yes."
            )
        click.confirm(f"Delete these {len(plan.steps)} in account {aws.account}?", abort=True)
    with Reporter() as reporter:
        aws.retry.note = reporter.note
        execute(plan, reporter)
    click.echo(f"{project.name}: destroyed")
