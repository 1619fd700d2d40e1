"""What a kind of trigger does in AWS: one value of functions a kind, in the kind's own file."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from amazon_lambda_runtime.deploy.plan import Note, Step
from amazon_lambda_runtime.deploy.policy.statement import Names, Statement
from amazon_lambda_runtime.deploy.resources.store import Store
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function, Project

from .permission import Permission

#: The statements of a function's resource policy by their Sid.
Live = Mapping[str, Mapping[str, Any]]


def _nothing(*_: Any) -> Iterator[Any]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trigger. A field that is left out does nothing."""

    #: Its word in the Sids of the function's resource policy; "" if it has no statement there.
    word: str = ""
    #: The part of a plan that its statements belong to.
    part: str = "trigger"
    #: Who must be allowed to invoke the function for one trigger.
    permissions: Callable[[Site, Any], Iterable[Permission]] = _nothing
    #: The Sids of statements that `plan` makes: what invokes has no ARN before it is there.
    sids: Callable[[Site, Any], Iterable[str]] = _nothing
    #: What makes one trigger what is declared.
    plan: Callable[[Site, Function, Any], Iterator[Step | Note]] = _nothing
    #: What concerns all triggers of the kind, or that there is none; planned once for a function,
    #: after `plan` of every trigger. The flag says whether to remove what is not declared.
    plan_all: Callable[[Site, Function, bool], Iterator[Step]] = _nothing
    #: What removes triggers that are not declared and that no statement of the function records.
    prune: Callable[[Site, Function, Live], Iterator[Step]] = _nothing
    #: What removes the trigger that a statement records; the text is the ARN of what invokes.
    remove: Callable[[Site, Function, str], Iterator[Step]] = _nothing
    #: What keeps its events from a function that has left the table.
    stop: Callable[[Site, Function, Live], Iterator[Step]] = _nothing
    #: What the deployer must be allowed for the triggers of a project.
    deployer: Callable[[Project, Names], Iterator[Statement]] = _nothing
    #: What the function's role must be allowed, as statements.
    role: Callable[[Site, Function], Iterator[dict[str, Any]]] = _nothing
    #: What is set by others in what one trigger uses, and is not declared.
    foreign: Callable[[Site, Function, Any], Iterator[Step]] = _nothing
    #: What its triggers use that holds data.
    store: Store | None = None
