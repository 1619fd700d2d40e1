"""Statements of the function's resource policy: who may invoke its alias. Only ours change.

Two people may deploy at once. So a change is made only of what the plan saw, and AWS refuses it if
the policy has changed since it was read: the second one learns it.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import AwsError, DeployError
from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.site import LIVE, Site
from amazon_lambda_runtime.project.declaration import Function

#: Of the Sid of every statement that is ours.
PREFIX = "lambda-runtime-"
# How often a change is tried whose revision AWS says is old: it is another statement's, mostly.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may do what; `source` is the ARN of what invokes, "" for any."""

    sid: str
    principal: str
    action: str = "lambda:InvokeFunction"
    source: str = ""
    part: str = "trigger"
    #: Further parameters of AddPermission.
    more: Mapping[str, Any] = field(default_factory=dict)


def sid(word: str, name: str) -> str:
    """Return the Sid for a trigger: readable, with the letters that a Sid may have, and unique."""
    clean = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    if clean != name or len(name) > 60:
        clean = f"{clean[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{PREFIX}{word}-{clean}"


def is_ours(sid: str) -> bool:
    """Say whether a statement is one that a deployment made."""
    return sid.startswith(PREFIX)


def word(sid: str) -> str:
    """Return the word of the kind of trigger that a Sid of ours is for."""
    return sid.removeprefix(PREFIX).partition("-")[0]


def read(site: Site, function: Function) -> dict[str, dict[str, Any]]:
    """Return the statements of the alias's policy by their Sid."""
    return _read(site, function)[0]


def _read(site: Site, function: Function) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return the statements by their Sid, and the parameter by which AWS refuses an old policy."""
    found = site.aws.find("lambda", "get_policy", FunctionName=function.name, Qualifier=LIVE)
    if found is None:
        return {}, {}
    revision = {"RevisionId": found["RevisionId"]} if found.get("RevisionId") else {}
    return {each["Sid"]: each for each in json.loads(found["Policy"])["Statement"]}, revision


def sources(live: Mapping[str, Mapping[str, Any]], kind: str) -> list[str]:
    """Return the ARNs that statements of ours name for a kind of trigger."""
    ours = [each for sid, each in live.items() if is_ours(sid) and word(sid) == kind]
    return [arn for each in ours if (arn := source(each))]


def plan(
    site: Site, function: Function, wanted: Permission, live: Mapping[str, Mapping[str, Any]]
) -> Iterator[Step]:
    """Yield what allows it."""
    there = live.get(wanted.sid)
    what = f"permission {wanted.sid} of {function.name}"
    if there is None:
        yield Step(
            "create", wanted.part, what, f"{wanted.principal} may not invoke it",
            lambda: _add(site, function, wanted),
        )  # fmt: skip
    elif not _is(there, wanted):

        def replace() -> None:
            _drop(site, function, wanted.sid, lambda now: _alike(now, there), wanted)
            _add(site, function, wanted)

        yield Step("update", wanted.part, what, "it allows something else", replace)


def removal(
    site: Site, function: Function, sid: str, there: Mapping[str, Any], part: str = "trigger"
) -> Step:
    """Return what removes the statement, which is there as the plan saw it."""
    return Step(
        "delete", part, f"permission {sid} of {function.name}", "its trigger is not declared",
        lambda: _drop(site, function, sid, lambda now: _alike(now, there)),
    )  # fmt: skip


def _is(statement: Mapping[str, Any], wanted: Permission) -> bool:
    return source(statement) == wanted.source and statement.get("Action") == wanted.action


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return source(one) == source(other) and one.get("Action") == other.get("Action")


def source(statement: Mapping[str, Any]) -> str:
    """Return the ARN in a statement's condition, "" if there is none. AWS varies the key's case."""
    for operator in (statement.get("Condition") or {}).values():
        for key, value in operator.items():
            if key.lower() == "aws:sourcearn":
                return str(value)
    return ""


def _add(site: Site, function: Function, wanted: Permission) -> None:
    more = dict(wanted.more)
    if wanted.source:
        more["SourceArn"] = wanted.source

    def look() -> Reply | None:
        return read(site, function).get(wanted.sid)

    def change(now: Mapping[str, Any] | None, revision: dict[str, Any]) -> bool:
        if now is None:
            # What is made meanwhile, under the same Sid, is looked at once more.
            now = site.aws.create(
                "lambda", "add_permission", look=look, FunctionName=function.name, Qualifier=LIVE,
                StatementId=wanted.sid, Action=wanted.action, Principal=wanted.principal,
                **more, **revision,
            )  # fmt: skip
            if "Sid" not in now:
                return True
        return _is(now, wanted)

    _swap(site, function, wanted.sid, change)


def _drop(
    site: Site,
    function: Function,
    sid: str,
    as_planned: Callable[[Mapping[str, Any]], bool],
    instead: Permission | None = None,
) -> None:
    """Remove a statement that is as the plan saw it, or that somebody has replaced already."""

    def change(now: Mapping[str, Any] | None, revision: dict[str, Any]) -> bool:
        if now is None or (instead is not None and _is(now, instead)):
            return True
        if as_planned(now):
            site.aws.remove(
                "lambda", "remove_permission", FunctionName=function.name, Qualifier=LIVE,
                StatementId=sid, **revision,
            )  # fmt: skip
            return True
        return False

    _swap(site, function, sid, change)


def _swap(
    site: Site,
    function: Function,
    sid: str,
    change: Callable[[Mapping[str, Any] | None, dict[str, Any]], bool],
) -> None:
    """Change a statement; `change` returns whether it could. Other statements may change, too."""
    for _ in range(_ATTEMPTS):
        live, revision = _read(site, function)
        try:
            done = change(live.get(sid), revision)
        except AwsError as error:
            if error.code != "PreconditionFailedException":
                raise
        else:
            if done:
                return
            break
    raise DeployError(
        f"the permission {sid} of {function.name} was changed by somebody else since this "
        "deployment looked at it, and is left as it is: see what differs (lambda-runtime plan), "
        "then deploy again"
    )
