"""What a check says."""

from dataclasses import dataclass


class Skipped(Exception):
    """Raised by a check that may not look, or has nothing to look with; the message says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that will go wrong, or may.

    `check` names the kind of finding and stays the same between versions.
    """

    check: str
    what: str
    why: str
    fix: str
