"""Durable functions: whether code and table agree, and whether AWS can run them as declared."""

from collections.abc import Iterator

from amazon_lambda_runtime.deploy.aws import Aws
from amazon_lambda_runtime.deploy.errors import AwsError
from amazon_lambda_runtime.deploy.resources import executions, role
from amazon_lambda_runtime.deploy.resources import function as functions
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.aws_limits import DURABLE_WAIT
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.durable_source import is_durable, no_plain_function
from amazon_lambda_runtime.project.handler_names import default_handler
from amazon_lambda_runtime.project.triggers import (
    AlbTrigger,
    DynamoDbTrigger,
    HttpApiTrigger,
    KinesisTrigger,
    RestApiTrigger,
    SqsTrigger,
    UrlTrigger,
)

from .finding import Finding, Skipped

_SDK = "aws-durable-execution-sdk-python"
# What may name the SDK, besides the file that the table names.
_LISTS = ("requirements.txt", "uv.lock", "pyproject.toml", "Dockerfile")
# Those that wait for the function's result.
_WAITING = (
    AlbTrigger, DynamoDbTrigger, HttpApiTrigger, KinesisTrigger, RestApiTrigger, SqsTrigger,
    UrlTrigger,
)  # fmt: skip
_ACTIONS = ["lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"]


def declared(project: Project) -> Iterator[Finding]:
    """What the table says of each function is what its source says, and can be run."""
    for function in project.functions:
        handler = function.handler or default_handler(project.folder, project.module)
        in_code = is_durable(handler, project.folder)
        if in_code and function.durable is None:
            yield Finding(
                "durable-undeclared",
                f"{handler} is a durable function, and the table does not declare {function.name} "
                "durable",
                "AWS makes a function durable only when it is created; as an ordinary one it fails "
                "at its first event",
                f"Set durable = true of {function.name} before you deploy it.",
            )
        if function.durable is None:
            continue
        if not in_code:
            yield Finding(
                "durable-unknown",
                f"the table declares {function.name} durable, and the source of {handler} does not "
                "tell that it is",
                "a handler that does not answer as a durable function fails each execution",
                "Decorate the handler with amazon_lambda_runtime.durable.durable, or remove the "
                "key. If it is made durable in another way, nothing is wrong.",
            )
        elif no_plain_function(handler, project.folder):
            yield Finding(
                "durable-async",
                f"{handler} is durable, and a coroutine or a generator",
                "AWS's SDK replays plain functions only: each execution would fail",
                "Make it a plain function, and await inside of a step (asyncio.run).",
            )
        yield from _sdk(project, function)
        yield from _waiting(function, function.durable.execution_timeout)


def _sdk(project: Project, function: Function) -> Iterator[Finding]:
    if project.image_uri is not None:
        return
    files = [project.folder / name for name in _LISTS]
    files += [project.requirements] if project.requirements is not None else []
    for file in files:
        try:
            text = file.read_text()
        except (OSError, UnicodeDecodeError):
            continue
        if _SDK in text.replace("_", "-"):
            return
    yield Finding(
        "durable-sdk",
        f"{function.name} is durable, and nothing installs {_SDK} into its image",
        "only AWS's own images for managed runtimes have it: Runtime.ImportModuleError",
        f"Add {_SDK}>=3,<4 to requirements.txt.",
    )


def _waiting(function: Function, seconds: int) -> Iterator[Finding]:
    if seconds <= DURABLE_WAIT:
        return
    for trigger in function.triggers:
        if isinstance(trigger, _WAITING):
            yield Finding(
                "durable-too-long",
                f"executions of {function.name} may take {seconds} s, and a trigger of it waits "
                f"for their results: {type(trigger).__name__.removesuffix('Trigger')}",
                f"Lambda refuses to wait for an execution that may take more than {DURABLE_WAIT} s",
                f"Set execution_timeout to {DURABLE_WAIT} or less, or let another function start "
                "the execution as an event (InvocationType=Event).",
            )


def live(project: Project, aws: Aws) -> Iterator[Finding]:
    """What is live can become what is declared, and its role may write checkpoints."""
    site = Site(project, aws)
    for function in project.functions:
        found = functions.find(site, function) if function.durable is not None else None
        if found is None:
            continue  # the first deployment makes it, with its role
        if not executions.is_durable(found["Configuration"]):
            yield Finding(
                "not-durable",
                f"function {function.name} is live and not durable, and the table declares it so",
                "AWS makes a function durable only when it is created: a deployment is refused",
                "Give the function another name, or make it anew: lambda-runtime destroy "
                f"--function {function.name}, then deploy.",
            )
            continue
        if denied := _denied(site, function):
            yield Finding(
                "durable-role",
                f"the role {function.role} of {function.name} is not allowed {', '.join(denied)}",
                "no execution gets beyond its first step",
                "Deploy: that writes the role's own policy. A permissions boundary or a policy of "
                "the organization has to allow it, too.",
            )


def _denied(site: Site, function: Function) -> list[str]:
    try:
        results = [
            *site.aws.pages(
                "iam",
                "simulate_principal_policy",
                "EvaluationResults",
                PolicySourceArn=role.arn(site, function),
                ActionNames=_ACTIONS,
                ResourceArns=[f"{site.function_arn(function)}:*"],
                again=False,
            )
        ]
    except AwsError as error:
        raise Skipped(
            f"the permissions of the role {function.role}: {error.operation} said {error.code}"
        ) from None
    return [each["EvalActionName"] for each in results if each["EvalDecision"] != "allowed"]
