"""`lambda-runtime invoke`: invoke the deployed function once."""

import sys
from pathlib import Path
from typing import Any

import click

from .project_options import load, one_function, project_options, translated
from .reporter import Reporter

EXAMPLES = """
\b
Examples:
  lambda-runtime invoke
  lambda-runtime invoke --payload order.json --qualifier 7
  echo '{"name": "Ada"}' | lambda-runtime invoke --payload -
"""


@click.command("invoke", epilog=EXAMPLES)
@project_options
@click.option(
    "--payload",
    "file",
    type=click.File("rb"),
    help="The event; - is stdin.  [default: the project's payload, else {}]",
)
@click.option("--qualifier", metavar="VERSION_OR_ALIAS", help="[default: live]")
@click.option("--log/--no-log", default=True, help="Show the end of the log, on stderr.")
@translated
def command(folder: Path, file: Any, qualifier: str | None, log: bool, **flags: Any) -> int:
    """Invoke the function in AWS.

    Its response goes to stdout, the end of its log to stderr. The exit status is 1 if the function
    failed.
    """
    from amazon_lambda_runtime.deploy.invoke import invoke
    from amazon_lambda_runtime.deploy.site import LIVE

    project, aws = load(folder, **flags)
    function = one_function(project)
    if file is not None:
        payload = file.read()
    else:
        payload = b"{}" if function.payload is None else function.payload.read_bytes()
    with Reporter(f"waiting for {function.name}"):
        result = invoke(aws, function.name, payload, qualifier or LIVE)
    if log and result.log:
        click.echo(result.log.rstrip("\n"), err=True)
    sys.stdout.buffer.write(result.payload + b"\n")
    sys.stdout.buffer.flush()
    return 1 if result.failed else 0
