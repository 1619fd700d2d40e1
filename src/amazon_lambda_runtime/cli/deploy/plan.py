"""`lambda-runtime plan`: what a deployment would do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from .project_options import (
    announce,
    image_option,
    json_option,
    load_declared,
    project_options,
    refuse_prune,
    translated,
)
from .reporter import Reporter, show

EXAMPLES = """
\b
Examples:
  lambda-runtime plan
  lambda-runtime plan --project examples/orders --region eu-central-1
  lambda-runtime plan --json --exit-code > plan.json
"""
_CHANGES = 2


class _Plan(click.Command):
    """With --exit-code 2 means that there are changes, so that no mistake may end with it."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> click.Context:
        with _failing(asked="--exit-code" in args):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _failing(asked=ctx.params["exit_code"]):
            return super().invoke(ctx)


class _Failed(click.ClickException):
    """An error whose status is not the 2 of all others."""

    status = 1


@contextmanager
def _failing(*, asked: bool) -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        raise (_Failed(error.format_message()) if asked else error) from None


@click.command("plan", cls=_Plan, epilog=EXAMPLES)
@project_options
@image_option
@json_option
@click.option("--prune", is_flag=True, help="Show what `deploy --prune` would change.")
@click.option(
    "--exit-code", is_flag=True, help="Exit with 0 for no changes, 2 for changes, 1 for an error."
)
@translated
def command(folder: Path, as_json: bool, prune: bool, exit_code: bool, **flags: Any) -> int:
    """Show what `deploy` would change, and why.

    + is created, ~ changed, - deleted. The image is built to see whether it differs; nothing in
    AWS is changed.
    """
    from amazon_lambda_runtime.deploy.deployment import plan

    project, aws = load_declared(folder, **flags)
    refuse_prune(project, prune)
    announce(aws)
    with Reporter() as reporter:
        steps = plan(project, aws, reporter, prune=prune)
    show(steps, as_json=as_json, nothing="Nothing to do.")
    return _CHANGES if exit_code and steps.steps else 0
