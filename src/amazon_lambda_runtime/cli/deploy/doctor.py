"""`lambda-runtime doctor`: what would make a deployment fail, and how to fix it."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .project_options import load, project_options, translated

if TYPE_CHECKING:
    from amazon_lambda_runtime.deploy.doctor import Report

EXAMPLES = """
\b
Examples:
  lambda-runtime doctor
  lambda-runtime doctor --json | jq -r '.findings[].fix'
"""


@click.command("doctor", epilog=EXAMPLES)
@project_options
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print findings, skipped checks and failed checks as JSON.",
)
@translated
def command(folder: Path, as_json: bool, **flags: Any) -> int:
    """Find what would make a deployment fail.

    Each finding says what is wrong, why it matters and how to fix it. Nothing is changed. The exit
    status is 0 if there are no findings, 1 if there are, and 2 if a check could not run.
    """
    from amazon_lambda_runtime.deploy import doctor
    from amazon_lambda_runtime.project.errors import ConfigError

    def done(name: str) -> None:
        if not as_json:
            click.echo(f"checked: {name}", err=True)

    try:
        project, aws = load(folder, **flags)
    except ConfigError as error:
        report = doctor.Report([doctor.settings(error)])
    else:
        report = doctor.examine(project, aws, done)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(report), indent=2))
    else:
        _print(report)
    if report.findings:
        return 1
    return 2 if report.failed else 0


def _print(report: "Report") -> None:
    for finding in report.findings:
        click.secho(f"{finding.check}: {finding.what}", bold=True)
        click.echo(f"  why: {finding.why}.")
        click.echo(f"  fix: {finding.fix}")
    for text in report.skipped:
        click.echo(f"Not checked: {text}.", err=True)
    for text in report.failed:
        click.echo(f"Could not check {text}.", err=True)
    if not (report.findings or report.failed):
        click.echo("No findings.")
