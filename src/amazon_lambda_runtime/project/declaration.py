"""What is wanted: a project and its functions, as values. `settings` reads, `limits` checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from .aws_limits import ASYNC_EVENT_AGE, ASYNC_RETRIES, DURABLE_RETENTION_DAYS, DURABLE_WAIT
from .triggers import Trigger

T = TypeVar("T")

#: The variables of the Makefile and their defaults; those without one are left out.
DEFAULTS: Mapping[str, str] = {
    "IMAGE_NAME": "python-lambda-poc",
    "AWS_PROFILE": "default",
    "REPO_NAME": "python-lambda-poc",
    "FUNCTION_NAME": "hello-python",
    "ROLE_NAME": "lambda-role",
    "POLICIES_FILE": "policies",
    "LAMBDA_MODULE": "hello.py",
    "QUEUE_NAME": "lambda-runtime",
    "BATCH_SIZE": "10",
}


@dataclass(frozen=True, slots=True)
class Durable:
    """What makes a function durable: how long an execution may take, and how long it is kept."""

    execution_timeout: int = DURABLE_WAIT
    retention_days: int = DURABLE_RETENTION_DAYS


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function. Sizes are MB and times seconds, as AWS has them."""

    name: str
    role: str
    #: The image's command, None if the image knows its own.
    handler: str | None = None
    #: Whether the handler is a web application; None if neither the table nor the source tells.
    web: bool | None = None
    architecture: str = "x86_64"
    memory: int = 128
    timeout: int = 3
    #: None if it is not a durable function.
    durable: Durable | None = None
    description: str = ""
    ephemeral_storage: int = 512
    #: Never printed: it may hold secrets. `repr` leaves it out.
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    #: Days that the log is kept; None for ever.
    retention: int | None = 30
    #: Whether the table says so itself: a log group of others is then changed, too.
    retains: bool = False
    reserved_concurrency: int | None = None
    #: Environments that are always there, for the version that is live.
    provisioned_concurrency: int | None = None
    #: Active or PassThrough.
    tracing: str = "PassThrough"
    #: Text or JSON; levels are for JSON only.
    log_format: str = "Text"
    log_level: str | None = None
    system_log_level: str | None = None
    #: The name of the log group, None for Lambda's own.
    log_group: str | None = None
    #: The ARN of the key for the variables, None for AWS's own.
    kms_key: str | None = None
    snapstart: bool = False
    #: Where failed asynchronous events go: an ARN of a queue or a topic; and a destination's.
    dead_letter: str | None = None
    on_failure: str | None = None
    on_success: str | None = None
    #: Of asynchronous events.
    maximum_retry_attempts: int = ASYNC_RETRIES
    maximum_event_age: int = ASYNC_EVENT_AGE
    #: Of a role that we make.
    permissions_boundary: str | None = None
    role_path: str = "/"
    #: ARNs of managed policies, from the policies file and the table.
    policies: tuple[str, ...] = ()
    #: Statements of the role's own inline policy, as IAM spells them.
    statements: tuple[Mapping[str, object], ...] = ()
    #: The event of the smoke test, None if there is none.
    payload: Path | None = None
    #: Keys that are compared with AWS though their value is the usual one: those of the table, and
    #: those that it has had. What is set in AWS for another key was set by hand, and stays.
    managed: frozenset[str] = frozenset()
    triggers: tuple[Trigger, ...] = ()

    def triggers_of(self, kind: type[T]) -> list[T]:
        """Return the triggers of one kind, in their order."""
        return [trigger for trigger in self.triggers if isinstance(trigger, kind)]


@dataclass(frozen=True, slots=True)
class Project:
    """What one folder deploys: an image, and functions that run it."""

    #: The value of the tag `lambda-runtime:project` on everything that is made.
    name: str
    folder: Path
    repository: str
    #: The name of the local image.
    image: str
    module: str
    functions: tuple[Function, ...]
    #: Functions of the same file that are not meant this time: they share roles and queues.
    others: tuple[Function, ...] = ()
    #: Whether `functions` were asked for by name: `destroy` then keeps what belongs to the project
    #: as a whole, though no other function may be in the file.
    narrowed: bool = False
    #: Those of all functions: of what belongs to the project as a whole.
    tags: Mapping[str, str] = field(default_factory=dict)
    #: x86_64 or arm64: that of the image in question. Functions may differ in it.
    architecture: str = "x86_64"
    #: docker, podman, buildah, native, or auto.
    engine: str = "auto"
    #: What the image is made of; None leaves it to the engine.
    dockerfile: Path | None = None
    base: str | None = None
    requirements: Path | None = None
    #: Files that hold secrets, and files that are packed though they look so; relative paths.
    environment_files: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    #: Versions, and images, that a clean-up leaves for a rollback.
    keep: int = 5
    #: Deploy this image of the registry instead of building one.
    image_uri: str | None = None
    region: str | None = None
    profile: str | None = None
    account: str | None = None
    #: Whether there is a table: what is not in it is then not wanted. Without one, triggers that
    #: a Makefile target has made are left alone.
    declared: bool = False
    #: Whether the function's name is not the table's but that of FUNCTION_NAME: a second stage.
    stage: bool = False

    @property
    def architectures(self) -> list[str]:
        """Those of its functions, each once."""
        return sorted({function.architecture for function in self.functions})

    def function(self, name: str) -> Function:
        """Return the function of that name. Raises StopIteration if there is none."""
        return next(function for function in self.functions if function.name == name)

    def triggers_of(self, kind: type[T]) -> list[T]:
        """Return the triggers of one kind of all functions."""
        return [trigger for each in self.functions for trigger in each.triggers_of(kind)]
