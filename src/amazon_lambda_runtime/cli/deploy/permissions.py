"""`lambda-runtime permissions`: what the deployer of this project has to be allowed."""

import json
from pathlib import Path
from typing import Any

import click

from .project_options import load, project_options, translated

EXAMPLES = """
\b
Examples:
  lambda-runtime permissions > deployer.json
  aws iam put-user-policy --user-name me --policy-name deploy-orders \\
      --policy-document "$(lambda-runtime permissions)"
"""


@click.command("permissions", epilog=EXAMPLES)
@project_options
@click.option("--account", metavar="DIGITS", help="The account of the ARNs.  [AWS_ACCOUNT]")
@click.option("--queue-name", metavar="NAME", help="That of `make queue` too.  [QUEUE_NAME]")
@translated
def command(folder: Path, **flags: Any) -> None:
    """Print a policy document (JSON) for whoever deploys this project.

    It allows what `plan`, `deploy`, `invoke`, `logs`, `rollback`, `doctor` and `destroy` call for
    what pyproject.toml declares, and is narrowed to this project's names where AWS can do that.
    Where neither AWS_ACCOUNT nor AWS says which account, the ARNs are of any (*).
    """
    from amazon_lambda_runtime.deploy.errors import DeployError
    from amazon_lambda_runtime.deploy.policy import deployer
    from amazon_lambda_runtime.deploy.policy.statement import Names

    project, aws = load(folder, **flags)
    try:
        account = aws.account
    except DeployError as error:
        click.echo(f"The account is written as *, since nobody says which: {error}", err=True)
        account = "*"
    names = Names(aws.partition, aws.region, account)
    click.echo(json.dumps(deployer.document(project, names), indent=2))
