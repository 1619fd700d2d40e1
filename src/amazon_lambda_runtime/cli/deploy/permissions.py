"""`lambda-runtime permissions`: what the deployer of this project needs to be allowed."""

import json
from pathlib import Path
from typing import Any

import click

from .project_options import load, project_options, translated

EXAMPLES = """
\b
Examples:
  lambda-runtime permissions > deployer.json
  lambda-runtime permissions --for plan > pull-requests.json
  aws iam put-user-policy --user-name me --policy-name deploy-orders \\
      --policy-document "$(lambda-runtime permissions)"
"""


@click.command("permissions", epilog=EXAMPLES)
@project_options
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["plan", "deploy", "destroy"]),
    help="Allow only what this command calls.  [default: what all commands call]",
)
@click.option(
    "--account", metavar="DIGITS", help="The account in the ARNs.  [env var: AWS_ACCOUNT]"
)
@click.option(
    "--queue-name", metavar="NAME", help="Include the queue of `make queue`.  [env var: QUEUE_NAME]"
)
@translated
def command(folder: Path, purpose: str | None, **flags: Any) -> None:
    """Print the policy that the deployer needs.

    The document (JSON) allows what `plan`, `deploy`, `invoke`, `logs`, `rollback`, `doctor` and
    `destroy` call for what pyproject.toml declares. It is limited to the names of this project
    where AWS can do that. Without AWS_ACCOUNT and without credentials, the ARNs have * in place of
    the account. The policy for `plan` is enough for `diff`, too.
    """
    from amazon_lambda_runtime.deploy.errors import DeployError
    from amazon_lambda_runtime.deploy.policy import deployer
    from amazon_lambda_runtime.deploy.policy.statement import Names

    project, aws = load(folder, **flags)
    try:
        account = project.account or aws.account
    except DeployError as error:
        click.echo(f"the account is unknown, so the ARNs have * in its place: {error}", err=True)
        account = "*"
    names = Names(aws.partition, aws.region, account)
    click.echo(json.dumps(deployer.document(project, names, purpose), indent=2))
