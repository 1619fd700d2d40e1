"""Statements of the function's resource policy: who may invoke its alias. Only ours change."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.site import LIVE, Site
from amazon_lambda_runtime.project.declaration import Function

#: Of the Sid of every statement that is ours.
PREFIX = "lambda-runtime-"


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
    found = site.aws.find("lambda", "get_policy", FunctionName=function.name, Qualifier=LIVE)
    if found is None:
        return {}
    return {statement["Sid"]: statement for statement in json.loads(found["Policy"])["Statement"]}


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
    elif source(there) != wanted.source or there.get("Action") != wanted.action:

        def replace() -> None:
            _drop(site, function, wanted.sid)
            _add(site, function, wanted)

        yield Step("update", wanted.part, what, "it allows something else", replace)


def removal(site: Site, function: Function, sid: str, part: str = "trigger") -> Step:
    """Return what removes the statement."""
    return Step(
        "delete", part, f"permission {sid} of {function.name}", "its trigger is not declared",
        lambda: _drop(site, function, sid),
    )  # fmt: skip


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

    site.aws.create(
        "lambda",
        "add_permission",
        look=look,
        FunctionName=function.name,
        Qualifier=LIVE,
        StatementId=wanted.sid,
        Action=wanted.action,
        Principal=wanted.principal,
        **more,
    )


def _drop(site: Site, function: Function, sid: str) -> None:
    site.aws.remove(
        "lambda",
        "remove_permission",
        FunctionName=function.name,
        Qualifier=LIVE,
        StatementId=sid,
    )
