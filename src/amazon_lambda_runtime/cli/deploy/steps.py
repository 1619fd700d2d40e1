"""The targets of the Makefile, each a subcommand: one part of a deployment, and what it made.

What it made goes to stdout (the Makefile keeps it in a file of the target's name), how it goes to
stderr. `deploy` and `invoke` are commands of their own; the target deploy is the command `push`.
"""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .project_options import image_option, load, project_options, translated
from .reporter import Reporter

if TYPE_CHECKING:
    from amazon_lambda_runtime.deploy.aws import Aws
    from amazon_lambda_runtime.deploy.builder import Builder
    from amazon_lambda_runtime.deploy.plan import Progress
    from amazon_lambda_runtime.deploy.site import Site
    from amazon_lambda_runtime.project.declaration import Project
    from amazon_lambda_runtime.project.triggers import SqsTrigger

_QUEUE_OPTIONS = (
    click.option("--queue-name", metavar="NAME", help="The queue.  [QUEUE_NAME, lambda-runtime]"),
    click.option(
        "--batch-size", type=int, metavar="N", help="Messages at a time.  [BATCH_SIZE, 10]"
    ),
)
_READS_QUEUES = "AWSLambdaSQSQueueExecutionRole"


@click.command("image")
@project_options
@translated
def image(folder: Path, **flags: Any) -> None:
    """Build the image from the Dockerfile, or with no engine at all; print its digest or name."""
    from amazon_lambda_runtime.deploy.builder import Engines

    project, _ = load(folder, **flags)
    with Reporter() as reporter:
        digest = Engines().build(project, reporter)
    click.echo(digest or project.image)


@click.command("ecr-repo")
@project_options
@translated
def ecr_repo(folder: Path, **flags: Any) -> None:
    """Create the ECR repository, unless it is there; print its URI."""
    from amazon_lambda_runtime.deploy.resources import repository

    site = _carry_out(*load(folder, **flags), "repository")
    found = repository.find(site)
    click.echo(found["repositoryUri"] if found else "")


@click.command("push")
@project_options
@translated
def push(folder: Path, **flags: Any) -> None:
    """Build the image and push it, unless it is in the repository; print it by its digest."""
    from amazon_lambda_runtime.deploy.builder import Engines

    builder = _Remembering(Engines())
    site = _carry_out(*load(folder, **flags), "repository", "image", builder=builder)
    click.echo(dataclasses.replace(site, digest=builder.digest).image_uri)


@click.command("policy-document")
def policy_document() -> None:
    """Print the trust policy of the role: Lambda may assume it."""
    from amazon_lambda_runtime.deploy.resources.role import TRUST

    click.echo(json.dumps(TRUST, indent=2))


@click.command("lambda-role")
@project_options
@translated
def lambda_role(folder: Path, **flags: Any) -> None:
    """Create the role of each function, unless it is there; print the ARNs."""
    site = _carry_out(*load(folder, **flags), "role")
    for arn in dict.fromkeys(site.role_arn(function) for function in site.project.functions):
        click.echo(arn)


@click.command("lambda-policies")
@project_options
@translated
def lambda_policies(folder: Path, **flags: Any) -> None:
    """Give the role the policies of the policies file; print them.

    One that has left the file is detached. What the declared triggers take is allowed by a policy
    that is made for them.
    """
    site = _carry_out(*load(folder, **flags), "role", "policies")
    for arn in dict.fromkeys(a for function in site.project.functions for a in function.policies):
        click.echo(arn)


@click.command("lambda-function")
@project_options
@image_option
@translated
def lambda_function(folder: Path, **flags: Any) -> None:
    """Create the function, or bring it up to date; print its ARN.

    Its log group comes before it, and a version of it that has passed its smoke test becomes the
    one that is live. The triggers in pyproject.toml are left to `deploy`.
    """
    site = _carry_out(*load(folder, **flags), "log-group", "function", "release")
    for function in site.project.functions:
        click.echo(site.function_arn(function))


@click.command("update-function")
@project_options
@image_option
@translated
def update_function(folder: Path, **flags: Any) -> None:
    """Give the function the new image, wait until it has it, and make it live; print its ARN."""
    from amazon_lambda_runtime.deploy.resources import function as functions
    from amazon_lambda_runtime.deploy.site import Site

    project, aws = load(folder, **flags)
    for function in project.functions:
        if functions.find(Site(project, aws), function) is None:
            raise click.ClickException(
                f"cannot update {function.name}: there is no such function. "
                "Make it first: lambda-runtime lambda-function"
            )
    site = _carry_out(project, aws, "function", "release")
    for function in project.functions:
        click.echo(site.function_arn(function))


def _queue_options(command: Any) -> Any:
    for option in reversed(_QUEUE_OPTIONS):
        command = option(command)
    return command


@click.command("queue")
@project_options
@_queue_options
@translated
def queue(folder: Path, **flags: Any) -> None:
    """Create the SQS queue and its dead letter queue, unless they are there; print its URL."""
    from amazon_lambda_runtime.deploy.resources.triggers import queue as queues

    project, aws, trigger = _with_queue(folder, flags)
    site = _carry_out(project, aws, "queue")
    click.echo(queues.url(site, trigger.queue))


@click.command("lambda-sqs-trigger")
@project_options
@_queue_options
@translated
def lambda_sqs_trigger(folder: Path, **flags: Any) -> None:
    """Let the queue invoke the function; print the mapping's UUID."""
    from amazon_lambda_runtime.deploy.resources.triggers import mapping

    project, aws, trigger = _with_queue(folder, flags)
    _say_what_it_lacks(folder, project, trigger)
    site = _carry_out(project, aws, "queue", "trigger")
    found = mapping.find(site, project.functions[0], trigger.queue)
    click.echo(found["UUID"] if found else "")


def _carry_out(
    project: "Project", aws: "Aws", *parts: str, builder: "Builder | None" = None
) -> "Site":
    """Do these parts of a deployment, where something differs."""
    from amazon_lambda_runtime.deploy.deployment import deploy
    from amazon_lambda_runtime.deploy.site import Site

    with Reporter() as reporter:
        taken = deploy(project, aws, reporter, parts, builder)
        if not taken:
            click.echo(f"nothing to do for {parts[-1]}: it is as it should be", err=True)
    return Site(project, aws)


def _with_queue(folder: Path, flags: dict[str, Any]) -> "tuple[Project, Aws, SqsTrigger]":
    """Return the project with the first function and the queue of QUEUE_NAME alone.

    The other triggers are neither made nor removed.
    """
    from amazon_lambda_runtime.project.triggers import SqsTrigger

    project, aws = load(folder, queue=True, **flags)
    function = project.functions[0]
    trigger = next(t for t in function.triggers if isinstance(t, SqsTrigger))
    function = dataclasses.replace(function, triggers=(trigger,))
    return dataclasses.replace(project, functions=(function,), declared=False), aws, trigger


def _say_what_it_lacks(folder: Path, project: "Project", trigger: "SqsTrigger") -> None:
    """Tell what a queue that pyproject.toml does not declare has to be given by hand."""
    from amazon_lambda_runtime.project.settings import load as settings

    function = project.functions[0]
    # Without flags and variables it is what the file declares.
    table = settings(folder, {}, {})
    declared = {
        getattr(found, "queue", None)
        for other in table.functions
        if other.name == function.name
        for found in other.triggers
    }
    if trigger.queue in declared:
        return
    if not any(arn.endswith(f"/{_READS_QUEUES}") for arn in function.policies):
        click.echo(
            f"  the role has to have {_READS_QUEUES}: uncomment it in the policies file, and "
            "`lambda-runtime update-policies`",
            err=True,
        )
    if table.declared:
        click.echo(
            f"  pyproject.toml does not declare the queue {trigger.queue}: `lambda-runtime deploy` "
            "will take its trigger away again",
            err=True,
        )


class _Remembering:
    """A builder that knows what it pushed."""

    def __init__(self, builder: "Builder") -> None:
        self._builder = builder
        self.digest: str | None = None

    def build(self, project: "Project", progress: "Progress") -> str | None:
        self.digest = self._builder.build(project, progress)
        return self.digest

    def push(self, site: "Site", progress: "Progress") -> str:
        self.digest = self._builder.push(site, progress)
        return self.digest
