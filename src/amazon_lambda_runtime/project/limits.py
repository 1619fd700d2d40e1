"""What AWS would refuse, found before anything is called: one clear line for the first value.

What a trigger takes is in `triggers`, with its kind.
"""

import json
import re

from . import policies_file
from .aws_limits import DURABLE_RETENTION, DURABLE_TIMEOUT, ENVIRONMENT_BYTES
from .declaration import Function, Project
from .errors import ConfigError
from .keys import FUNCTION_KEYS, PROJECT_KEYS, of_trigger
from .triggers import RuleTrigger, ScheduleTrigger, SqsTrigger
from .values import matches, refuse, within

#: Variables that Lambda sets itself, and that a function cannot set.
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
_DESCRIPTION = 256
# https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
_SNAPSTART_STORAGE = 512

_FUNCTION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ROLE = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_REPOSITORY = re.compile(r"(?=.{2,256}$)[a-z0-9]+([._/-]+[a-z0-9]+)*")
_VARIABLE = re.compile(r"[A-Za-z]\w+", re.ASCII)
_PROJECT = re.compile(r"[\w .:/=+@-]{1,256}")
_ACCOUNT = re.compile(r"\d{12}")
_TAG = re.compile(r"[\w .:/=+@-]*")
# A thing takes fifty tags, and some of them are this tool's.
_TAGS = 40
_LOG_GROUP = re.compile(r"[\w/.#-]{1,512}", re.ASCII)
_ROLE_PATH = re.compile(r"/|/[!-~]{1,510}/")
# The keys that name something of AWS: which services it may be of, and that in words.
_ARN = r"arn:[\w-]+:(?:{}):\S+"
_ARNS = {
    "dead_letter": ("sqs|sns", "the ARN of a queue or a topic"),
    "on_failure": (
        "sqs|sns|lambda|events|s3", "the ARN of a queue, a topic, a function, a bus or a bucket",
    ),
    "on_success": (
        "sqs|sns|lambda|events|s3", "the ARN of a queue, a topic, a function, a bus or a bucket",
    ),
    "kms_key": ("kms", "the ARN of a key (arn:aws:kms:…:key/…)"),
    "permissions_boundary": ("iam", "the ARN of a policy (arn:aws:iam::…:policy/…)"),
}  # fmt: skip
_BY_DIGEST = re.compile(r".*@sha256:.*")


def check(project: Project) -> None:
    """Raise ConfigError for the first value that AWS, or an engine, would refuse."""
    matches("repository", project.repository, _REPOSITORY, "lower-case letters, digits, . _ - /")
    for name, key in PROJECT_KEYS.items():
        key.check(name, getattr(project, name, None))
    matches("name", project.name, _PROJECT, "up to 256 letters, digits, spaces and . : / = + - @")
    if project.account is not None:
        matches("the account", project.account, _ACCOUNT, "12 digits (AWS_ACCOUNT)")
    if project.image_uri is not None:
        digest = "REPOSITORY@sha256:DIGEST; a tag may move"
        matches("image_uri", project.image_uri, _BY_DIGEST, digest)
        if len(several := project.architectures) > 1:
            raise ConfigError(
                f"image_uri is one image, and the functions are for {' and '.join(several)}: an "
                "image is for one architecture"
            )
    for function in project.functions:
        _sizes(function)
        _texts(function)
        _arns(function)
        _together(function)
        _environment(function)
        for trigger in function.triggers:
            for name, key in of_trigger(type(trigger)).items():
                key.check(f"{name} of {trigger.what} of {function.name}", getattr(trigger, name))
            trigger.check(function)
    _roles(project)
    _queues(project)
    _rules(project)


def _queues(project: Project) -> None:
    """Refuse a queue of two functions, and messages that would go round for ever."""
    leads: dict[str, str] = {}
    for function in project.functions:
        for trigger in function.triggers_of(SqsTrigger):
            if trigger.queue in leads:
                raise ConfigError(
                    f"two sqs triggers share the queue {trigger.queue}: give each its own"
                )
            leads[trigger.queue] = trigger.dead_letter_queue
    for queue in leads:
        way = [queue]
        while (following := leads.get(way[-1])) is not None:
            if following in way:
                raise ConfigError(
                    f"the failed messages of queue {queue} would go round for ever, "
                    f"{' → '.join([*way, following])}: choose another dlq"
                )
            way.append(following)


def _rules(project: Project) -> None:
    """Refuse a rule that would have to be two: it has one pattern, or one expression."""
    of: dict[tuple[str, str], str] = {}
    for function in project.functions:
        for each in function.triggers_of(RuleTrigger):
            _one_rule(of, each, each.pattern)
        for timed in function.triggers_of(ScheduleTrigger):
            _one_rule(of, timed, timed.expression)


def _one_rule(
    of: dict[tuple[str, str], str], trigger: RuleTrigger | ScheduleTrigger, says: str
) -> None:
    if of.setdefault((trigger.bus, trigger.rule), says) != says:
        raise ConfigError(
            f"two triggers share the rule {trigger.rule}, and a rule has one pattern or "
            "expression: give each its own rule"
        )


def _sizes(function: Function) -> None:
    of = f"of {function.name}"
    matches("the function name", function.name, _FUNCTION, "up to 64 letters, digits, - and _")
    matches(f"role {of}", function.role, _ROLE, "up to 64 letters, digits and + = , . @ - _")
    for name, key in FUNCTION_KEYS.items():
        key.check(f"{name} {of}", getattr(function, name, None))
    if function.durable is not None:
        took, kept = function.durable.execution_timeout, function.durable.retention_days
        within(f"execution_timeout of durable {of}", took, DURABLE_TIMEOUT, " (seconds)")
        within(f"retention_days of durable {of}", kept, DURABLE_RETENTION, " (days)")


def _texts(function: Function) -> None:
    of = f"of {function.name}"
    if len(function.description) > _DESCRIPTION:
        raise ConfigError(f"the description {of} is longer than {_DESCRIPTION} characters")
    if function.log_group is not None:
        matches(f"log_group {of}", function.log_group, _LOG_GROUP, "letters, digits and _ - / . #")
    matches(
        f"role_path {of}", function.role_path, _ROLE_PATH, "/, or /a/path/ with one at each end"
    )
    if bool(function.subnets) != bool(function.security_groups):
        raise ConfigError(f"a VPC takes both: give subnets and security_groups {of}, or neither")
    for arn in function.policies:
        policy = "the ARN of a managed policy (arn:aws:iam::…:policy/…)"
        matches(f"a policy {of}", arn, policies_file.ARN, policy)
    for key, value in function.tags.items():
        if key.lower().startswith(("aws:", "lambda-runtime:")):
            refuse(f"a tag {of}", key, "not of AWS (aws:) nor of this tool (lambda-runtime:)")
        letters = "of letters, digits, spaces and _ . : / = + - @, the key up to 128, the value 256"
        if not (1 <= len(key) <= 128 and _TAG.fullmatch(key)):
            refuse(f"a tag {of}", key, letters)
        if len(value) > 256 or not _TAG.fullmatch(value):
            refuse(f"the tag {key} {of}", value, letters)
    if len(function.tags) > _TAGS:
        raise ConfigError(f"there are {len(function.tags)} tags {of}: up to {_TAGS} can be set")
    if function.payload is not None and not function.payload.is_file():
        raise ConfigError(f"the payload {of} cannot be read: there is no file {function.payload}")


def _roles(project: Project) -> None:
    """Refuse functions that share a role and want it to be different."""
    bounds: dict[str, tuple[str | None, str]] = {}
    for function in (*project.functions, *project.others):
        wanted = (function.permissions_boundary, function.role_path)
        if bounds.setdefault(function.role, wanted) != wanted:
            raise ConfigError(
                f"functions share the role {function.role}, and its permissions_boundary or "
                "role_path differ: set both the same for each, or give each its own role"
            )


def _arns(function: Function) -> None:
    of = f"of {function.name}"
    for key, (services, words) in _ARNS.items():
        value = getattr(function, key)
        if value is not None:
            matches(f"{key} {of}", value, re.compile(_ARN.format(services)), words)


def _together(function: Function) -> None:
    """Refuse what AWS takes alone, and not beside another key."""
    of = f"of {function.name}"
    for key in ("log_level", "system_log_level"):
        if getattr(function, key) is not None and function.log_format != "JSON":
            raise ConfigError(f'{key} {of} is for a log in JSON: set log_format = "JSON" beside it')
    provisioned, reserved = function.provisioned_concurrency, function.reserved_concurrency
    if provisioned is not None and function.snapstart:
        raise ConfigError(f"snapstart {of} and provisioned_concurrency: AWS takes one of them")
    if provisioned is not None and reserved is not None and provisioned > reserved:
        raise ConfigError(f"provisioned_concurrency {of} is above reserved_concurrency, {reserved}")
    if function.snapstart and function.ephemeral_storage > _SNAPSTART_STORAGE:
        raise ConfigError(
            f"ephemeral_storage {of} is above {_SNAPSTART_STORAGE}: snapstart takes no more"
        )


def _environment(function: Function) -> None:
    for name in function.environment:
        if name in RESERVED:
            raise ConfigError(f"the variable {name} of {function.name} is Lambda's own: rename it")
        letters = "a letter, then letters, digits and _ (2 up)"
        matches(f"a variable of {function.name}", name, _VARIABLE, letters)
    size = len(json.dumps(dict(function.environment), ensure_ascii=False).encode())
    if size > ENVIRONMENT_BYTES:
        raise ConfigError(
            f"the environment of {function.name} is {size} bytes as JSON; Lambda takes "
            f"{ENVIRONMENT_BYTES}: move the large values to SSM or S3"
        )
