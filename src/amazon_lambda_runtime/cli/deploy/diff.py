"""`lambda-runtime diff`: what was changed in AWS since the deployment."""

from pathlib import Path
from typing import Any

import click

from .project_options import json_option, load_declared, project_options, translated
from .reporter import Reporter, show

EXAMPLES = """
\b
Examples:
  lambda-runtime diff
  lambda-runtime diff --function orders || echo "changed by hand"
  lambda-runtime diff --json | jq -r '.steps[].name'
"""


@click.command("diff", epilog=EXAMPLES)
@project_options
@json_option
@translated
def command(folder: Path, as_json: bool, **flags: Any) -> int:
    """Show where AWS differs from the project.

    + is missing, ~ differs, - is no longer declared: `deploy` corrects these. ! is foreign: it was
    set by other means, is not declared, and stays until somebody removes it. The image is not
    built and not compared. The exit status is 1 if there is a difference.
    """
    from amazon_lambda_runtime.deploy.deployment import drift

    project, aws = load_declared(folder, **flags)
    with Reporter() as reporter:
        steps = drift(project, aws, reporter)
    show(steps, as_json=as_json, nothing="No difference.")
    return 1 if steps.steps else 0
