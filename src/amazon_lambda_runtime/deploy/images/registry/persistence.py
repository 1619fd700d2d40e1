"""Trying again what failed for the moment: a few times, and not all at the same moment."""

import random
from collections.abc import Callable
from typing import TypeVar

from amazon_lambda_runtime.deploy.images.model import ImageError

T = TypeVar("T")

ATTEMPTS = 5
# In seconds.
_FIRST, _LONGEST = 0.5, 10.0


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
    """Return what `attempt` returns, trying again while what it raises is passing.

    `wait` is given the seconds in between: a random part of a time that doubles (full jitter), or
    as long as the registry asked for, within bounds.
    """
    longest = _FIRST
    while True:
        attempts -= 1
        try:
            return attempt()
        except RegistryError as error:
            if not error.passing or attempts < 1:
                raise
            wait(min(error.pause, _LONGEST) or random.uniform(0, longest))
        longest = min(longest * 2, _LONGEST)
