"""`lambda-runtime logs`: the function's log."""

import re
import time
from pathlib import Path
from typing import Any

import click

from .project_options import load, one_function, project_options, translated

EXAMPLES = """
\b
Examples:
  lambda-runtime logs -f
  lambda-runtime logs --since 2h --filter ERROR
"""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _ago(context: click.Context, option: click.Parameter, value: str) -> float:
    match = re.fullmatch(r"(\d+)([smhd])", value)
    if match is None:
        raise click.BadParameter(f"{value!r} is not a duration: write 30s, 10m, 2h or 1d")
    return float(match[1]) * _UNITS[match[2]]


@click.command("logs", epilog=EXAMPLES)
@project_options
@click.option("-f", "--follow", is_flag=True, help="Also show new lines, until Ctrl-C.")
@click.option(
    "--since",
    metavar="DURATION",
    callback=_ago,
    default="10m",
    show_default=True,
    help="How far back to start: 30s, 10m, 2h, 1d.",
)
@click.option(
    "--filter",
    "pattern",
    default="",
    metavar="PATTERN",
    help="Show only lines that match this CloudWatch filter pattern.",
)
@translated
def command(folder: Path, follow: bool, since: float, pattern: str, **flags: Any) -> None:
    """Show the function's log from CloudWatch."""
    from amazon_lambda_runtime.deploy.log_events import lines

    project, aws = load(folder, **flags)
    function = one_function(project)
    try:
        start = time.time() - since
        for text in lines(aws, function, since=start, follow=follow, pattern=pattern):
            click.echo(text)
    except KeyboardInterrupt:
        if not follow:
            raise
