"""A deployment from end to end: plan what differs, and carry it out in the order of dependencies.

AWS is the only state. A plan compares what the project declares with what AWS has, and each
difference is a step; where nothing differs there are no steps. No step depends on what an earlier
one returned, so a run can be killed after any request, and the next run plans what is left. What
is created carries the project's tag, and only what carries it is changed or deleted; what a trigger
set up is recorded where it was set up, in Sids and Ids. A new image goes live in three moves: code,
a published version that passes its smoke test, the alias `live`. Triggers point at the alias.

    image     the repository and the image in it; with most engines only the push tells its digest
    function  role, log group, function, release, triggers; the events of those that have left
    cleanup   old versions, then images that no function uses

`plan` shows all three. `deploy` plans each when the one before it is done.
"""

import dataclasses
from collections.abc import Collection, Iterator

from amazon_lambda_runtime.project.declaration import Function, Project

from . import image
from .aws import Aws
from .builder import Builder, Engines
from .errors import DeployError
from .plan import PARTS, Note, Plan, Progress, Step, execute
from .reading import side_by_side
from .resources import (
    asynchronous,
    cleanup,
    configuration,
    executions,
    foreign_policies,
    function,
    log_group,
    provisioned,
    record,
    release,
    repository,
    role,
    triggers,
    undeclared,
)
from .resources.triggers import url
from .site import Site

_IMAGE = {"repository", "image"}
# The parts that a deployment without `live` takes: no trigger, and nothing is removed.
_TO_A_VERSION = ("repository", "image", "role", "policies", "log-group", "function", "release")
# The parts that change a function that is there.
_OF_FUNCTION = {"function", "release", "url", "trigger", "cleanup"}


def plan(
    project: Project,
    aws: Aws,
    progress: Progress,
    only: Collection[str] | None = None,
    builder: Builder | None = None,
    *,
    prune: bool = False,
) -> Plan:
    """Return what a deployment would do now. Nothing changes, in AWS; the image is built."""
    aws.retry.note = progress.note
    site = Site(project, aws, _given_digest(project))
    with aws.sharing():
        _check_ours(site, only)
        others = undeclared.find(site)
        site = dataclasses.replace(site, left=others.left)
        if site.digest is None and _needs_digest(only):
            builder = builder or Engines()
            digests = {
                each: builder.build(site.of(each).project, progress)
                for each in project.architectures
            }
            site = dataclasses.replace(site, digests=digests)
        steps: list[Step | Note] = [*image.plan(site, builder)]
        steps += _functions(site)
        steps += undeclared.plan(site, prune=prune)
        steps += others.others(site) if prune else others.notes(site)
        steps += _cleanup(site)
    return Plan.of(steps, only)


def deploy(
    project: Project,
    aws: Aws,
    progress: Progress,
    only: Collection[str] | None = None,
    builder: Builder | None = None,
    *,
    prune: bool = False,
    live: bool = True,
) -> int:
    """Carry out what `plan` shows, and return the number of steps taken.

    It does not ask: it deletes nothing that holds data. `only` narrows it to parts (`plan.PARTS`).
    `prune` deletes the functions that have left the table.
    Without `live` it ends with a version that is published and tested: the alias stays, and what
    the version that is live may need.
    Raises DeployError where it cannot go on; deploying again goes on from there.
    """
    aws.retry.note = progress.note
    site = Site(project, aws, _given_digest(project), goes_live=live)
    if not live:
        only = _TO_A_VERSION
    _check_ours(site, only)
    others = undeclared.find(site) if only is None else undeclared.Undeclared()
    site = dataclasses.replace(site, left=others.left)
    taken = 0

    def carry_out(steps: Iterator[Step | Note]) -> None:
        nonlocal taken
        with aws.sharing():
            todo = Plan.of(steps, only)
        if not live:
            todo = Plan(tuple(step for step in todo.steps if step.action != "delete"), todo.notes)
        for note in todo.notes:
            progress.note(note)
        execute(todo, progress)
        taken += len(todo.steps)

    if project.image_uri is None and (only is None or _IMAGE & set(only)):
        carry_out(repository.plan(site))
    if site.digest is None and _needs_digest(only):
        builder, digests = builder or Engines(), {}
        for each in project.architectures:
            done, pushed = image.push(site.of(each), progress, builder)
            digests[each], taken = done.digest, taken + pushed
        site = dataclasses.replace(site, digests=digests)
    carry_out(_functions(site, only))
    if only is None:
        carry_out(undeclared.plan(site, prune=prune))
        carry_out(others.others(site) if prune else others.notes(site))
    # Only now it is known what is old.
    if only is None or "cleanup" in only:
        for old in _cleanups(site):
            carry_out(old)
    return taken


def adopt(project: Project, aws: Aws, progress: Progress) -> int:
    """Tag the project's functions that exist and belong to others, and return how many."""
    site = Site(project, aws)
    steps = Plan.of(step for wanted in project.functions for step in function.adopt(site, wanted))
    execute(steps, progress)
    return len(steps.steps)


def drift(project: Project, aws: Aws, progress: Progress) -> Plan:
    """Return what a deployment of the image that is live now would do, and what is not declared."""
    aws.retry.note = progress.note
    site = Site(project, aws)
    with aws.sharing():
        steps: list[Step | Note] = []
        if project.image_uri is None:
            steps += [*repository.plan(site), *foreign_policies.of_repository(site)]
        for found in side_by_side(lambda wanted: [*_drift(site, wanted)], project.functions):
            steps += found
    return Plan.of(steps)


def _drift(site: Site, wanted: Function) -> Iterator[Step | Note]:
    live = function.find(site, wanted)
    sha = None if live is None else live["Configuration"].get("CodeSha256")
    digest = _given_digest(site.project) or (f"sha256:{sha}" if sha else None)
    site = dataclasses.replace(site.of(wanted.architecture), digest=digest)
    yield from _function(site, wanted)
    wanted = record.known(site, wanted)
    if live is not None:
        yield from function.foreign_tags(wanted, live)
        yield from function.foreign_concurrency(wanted, live)
        yield from configuration.foreign(site, wanted, live["Configuration"])
    yield from release.foreign_traffic(site, wanted)
    yield from foreign_policies.of_role(site, wanted)
    yield from foreign_policies.of_function(site, wanted)
    yield from log_group.foreign_settings(site, wanted)
    yield from triggers.foreign(site, wanted)


def _check_ours(site: Site, only: Collection[str] | None) -> None:
    """Raise DeployError for a function that is another project's, or can't be what is wanted.

    That is before anything is made or changed.
    """
    if set(only or PARTS) & _OF_FUNCTION:
        functions = site.project.functions
        live = side_by_side(lambda wanted: function.find(site, wanted), functions)
        for wanted, found in zip(functions, live, strict=True):
            if found is not None:
                function.check_ours(site, wanted, found)
                recorded = record.names(found.get("Tags")) or ()
                executions.check(wanted, found["Configuration"], "durable" in recorded)


def _functions(site: Site, only: Collection[str] | None = None) -> Iterator[Step | Note]:
    for steps in side_by_side(
        lambda wanted: [*_function(site, wanted, only)], site.project.functions
    ):
        yield from steps


def _function(
    site: Site, wanted: Function, only: Collection[str] | None = None
) -> Iterator[Step | Note]:
    """Yield the steps for a function. What `only` leaves out is not read either."""
    asked = set(only or PARTS)
    site = site.of(wanted.architecture)
    if asked & _OF_FUNCTION:
        wanted = record.known(site, wanted)
    if asked & {"role", "policies"}:
        yield from role.plan(site, wanted)
    if "log-group" in asked:
        yield from log_group.plan(site, wanted)
    if "function" in asked:
        yield from function.plan(site, wanted)
    if "release" in asked:
        yield from release.plan(site, wanted)
        if site.goes_live:
            yield from asynchronous.plan(site, wanted)
            yield from provisioned.plan(site, wanted)
    if asked & {"url", "queue", "trigger"}:
        yield from triggers.plan(site, wanted, prune=site.project.declared)
    if "function" in asked:
        yield from function.plan_labels(site, wanted)
        yield from _unrecorded(site, wanted)


def _unrecorded(site: Site, wanted: Function) -> Iterator[Note]:
    """Yield what is said once of a function that has no record of its settings."""
    live = function.find(site, wanted)
    tags = (live or {}).get("Tags") or {}
    if live is not None and record.names(tags) is None:
        kept = [
            *function.foreign_concurrency(wanted, live),
            *configuration.by_hand(site, wanted, live["Configuration"]),
            *asynchronous.foreign(site, wanted),
            *provisioned.foreign(site, wanted),
            *url.KIND.foreign(site, wanted, None),
        ]
        yield from record.note(wanted, tags, kept)


def _cleanups(site: Site) -> Iterator[Iterator[Step | Note]]:
    yield _old_versions(site)
    if site.project.image_uri is None:
        yield cleanup.images(site)


def _old_versions(site: Site) -> Iterator[Step | Note]:
    for steps in side_by_side(
        lambda wanted: [*cleanup.versions(site, wanted)], site.project.functions
    ):
        yield from steps


def _cleanup(site: Site) -> Iterator[Step | Note]:
    for steps in _cleanups(site):
        yield from steps


def _needs_digest(only: Collection[str] | None) -> bool:
    return only is None or bool({"image", "function", "release"} & set(only))


def _given_digest(project: Project) -> str | None:
    if project.image_uri is None:
        return None
    digest = project.image_uri.partition("@")[2]
    if not digest.startswith("sha256:"):
        raise DeployError(f"the image {project.image_uri} is not given by its digest")
    return digest
