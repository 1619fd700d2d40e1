"""`lambda-runtime plan`: what a deployment would do."""

from pathlib import Path
from typing import Any

import click

from .project_options import announce, image_option, load, project_options, refuse_prune, translated
from .reporter import Reporter, show

EXAMPLES = """
\b
Examples:
  lambda-runtime plan
  lambda-runtime plan --project examples/orders --region eu-central-1
"""


@click.command("plan", epilog=EXAMPLES)
@project_options
@image_option
@click.option("--prune", is_flag=True, help="Show what `deploy --prune` would change.")
@translated
def command(folder: Path, prune: bool, **flags: Any) -> None:
    """Show what `deploy` would change, and why.

    + is created, ~ changed, - deleted. The image is built, to know whether it differs; nothing in
    AWS is changed.
    """
    from amazon_lambda_runtime.deploy.deployment import plan

    project, aws = load(folder, **flags)
    refuse_prune(project, prune)
    announce(aws)
    with Reporter() as reporter:
        steps = plan(project, aws, reporter, prune=prune)
    show(steps)
    if not steps.steps:
        click.echo("Nothing to do.")
