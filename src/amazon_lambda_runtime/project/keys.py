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
    "name": Key("in the tag of all that is made", STRING, default="the repository's"),
    "repository": Key("the ECR repository", STRING, default=DEFAULTS["REPO_NAME"]),
    "image": Key("the local image", STRING, default=DEFAULTS["IMAGE_NAME"]),
    "image_uri": Key(
        "REPOSITORY@sha256:DIGEST: deploy this image of the registry and build none", STRING
    ),
    "module": Key("the handler's file", STRING, default=DEFAULTS["LAMBDA_MODULE"]),
    "engine": Key(
        "who builds the image; native takes no engine at all, and is what auto is unless you wrote "
        "a Dockerfile",
        STRING,
        one_of=("auto", "docker", "podman", "buildah", "native"),
        default="auto",
    ),
    "dockerfile": Key("for the engines that build one", STRING, default="the folder's"),
    "base": Key(
        "the base image of the native engine, in any registry",
        STRING,
        default="python:3.13-slim-trixie",
    ),
    "requirements": Key(
        "what is installed beside the runtime",
        STRING,
        default="the folder's requirements.txt, uv.lock, or `[project] dependencies`",
    ),
    "include": Key("files that are packed though they look like secrets", STRINGS),
    "keep": Key(
        "versions, and images, that a clean-up leaves", INTEGER, within=(1, 1000), default="5"
    ),
    "region": Key("where; REGION and AWS_REGION win", STRING, default="the profile's"),
    "profile": Key("whose credentials", STRING, default=DEFAULTS["AWS_PROFILE"]),
    "account": Key("credentials of another account are an error", STRING, default="any account"),
    "function": Key("the function's name", STRING, default=DEFAULTS["FUNCTION_NAME"]),
    "functions": Key(
        "a table for each: `[tool.lambda-runtime.functions.NAME]`", TABLE, default="one function"
    ),
}
#: Keys of a function's table; in [tool.lambda-runtime] they are for all functions.
FUNCTION_KEYS: Mapping[str, Key] = {
    "role": Key("the role's name", STRING, default="lambda-role; NAME-role of several"),
    "handler": Key("the image's command, as in hello.handler", STRING, default="the image's"),
    "web": Key(
        "whether the handler is a web application: with a `url` or `rest-api` that streams it is "
        "given `LAMBDA_RUNTIME_WEB_STREAM`",
        BOOLEAN,
        default="as the source tells",
    ),
    "architecture": Key(
        "an image is built for each that is used", STRING, one_of=ARCHITECTURES, default="x86_64"
    ),
    "memory": Key("", INTEGER, within=MEMORY, unit="MB", default="128"),
    "timeout": Key("", INTEGER, within=TIMEOUT, unit="seconds", default="3"),
    "durable": Key(
        "a durable function: true, or a table with `execution_timeout` (seconds, 1 to 31622400; "
        "default 900) and `retention_days` (1 to 90; default 14)",
        DURABLE,
    ),
    "description": Key("up to 256 characters", STRING),
    "ephemeral_storage": Key("of /tmp", INTEGER, within=(512, 10_240), unit="MB", default="512"),
    "environment": Key("a table of strings; their values are never printed", TABLE),
    "environment_file": Key("a file with NAME=value lines; the table wins", STRING),
    "subnets": Key("with security_groups, for a VPC", STRINGS),
    "security_groups": Key("with subnets, for a VPC", STRINGS),
    "tags": Key("a table of strings, for all that is made", TABLE),
    "retention": Key(
        "days that the log is kept; 0 for ever. The default is for log groups of our own only",
        INTEGER,
        one_of=(0, *LOG_RETENTION),
        default="30",
    ),
    "reserved_concurrency": Key("0 switches the function off", INTEGER, within=(0, None)),
    "provisioned_concurrency": Key(
        "environments that wait for events, of the version that is live; they cost",
        INTEGER,
        within=(1, None),
    ),
    "snapstart": Key("versions start from a snapshot", BOOLEAN, default="false"),
    "tracing": Key("with X-Ray", STRING, one_of=("PassThrough", "Active"), default="PassThrough"),
    "log_format": Key("of the function's log", STRING, one_of=("Text", "JSON"), default="Text"),
    "log_level": Key(
        "of the function's log, in JSON only", STRING, one_of=LOG_LEVELS, default="INFO"
    ),
    "system_log_level": Key(
        "of what Lambda logs, in JSON only", STRING, one_of=SYSTEM_LOG_LEVELS, default="INFO"
    ),
    "log_group": Key("functions may share one", STRING, default="/aws/lambda/NAME"),
    "kms_key": Key("the ARN of the key for the variables", STRING, default="AWS's own"),
    "dead_letter": Key(
        "the ARN of a queue or topic for asynchronous events that failed for good", STRING
    ),
    "on_failure": Key(
        "the ARN for their results; of a function, an event bus or a bucket, too", STRING
    ),
    "on_success": Key("the same for asynchronous events that did not fail", STRING),
    "maximum_retry_attempts": Key(
        "of asynchronous events", INTEGER, within=MAX_ASYNC_RETRIES, default="2"
    ),
    "maximum_event_age": Key(
        "of asynchronous events",
        INTEGER,
        within=MAX_ASYNC_EVENT_AGE,
        unit="seconds",
        default="21600",
    ),
    "permissions_boundary": Key("the ARN of a policy, for a role that is made", STRING),
    "role_path": Key("of a role that is made; it can't be changed later", STRING, default="/"),
    "policies": Key("ARNs of managed policies of the role", STRINGS),
    "policies_file": Key("the file of more, one a line", STRING, default=DEFAULTS["POLICIES_FILE"]),
    "statements": Key("of the role's own policy, as IAM spells them", TABLES),
    "payload": Key("the event of the smoke test", STRING, default="payload.json, if it is there"),
    "triggers": Key("what invokes it", TABLES),
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
