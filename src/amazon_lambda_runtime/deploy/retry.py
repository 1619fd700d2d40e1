"""Requests to AWS that are repeated: which refusals pass, and for how long each is worth it.

Rule 1: everything is bounded by time. Rule 2: a role that cannot be assumed is waited for only if
it is new; an old one never will be.
"""

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .backoff import waits
from .errors import AwsError, DeployError, LostReply

T = TypeVar("T")

#: Seconds for which a role counts as new. IAM is consistent within less.
FRESH = 60


@dataclass(frozen=True, slots=True)
class _Reason:
    """A refusal that passes: its code and its text, and the seconds for which it is repeated."""

    says: str
    code: str
    text: str
    budget: float
    #: Whether it passes only if the role is new.
    fresh_role: bool = False


_REASONS = (
    _Reason("AWS asks for fewer requests", r"Throttl\w*|TooManyRequests\w*|RequestLimitExceeded"
            r"|SlowDown|ProvisionedThroughputExceeded\w*|LimitExceededException", r"(?i)rate|thrott"
            r"|too many requests|request limit|slow down|^$", 120),
    _Reason("an update is in progress", r"ResourceConflictException", r"(?i)in progress|Pending"
            r"|current(ly)? (in )?.*state|being (created|updated)", 300),
    _Reason("it is changing", r"ResourceInUseException|OperationAborted|ConcurrentAccess\w*"
            r"|ConcurrentModification\w*|EntityTemporarilyUnmodifiable",
            r".*", 120),
    _Reason("a queue of that name was deleted less than a minute ago",
            r".*QueueDeletedRecently", r".*", 70),
    _Reason("the role is new, and not known everywhere yet",
            r"InvalidParameterValue\w*|ValidationError|InvalidArnException|InvalidArn",
            r"(?i)cannot be assumed|invalid.*arn|.*role.*", 60, fresh_role=True),
    _Reason("the role's permissions are not known everywhere yet", r"InvalidParameterValue\w*",
            r"(?i)execution role does not have permissions", 30),
    _Reason("the permission is not known everywhere yet", r"InvalidArgument",
            r"(?i)unable to validate the following destination", 30),
)  # fmt: skip
# For a reply that was lost.
_LOST = 60.0
# Between two attempts.
_FIRST, _LONGEST = 0.5, 20.0


class Retry:
    """Repeats attempts; `clock` is in monotonic seconds, `draw` returns a number from 0 to 1."""

    def __init__(
        self,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.sleep, self.clock, self.draw = sleep, clock, draw
        #: Called with what is waited for, once it takes time.
        self.note: Callable[[str], object] = lambda text: None

    def call(self, attempt: Callable[[], T], *, again: bool, fresh_role: bool = False) -> T:
        """Return what `attempt` returns; raise its AwsError once that is not worth another."""
        start = self.clock()
        for tries, wait in enumerate(waits(_FIRST, _LONGEST, self.draw), 1):
            try:
                return attempt()
            except AwsError as error:
                reason, budget = _worth(error, again, fresh_role)
                if self.clock() - start + wait > budget:
                    raise
                if tries > 2:
                    self.note(f"waiting: {reason}")
                self.sleep(wait)
        raise AssertionError("waits do not end")

    def wait(self, ready: Callable[[], str | None], what: str, budget: float) -> None:
        """Wait until `ready` returns None; what it returns until then is the reason to wait.

        Raises DeployError when the budget (seconds) is spent. `ready` itself raises for what will
        never be ready.
        """
        start = self.clock()
        limit = 0.25
        while (reason := ready()) is not None:
            if self.clock() - start > budget:
                raise DeployError(
                    f"{what} is still not ready after {budget:.0f} seconds ({reason}): "
                    "deploy again to continue from here"
                )
            self.note(f"waiting for {what}: {reason}")
            # Half of the limit at least: others do not poll this, so there is no crowd to spread.
            self.sleep(limit * (0.5 + self.draw() / 2))
            limit = min(5.0, limit * 1.5)


def _worth(error: AwsError, again: bool, fresh_role: bool) -> tuple[str, float]:
    """Return why the request may be repeated, and for how many seconds; below 0 if it may not."""
    if isinstance(error, LostReply):
        return "a reply was lost", _LOST if again else -1.0
    for reason in _REASONS:
        if (
            re.fullmatch(reason.code, error.code)
            and re.search(reason.text, error.text)
            and (fresh_role or not reason.fresh_role)
        ):
            return reason.says, reason.budget
    return "", -1.0
