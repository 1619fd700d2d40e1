"""`lambda-runtime deploy`: from a project's folder to a live function."""

from pathlib import Path
from typing import Any

import click

from .project_options import (
    announce,
    image_option,
    load_declared,
    project_options,
    refuse_prune,
    translated,
)
from .reporter import Reporter

EXAMPLES = """
\b
Examples:
  lambda-runtime deploy
  lambda-runtime deploy --function orders --profile production
  lambda-runtime deploy --no-live
  lambda-runtime deploy --image-uri 123456789012.dkr.ecr.us-east-1.amazonaws.com/orders@sha256:…
"""


@click.command("deploy", epilog=EXAMPLES)
@project_options
@image_option
@click.option(
    "--adopt",
    is_flag=True,
    help="Take over functions of these names from another project, or from none: only tag them.",
)
@click.option(
    "--prune",
    is_flag=True,
    help="Delete functions that pyproject.toml no longer declares, with their triggers.",
)
@click.option(
    "--no-live",
    "waits",
    is_flag=True,
    help="Only publish and test a version. The live version and its triggers stay as they are.",
)
@translated
def command(folder: Path, adopt: bool, prune: bool, waits: bool, **flags: Any) -> None:
    """Bring AWS to what the project declares.

    Builds and pushes the image, updates the resources that differ, publishes a version, invokes
    it with the payload if there is one (the smoke test), and makes it live. It asks no
    questions, since it deletes nothing that holds data: only `destroy` deletes queues, topics,
    logs and repositories. If it is interrupted, run it again: it continues where it stopped.
    The exit status is 1 if the smoke test failed. A function of another project, or of none, is
    never changed.
    """
    from amazon_lambda_runtime.deploy.deployment import adopt as take_over
    from amazon_lambda_runtime.deploy.deployment import deploy

    project, aws = load_declared(folder, **flags)
    refuse_prune(project, prune)
    if prune and waits:
        raise click.UsageError(
            "--prune deletes what is live, and --no-live leaves it alone: choose one."
        )
    announce(aws)
    if adopt:
        with Reporter() as reporter:
            tagged = take_over(project, aws, reporter)
        click.echo(f"{project.name}: {tagged} taken over; see `lambda-runtime plan`, then deploy")
        return
    with Reporter() as reporter:
        taken = deploy(project, aws, reporter, prune=prune, live=not waits)
    names = ", ".join(function.name for function in project.functions)
    done = "published and tested, not live" if waits else "deployed"
    click.echo(f"{names}: {done if taken else 'nothing to do'}")
