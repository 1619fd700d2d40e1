"""What invokes functions, as the console sees it: figures, and what can be done by hand."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from amazon_lambda_runtime.local.queues import Queue
from amazon_lambda_runtime.local.services.client import ServiceError

Figures = dict[str, Any]
#: Takes what the user has given, as JSON has it; raises ValueError for what can't be used.
Action = Callable[[Mapping[str, Any]], Awaitable[Figures]]


async def _none() -> Figures:
    return {}


def fixed(**figures: Any) -> Callable[[], Awaitable[Figures]]:
    """Return what always tells the same: figures that are in the table."""

    async def told() -> Figures:
        return figures

    return told


@dataclass(slots=True)
class Source:
    """A trigger that is running. `kind` is its `type` in the table."""

    function: str
    kind: str
    name: str
    #: Figures of the moment: of queues `waiting`, `in_flight` and `failed`; of schedules `next`
    #: and whether it `fires`.
    figures: Callable[[], Awaitable[Figures]] = _none
    actions: dict[str, Action] = field(default_factory=dict)
    #: What an action may be given, by its name: to begin with.
    samples: dict[str, Figures] = field(default_factory=dict)
    #: Whether nothing of it is on its way to the function.
    is_idle: Callable[[], bool] = lambda: True

    async def document(self) -> dict[str, Any]:
        """Return it as the console's page reads it. `fault` says why there are no figures."""
        figures: Figures = {}
        fault = ""
        try:
            figures = await self.figures()
        except ServiceError as error:
            fault = str(error)
        return {
            "function": self.function,
            "kind": self.kind,
            "name": self.name,
            "figures": figures,
            "fault": fault,
            "actions": list(self.actions),
            "samples": self.samples,
        }


def queue_figures(queue: Queue, dead_letters: Queue | None) -> Callable[[], Awaitable[Figures]]:
    """Return what counts the messages of a queue, and of its dead-letter queue."""

    async def figures() -> Figures:
        waiting, in_flight = await queue.depth()
        failed = None if dead_letters is None else sum(await dead_letters.depth())
        return {"waiting": waiting, "in_flight": in_flight, "failed": failed}

    return figures


def text(given: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a text that the user has given. Raises ValueError if there is none."""
    value = given.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"{name} is missing: give a string")
    return value


def object_text(given: Mapping[str, Any], name: str) -> str:
    """Return a JSON object that the user has given as text. Raises ValueError if it is none."""
    value = text(given, name)
    if not isinstance(json.loads(value), dict):
        raise ValueError(f"{name} is not a JSON object")
    return value


def blocking(work: Callable[[Mapping[str, Any]], Figures | None]) -> Action:
    """Return an action that does its work in a thread."""

    async def act(given: Mapping[str, Any]) -> Figures:
        return await asyncio.to_thread(work, given) or {}

    return act
