"""What invokes a function: set up, changed, and removed when it is no longer declared.

`KINDS` is the registry: for each trigger of the project file, what it does in AWS.

The statements of the function's own resource policy are the record of what was set up: a trigger
begins with its statement, and the statement is removed last. So the next plan finds what a killed
run left half done, and what has left the project file.
"""

from collections.abc import Iterator, Mapping

from amazon_lambda_runtime.deploy.plan import Note, Step
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import (
    AlbTrigger,
    DynamoDbTrigger,
    HttpApiTrigger,
    KinesisTrigger,
    RestApiTrigger,
    RuleTrigger,
    S3Trigger,
    ScheduleTrigger,
    SnsTrigger,
    SqsTrigger,
    Trigger,
    UrlTrigger,
)

from . import alb, bucket, http_api, permission, queue, rest_api, rule, stream, topic, url
from .kind import Kind, Live

#: In the order in which triggers are removed: what sends goes before what it sends to.
KINDS: Mapping[type[Trigger], Kind] = {
    S3Trigger: bucket.KIND,
    SqsTrigger: queue.KIND,
    KinesisTrigger: stream.KIND,
    DynamoDbTrigger: stream.KIND,
    SnsTrigger: topic.KIND,
    RuleTrigger: rule.KIND,
    ScheduleTrigger: rule.KIND,
    AlbTrigger: alb.KIND,
    HttpApiTrigger: http_api.KIND,
    RestApiTrigger: rest_api.KIND,
    UrlTrigger: url.KIND,
}


def kinds() -> list[Kind]:
    """Return the kinds, each once."""
    return [*{id(kind): kind for kind in KINDS.values()}.values()]


def plan(site: Site, function: Function, *, prune: bool = True) -> Iterator[Step | Note]:
    """Yield what makes the function's triggers what is declared.

    `prune` removes those that are ours and no longer declared.
    """
    live = permission.read(site, function)
    declared: set[str] = set()
    for trigger in function.triggers:
        kind = KINDS[type(trigger)]
        for wanted in kind.permissions(site, trigger):
            declared.add(wanted.sid)
            yield from permission.plan(site, function, wanted, live)
        declared.update(kind.sids(site, trigger))
        yield from kind.plan(site, function, trigger)
    for kind in kinds():
        yield from kind.plan_all(site, function, prune)
    if prune:
        yield from _prune(site, function, live, declared)


def stop(site: Site, function: Function) -> Iterator[Step]:
    """Yield what keeps the events of its triggers from a function. What it has stays otherwise."""
    live = permission.read(site, function)
    for kind in kinds():
        yield from kind.stop(site, function, live)


def foreign(site: Site, function: Function) -> Iterator[Step]:
    """Yield what is live in the function's triggers and not declared."""
    for trigger in function.triggers:
        yield from KINDS[type(trigger)].foreign(site, function, trigger)


def _prune(site: Site, function: Function, live: Live, declared: set[str]) -> Iterator[Step]:
    for kind in kinds():
        yield from kind.prune(site, function, live)
    by_word = {kind.word: kind for kind in kinds() if kind.word}
    for sid, statement in live.items():
        if not permission.is_ours(sid) or sid in declared:
            continue
        kind, source = by_word.get(permission.word(sid), Kind()), permission.source(statement)
        if source:
            yield from kind.remove(site, function, source)
        yield permission.removal(site, function, sid, statement, kind.part)
