"""The record of a function's settings: which of them its table has set, and not a hand.

AWS does not tell who set something. So the names of what the table sets beyond AWS's usual are kept
in a tag of the function. What leaves the table is taken back if the record names it; what it does
not name was set by hand, and stays.

Rule: a name is there before its setting is made, and until it is taken back everywhere. A run that
is killed between two requests leaves a name too many, and the next one puts that right.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from amazon_lambda_runtime.deploy.plan import Note, Step
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import UrlTrigger

from . import labels

TAG = "lambda-runtime:settings"
#: Settings by who changes them. They are keys of a function; all of CORS is one.
CONFIGURATION = (
    "tracing", "dead_letter", "kms_key", "snapstart", "log_format", "log_level",
    "system_log_level", "log_group", "durable",
)  # fmt: skip
ASYNCHRONOUS = ("maximum_retry_attempts", "maximum_event_age", "on_failure", "on_success")
RESERVED = ("reserved_concurrency",)
PROVISIONED = ("provisioned_concurrency",)
CORS = ("cors",)
ALL = (*CONFIGURATION, *ASYNCHRONOUS, *RESERVED, *PROVISIONED, *CORS)

_DEFAULTS = {field.name: field.default for field in dataclasses.fields(Function)}
# Of a function that has none of them: a tag without a value would look like a mistake.
_NONE = "none"


def declared(function: Function) -> frozenset[str]:
    """Return the settings that the table has, and that are not AWS's usual ones."""
    cors = [each for each in function.triggers_of(UrlTrigger) if each.allow_origins]
    keys = {key for key in ALL if key in _DEFAULTS and getattr(function, key) != _DEFAULTS[key]}
    return frozenset({*keys, *CORS} if cors else keys)


def managed(function: Function) -> frozenset[str]:
    """Return the settings that are compared with AWS; the rest is the matter of others."""
    return function.managed | declared(function)


def text(names: Iterable[str]) -> str:
    """Return the value of the tag that names these."""
    return " ".join(sorted(names)) or _NONE


def names(tags: Mapping[str, str] | None) -> frozenset[str] | None:
    """Return what the tag names, None if there is no such tag."""
    found = (tags or {}).get(TAG)
    return None if found is None else frozenset(found.split()) & frozenset(ALL)


def known(site: Site, function: Function) -> Function:
    """Return the function with what is to be compared: what its table has, or has had."""
    found = site.aws.find("lambda", "get_function", FunctionName=function.name)
    tags = (found or {}).get("Tags") or {}
    had = {"tags"} if labels.RECORD in tags else set()
    recorded = names(tags) or frozenset()
    return dataclasses.replace(function, managed=function.managed | recorded | had)


def plan(site: Site, function: Function, group: Collection[str]) -> Iterator[Step]:
    """Yield what puts the record right where no setting of the group is changed."""
    recorded = _planned(site, function)
    if recorded is None:
        return  # it is made with the function, or with its tags
    mine = declared(function) & frozenset(group)
    new, old = mine - recorded, (recorded & frozenset(group)) - mine
    if changes := (*(f"{name} added" for name in sorted(new)),
                   *(f"{name} removed" for name in sorted(old))):  # fmt: skip
        yield Step(
            "update", "function", f"record of settings of function {function.name}",
            ", ".join(changes), lambda: settle(site, function, group), changes=changes,
        )  # fmt: skip


def add(site: Site, function: Function, group: Collection[str]) -> None:
    """Name what the table sets of the group, before it is set."""
    recorded = _read(site, function)
    _write(site, function, recorded, (recorded or frozenset()) | (declared(function) & {*group}))


def settle(site: Site, function: Function, group: Collection[str]) -> None:
    """Name of the group what the table sets, and nothing else: the rest is taken back."""
    recorded = _read(site, function)
    others = (recorded or frozenset()) - frozenset(group)
    _write(site, function, recorded, others | (declared(function) & frozenset(group)))


def note(function: Function, tags: Mapping[str, str], kept: Iterable[Step]) -> Iterator[Note]:
    """Yield what is said once of a function that was deployed before there was a record."""
    if names(tags) is None and (found := [step.what.partition(" of ")[0] for step in kept]):
        yield Note(
            f"function {function.name} was deployed before its settings were recorded. What is set "
            f"there and not declared stays, as if set by hand: {', '.join(found)}. To take a "
            "setting back, declare it, deploy, and remove it again"
        )


def _planned(site: Site, function: Function) -> frozenset[str] | None:
    # The question of `function.find`: a plan asks it once.
    found = site.aws.find("lambda", "get_function", FunctionName=function.name)
    return names((found or {}).get("Tags"))


def _read(site: Site, function: Function) -> frozenset[str] | None:
    found = site.aws.find("lambda", "list_tags", Resource=site.function_arn(function))
    return names((found or {}).get("Tags"))


def _write(
    site: Site, function: Function, before: frozenset[str] | None, after: frozenset[str]
) -> None:
    if after != (before or frozenset()):
        tag: dict[str, Any] = {TAG: text(after)}
        site.aws.call("lambda", "tag_resource", Resource=site.function_arn(function), Tags=tag)
