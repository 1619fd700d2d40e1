"""`lambda-runtime diff`: has anybody changed what was deployed?"""

from pathlib import Path
from typing import Any

import click

from .project_options import load, project_options, translated
from .reporter import Reporter, show

EXAMPLES = """
\b
Examples:
  lambda-runtime diff
  lambda-runtime diff --function orders || echo "somebody was here"
"""


@click.command("diff", epilog=EXAMPLES)
@project_options
@translated
def command(folder: Path, **flags: Any) -> int:
    """Show where AWS differs from the project, but for the image, which is not built.

    The exit status is 1 if it does.
    """
    from amazon_lambda_runtime.deploy.deployment import drift

    project, aws = load(folder, **flags)
    with Reporter() as reporter:
        steps = drift(project, aws, reporter)
    show(steps)
    if not steps.steps:
        click.echo("No difference.")
    return 1 if steps.steps else 0
