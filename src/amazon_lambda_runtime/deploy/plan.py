"""A plan is a list of values: what will be made, changed and removed, why, and in which order.

Rule 1: making a plan only reads. Rule 2: what a step needs to know, it reads when it runs or knew
before; no step hands anything to the next. That is why a run that is killed anywhere leaves a
state from which the next plan goes on.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

Action = Literal["create", "update", "delete"]

#: The parts that a plan can be narrowed down to, in their order.
PARTS = (
    "repository",
    "image",
    "role",
    "policies",
    "log-group",
    "function",
    "release",
    "url",
    "queue",
    "trigger",
    "cleanup",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One change. Two steps are equal if they say the same; `run` carries it out."""

    action: Action
    part: str
    #: What it changes, for people: "role lambda-role", "alias hello:live".
    what: str
    why: str
    run: Callable[[], object] = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.action} {self.what}: {self.why}"


@dataclass(frozen=True, slots=True)
class Note:
    """What a person should know and no step does."""

    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are taken, and notes."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, items: Iterable[Step | Note], only: Collection[str] | None = None) -> "Plan":
        """Return the plan of these; of their parts only those in `only`. Deletes come last."""
        items = list(items)
        steps: list[Step] = []
        for item in items:
            # Two triggers may need the same: it is done once.
            wanted = isinstance(item, Step) and (only is None or item.part in only)
            if isinstance(item, Step) and wanted and item not in steps:
                steps.append(item)
        # Sorting is stable: what is left in the same order keeps it.
        steps.sort(key=lambda step: step.action == "delete")
        return cls(tuple(steps), tuple(item.text for item in items if isinstance(item, Note)))


class Progress(Protocol):
    """Who is told how it goes."""

    def begin(self, step: Step) -> None: ...

    def note(self, text: str) -> None: ...

    def end(self, step: Step) -> None: ...


class Silent:
    """Progress that nobody looks at."""

    def begin(self, step: Step) -> None: ...

    def note(self, text: str) -> None: ...

    def end(self, step: Step) -> None: ...


def execute(plan: Plan, progress: Progress) -> None:
    """Take the steps one by one. The first that fails ends it, with its own exception."""
    for step in plan.steps:
        progress.begin(step)
        step.run()
        progress.end(step)


def differences(pairs: Iterable[tuple[str, object, object]]) -> Iterator[str]:
    """Yield "memory 128 → 256" for each (name, live, wanted) that differs."""
    for name, live, wanted in pairs:
        if live != wanted:
            yield f"{name} {_shown(live)} → {_shown(wanted)}"


def _shown(value: object) -> str:
    if value is None or value in ("", (), []):
        return "none"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)
