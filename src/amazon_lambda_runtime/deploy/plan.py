"""A plan is a list of values: what is created, updated and deleted, why, and in which order.

Rule 1: planning only reads. Rule 2: a step reads what it needs when it runs, or knows it from the
plan; no step passes anything to the next. So a run can be killed anywhere, and the next plan goes
on from there.
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
    """One change; `run` carries it out. Two steps are equal if they change the same, and alike."""

    action: Action
    part: str
    #: What it changes, for people: "role lambda-role", "alias hello:live".
    what: str
    why: str
    run: Callable[[], object] = field(compare=False, repr=False)
    #: What tells it from a step with the same words: an id, an ARN, the name of a function.
    of: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.action} {self.what}: {self.why}"


@dataclass(frozen=True, slots=True)
class Note:
    """What the user should know, and what no step changes."""

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
            # Two triggers may need the same step: it is taken once.
            wanted = isinstance(item, Step) and (only is None or item.part in only)
            if isinstance(item, Step) and wanted and item not in steps:
                steps.append(item)
        # The sort is stable: otherwise the order stays.
        steps.sort(key=lambda step: step.action == "delete")
        return cls(tuple(steps), tuple(item.text for item in items if isinstance(item, Note)))


class Progress(Protocol):
    """Told how a deployment proceeds."""

    def begin(self, step: Step) -> None: ...

    def note(self, text: str) -> None: ...

    def end(self, step: Step) -> None: ...


class Silent:
    """Progress that is not shown."""

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
