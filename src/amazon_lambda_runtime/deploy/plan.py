"""A plan is a list of values: what is created, updated and deleted, why, and in which order.

Rule 1: planning only reads. Rule 2: a step reads what it needs when it runs, or knows it from the
plan; no step passes anything to the next. So a run can be killed anywhere, and the next plan goes
on from there.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

#: What is "foreign" is live and not declared: `diff` tells it, and nothing undoes it.
Action = Literal["create", "update", "delete", "foreign"]

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


# How what a step changes is worded: "memory of function orders", "policy ARN of role orders-role".
_PART_OF = re.compile(
    r"(?!(?:inline policy|policy|target|permission|statement) \S+ of |mapping |notifications )"
    r"[\w -]+? of "
    r"((?:function|alias|queue|topic|rule|target group|log group|repository|image|role|mapping of"
    r"|listener rule|HTTP API|REST API) .*)"
)
_NAMED = re.compile(
    r"(inline policy|target group|log group|listener rule|HTTP API|REST API|[A-Za-z]+) (?:of )?(.+)"
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
    #: What differs, one by one, if it is changed and not made: "memory 128 → 256".
    changes: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def kind(self) -> str:
        """The kind of thing that it changes, in a word or two: "function", "log group"."""
        return self._named()[0]

    @property
    def name(self) -> str:
        """Which one of the kind."""
        return self._named()[1]

    def _named(self) -> tuple[str, str]:
        whole = _PART_OF.fullmatch(self.what)
        named = _NAMED.fullmatch(whole[1] if whole else self.what)
        return (named[1], named[2]) if named else (self.part, self.what)

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

    def document(self) -> dict[str, Any]:
        """Return the plan for other programs. Within a version keys are added, none is changed."""
        return {
            "version": 1,
            "steps": [
                {
                    "action": step.action,
                    "kind": step.kind,
                    "name": step.name,
                    "changes": list(step.changes),
                    "reason": step.why,
                }
                for step in self.steps
            ],
            "notes": list(self.notes),
        }


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
