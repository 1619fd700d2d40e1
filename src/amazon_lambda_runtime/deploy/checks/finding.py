"""What a check returns."""

from dataclasses import dataclass


class Skipped(Exception):
    """Raised by a check that is not allowed to look, or cannot; the message says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that will go wrong, or may go wrong.

    `check` names the kind of finding and stays the same between versions.
    """

    check: str
    what: str
    why: str
    fix: str
