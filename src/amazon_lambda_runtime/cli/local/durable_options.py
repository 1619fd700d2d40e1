"""The options of `lambda-runtime local` about durable functions, and what they come to."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amazon_lambda_runtime.pip_line import pip_line
from amazon_lambda_runtime.project.aws_limits import DURABLE_TIMEOUT

if TYPE_CHECKING:
    from amazon_lambda_runtime.local.durable.service import DurableExecutions
    from amazon_lambda_runtime.local.engine.function import DurableConfig
    from amazon_lambda_runtime.project.declaration import Durable

_ENGINE = "aws_durable_execution_sdk_python_testing"


def durable_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --durable, --durable-store and --skip-time to a command."""
    for option in (
        click.option(
            "--skip-time",
            is_flag=True,
            help="End waits and retry delays of durable executions at once.",
        ),
        click.option(
            "--durable-store",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIRECTORY",
            help="Keep durable executions in this folder: open ones continue after the next "
            "start.  [default: in memory]",
        ),
        click.option(
            "--durable",
            type=click.IntRange(0, DURABLE_TIMEOUT[1]),
            metavar="SECONDS",
            help="Run a durable function, whose executions may take this long; 0: not a durable "
            "one.  [default: 900 if the source has a durable handler]",
        ),
    ):
        command = option(command)
    return command


def durable_config(
    handler: str,
    task_root: Path,
    is_python: bool,
    declared: "Durable | None",
    seconds: int | None,
) -> "DurableConfig | None":
    """Return how the function is durable, None if it is not. Raises click.ClickException.

    `seconds` are those of --durable, which is stronger than what the table declares; without
    either, the source decides.
    """
    from amazon_lambda_runtime.project.durable_source import is_durable

    said = seconds if seconds is not None else declared
    if said == 0 or (said is None and not (is_python and is_durable(handler, task_root))):
        return None
    if find_spec(_ENGINE) is None:
        raise click.ClickException(
            f"{handler} is a durable function, and its engine is not installed: "
            f"{pip_line('durable')}"
        )
    from amazon_lambda_runtime.local.engine.function import DurableConfig

    config = DurableConfig()
    if declared is not None:
        config = DurableConfig(declared.execution_timeout, declared.retention_days)
    return replace(config, execution_timeout=seconds) if seconds else config


def durable_executions(is_durable: bool, options: dict[str, Any]) -> "DurableExecutions | None":
    """Return the executions of the functions; None if none is durable.

    Raises click.ClickException if they can't be kept where they should be.
    """
    if not is_durable:
        for name, given in (
            ("--durable-store", options["durable_store"]),
            ("--skip-time", options["skip_time"]),
        ):
            if given:
                raise click.UsageError(
                    f"{name} is for durable functions: if this is one, add --durable SECONDS."
                )
        return None
    from amazon_lambda_runtime.local.durable.rows import StoreError
    from amazon_lambda_runtime.local.durable.service import DurableExecutions

    try:
        return DurableExecutions(options["durable_store"], options["skip_time"])
    except StoreError as error:
        raise click.ClickException(f"--durable-store: {error}") from None
