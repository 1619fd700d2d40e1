"""Statements of IAM policies: how they are written, and how one is put into a policy or taken out.

Rule: a statement of ours has a Sid of ours. Only statements with that Sid are changed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from amazon_lambda_runtime.project.declaration import Function

Policy = dict[str, Any]
Conditions = dict[str, dict[str, Any]]

VERSION = "2012-10-17"


@dataclass(frozen=True, slots=True)
class Statement:
    """Actions that are allowed, on which resources, under which conditions."""

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    conditions: Conditions = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the statement as IAM spells it."""
        written: dict[str, Any] = {
            "Sid": self.name,
            "Effect": "Allow",
            "Action": sorted(self.actions),
            "Resource": self.resources[0] if len(self.resources) == 1 else list(self.resources),
        }
        if self.conditions:
            written["Condition"] = self.conditions
        return written


class Names:
    """ARNs in one account and region, without a question to AWS. `*` is any account."""

    def __init__(self, partition: str, region: str, account: str) -> None:
        self.partition, self.region, self.account = partition, region, account

    def __call__(self, service: str, resource: str, *, region: bool = True) -> str:
        place = self.region if region else ""
        return f"arn:{self.partition}:{service}:{place}:{self.account}:{resource}"


def actions(service: str, words: str) -> tuple[str, ...]:
    """Return ("sqs:SendMessage", …) for the words of one service."""
    return tuple(f"{service}:{word}" for word in words.split())


def once(arns: Iterable[str]) -> tuple[str, ...]:
    """Return the ARNs in their order, each once."""
    return tuple(dict.fromkeys(arns))


def allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    """Return a statement of a role's policy; IAM gives a single resource back without a list."""
    resource = list(resources) if len(resources) > 1 else resources[0]
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}


def has_policy(function: Function, names: Iterable[str]) -> bool:
    """Say whether the function's role has a managed policy of one of these names."""
    return any(arn.rpartition("/")[2] in names for arn in function.policies)


def put(policy: Policy, statement: dict[str, Any]) -> Policy:
    """Return the policy with the statement, in place of the one with its Sid."""
    return {**policy, "Statement": [*_others(policy, statement["Sid"]), statement]}


def drop(policy: Policy, sid: str) -> Policy:
    """Return the policy without the statement of this Sid."""
    return {**policy, "Statement": [*_others(policy, sid)]}


def _others(policy: Policy, sid: str) -> Iterator[dict[str, Any]]:
    return (statement for statement in policy["Statement"] if statement.get("Sid") != sid)
