"""What the commands about AWS have in common: their options, the project, their errors."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from amazon_lambda_runtime.deploy.aws import Aws
    from amazon_lambda_runtime.project.declaration import Function, Project

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--project",
        "folder",
        type=click.Path(file_okay=False, exists=True, path_type=Path),
        default=Path(),
        help="The project's folder.  [default: the current one]",
    ),
    click.option(
        "--function", metavar="NAME", help="This function only.  [env var: FUNCTION_NAME]"
    ),
    click.option(
        "--region", metavar="REGION", help="The AWS region.  [env var: REGION or AWS_REGION]"
    ),
    click.option("--profile", metavar="NAME", help="The AWS profile.  [env var: AWS_PROFILE]"),
)


def project_options(command: F) -> F:
    """Add --project, --function, --region and --profile to a command; `load` takes them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def image_option(command: F) -> F:
    """Add --image-uri: deploy an image that is in the registry already."""
    return click.option(
        "--image-uri",
        metavar="REPOSITORY@sha256:…",
        help="Deploy this image instead of building one.",
    )(command)


def json_option(command: F) -> F:
    """Add --json to a command that shows a plan."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print the version, steps and notes as JSON."
    )(command)


def load(folder: Path, *, queue: bool = False, **flags: Any) -> "tuple[Project, Aws]":
    """Return the project of the folder and the AWS that it goes to."""
    from amazon_lambda_runtime.deploy.aws import Aws
    from amazon_lambda_runtime.project.settings import load as settings

    project = settings(folder, flags, queue=queue)
    return project, Aws.of(project)


def load_declared(folder: Path, **flags: Any) -> "tuple[Project, Aws]":
    """Do the same where a table says which functions are meant, or an option which one.

    Raises click.ClickException otherwise: by the defaults, every folder would mean one and the same
    project.
    """
    project, aws = load(folder, **flags)
    if not (project.declared or project.narrowed):
        raise click.ClickException(
            f"{folder / 'pyproject.toml'} has no table [tool.lambda-runtime]: it says which "
            "functions are this folder's. lambda-runtime init writes it; or choose a function with "
            "--function"
        )
    return project, aws


def announce(aws: "Aws") -> None:
    """Print where the command goes, before it does anything.

    Raises DeployError if there is no region, or if the account is not the one that is meant.
    """
    click.echo(f"account {aws.account}, region {aws.region}, profile {aws.profile}", err=True)


def refuse_prune(project: "Project", prune: bool) -> None:
    """Raise click.UsageError if --prune is about nothing: some functions, or no table."""
    if prune and (project.narrowed or not project.declared):
        raise click.UsageError(
            "--prune deletes what pyproject.toml no longer declares, and "
            + (
                "only some functions are chosen: leave out --function and FUNCTION_NAME."
                if project.narrowed
                else "it declares nothing: write the table, or use lambda-runtime destroy."
            )
        )


def one_function(project: "Project") -> "Function":
    """Return the project's function; raise click.UsageError if it has several."""
    if len(project.functions) > 1:
        names = ", ".join(function.name for function in project.functions)
        raise click.UsageError(
            f"The project has several functions: choose one with --function: {names}."
        )
    return project.functions[0]


@contextmanager
def errors() -> Iterator[None]:
    """Turn an error of a deployment into one line and an exit status."""
    from amazon_lambda_runtime.deploy.errors import DeployError, SmokeTestFailed
    from amazon_lambda_runtime.project.errors import ConfigError

    try:
        yield
    except SmokeTestFailed as error:
        # The function failed, not the command.
        click.echo(f"lambda-runtime: {error}", err=True)
        raise click.exceptions.Exit(1) from None
    except (ConfigError, DeployError) as error:
        raise click.ClickException(str(error)) from None
    except (KeyboardInterrupt, click.Abort):
        click.echo("lambda-runtime: stopped; run it again to continue", err=True)
        raise click.exceptions.Exit(130) from None


def translated(command: F) -> F:
    """Run a command within `errors`."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        with errors():
            return command(*arguments, **options)

    return run  # type: ignore[return-value]
