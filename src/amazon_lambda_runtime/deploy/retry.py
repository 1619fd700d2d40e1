"""The one retry engine: which refusals are worth asking again, for how long, and how to wait.

Rule 1: everything is bounded. Rule 2: the wait is drawn evenly from nothing to its limit ("full
jitter"), and the limit doubles, so that many who were refused together do not return together.
Rule 3: a role that cannot be assumed is waited for only if it is new; otherwise it never will be.
"""

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .errors import AwsError, DeployError, LostReply

T = TypeVar("T")

#: Seconds for which a role counts as new: AWS takes less to tell all its parts of it.
FRESH = 60


@dataclass(frozen=True, slots=True)
class _Reason:
    """A refusal that passes: what its code and its text look like, and for how many seconds."""

    says: str
    code: str
    text: str
    budget: float
    #: Whether it is one only of what was made just now.
    fresh_role: bool = False


_REASONS = (
    _Reason("AWS asks for fewer requests", r"Throttl\w*|TooManyRequests\w*|RequestLimitExceeded"
            r"|SlowDown|ProvisionedThroughputExceeded\w*|LimitExceededException", r"(?i)rate|thrott"
            r"|too many requests|request limit|slow down|^$", 120),
    _Reason("an update is in progress", r"ResourceConflictException", r"(?i)in progress|Pending"
            r"|current(ly)? (in )?.*state|being (created|updated)", 300),
    _Reason("it is changing", r"ResourceInUseException|OperationAborted|ConcurrentAccess\w*"
            r"|ConcurrentModification\w*|EntityTemporarilyUnmodifiable|PreconditionFailedException",
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
_LOST = 60.0


class Retry:
    """Asks again. `sleep`, `clock` (monotonic seconds) and `draw` (0 to 1) are the caller's."""

    def __init__(
        self,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.sleep, self.clock, self.draw = sleep, clock, draw
        #: Told what is being waited for, when it begins to take time.
        self.note: Callable[[str], object] = lambda text: None

    def call(self, attempt: Callable[[], T], *, again: bool, fresh_role: bool = False) -> T:
        """Return what `attempt` returns; raise its AwsError once that is not worth another."""
        start = self.clock()
        tries = 0
        while True:
            try:
                return attempt()
            except AwsError as error:
                reason, budget = _worth(error, again, fresh_role)
                limit = min(20.0, 0.5 * 2**tries)
                tries += 1
                wait = self.draw() * limit
                if self.clock() - start + wait > budget:
                    raise
                if tries > 2:
                    self.note(f"waiting: {reason}")
                self.sleep(wait)

    def wait(self, ready: Callable[[], str | None], what: str, budget: float) -> None:
        """Wait until `ready` returns None; what it returns until then is the reason to wait.

        Raises DeployError when the budget (seconds) is spent. That it will never be ready is for
        `ready` to raise.
        """
        start = self.clock()
        limit = 0.25
        while (reason := ready()) is not None:
            if self.clock() - start > budget:
                raise DeployError(
                    f"{what} is still not ready after {budget:.0f} seconds ({reason}): "
                    "deploy again to go on from here"
                )
            self.note(f"waiting for {what}: {reason}")
            # At least half of the limit: there is nobody to stay out of the way of.
            self.sleep(limit * (0.5 + self.draw() / 2))
            limit = min(5.0, limit * 1.5)


def _worth(error: AwsError, again: bool, fresh_role: bool) -> tuple[str, float]:
    """Return why the request is worth another attempt, and the seconds it is worth; 0 if none."""
    if isinstance(error, LostReply):
        return "a reply was lost", _LOST if again else 0.0
    for reason in _REASONS:
        if (
            re.fullmatch(reason.code, error.code)
            and re.search(reason.text, error.text)
            and (fresh_role or not reason.fresh_role)
        ):
            return reason.says, reason.budget
    return "", -1.0
