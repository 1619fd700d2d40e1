"""`lambda-runtime deploy`: from the folder to a live function."""

from pathlib import Path
from typing import Any

import click

from .project_options import image_option, load, project_options, translated
from .reporter import Reporter

EXAMPLES = """
\b
Examples:
  lambda-runtime deploy
  lambda-runtime deploy --function orders --profile production
  lambda-runtime deploy --image-uri 123456789012.dkr.ecr.us-east-1.amazonaws.com/orders@sha256:…
"""


@click.command("deploy", epilog=EXAMPLES)
@project_options
@image_option
@translated
def command(folder: Path, **flags: Any) -> None:
    """Build the image, push it, and bring AWS to what the project says.

    A new version is published, tested with the payload if there is one, and made live. Where
    nothing differs nothing is done. No question is asked, because nothing is deleted that holds
    data: queues, topics, logs and repositories go only by `destroy`. Interrupted, it goes on where
    it was when it is run again. The exit status is 1 if the smoke test failed.
    """
    from amazon_lambda_runtime.deploy.deployment import deploy

    project, aws = load(folder, **flags)
    with Reporter() as reporter:
        taken = deploy(project, aws, reporter)
    names = ", ".join(function.name for function in project.functions)
    click.echo(f"{names}: {'deployed' if taken else 'nothing to do'}")
