"""What one command needs of the deployer's policy: `plan` only reads, `destroy` only takes away.

A pipeline plans a change of a stranger, so the role that plans must not be able to make one.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping

from .statement import Statement

# By the verb of an action. What a smoke test, an image or the log takes is no part of a plan.
_READS = re.compile(r"\w+:((Get|List|Describe|BatchGet)\w+|GET)")
# What Lambda does for who reads variables that have a key.
_READS_BY_OTHERS = {"kms:Decrypt"}
_NOT_READ = {"ecr:GetDownloadUrlForLayer"}
_TAKES_AWAY = re.compile(
    r"[\w-]+:(Delete|Remove|Detach|BatchDelete|Unsubscribe|StopDurable|DELETE)\w*"
)
# What a trigger left in the bucket, the queue or the topic of others is taken out by a change.
_TAKES_OUT = {
    "s3:PutBucketNotification",
    "sns:SetTopicAttributes",
    "sqs:SetQueueAttributes",
}
# What holds data goes with `destroy` only.
_DESTROYS = {
    "ecr:DeleteRepository",
    "iam:DeleteRole",
    "logs:DeleteLogGroup",
    "sns:DeleteTopic",
    "sqs:DeleteQueue",
    "lambda:StopDurableExecution",
}

# `logs` and `doctor`.
_OTHERS = {"logs:FilterLogEvents", "iam:SimulatePrincipalPolicy"}


def _plan(action: str) -> bool:
    reads = action in _READS_BY_OTHERS or _READS.fullmatch(action) is not None
    return reads and action not in _NOT_READ


def _deploy(action: str) -> bool:
    return action not in _DESTROYS | _OTHERS


def _destroy(action: str) -> bool:
    return _plan(action) or bool(_TAKES_AWAY.fullmatch(action)) or action in _TAKES_OUT


#: Which actions a command needs of those that all commands need.
PURPOSES: Mapping[str, Callable[[str], bool]] = {
    "plan": _plan,
    "deploy": _deploy,
    "destroy": _destroy,
}


def narrow(statement: Statement, purpose: str | None) -> Statement | None:
    """Return the statement with what the purpose needs; None if that is nothing."""
    if purpose is None:
        return statement
    actions = tuple(filter(PURPOSES[purpose], statement.actions))
    return dataclasses.replace(statement, actions=actions) if actions else None
