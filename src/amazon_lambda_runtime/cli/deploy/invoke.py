"""`lambda-runtime invoke`: invoke the deployed function once."""

import sys
from pathlib import Path
from typing import Any

import click

from amazon_lambda_runtime.project.aws_limits import DURABLE_WAIT

from .project_options import load, one_function, project_options, translated
from .reporter import Reporter

EXAMPLES = """
\b
Examples:
  lambda-runtime invoke
  lambda-runtime invoke --payload order.json --qualifier 7
  echo '{"name": "Ada"}' | lambda-runtime invoke --payload -
  lambda-runtime invoke --no-wait    # a durable function
"""


@click.command("invoke", epilog=EXAMPLES)
@project_options
@click.option(
    "--payload",
    "file",
    type=click.File("rb"),
    metavar="FILE",
    help="The file with the event; - is stdin.  [default: the project's payload, else {}]",
)
@click.option(
    "--qualifier",
    metavar="VERSION_OR_ALIAS",
    help="The version or alias to invoke.  [default: live]",
)
@click.option("--log/--no-log", default=True, help="Show the end of the log on stderr.")
@click.option(
    "--no-wait",
    is_flag=True,
    help="Start an execution of a durable function, and print its ARN.",
)
@translated
def command(
    folder: Path, file: Any, qualifier: str | None, log: bool, no_wait: bool, **flags: Any
) -> int:
    """Invoke the function in AWS.

    The response goes to stdout, the end of the log to stderr. The exit status is 1 if the function
    failed.
    """
    from amazon_lambda_runtime.deploy.invoke import invoke, start
    from amazon_lambda_runtime.deploy.site import LIVE

    project, aws = load(folder, **flags)
    function = one_function(project)
    if no_wait and function.durable is None:
        raise click.UsageError(
            f"--no-wait is for durable functions: pyproject.toml does not declare {function.name} "
            "durable."
        )
    seconds = function.durable.execution_timeout if function.durable is not None else 0
    if seconds > DURABLE_WAIT and not no_wait:
        raise click.UsageError(
            f"executions of {function.name} may take {seconds} seconds, and Lambda waits for those "
            f"of {DURABLE_WAIT} or less: add --no-wait, then see `lambda-runtime executions list`."
        )
    if file is not None:
        payload = file.read()
    else:
        payload = b"{}" if function.payload is None else function.payload.read_bytes()
    if no_wait:
        click.echo(start(aws, function.name, payload, qualifier or LIVE))
        return 0
    with Reporter(f"waiting for {function.name}"):
        result = invoke(aws, function.name, payload, qualifier or LIVE)
    if log and result.log:
        click.echo(result.log.rstrip("\n"), err=True)
    sys.stdout.buffer.write(result.payload + b"\n")
    sys.stdout.buffer.flush()
    return 1 if result.failed else 0
