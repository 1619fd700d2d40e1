"""The table of keys: each key of the project file, its type, and what it takes.

What is said of a key elsewhere is made from here: the checks, the JSON schema, the documents, and a
test that changes each key in AWS and back.
"""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

from .aws_limits import (
    ARCHITECTURES,
    LOG_LEVELS,
    LOG_RETENTION,
    MAX_ASYNC_EVENT_AGE,
    MAX_ASYNC_RETRIES,
    MEMORY,
    SYSTEM_LOG_LEVELS,
    TIMEOUT,
)
from .declaration import DEFAULTS
from .errors import ConfigError
from .key import BOOLEAN, DURABLE, INTEGER, STRING, STRINGS, TABLE, TABLES, Key, Type
from .triggers import TYPES, Trigger

#: Keys of [tool.lambda-runtime] itself.
PROJECT_KEYS: Mapping[str, Key] = {
    "name": Key(
        "the project's name, in the tag of all that it makes", STRING, default="the repository's"
    ),
    "repository": Key("the ECR repository", STRING, default=DEFAULTS["REPO_NAME"]),
    "image": Key("the local image", STRING, default=DEFAULTS["IMAGE_NAME"]),
    "image_uri": Key(
        "REPOSITORY@sha256:DIGEST: deploy this image of the registry instead of building one",
        STRING,
    ),
    "module": Key("the handler's file", STRING, default=DEFAULTS["LAMBDA_MODULE"]),
    "engine": Key(
        "what builds the image; native needs no container engine, and auto means native unless "
        "you wrote a Dockerfile",
        STRING,
        one_of=("auto", "docker", "podman", "buildah", "native"),
        default="auto",
    ),
    "dockerfile": Key(
        "the Dockerfile, for the engines that read one", STRING, default="the folder's"
    ),
    "base": Key(
        "the base image of the native engine, in any registry",
        STRING,
        default="python:3.13-slim-trixie",
    ),
    "requirements": Key(
        "the file of packages to install beside the runtime",
        STRING,
        default="the folder's requirements.txt, uv.lock, or `[project] dependencies`",
    ),
    "include": Key("files to put into the image although they look like secrets", STRINGS),
    "keep": Key(
        "how many versions and images a clean-up keeps", INTEGER, within=(1, 1000), default="5"
    ),
    "region": Key(
        "the AWS region; REGION and AWS_REGION override it", STRING, default="the profile's"
    ),
    "profile": Key(
        "the AWS profile whose credentials are used", STRING, default=DEFAULTS["AWS_PROFILE"]
    ),
    "account": Key(
        "the AWS account; credentials of another are an error", STRING, default="any account"
    ),
    "function": Key("the function's name", STRING, default=DEFAULTS["FUNCTION_NAME"]),
    "functions": Key(
        "the functions, if there are several: `[tool.lambda-runtime.functions.NAME]` for each",
        TABLE,
        default="one function",
    ),
}
#: Keys of a function's table; in [tool.lambda-runtime] they are for all functions.
FUNCTION_KEYS: Mapping[str, Key] = {
    "role": Key("the role's name", STRING, default="lambda-role; NAME-role if there are several"),
    "handler": Key("the image's command, as in hello.handler", STRING, default="the image's"),
    "web": Key(
        "whether the handler is a web application: with a streaming `url` or `rest-api` it gets "
        "`LAMBDA_RUNTIME_WEB_STREAM`",
        BOOLEAN,
        default="as the source says",
    ),
    "architecture": Key(
        "the processor; an image is built for each that is used",
        STRING,
        one_of=ARCHITECTURES,
        default="x86_64",
    ),
    "memory": Key("", INTEGER, within=MEMORY, unit="MB", default="128"),
    "timeout": Key("", INTEGER, within=TIMEOUT, unit="seconds", default="3"),
    "durable": Key(
        "a durable function: true, or a table with `execution_timeout` (seconds, 1 to 31622400; "
        "default 900) and `retention_days` (1 to 90; default 14)",
        DURABLE,
    ),
    "description": Key("what the function is for, in up to 256 characters", STRING),
    "ephemeral_storage": Key(
        "the size of /tmp", INTEGER, within=(512, 10_240), unit="MB", default="512"
    ),
    "environment": Key(
        "environment variables, a table of strings; values are never printed", TABLE
    ),
    "environment_file": Key(
        "a file of environment variables, NAME=value lines; the table overrides it", STRING
    ),
    "subnets": Key("the subnets of a VPC, together with security_groups", STRINGS),
    "security_groups": Key("the security groups of a VPC, together with subnets", STRINGS),
    "tags": Key("tags of all that is made, a table of strings", TABLE),
    "retention": Key(
        "days to keep the log; 0 is for ever. The default is only for log groups that are made",
        INTEGER,
        one_of=(0, *LOG_RETENTION),
        default="30",
    ),
    "reserved_concurrency": Key(
        "how many invocations may run at a time; 0 switches the function off",
        INTEGER,
        within=(0, None),
    ),
    "provisioned_concurrency": Key(
        "environments of the live version that are kept ready for events; they cost money",
        INTEGER,
        within=(1, None),
    ),
    "snapstart": Key("whether versions start from a snapshot", BOOLEAN, default="false"),
    "tracing": Key(
        "tracing with X-Ray", STRING, one_of=("PassThrough", "Active"), default="PassThrough"
    ),
    "log_format": Key(
        "the format of the function's log", STRING, one_of=("Text", "JSON"), default="Text"
    ),
    "log_level": Key(
        "the level of the function's log, in JSON only", STRING, one_of=LOG_LEVELS, default="INFO"
    ),
    "system_log_level": Key(
        "the level of what Lambda itself logs, in JSON only",
        STRING,
        one_of=SYSTEM_LOG_LEVELS,
        default="INFO",
    ),
    "log_group": Key("the log group; functions may share one", STRING, default="/aws/lambda/NAME"),
    "kms_key": Key(
        "the ARN of the KMS key that encrypts the environment variables",
        STRING,
        default="AWS's own",
    ),
    "dead_letter": Key(
        "the ARN of a queue or topic for asynchronous events whose last attempt failed", STRING
    ),
    "on_failure": Key(
        "the ARN of the destination of records of asynchronous events that failed: a queue, topic, "
        "function, bus or bucket",
        STRING,
    ),
    "on_success": Key(
        "the ARN of the destination of records of asynchronous events that succeeded", STRING
    ),
    "maximum_retry_attempts": Key(
        "how often a failed asynchronous event is retried",
        INTEGER,
        within=MAX_ASYNC_RETRIES,
        default="2",
    ),
    "maximum_event_age": Key(
        "how long an asynchronous event is retried",
        INTEGER,
        within=MAX_ASYNC_EVENT_AGE,
        unit="seconds",
        default="21600",
    ),
    "permissions_boundary": Key(
        "the ARN of a policy that limits the role, if the role is made", STRING
    ),
    "role_path": Key(
        "the path of the role, if the role is made; it can't be changed later", STRING, default="/"
    ),
    "policies": Key("ARNs of managed policies to attach to the role", STRINGS),
    "policies_file": Key(
        "a file of more such ARNs, one a line", STRING, default=DEFAULTS["POLICIES_FILE"]
    ),
    "statements": Key("statements of the role's inline policy, with IAM's own keys", TABLES),
    "payload": Key("the event of the smoke test", STRING, default="payload.json, if it exists"),
    "triggers": Key("what invokes the function", TABLES),
}
# The type of a trigger's key is that of its field.
_OF_FIELDS: Mapping[Any, Type] = {
    str: STRING,
    str | None: STRING,
    int: INTEGER,
    int | None: INTEGER,
    bool: BOOLEAN,
    tuple[str, ...]: STRINGS,
}


def check(table: Mapping[str, Any], known: Mapping[str, Key], where: str) -> None:
    """Raise ConfigError for the first key of a table that is unknown or of another type."""
    for name, value in table.items():
        if name not in known:
            raise ConfigError(f"{where} has an unknown key {name!r}{_elsewhere(name, known)}")
        of = known[name].type
        if of is not None and not of.fits(value):
            raise ConfigError(f"{where}: {name} is {of.name}, not {value!r}")


def _elsewhere(name: str, known: Mapping[str, Key]) -> str:
    """Return where a key belongs that is not of this table, or the nearest that is."""
    if name in FUNCTION_KEYS:
        return ": it is a key of a function"
    if name in PROJECT_KEYS:
        return ": it is a key of [tool.lambda-runtime] itself"
    kinds = [word for word, kind in TYPES.items() if name in of_trigger(kind)]
    if kinds and not difflib.get_close_matches(name, list(known), 1, 0.8):
        return f": it is a key of a trigger ({', '.join(kinds)})"
    return nearest(name, known)


@cache
def of_trigger(kind: type[Trigger]) -> Mapping[str, Key]:
    """Return the keys of a kind of trigger: its fields, each with its type."""
    found = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        field, key = get_args(hint)
        found[name] = dataclasses.replace(key, type=_OF_FIELDS[field])
    return found


def trigger(where: str, table: Mapping[str, Any]) -> Trigger:
    """Return the trigger that a table declares; raise ConfigError if it is none."""
    name = table.get("type")
    if name not in TYPES:
        near = difflib.get_close_matches(str(name), TYPES, 1, 0.5)
        did = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"{where} has type {name!r}: {did}it is one of {', '.join(TYPES)}")
    known = of_trigger(TYPES[name])
    check(table, {"type": Key(type=STRING), **known}, where)
    for field in dataclasses.fields(TYPES[name]):
        if field.default is dataclasses.MISSING and field.name not in table:
            raise ConfigError(f"{where} ({name}) has no {field.name}")
    return TYPES[name](**{key: frozen(table[key]) for key in known if key in table})


def frozen(value: Any) -> Any:
    """Return a value as our dataclasses hold it: a list as a tuple."""
    return tuple(value) if isinstance(value, list) else value


def nearest(key: str, known: Iterable[str]) -> str:
    """Return ": did you mean …" for a word that is not known, or else all that are."""
    near = difflib.get_close_matches(key, list(known), 1, 0.5)
    return f": did you mean {near[0]!r}?" if near else f": the names are {', '.join(sorted(known))}"
