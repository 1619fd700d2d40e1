"""Repeating a request to a registry that failed for the moment: a few times, with jitter."""

import random
from collections.abc import Callable
from typing import TypeVar

from amazon_lambda_runtime.deploy.backoff import waits
from amazon_lambda_runtime.deploy.images.model import ImageError

T = TypeVar("T")

ATTEMPTS = 5
# In seconds.
_FIRST, _LONGEST = 0.5, 10.0
# A registry may ask for more than we would wait by ourselves, and not for the whole day.
_LONGEST_ASKED = 300.0


class RegistryError(ImageError):
    """Raised when a registry refuses or fails; `status` is 0 if it did not answer at all.

    `passing` says that the same request may well succeed later, and `pause` how many seconds
    later, if the registry told.
    """

    def __init__(
        self, message: str, status: int = 0, *, passing: bool = False, pause: float = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.passing = passing
        self.pause = pause


def persist(attempt: Callable[[], T], attempts: int, wait: Callable[[float], None]) -> T:
    """Return what `attempt` returns; repeat it while what it raises is passing.

    The number of attempts is bounded, and not their time, as for AWS: one upload of a large layer
    may take minutes. `wait` is given the seconds in between, drawn with full jitter, or those that
    the registry asked for; if these are more than five minutes, the error is raised.
    """
    for seconds in waits(_FIRST, _LONGEST, random.random):
        attempts -= 1
        try:
            return attempt()
        except RegistryError as error:
            if not error.passing or attempts < 1:
                raise
            if error.pause > _LONGEST_ASKED:
                raise
            wait(error.pause or seconds)
    raise AssertionError("waits do not end")
