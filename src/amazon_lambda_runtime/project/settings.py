"""From pyproject.toml, variables and flags to a Project: flags, then variables, then the table.

[tool.lambda-runtime]                     # the project, and what its functions share
repository = "orders"
memory = 256
environment = { LOG_LEVEL = "debug" }
[tool.lambda-runtime.functions.orders]    # without any: one function, from the table above
handler = "orders.handler"
[[tool.lambda-runtime.functions.orders.triggers]]
type = "sqs"
queue = "orders"
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from . import env_file, keys, limits, policies_file, table
from .declaration import DEFAULTS, Durable, Function, Project
from .errors import ConfigError
from .handler_names import default_handler
from .key import INTEGER, Key
from .triggers import RestApiTrigger, SqsTrigger, Trigger, UrlTrigger
from .web_source import WEB_STREAM, is_web

_DEFAULTS = {
    "repository": DEFAULTS["REPO_NAME"],
    "image": DEFAULTS["IMAGE_NAME"],
    "module": DEFAULTS["LAMBDA_MODULE"],
}
_DEFAULT_NAME = {"function": DEFAULTS["FUNCTION_NAME"]}
# Keys whose value is the Project's as it stands, and those that name a file of the folder.
_PLAIN = (
    "repository", "image", "module", "base", "engine", "keep", "image_uri",
    "region", "profile", "account",
)  # fmt: skip
_FILES = ("dockerfile", "requirements")
# Keys of a function that are no field of it, or not as they stand.
_COMPUTED = ("policies_file", "environment_file", "triggers")
# Each variable, and the key that it stands for. The last two are not keys of the table.
_VARIABLES = {
    "IMAGE_NAME": "image",
    "AWS_PROFILE": "profile",
    "REPO_NAME": "repository",
    "FUNCTION_NAME": "function",
    "ROLE_NAME": "role",
    "POLICIES_FILE": "policies_file",
    "AWS_ACCOUNT": "account",
    "LAMBDA_MODULE": "module",
    "QUEUE_NAME": "queue_name",
    "BATCH_SIZE": "batch_size",
}
# The variables that name the region, the strongest first.
_REGIONS = ("REGION", "AWS_REGION", "AWS_DEFAULT_REGION")


def load(
    folder: Path,
    flags: Mapping[str, Any] | None = None,
    variables: Mapping[str, str] | None = None,
    *,
    queue: bool = False,
) -> Project:
    """Return the project in `folder`; flags are keys of the table and win, None is not given.

    `variables` are the process's own by default. The triggers have the queue of QUEUE_NAME too if
    that variable or flag (`queue_name`) is set, or if `queue` asks for it with its default. Raises
    ConfigError if there is an unknown key, or a value that AWS would refuse.
    """
    declared = table.read(folder)
    written = declared or {}
    known = {**keys.PROJECT_KEYS, **keys.FUNCTION_KEYS}
    keys.check(written, known, "[tool.lambda-runtime]")
    heard = _heard(os.environ if variables is None else variables)
    over = {**heard, **{key: value for key, value in (flags or {}).items() if value is not None}}
    queue_name, batch_size = over.pop("queue_name", None), over.pop("batch_size", None)
    merged = {**_DEFAULTS, **written, **over}
    if declared is not None and not merged.get("functions"):
        _check_name((flags or {}).get("function"), {**_DEFAULT_NAME, **written, **heard})
    functions, others = _chosen(_functions(folder, merged, over), merged.get("function"))
    if queue_name or queue:
        functions[0] = _with_queue(functions[0], queue_name, batch_size)
    chosen: dict[str, Any] = {key: merged[key] for key in _PLAIN if key in merged}
    chosen |= {key: _file(folder, key, merged[key]) for key in _FILES if key in merged}
    project = Project(
        name=merged.get("name", merged["repository"]),
        folder=folder,
        functions=tuple(functions),
        others=tuple(others),
        narrowed=bool(others) or "function" in over,
        declared=declared is not None,
        stage=_is_stage(written, functions[0]),
        environment_files=_environment_files(merged),
        include=tuple(merged.get("include", ())),
        tags=_tags(merged),
        architecture=functions[0].architecture,
        **chosen,
    )
    limits.check(project)
    return project


def _heard(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the keys of the table that variables set."""
    heard = {key: variables[name] for name, key in _VARIABLES.items() if variables.get(name)}
    region = next((variables[name] for name in _REGIONS if variables.get(name)), None)
    return heard if region is None else {**heard, "region": region}


def _check_name(asked: str | None, declared: Mapping[str, Any]) -> None:
    """Raise ConfigError if --function is not the one function that there is.

    An option chooses, and makes no new function: FUNCTION_NAME does, for a second stage.
    """
    name = declared["function"]
    if asked is not None and asked != name:
        raise ConfigError(
            f"there is no function {asked!r}: the project has {name!r}. To deploy a second one "
            f"from the same table, set FUNCTION_NAME={asked}"
        )


def _is_stage(written: Mapping[str, Any], function: Function) -> bool:
    """Say whether the table itself has no function of this name."""
    named = written.get("functions") or [{**_DEFAULT_NAME, **written}["function"]]
    return function.name not in named


def _file(folder: Path, key: str, name: str) -> Path:
    if not (folder / name).is_file():
        raise ConfigError(f"cannot read the {key}: there is no file {folder / name}")
    return folder / name


def _environment_files(merged: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths, as files of the folder have them, of all tables."""
    tables = [merged, *merged.get("functions", {}).values()]
    named = [table["environment_file"] for table in tables if "environment_file" in table]
    return tuple(dict.fromkeys(PurePath(name).as_posix() for name in named))


def _functions(folder: Path, merged: Mapping[str, Any], over: Mapping[str, Any]) -> list[Function]:
    """Return the functions that are declared, or the one that the table itself stands for."""
    shared = {key: value for key, value in merged.items() if key in keys.FUNCTION_KEYS}
    if not merged.get("functions"):
        name = merged.get("function", DEFAULTS["FUNCTION_NAME"])
        return [_function(folder, name, {"role": DEFAULTS["ROLE_NAME"], **shared}, merged)]
    stronger = {key: value for key, value in over.items() if key in keys.FUNCTION_KEYS}
    return [
        _function(folder, name, _merged(name, shared, own, stronger), merged)
        for name, own in merged["functions"].items()
    ]


def _chosen(functions: list[Function], name: str | None) -> tuple[list[Function], list[Function]]:
    """Return the functions that are meant, all or the one of that name, and the others."""
    if name is None:
        return functions, []
    meant = [function for function in functions if function.name == name]
    if not meant:
        known = [function.name for function in functions]
        raise ConfigError(f"there is no function {name!r}{keys.nearest(name, known)}")
    return meant, [function for function in functions if function.name != name]


def _merged(
    name: str, shared: Mapping[str, Any], own: Any, stronger: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a function's table: flags and variables over its own over what all share.

    The variables and the tags of both tables are united.
    """
    where = f"[tool.lambda-runtime.functions.{name}]"
    if not isinstance(own, dict):
        raise ConfigError(f"{where} is not a table")
    keys.check(own, keys.FUNCTION_KEYS, where)
    united = {key: {**shared.get(key, {}), **own.get(key, {})} for key in ("environment", "tags")}
    return {"role": f"{name}-role", **shared, **own, **stronger, **united}


def _function(
    folder: Path, name: str, own: Mapping[str, Any], merged: Mapping[str, Any]
) -> Function:
    values: dict[str, Any] = {
        key: keys.frozen(value) for key, value in own.items() if key not in _COMPUTED
    }
    if own.get("retention") == 0:
        values["retention"] = None
    policies = [*_policies(folder, own), *own.get("policies", ())]
    triggers = tuple(
        keys.trigger(f"trigger {number} of {name}", entry)
        for number, entry in enumerate(own.get("triggers", ()), 1)
    )
    web = own.get("web")
    if web is None:
        web = is_web(own.get("handler") or default_handler(folder, merged["module"]), folder)
    return Function(
        **{
            **values,
            "name": name,
            "retains": "retention" in own,
            "managed": frozenset(own) & frozenset(keys.FUNCTION_KEYS),
            "payload": _payload(folder, own),
            "environment": {**_streaming(web, triggers), **_environment(folder, name, own)},
            "tags": _tags(own),
            "policies": tuple(dict.fromkeys(policies)),
            "triggers": triggers,
            "web": web,
            "durable": _durable(name, own.get("durable")),
        }
    )


def _durable(name: str, written: Any) -> Durable | None:
    """Return what the key says; raise ConfigError for a key of its table that is none."""
    if written is None:
        return None
    table = {} if written is True else written
    known = {field.name: Key(type=INTEGER) for field in dataclasses.fields(Durable)}
    keys.check(table, known, f"durable of {name}")
    return Durable(**table)


def _tags(own: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in own.get("tags", {}).items()}


def _payload(folder: Path, own: Mapping[str, Any]) -> Path | None:
    if "payload" in own:
        return folder / str(own["payload"])
    usual = folder / "payload.json"
    return usual if usual.is_file() else None


def _streaming(web: bool | None, triggers: Sequence[Trigger]) -> dict[str, str]:
    """Return the variable that names the front doors which stream an application's responses."""
    kinds = {"url": UrlTrigger, "rest": RestApiTrigger}
    doors = [
        word
        for word, kind in kinds.items()
        if any(isinstance(each, kind) and each.streams for each in triggers)
    ]
    return {WEB_STREAM: ",".join(doors)} if web and doors else {}


def _environment(folder: Path, name: str, own: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of the environment file and of the table, which wins."""
    variables: dict[str, str] = {}
    if "environment_file" in own:
        variables.update(env_file.read(folder / own["environment_file"]))
    for key, value in own.get("environment", {}).items():
        if not isinstance(value, str):
            raise ConfigError(f"the variable {key} of {name} is not a string: put it in quotes")
        variables[key] = value
    return variables


def _policies(folder: Path, own: Mapping[str, Any]) -> list[str]:
    """Return the ARNs of the policies file. Only one that is named has to exist."""
    file = folder / own.get("policies_file", DEFAULTS["POLICIES_FILE"])
    if not file.is_file() and "policies_file" not in own:
        return []
    return policies_file.read(file)


def _with_queue(function: Function, name: str | None, batch_size: str | int | None) -> Function:
    """Return the function with QUEUE_NAME and BATCH_SIZE in its sqs trigger, or in a new one."""
    try:
        changes: dict[str, Any] = {"batch_size": int(batch_size)} if batch_size is not None else {}
    except ValueError:
        raise ConfigError(f"BATCH_SIZE is {batch_size!r}: it has to be a whole number") from None
    if name:
        changes["queue"] = name
    triggers = list(function.triggers)
    place = next((i for i, t in enumerate(triggers) if isinstance(t, SqsTrigger)), len(triggers))
    declared = function.triggers_of(SqsTrigger) or [SqsTrigger(DEFAULTS["QUEUE_NAME"])]
    triggers[place : place + 1] = [dataclasses.replace(declared[0], **changes)]
    return dataclasses.replace(function, triggers=tuple(triggers))
