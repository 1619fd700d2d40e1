"""`lambda-runtime step`: one part of a deployment, as a target of the project's Makefile runs it.

What a step made goes to stdout (the Makefile keeps it in a file of the target's name), its progress
to stderr. A step has the name of its target, but for one: the target deploy is the step `push`,
because `lambda-runtime deploy` does much more.
"""

import dataclasses
import json
from collections.abc import Callable
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
    click.option(
        "--queue-name",
        metavar="NAME",
        help="The queue's name.  [env var: QUEUE_NAME; default: lambda-runtime]",
    ),
    click.option(
        "--batch-size",
        type=int,
        metavar="N",
        help="Messages in a batch, at most.  [env var: BATCH_SIZE; default: 10]",
    ),
)
_READS_QUEUES = "AWSLambdaSQSQueueExecutionRole"


def _step(name: str, example: str = "") -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function, with an example in its help."""
    lines = [f"lambda-runtime step {name}"]
    if example:
        lines.append(f"lambda-runtime step {name} {example}")
    return click.command(name, epilog="\b\nExamples:\n  " + "\n  ".join(lines))


@_step("image", "--project examples/orders")
@project_options
@translated
def image(folder: Path, **flags: Any) -> None:
    """Build the image; print its digest or name.

    `engine` in pyproject.toml says how: by docker, podman or buildah, or without any of them.
    """
    from amazon_lambda_runtime.deploy.builder import Engines

    project, _ = load(folder, **flags)
    for each in project.architectures:
        with Reporter() as reporter:
            digest = Engines().build(dataclasses.replace(project, architecture=each), reporter)
        click.echo(digest or project.image)


@_step("ecr-repo", "--region eu-central-1")
@project_options
@translated
def ecr_repo(folder: Path, **flags: Any) -> None:
    """Create the ECR repository; print its URI.

    An existing repository is kept.
    """
    from amazon_lambda_runtime.deploy.resources import repository

    project, aws = load(folder, **flags)
    if project.image_uri is not None:
        click.echo("nothing to build: image_uri names an existing image", err=True)
        click.echo(project.image_uri.partition("@")[0])
        return
    site = _carry_out(project, aws, "repository")
    found = repository.find(site)
    click.echo(found["repositoryUri"] if found else "")


@_step("push", "--profile production")
@project_options
@translated
def push(folder: Path, **flags: Any) -> None:
    """Build and push the image; print its URI.

    The URI has the image's digest. An image that is already in the repository is not
    pushed again.
    """
    from amazon_lambda_runtime.deploy.builder import Engines

    builder = _Remembering(Engines())
    site = _carry_out(*load(folder, **flags), "repository", "image", builder=builder)
    for digest in builder.digests.values():
        click.echo(dataclasses.replace(site, digest=digest).image_uri)


@_step("policy-document")
def policy_document() -> None:
    """Print the role's trust policy.

    It lets Lambda assume the role.
    """
    from amazon_lambda_runtime.deploy.resources.role import TRUST

    click.echo(json.dumps(TRUST, indent=2))


@_step("lambda-role", "--function orders")
@project_options
@translated
def lambda_role(folder: Path, **flags: Any) -> None:
    """Create the role; print its ARN.

    An existing role is kept. Each function has its own role, unless they share a name.
    """
    from amazon_lambda_runtime.deploy.resources import role

    site = _carry_out(*load(folder, **flags), "role")
    for arn in dict.fromkeys(role.arn(site, function) for function in site.project.functions):
        click.echo(arn)


@_step("lambda-policies", "--function orders")
@project_options
@translated
def lambda_policies(folder: Path, **flags: Any) -> None:
    """Attach the policies of the policies file; print them.

    A policy that was removed from the file is detached. A policy of its own allows what the
    declared triggers need.
    """
    _policies(folder, flags)


@_step("update-policies")
@project_options
@translated
def update_policies(folder: Path, **flags: Any) -> None:
    """Attach the policies of the policies file; print them.

    The same as lambda-policies. In the Makefile it runs whether or not the file has changed.
    """
    _policies(folder, flags)


def _policies(folder: Path, flags: dict[str, Any]) -> None:
    site = _carry_out(*load(folder, **flags), "role", "policies")
    for arn in dict.fromkeys(a for function in site.project.functions for a in function.policies):
        click.echo(arn)


@_step("lambda-function", "--image-uri $(cat deploy)")
@project_options
@image_option
@translated
def lambda_function(folder: Path, **flags: Any) -> None:
    """Create or update the function; print its ARN.

    Its log group is created first. A new version that passes its smoke test becomes live. The
    triggers in pyproject.toml are left to `lambda-runtime deploy`.
    """
    site = _carry_out(*load(folder, **flags), "log-group", "function", "release")
    for function in site.project.functions:
        click.echo(site.function_arn(function))


@_step("update-function", "--image-uri $(cat deploy)")
@project_options
@image_option
@translated
def update_function(folder: Path, **flags: Any) -> None:
    """Give the function the new image; print its ARN.

    Waits until the update is complete, and makes the new version live.
    """
    from amazon_lambda_runtime.deploy.resources import function as functions
    from amazon_lambda_runtime.deploy.site import Site

    project, aws = load(folder, **flags)
    for function in project.functions:
        if functions.find(Site(project, aws), function) is None:
            raise click.ClickException(
                f"cannot update {function.name}: there is no such function. "
                "Create it first: make lambda-function, or lambda-runtime step lambda-function"
            )
    site = _carry_out(project, aws, "function", "release")
    for function in project.functions:
        click.echo(site.function_arn(function))


def _queue_options(command: Any) -> Any:
    for option in reversed(_QUEUE_OPTIONS):
        command = option(command)
    return command


@_step("queue", "--queue-name orders")
@project_options
@_queue_options
@translated
def queue(folder: Path, **flags: Any) -> None:
    """Create the SQS queue; print its URL.

    It gets a dead-letter queue. Existing queues are kept.
    """
    from amazon_lambda_runtime.deploy.resources.triggers import queue as queues

    project, aws, trigger = _with_queue(folder, flags)
    site = _carry_out(project, aws, "queue")
    click.echo(queues.url(site, trigger.queue))


@_step("lambda-sqs-trigger", "--queue-name orders --batch-size 5")
@project_options
@_queue_options
@translated
def lambda_sqs_trigger(folder: Path, **flags: Any) -> None:
    """Let the queue invoke the function; print the UUID.

    The UUID is that of the event source mapping. The queue is created if it is missing.
    """
    from amazon_lambda_runtime.deploy.resources.triggers import mapping

    project, aws, trigger = _with_queue(folder, flags)
    _say_what_it_lacks(folder, project, trigger)
    site = _carry_out(project, aws, "queue", "trigger")
    found = mapping.find(site, project.functions[0], trigger.queue)
    click.echo(found["UUID"] if found else "")


def _carry_out(
    project: "Project", aws: "Aws", *parts: str, builder: "Builder | None" = None
) -> "Site":
    """Run these parts of a deployment where something differs."""
    from amazon_lambda_runtime.deploy.deployment import deploy
    from amazon_lambda_runtime.deploy.site import Site

    with Reporter() as reporter:
        taken = deploy(project, aws, reporter, parts, builder)
        if not taken:
            click.echo(f"{parts[-1]}: nothing to do, it is up to date", err=True)
    return Site(project, aws)


def _with_queue(folder: Path, flags: dict[str, Any]) -> "tuple[Project, Aws, SqsTrigger]":
    """Return the project with the first function and the queue of QUEUE_NAME alone.

    The other triggers are neither created nor removed.
    """
    from amazon_lambda_runtime.project.triggers import SqsTrigger

    project, aws = load(folder, queue=True, **flags)
    function = project.functions[0]
    trigger = next(t for t in function.triggers if isinstance(t, SqsTrigger))
    function = dataclasses.replace(function, triggers=(trigger,))
    return dataclasses.replace(project, functions=(function,), declared=False), aws, trigger


def _say_what_it_lacks(folder: Path, project: "Project", trigger: "SqsTrigger") -> None:
    """Tell the user what a queue that pyproject.toml does not declare still needs."""
    from amazon_lambda_runtime.project.settings import load as settings

    function = project.functions[0]
    # Without flags and variables: what the file declares.
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
            f"  the role needs {_READS_QUEUES}: uncomment it in the policies file, then run "
            "make update-policies, or lambda-runtime step update-policies",
            err=True,
        )
    if table.declared:
        click.echo(
            f"  pyproject.toml does not declare the queue {trigger.queue}: the next "
            "`lambda-runtime deploy` removes its trigger. Declare it to keep it",
            err=True,
        )


class _Remembering:
    """A builder that remembers the digests of what it pushed, by architecture."""

    def __init__(self, builder: "Builder") -> None:
        self._builder = builder
        self.digests: dict[str, str | None] = {}

    def build(self, project: "Project", progress: "Progress") -> str | None:
        digest = self.digests[project.architecture] = self._builder.build(project, progress)
        return digest

    def push(self, site: "Site", progress: "Progress") -> str:
        digest = self.digests[site.project.architecture] = self._builder.push(site, progress)
        return digest
