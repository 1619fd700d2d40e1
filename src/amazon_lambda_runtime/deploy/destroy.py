"""The end of a project: what carries its tag and has no other user is deleted; the rest is listed.

Triggers are removed first, then functions, then what holds data. What is deleted here cannot be
had back: messages in queues, logs, images. So what is in doubt stays, with a note, and each thing
is looked at again just before it is deleted.
"""

from collections.abc import Iterable, Iterator, Sequence

from amazon_lambda_runtime.project.declaration import Function

from .errors import AwsError
from .plan import Note, Plan, Step
from .resources import executions, log_group, repository, role, target_groups, triggers, undeclared
from .resources import function as functions
from .resources.store import Store
from .resources.triggers import mapping
from .site import TABLE_TAG, Site, value

_WHY = "it is this project's"


def plan(site: Site, *, stop_executions: bool = False) -> Plan:
    """Return what destroys the project's functions. The notes tell what is left, and why.

    Raises DeployError for a durable function with executions that have not ended, unless they are
    to be stopped.

    The repository, and functions that are not in the project file any more, go with the whole
    project, and not with functions that were asked for by name.
    """
    return Plan.of(_all(site, stop_executions))


def _all(site: Site, stops: bool) -> Iterator[Step | Note]:
    whole = not site.project.narrowed
    others = undeclared.find(site)
    yield from others.others(site)
    doomed = [*site.project.functions, *others.left]
    removed = set()
    for function in doomed:
        for step in _function(site, function, doomed, stops):
            removed.add(step.what if isinstance(step, Step) else "")
            yield step
    if whole:
        for step in _former(site, target_groups.STORE, doomed):
            if isinstance(step, Note) or step.what not in removed:
                yield step
    stores = [*(kind.store for kind in triggers.kinds() if kind.store), role.STORE]
    for store in stores:
        # What another function of the project uses stays with it.
        shared = _names(site, store, site.project.others)
        for name in _names(site, store, doomed):
            # What the function's own statements record is removed with it.
            if name not in shared and f"{store.noun} {name}" not in removed:
                yield from _one(site, store, name, doomed)
        if whole:
            for step in _former(site, store, doomed):
                if isinstance(step, Note) or step.what not in removed:
                    yield step
    if whole:
        yield from _former(site, log_group.STORE, doomed)
        yield from _former(site, repository.STORE, doomed)
    name = site.project.repository
    if whole:
        yield from _one(site, repository.STORE, name, doomed)
    elif repository.is_ours(site):
        yield Note(
            f"repository {name} stays: it belongs to the whole project, and you destroy "
            f"{', '.join(function.name for function in doomed)} only"
        )


def _former(site: Site, store: Store, doomed: Sequence[Function]) -> Iterator[Step | Note]:
    """Yield the deletion of what has had another name in the table, or in one of the doomed.

    What another table or a stage of the project has made is listed, and so is what nothing tells
    of: it may hold their data.
    """
    known = {*_names(site, store, doomed)}
    others: dict[str, list[str]] = {}
    try:
        for name, tags in store.found(site):
            if name in known or not site.ours(tags):
                continue
            if site.of_this_table(tags):
                yield from _unless_used(site, store, name, doomed)
            else:
                others.setdefault(value(tags, TABLE_TAG) or "", []).append(name)
    except AwsError as error:
        yield Note(f"a {store.noun} under a former name cannot be found: {error}")
    for table, names in others.items():
        whose = (
            f"another table or stage made it ({table})"
            if table
            else (f"nothing says which table made it (no tag {TABLE_TAG})")
        )
        yield Note(
            f"{store.noun} {', '.join(names)} stays: it belongs to this project, and {whose}"
        )


def _names(site: Site, store: Store, functions: Iterable[Function]) -> list[str]:
    """Return the names of what these functions use, each once."""
    return [*dict.fromkeys(name for each in functions for name in store.names(site, each))]


def _one(site: Site, store: Store, name: str, doomed: Sequence[Function]) -> Iterator[Step | Note]:
    """Yield the deletion of one thing that holds data, if it is ours and has no other user."""
    tags = store.tags(site, name)
    what = f"{store.noun} {name}"
    if tags is None:
        return
    if not site.ours(tags):
        yield _left(what)
    else:
        yield from _unless_used(site, store, name, doomed)


def _unless_used(
    site: Site, store: Store, name: str, doomed: Sequence[Function]
) -> Iterator[Step | Note]:
    what = f"{store.noun} {name}"
    if users := store.users(site, name, doomed):
        yield _used(what, users)
    else:

        def delete() -> None:
            # Time has passed since the plan.
            if later := store.users(site, name, doomed):
                site.aws.retry.note(_used(what, later).text)
            else:
                store.delete(site, name)

        yield Step("delete", "destroy", f"{what}{store.with_it}", _WHY, delete)


def _function(
    site: Site, function: Function, doomed: Sequence[Function], stops: bool
) -> Iterator[Step | Note]:
    what = f"function {function.name}"
    found = functions.find(site, function)
    if found is not None and not site.ours(found.get("Tags")):
        yield _left(what)
        return
    if found is not None:
        for live in mapping.of_function(site, function):
            if not mapping.is_ours(site, live):
                yield _left(f"mapping of {live.get('EventSourceArn')} to {function.name}")
        if executions.is_durable(found["Configuration"]):
            yield from executions.stop(site, function, stops)
        yield from undeclared.remove(site, function, "destroy", _WHY, stops)
    yield from _one(site, log_group.STORE, log_group.name(function), doomed)


def _left(what: str) -> Note:
    return Note(f"{what} stays: it does not carry the tag of this project")


def _used(what: str, users: Iterable[str]) -> Note:
    return Note(f"{what} stays: it is used by {', '.join(users)}")
