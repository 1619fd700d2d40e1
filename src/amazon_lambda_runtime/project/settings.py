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
import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import env_file, limits
from .declaration import DEFAULTS, Function, Project
from .errors import ConfigError
from .policies_file import read as read_policies
from .triggers import TYPES, SqsTrigger, Trigger

_STRING, _INTEGER, _BOOLEAN = "a string", "a whole number", "true or false"
_STRINGS, _TABLE, _TABLES = "a list of strings", "a table", "a list of tables"
_PROJECT_KEYS = {
    "name": _STRING,
    "repository": _STRING,
    "image": _STRING,
    "image_uri": _STRING,
    "module": _STRING,
    "engine": _STRING,
    "architecture": _STRING,
    "dockerfile": _STRING,
    "base": _STRING,
    "requirements": _STRING,
    "keep": _INTEGER,
    "region": _STRING,
    "profile": _STRING,
    "account": _STRING,
    "function": _STRING,
    "functions": _TABLE,
}
_FUNCTION_KEYS = {
    "role": _STRING,
    "handler": _STRING,
    "memory": _INTEGER,
    "timeout": _INTEGER,
    "description": _STRING,
    "ephemeral_storage": _INTEGER,
    "environment": _TABLE,
    "environment_file": _STRING,
    "subnets": _STRINGS,
    "security_groups": _STRINGS,
    "tags": _TABLE,
    "retention": _INTEGER,
    "reserved_concurrency": _INTEGER,
    "policies": _STRINGS,
    "policies_file": _STRING,
    "statements": _TABLES,
    "payload": _STRING,
    "triggers": _TABLES,
}
# Those that are taken as they stand.
_PLAIN = (
    "architecture",
    "base",
    "engine",
    "keep",
    "image_uri",
    "region",
    "profile",
    "account",
)
# Each variable, and the key of the table that it stands for.
_VARIABLES = {
    "IMAGE_NAME": "image",
    "AWS_PROFILE": "profile",
    "REGION": "region",
    "REPO_NAME": "repository",
    "FUNCTION_NAME": "function",
    "ROLE_NAME": "role",
    "POLICIES_FILE": "policies_file",
    "AWS_ACCOUNT": "account",
    "LAMBDA_MODULE": "module",
}


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
    ConfigError if there is a key that nobody knows, or a value that AWS would refuse.
    """
    variables = os.environ if variables is None else variables
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    table, declared = _table(folder)
    _check_keys(table, {**_PROJECT_KEYS, **_FUNCTION_KEYS}, "[tool.lambda-runtime]")
    queue_name = given.pop("queue_name", None) or variables.get("QUEUE_NAME") or None
    batch_size = given.pop("batch_size", None) or variables.get("BATCH_SIZE") or None
    heard = {key: variables[name] for name, key in _VARIABLES.items() if variables.get(name)}
    over = {**heard, **given}
    table.update(over)
    repository = table.get("repository", DEFAULTS["REPO_NAME"])
    functions, others = _functions(folder, table, over)
    if queue_name or queue:
        functions = (_with_queue(functions[0], queue_name, batch_size), *functions[1:])
    chosen: dict[str, Any] = {key: table[key] for key in _PLAIN if key in table}
    for key in ("dockerfile", "requirements"):
        if key in table:
            chosen[key] = _file(folder, key, table[key])
    project = Project(
        name=table.get("name", repository),
        folder=folder,
        repository=repository,
        image=table.get("image", DEFAULTS["IMAGE_NAME"]),
        module=table.get("module", DEFAULTS["LAMBDA_MODULE"]),
        functions=functions,
        others=others,
        declared=declared,
        **chosen,
    )
    limits.check(project)
    return project


def _file(folder: Path, key: str, name: str) -> Path:
    if not (folder / name).is_file():
        raise ConfigError(f"cannot read the {key}: there is no file {folder / name}")
    return folder / name


def _table(folder: Path) -> tuple[dict[str, Any], bool]:
    """Return [tool.lambda-runtime] and whether there is one."""
    file = folder / "pyproject.toml"
    try:
        table = tomllib.loads(file.read_text()).get("tool", {}).get("lambda-runtime")
    except FileNotFoundError:
        return {}, False
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None
    if table is None:
        return {}, False
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: tool.lambda-runtime is not a table")
    return dict(table), True


def _functions(
    folder: Path, table: dict[str, Any], over: Mapping[str, Any]
) -> tuple[tuple[Function, ...], tuple[Function, ...]]:
    """Return the functions that are meant, and the others."""
    shared = {key: value for key, value in table.items() if key in _FUNCTION_KEYS}
    declared = table.get("functions")
    if not declared:
        name = table.get("function", DEFAULTS["FUNCTION_NAME"])
        return (_function(folder, name, {"role": DEFAULTS["ROLE_NAME"], **shared}),), ()
    functions = []
    for name, own in declared.items():
        where = f"[tool.lambda-runtime.functions.{name}]"
        if not isinstance(own, dict):
            raise ConfigError(f"{where} is not a table")
        _check_keys(own, _FUNCTION_KEYS, where)
        stronger = {key: value for key, value in over.items() if key in _FUNCTION_KEYS}
        merged = {"role": f"{name}-role", **shared, **own, **stronger}
        for key in ("environment", "tags"):
            merged[key] = {**shared.get(key, {}), **own.get(key, {})}
        functions.append(_function(folder, name, merged))
    chosen = table.get("function")
    if chosen is None:
        return tuple(functions), ()
    if chosen not in declared:
        raise ConfigError(f"there is no function {chosen!r}{_nearest(chosen, declared)}")
    meant = tuple(function for function in functions if function.name == chosen)
    return meant, tuple(function for function in functions if function.name != chosen)


def _function(folder: Path, name: str, table: dict[str, Any]) -> Function:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in table.items()
        if key not in ("policies_file", "environment_file", "triggers")
    }
    if values.get("retention") == 0:
        values["retention"] = None
    if "payload" in values:
        values["payload"] = folder / values["payload"]
    elif (folder / "payload.json").is_file():
        values["payload"] = folder / "payload.json"
    values["environment"] = _environment(folder, name, table)
    values["tags"] = {key: str(value) for key, value in table.get("tags", {}).items()}
    values["policies"] = tuple(
        dict.fromkeys([*_policies(folder, table), *table.get("policies", ())])
    )
    triggers = tuple(
        _trigger(f"trigger {number} of {name}", entry)
        for number, entry in enumerate(table.get("triggers", ()), 1)
    )
    return Function(name=name, triggers=triggers, **values)


def _environment(folder: Path, name: str, table: dict[str, Any]) -> dict[str, str]:
    """Return the variables of the environment file and of the table, which wins."""
    variables: dict[str, str] = {}
    if "environment_file" in table:
        variables.update(env_file.read(folder / table["environment_file"]))
    for key, value in table.get("environment", {}).items():
        if not isinstance(value, str):
            raise ConfigError(f"the variable {key} of {name} is no string: put it in quotes")
        variables[key] = value
    return variables


def _policies(folder: Path, table: dict[str, Any]) -> list[str]:
    """Return the ARNs of the policies file, which need not be there if nobody names it."""
    file = folder / table.get("policies_file", DEFAULTS["POLICIES_FILE"])
    if not file.is_file() and "policies_file" not in table:
        return []
    return read_policies(file)


def _trigger(where: str, table: Any) -> Trigger:
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is not a table")
    kind = table.get("type")
    if kind not in TYPES:
        raise ConfigError(f"{where} has type {kind!r}: it is one of {', '.join(TYPES)}")
    kinds = {"int": _INTEGER, "bool": _BOOLEAN, "str": _STRING, "tuple": _STRINGS}
    known = {
        # The annotation, but for "| None" and what a tuple holds.
        field.name: kinds[getattr(field.type, "__name__", str(field.type)).split("[")[0].split()[0]]
        for field in dataclasses.fields(TYPES[kind])
    }
    _check_keys(table, {"type": _STRING, **known}, where)
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in table.items()
        if key != "type"
    }
    required = [
        field.name
        for field in dataclasses.fields(TYPES[kind])
        if field.default is dataclasses.MISSING and field.name not in values
    ]
    if required:
        raise ConfigError(f"{where} ({kind}) has no {required[0]}")
    return TYPES[kind](**values)


def _with_queue(function: Function, name: str | None, batch_size: str | int | None) -> Function:
    """Return the function with QUEUE_NAME and BATCH_SIZE in its sqs trigger, or in a new one."""
    try:
        size = None if batch_size is None else int(batch_size)
    except ValueError:
        raise ConfigError(f"BATCH_SIZE is {batch_size!r}: it is a whole number") from None
    triggers = list(function.triggers)
    place = next((i for i, t in enumerate(triggers) if isinstance(t, SqsTrigger)), len(triggers))
    if place == len(triggers):
        triggers.append(SqsTrigger(name or DEFAULTS["QUEUE_NAME"]))
    changes: dict[str, Any] = {} if name is None else {"queue": name}
    if size is not None:
        changes["batch_size"] = size
    triggers[place] = dataclasses.replace(triggers[place], **changes)
    return dataclasses.replace(function, triggers=tuple(triggers))


def _check_keys(table: Mapping[str, Any], known: Mapping[str, str], where: str) -> None:
    types: dict[str, Any] = {
        _STRING: str,
        _INTEGER: int,
        _BOOLEAN: bool,
        _TABLE: dict,
    }
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{where} has an unknown key {key!r}{_nearest(key, known)}")
        kind = known[key]
        fits = isinstance(value, types.get(kind, list)) and (
            kind == _BOOLEAN or not isinstance(value, bool)
        )
        if kind == _STRINGS:
            fits = fits and all(isinstance(item, str) for item in value)
        elif kind == _TABLES:
            fits = fits and all(isinstance(item, dict) for item in value)
        if not fits:
            raise ConfigError(f"{where}: {key} is {kind}, not {value!r}")


def _nearest(key: str, known: Any) -> str:
    near = difflib.get_close_matches(key, list(known), 1, 0.5)
    return f": did you mean {near[0]!r}?" if near else f": there is {', '.join(sorted(known))}"
