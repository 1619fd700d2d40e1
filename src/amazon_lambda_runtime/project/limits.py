"""What AWS would refuse, found before anything is called: one clear line a value."""

import json
import re
from typing import NoReturn

from .declaration import Function, Project
from .errors import ConfigError
from .triggers import (
    AlbTrigger,
    RuleTrigger,
    S3Trigger,
    ScheduleTrigger,
    SnsTrigger,
    SqsTrigger,
    Trigger,
    UrlTrigger,
)

#: The days that CloudWatch can keep a log for.
RETENTION = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip
#: Names that Lambda sets itself and takes from nobody else.
RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
ENVIRONMENT_BYTES = 4096
ENGINES = ("auto", "docker", "podman", "buildah", "native")

_FUNCTION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ROLE = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_REPOSITORY = re.compile(r"(?=.{2,256}$)[a-z0-9]+([._/-]+[a-z0-9]+)*")
_QUEUE = re.compile(r"(?=.{1,80}$)[A-Za-z0-9_-]+(\.fifo)?")
_TOPIC = re.compile(r"(?=.{1,256}$)[A-Za-z0-9_-]+(\.fifo)?")
_RULE = re.compile(r"[.\w-]{1,64}", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TARGET_GROUP = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")
_VARIABLE = re.compile(r"[A-Za-z]\w+", re.ASCII)
_POLICY = re.compile(r"arn:aws[\w-]*:iam::(aws|\d{12}):policy/[\w+=,.@/-]+", re.ASCII)
_SCHEDULE = re.compile(r"rate\(([1-9]\d*) (minutes?|hours?|days?)\)|cron\(\S+( \S+){5}\)")


def check(project: Project) -> None:
    """Raise ConfigError for the first value that AWS, or an engine, would refuse."""
    _name("repository", project.repository, _REPOSITORY, "lower-case letters, digits, . _ - /")
    if project.architecture not in ("x86_64", "arm64"):
        _refuse("architecture", project.architecture, "x86_64 or arm64")
    if project.engine not in ENGINES:
        _refuse("engine", project.engine, f"one of {', '.join(ENGINES)}")
    _range("keep", project.keep, 1, 1000)
    if not re.fullmatch(r"[\w .:/=+@-]{1,256}", project.name):
        _refuse("name", project.name, "up to 256 letters, digits, spaces and . : / = + - @")
    if project.account is not None and not re.fullmatch(r"\d{12}", project.account):
        _refuse("the account", project.account, "12 digits (AWS_ACCOUNT)")
    if project.image_uri is not None and "@sha256:" not in project.image_uri:
        _refuse("image_uri", project.image_uri, "REPOSITORY@sha256:DIGEST; a tag may move")
    for function in project.functions:
        _function(function)
    queues = [t.queue for f in project.functions for t in f.triggers if isinstance(t, SqsTrigger)]
    for queue in queues:
        if queues.count(queue) > 1:
            raise ConfigError(f"two sqs triggers share the queue {queue}: give each its own")


def _function(function: Function) -> None:
    of = f"of {function.name}"
    _name("the function name", function.name, _FUNCTION, "up to 64 letters, digits, - and _")
    _name(f"role {of}", function.role, _ROLE, "up to 64 letters, digits and + = , . @ - _")
    _range(f"memory {of}", function.memory, 128, 10240, " (MB)")
    _range(f"timeout {of}", function.timeout, 1, 900, " (seconds)")
    _range(f"ephemeral_storage {of}", function.ephemeral_storage, 512, 10240, " (MB)")
    if function.retention is not None and function.retention not in RETENTION:
        days = ", ".join(map(str, RETENTION))
        _refuse(f"retention {of}", function.retention, f"one of {days} (days), or 0 for ever")
    if function.reserved_concurrency is not None and function.reserved_concurrency < 0:
        _refuse(f"reserved_concurrency {of}", function.reserved_concurrency, "0 or more")
    if len(function.description) > 256:
        raise ConfigError(f"the description {of} is longer than 256 characters")
    if bool(function.subnets) != bool(function.security_groups):
        raise ConfigError(f"a VPC takes both: give subnets and security_groups {of}, or neither")
    for arn in function.policies:
        if not _POLICY.fullmatch(arn):
            _refuse(f"a policy {of}", arn, "the ARN of a managed policy (arn:aws:iam::…:policy/…)")
    for key in function.tags:
        if key.lower().startswith(("aws:", "lambda-runtime:")):
            _refuse(f"a tag {of}", key, "not of AWS (aws:) nor of this tool (lambda-runtime:)")
    if function.payload is not None and not function.payload.is_file():
        raise ConfigError(f"the payload {of} cannot be read: there is no file {function.payload}")
    _environment(function)
    for trigger in function.triggers:
        _trigger(function, trigger)
    if sum(isinstance(trigger, UrlTrigger) for trigger in function.triggers) > 1:
        raise ConfigError(f"{function.name} has two url triggers: a function has one URL")


def _environment(function: Function) -> None:
    for name in function.environment:
        if name in RESERVED:
            raise ConfigError(f"the variable {name} of {function.name} is Lambda's own: rename it")
        if not _VARIABLE.fullmatch(name):
            _refuse(
                f"a variable of {function.name}",
                name,
                "a letter, then letters, digits and _ (2 up)",
            )
    size = len(json.dumps(dict(function.environment), ensure_ascii=False).encode())
    if size > ENVIRONMENT_BYTES:
        raise ConfigError(
            f"the environment of {function.name} is {size} bytes as JSON; Lambda takes "
            f"{ENVIRONMENT_BYTES}: move the large values to SSM or S3"
        )


def _trigger(function: Function, trigger: Trigger) -> None:
    of = f"of {function.name}"
    if isinstance(trigger, SqsTrigger):
        _sqs(function, trigger, f"of queue {trigger.queue} {of}")
    elif isinstance(trigger, S3Trigger):
        _s3(function, trigger)
    elif isinstance(trigger, SnsTrigger):
        _name(f"topic {of}", trigger.topic, _TOPIC, "up to 256 letters, digits, - and _")
        _json(f"filter_policy {of}", trigger.filter_policy)
    elif isinstance(trigger, RuleTrigger):
        _name(f"rule {of}", trigger.rule, _RULE, "up to 64 letters, digits, . - and _")
        _json(f"pattern {of}", trigger.pattern)
    elif isinstance(trigger, ScheduleTrigger):
        _name(f"rule {of}", trigger.rule, _RULE, "up to 64 letters, digits, . - and _")
        match = _SCHEDULE.fullmatch(trigger.expression)
        if not match or (match[2] and (match[1] == "1") == match[2].endswith("s")):
            _refuse(
                f"expression {of}", trigger.expression, "rate(5 minutes), rate(1 day) or cron(…)"
            )
        _json(f"input {of}", trigger.input)
    elif isinstance(trigger, AlbTrigger):
        _name(
            f"target_group {of}",
            trigger.target_group,
            _TARGET_GROUP,
            "up to 32 letters, digits and -, none of them at an end",
        )
        _range(f"priority {of}", trigger.priority, 1, 50000)
    else:
        if trigger.auth not in ("NONE", "AWS_IAM"):
            _refuse(f"auth {of}", trigger.auth, "NONE or AWS_IAM")
        if trigger.mode not in ("BUFFERED", "RESPONSE_STREAM"):
            _refuse(f"mode {of}", trigger.mode, "BUFFERED or RESPONSE_STREAM")


def _sqs(function: Function, trigger: SqsTrigger, of: str) -> None:
    for name in (trigger.queue, trigger.dead_letter_queue):
        _name(f"queue of {function.name}", name, _QUEUE, "up to 80 letters, digits, - and _, .fifo")
    _range(f"batch_size {of}", trigger.batch_size, 1, 10 if trigger.fifo else 10_000)
    _range(f"window {of}", trigger.window, 0, 300, " (seconds)")
    if trigger.fifo and trigger.window:
        raise ConfigError(f"window {of}: a FIFO queue takes none")
    if trigger.batch_size > 10 and not trigger.window:
        raise ConfigError(f"batch_size {of} is above 10: that takes a window of at least 1 second")
    if trigger.fifo != trigger.dead_letter_queue.endswith(".fifo"):
        raise ConfigError(f"dlq {of}: the queue and its dlq are both .fifo, or neither is")
    if trigger.max_concurrency is not None:
        _range(f"max_concurrency {of}", trigger.max_concurrency, 2, 1000)
    _range(f"max_receive_count {of}", trigger.max_receive_count, 1, 1000)
    _range(f"retention {of}", trigger.retention, 60, 1_209_600, " (seconds)")
    if trigger.visibility is not None:
        least = 6 * function.timeout
        _range(
            f"visibility {of}", trigger.visibility, least, 43_200, " (six times the timeout, up)"
        )
    reserved = function.reserved_concurrency
    if reserved is not None and trigger.max_concurrency is None and reserved > 0:
        raise ConfigError(
            f"reserved_concurrency of {function.name} throttles its queue, and what is throttled "
            f"counts as received until it is in the dlq: set max_concurrency {of}, up to {reserved}"
        )
    if reserved and trigger.max_concurrency is not None and trigger.max_concurrency > reserved:
        raise ConfigError(f"max_concurrency {of} is above reserved_concurrency, {reserved}")


def _s3(function: Function, trigger: S3Trigger) -> None:
    of = f"of bucket {trigger.bucket} of {function.name}"
    _name(f"bucket of {function.name}", trigger.bucket, _BUCKET, "3 to 63 of a-z, 0-9, . and -")
    if trigger.via not in ("direct", "sns", "sqs"):
        _refuse(f"via {of}", trigger.via, "direct, sns or sqs")
    if trigger.via == "sns" and trigger.topic is None:
        raise ConfigError(f"via {of} is sns: give its topic")
    if trigger.via == "sqs":
        queues = [t.queue for t in function.triggers if isinstance(t, SqsTrigger)]
        if trigger.queue not in queues:
            raise ConfigError(f"via {of} is sqs: name the queue of an sqs trigger of this function")
        if trigger.queue.endswith(".fifo"):
            raise ConfigError(f"via {of} is sqs: S3 cannot send to a FIFO queue")
    for event in trigger.events:
        if not event.startswith("s3:"):
            _refuse(f"an event {of}", event, "like s3:ObjectCreated:*")


def _name(what: str, value: str, pattern: re.Pattern[str], allowed: str) -> None:
    if not pattern.fullmatch(value):
        _refuse(what, value, allowed)


def _range(what: str, value: int, low: int, high: int, unit: str = "") -> None:
    if not low <= value <= high:
        _refuse(what, value, f"{low} to {high}{unit}")


def _json(what: str, text: str | None) -> None:
    if text is not None:
        try:
            json.loads(text)
        except ValueError as error:
            raise ConfigError(f"{what} is not JSON: {error}") from None


def _refuse(what: str, value: object, allowed: str) -> NoReturn:
    raise ConfigError(f"{what} is {value!r}: it takes {allowed}")
