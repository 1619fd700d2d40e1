"""What holds data and outlives what uses it: a deployment never deletes it, only `destroy` does."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

Tags = Mapping[str, str] | Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Store:
    """A kind of such resources: queues, topics, roles."""

    #: What one is called in a plan, and what is deleted with it.
    noun: str
    #: The names of those that a function uses.
    names: Callable[[Site, Function], Iterable[str]]
    #: The tags of the one of this name, None if there is none.
    tags: Callable[[Site, str], Tags | None]
    delete: Callable[[Site, str], object]
    with_it: str = ""
    #: What uses the one of this name besides these functions, each in words for a note.
    users: Callable[[Site, str, Sequence[Function]], list[str]] = lambda site, name, but: []
    #: All of the account, each with its tags, that may be ours; in a region or, of roles, in all.
    found: Callable[[Site], Iterable[tuple[str, Tags | None]]] = lambda site: ()
