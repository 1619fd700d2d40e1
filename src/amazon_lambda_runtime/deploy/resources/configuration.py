"""A function's configuration: what is sent, what differs, and what others have set.

Rule 1: what AWS sets where nothing is asked for is sent only to take something back, so that a
function without such settings asks for nothing that a region may not have. Rule 2: what is set by
hand and was never declared is neither compared nor sent, unless AWS takes it as a part of a whole.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

from . import executions, record, role
from .foreign import settings
from .log_group import name as log_group_of
from .log_group import usual_name

_LEVEL = "INFO"
_LEVELS = ("ApplicationLogLevel", "SystemLogLevel")
# Settings by AWS's names, and the key of the table for each; of logging it is for each part.
_KEYS = {
    "TracingConfig": "tracing",
    "DeadLetterConfig": "dead_letter",
    "KMSKeyArn": "kms_key",
    "SnapStart": "snapstart",
}
_LOGGING = {
    "LogFormat": "log_format",
    "ApplicationLogLevel": "log_level",
    "SystemLogLevel": "system_log_level",
    "LogGroup": "log_group",
}
_USUAL: Mapping[str, Any] = {
    "TracingConfig": {"Mode": "PassThrough"},
    "DeadLetterConfig": {"TargetArn": ""},
    "KMSKeyArn": "",
    "SnapStart": {"ApplyOn": "None"},
}


def parameters(site: Site, function: Function, live: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sent to create a function, or to change the one that is live."""
    return {
        **_always(site, function),
        **executions.parameters(function, live),
        **_where_asked(function, live),
    }


def _always(site: Site, function: Function) -> dict[str, Any]:
    return {
        "FunctionName": function.name,
        "Role": role.arn(site, function),
        "MemorySize": function.memory,
        "Timeout": function.timeout,
        "Description": function.description,
        "EphemeralStorage": {"Size": function.ephemeral_storage},
        "Environment": {"Variables": dict(function.environment)},
        "ImageConfig": {"Command": [function.handler]} if function.handler else {},
        "VpcConfig": {
            "SubnetIds": list(function.subnets),
            "SecurityGroupIds": list(function.security_groups),
        },
    }


def _where_asked(function: Function, live: Mapping[str, Any]) -> dict[str, Any]:
    usual, now = _usual(function), _live(function, live)
    wanted = _compared(function, now)
    return {key: value for key, value in wanted.items() if value != usual[key] or value != now[key]}


def _compared(function: Function, now: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is wanted of what the table has, or has had."""
    managed = record.managed(function)
    wanted = _wanted(function)
    compared = {key: wanted[key] for key, name in _KEYS.items() if name in managed}
    # AWS takes logging as a whole: of what is not ours, what is live goes back with it.
    logging = {**now["LoggingConfig"]}
    ours = {key for key, name in _LOGGING.items() if name in managed}
    logging |= {key: value for key, value in wanted["LoggingConfig"].items() if key in ours}
    if logging["LogFormat"] != "JSON":
        logging = {key: value for key, value in logging.items() if key not in _LEVELS}
    return {**compared, "LoggingConfig": logging} if ours else compared


def _wanted(function: Function) -> dict[str, Any]:
    logging = {
        "LogFormat": function.log_format,
        "LogGroup": log_group_of(function),
        "ApplicationLogLevel": function.log_level or _LEVEL,
        "SystemLogLevel": function.system_log_level or _LEVEL,
    }
    return {
        "TracingConfig": {"Mode": function.tracing},
        "DeadLetterConfig": {"TargetArn": function.dead_letter or ""},
        "KMSKeyArn": function.kms_key or "",
        "SnapStart": {"ApplyOn": "PublishedVersions" if function.snapstart else "None"},
        "LoggingConfig": logging,
    }


def _usual(function: Function) -> dict[str, Any]:
    return {**_USUAL, "LoggingConfig": {"LogFormat": "Text", "LogGroup": usual_name(function)}}


def _live(function: Function, live: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is live as it would be sent. AWS leaves out, or gives as null, what is usual."""
    found: dict[str, Any] = {}
    for key, usual in _usual(function).items():
        value = live.get(key) or {}
        if not isinstance(usual, dict):
            found[key] = value or usual
            continue
        names = [*usual]
        if key == "LoggingConfig" and value.get("LogFormat") == "JSON":
            names += _LEVELS
        found[key] = {name: value.get(name) or usual.get(name, _LEVEL) for name in names}
    return found


def changes(function: Function, live: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs. Of a variable only its name is told: its value may be a secret."""
    vpc = live.get("VpcConfig") or {}
    image = (live.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
    storage = (live.get("EphemeralStorage") or {}).get("Size", 512)
    groups = vpc.get("SecurityGroupIds") or []
    command = [function.handler] if function.handler else []
    now = _live(function, live)
    wanted = {**now, **_compared(function, now)}
    yield from differences(
        [
            # A role's name is unique in the account; the path before it is IAM's to know.
            ("role", live["Role"].rpartition("/")[2], function.role),
            ("memory", live.get("MemorySize"), function.memory),
            ("timeout", live.get("Timeout"), function.timeout),
            ("description", live.get("Description") or "", function.description),
            ("ephemeral storage", storage, function.ephemeral_storage),
            ("handler", list(image.get("Command") or []), command),
            ("subnets", sorted(vpc.get("SubnetIds") or []), sorted(function.subnets)),
            ("security groups", sorted(groups), sorted(function.security_groups)),
            ("tracing", now["TracingConfig"]["Mode"], wanted["TracingConfig"]["Mode"]),
            (
                "dead letter",
                now["DeadLetterConfig"]["TargetArn"],
                wanted["DeadLetterConfig"]["TargetArn"],
            ),
            ("KMS key", now["KMSKeyArn"], wanted["KMSKeyArn"]),
            ("SnapStart", now["SnapStart"]["ApplyOn"], wanted["SnapStart"]["ApplyOn"]),
        ]
    )
    yield from _logging(now["LoggingConfig"], wanted["LoggingConfig"])
    yield from executions.changes(function, live)
    yield from _variables(live, function.environment)


def _logging(live: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[str]:
    names = {
        "LogFormat": "log format",
        "ApplicationLogLevel": "log level",
        "SystemLogLevel": "system log level",
        "LogGroup": "log group",
    }
    # A format of text has no levels: what they would be is no change of its own.
    alike = live["LogFormat"] == wanted["LogFormat"]
    for key, name in names.items():
        if alike or not key.endswith("Level") or wanted.get(key, _LEVEL) != live.get(key, _LEVEL):
            yield from differences([(name, live.get(key), wanted.get(key))])


def _variables(live: Mapping[str, Any], wanted: Mapping[str, str]) -> Iterator[str]:
    variables = (live.get("Environment") or {}).get("Variables") or {}
    for name in sorted({*variables, *wanted}):
        if name not in wanted:
            yield f"variable {name} removed"
        elif name not in variables:
            yield f"variable {name} added"
        elif variables[name] != wanted[name]:
            yield f"variable {name} changed"


def by_hand(site: Site, function: Function, live: Mapping[str, Any]) -> Iterator[Step]:
    """Yield what is set by hand of the settings that a table may have."""
    ours = {key: value for key, value in live.items() if key in _usual(function)}
    yield from foreign(site, function, ours)


def foreign(site: Site, function: Function, live: Mapping[str, Any]) -> Iterator[Step]:
    """Yield what is set in the configuration of a function or version, and not declared."""
    image = (live.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
    managed, wanted = record.managed(function), _wanted(function)
    declared = {**_always(site, function), **executions.parameters(function, {})}
    declared |= {key: wanted[key] for key, name in _KEYS.items() if name in managed}
    if logging := {key: "" for key, name in _LOGGING.items() if name in managed}:
        declared["LoggingConfig"] = logging
    # The command and the network are compared, whether they are declared or not.
    declared["ImageConfig"] = {"Command": [], **declared["ImageConfig"]}
    declared["VpcConfig"] = {"VpcId": "", **declared["VpcConfig"]}
    # It follows from the rest.
    declared["SnapStart"] = {"OptimizationStatus": "", **declared.get("SnapStart", {})}
    usual: dict[str, Any] = {
        **_usual(function),
        "LoggingConfig": {**_usual(function)["LoggingConfig"], **dict.fromkeys(_LEVELS, _LEVEL)},
        "ImageConfig": {},
        "VpcConfig": {},
        "Layers": [],
        "FileSystemConfigs": [],
        "DurableConfig": {},
        "CapacityProviderConfig": {},
        "AcceleratorConfig": {},
        "RuntimeConfig": {},
    }
    where = f"function {function.name}"
    yield from settings("function", where, {**live, "ImageConfig": image}, declared, usual)
