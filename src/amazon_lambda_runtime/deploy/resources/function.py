"""The function itself: created or updated, and waited for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import AwsError, DeployError
from amazon_lambda_runtime.deploy.plan import Note, Step, differences
from amazon_lambda_runtime.deploy.site import TABLE_TAG, Site, owner
from amazon_lambda_runtime.project.declaration import Function

from . import configuration, labels, record, role
from .foreign import foreign

#: Seconds for a function to become active: Lambda optimizes the image, and joins the VPC.
READY = 600.0
#: How often a change is tried whose revision AWS says is old: Lambda itself changes it, too.
ATTEMPTS = 5


def plan(site: Site, function: Function) -> Iterator[Step | Note]:
    """Yield what makes the function what it should be, but for its versions."""
    found = find(site, function)
    what = f"function {function.name}"
    if found is None:
        why = "it does not exist yet"
        yield Step("create", "function", what, why, lambda: _create(site, function))
    else:
        check_ours(site, function, found)
        yield from _updates(site, function, found)
    reserved = _reserved(found)
    wanted = function.reserved_concurrency
    if reserved != wanted and record.managed(function) & {*record.RESERVED}:
        yield Step(
            "update", "function", f"reserved concurrency of {what}",
            (change := next(differences([("", reserved, wanted)])).strip()),
            lambda: _reserve(site, function), changes=(change,),
        )  # fmt: skip
    else:
        yield from record.plan(site, function, record.RESERVED)


def _reserved(found: Reply | None) -> int | None:
    reserved: int | None = (found or {}).get("Concurrency", {}).get("ReservedConcurrentExecutions")
    return reserved


def _updates(site: Site, function: Function, found: Reply) -> Iterator[Step]:
    what = f"function {function.name}"
    live = found["Configuration"]
    if changes := list(configuration.changes(function, live)):
        yield Step(
            "update", "function", f"configuration of {what}", "; ".join(changes),
            partial(_configure, site, function, changes), changes=tuple(changes),
        )  # fmt: skip
    if changes := list(code_changes(site, live)):
        yield Step(
            "update", "function", f"code of {what}", "; ".join(changes),
            partial(_update_code, site, function, live.get("CodeSha256")), changes=tuple(changes),
        )  # fmt: skip
    tags = found.get("Tags") or {}
    wanted = {TABLE_TAG: site.table}
    if record.names(tags) is None:
        wanted[record.TAG] = record.text(record.declared(function))
    missing = labels.missing_of(tags, wanted)
    if missing:
        yield Step(
            "update", "function", f"tags of {what}", ", ".join(sorted(missing)),
            lambda: site.aws.call(
                "lambda", "tag_resource", Resource=site.function_arn(function), Tags=missing
            ),
            changes=tuple(
                differences((key, tags.get(key), missing[key]) for key in sorted(missing))
            ),
        )  # fmt: skip


def plan_labels(site: Site, function: Function) -> Iterator[Step]:
    """Yield what gives the function its table's tags.

    It is the last: until then those that are gone tell that there may be some on the rest, too.
    """
    found = find(site, function)
    if found is not None:
        arn = site.function_arn(function)
        yield from labels.plan(
            "function", f"function {function.name}", found.get("Tags"), function.tags,
            lambda tags: site.aws.call("lambda", "tag_resource", Resource=arn, Tags=tags),
            lambda keys: site.aws.call("lambda", "untag_resource", Resource=arn, TagKeys=keys),
        )  # fmt: skip


def find(site: Site, function: Function, qualifier: str | None = None) -> Reply | None:
    """Return what Lambda knows of the function, None if there is none."""
    more = {} if qualifier is None else {"Qualifier": qualifier}
    return site.aws.find("lambda", "get_function", FunctionName=function.name, **more)


def check_ours(site: Site, function: Function, found: Reply) -> None:
    """Raise DeployError if the function that was found is not this project's."""
    site.check_ours(f"function {function.name}", found.get("Tags") or {}, adopt=True)


def adopt(site: Site, function: Function) -> Iterator[Step]:
    """Yield the tag that hands an existing function over to this project, and nothing else."""
    found = find(site, function)
    tags = (found or {}).get("Tags")
    if found is not None and not site.ours(tags):
        project = owner(tags)
        yield Step(
            "update", "function", f"tag of function {function.name}",
            f"project {project or 'none'} → {site.project.name}",
            lambda: site.aws.call(
                "lambda", "tag_resource", Resource=site.function_arn(function), Tags=site.tags
            ),
        )  # fmt: skip


def changes(site: Site, function: Function, live: Mapping[str, Any]) -> list[str]:
    """Return what differs between a version's configuration and what is wanted."""
    return [*configuration.changes(function, live), *code_changes(site, live)]


def code_changes(site: Site, live: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs in the image and its architecture."""
    architecture = (live.get("Architectures") or ["x86_64"])[0]
    yield from differences([("architecture", architecture, site.project.architecture)])
    if site.digest is None:
        yield "the image is built first"
    elif site.digest != f"sha256:{live.get('CodeSha256')}":
        yield f"image {_short(live.get('CodeSha256'))} → {_short(site.digest)}"


def wait(site: Site, function: Function, qualifier: str | None = None) -> Reply:
    """Wait until the function can be invoked and changed, and return its configuration then.

    Raises DeployError if it never will be.
    """
    live: Reply = {}
    what = f"function {function.name}" + (f":{qualifier}" if qualifier else "")
    more: dict[str, Any] = {} if qualifier is None else {"Qualifier": qualifier}

    def ready() -> str | None:
        nonlocal live
        live = site.aws.call(
            "lambda", "get_function_configuration", FunctionName=function.name, **more
        )
        state, update = live.get("State", "Active"), live.get("LastUpdateStatus", "Successful")
        if state == "Failed":
            raise DeployError(f"{what} failed: {_reason(live, 'State')}")
        if update == "Failed":
            raise DeployError(f"the update of {what} failed: {_reason(live, 'LastUpdateStatus')}")
        if state == "Pending":
            return f"Pending, {_reason(live, 'State')}"
        if update == "InProgress":
            return f"InProgress, {_reason(live, 'LastUpdateStatus')}"
        # A function is inactive after weeks without an invocation; it can be changed.
        return None

    site.aws.retry.wait(ready, what, READY)
    return live


def revision(live: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameter by which AWS refuses a change of what was changed since it was read."""
    return {"RevisionId": live["RevisionId"]} if live.get("RevisionId") else {}


def meanwhile(site: Site, function: Function, live: Mapping[str, Any]) -> list[str]:
    """Return what somebody else has changed, as far as AWS tells.

    What was never read has no role. An emulator may not tell the code's hash.
    """
    if "Role" not in live:
        return []
    code = code_changes(site, live) if live.get("CodeSha256") else ()
    return [*configuration.changes(function, live), *code]


def changed_meanwhile(function: Function, changes: Sequence[str] = ()) -> DeployError:
    """Return the error for a function that somebody else changes at the same time."""
    told = f" ({', '.join(changes)})" if changes else ""
    return DeployError(
        f"function {function.name} was changed by somebody else since this deployment looked at "
        f"it{told}, and what is live has not moved: see what differs (lambda-runtime plan), then "
        "deploy again"
    )


def _swap(
    site: Site,
    function: Function,
    as_planned: Callable[[Reply], bool],
    done: Callable[[Reply], bool],
    change: Callable[[Reply], object],
) -> None:
    """Change a function that is as the plan saw it; AWS refuses if it is not, by its revision.

    Lambda itself changes the revision, too: then the function is as planned still, and another
    attempt is worth it.
    """
    for _ in range(ATTEMPTS):
        live = wait(site, function)
        if done(live):
            return
        if not as_planned(live):
            raise changed_meanwhile(function)
        try:
            change(live)
        except AwsError as error:
            if error.code != "PreconditionFailedException":
                raise
        else:
            wait(site, function)
            return
    raise changed_meanwhile(function)


def _reason(live: Mapping[str, Any], of: str) -> str:
    code, text = live.get(f"{of}ReasonCode"), live.get(f"{of}Reason")
    return ": ".join(part for part in (code, text) if part) or "AWS gives no reason"


def _create(site: Site, function: Function) -> None:
    def look() -> Reply | None:
        found = find(site, function)
        if found is not None:
            check_ours(site, function, found)
        return found

    site.aws.create(
        "lambda",
        "create_function",
        look=look,
        fresh_role=role.is_fresh(site, function),
        PackageType="Image",
        Code={"ImageUri": site.image_uri},
        Architectures=[site.project.architecture],
        Tags={
            **labels.of(site, function.tags),
            record.TAG: record.text(record.declared(function)),
        },
        **configuration.parameters(site, function, {}),
    )
    wait(site, function)


def _configure(site: Site, function: Function, planned: list[str]) -> None:
    def differs(live: Reply) -> list[str]:
        return list(configuration.changes(function, live)) if "Role" in live else planned

    record.add(site, function, record.CONFIGURATION)
    _swap(
        site,
        function,
        lambda live: differs(live) == planned,
        lambda live: not differs(live),
        lambda live: site.aws.create(
            "lambda",
            "update_function_configuration",
            # If the request is repeated, the result is the same.
            look=lambda: None,
            fresh_role=role.is_fresh(site, function),
            **configuration.parameters(site, function, live),
            **revision(live),
        ),
    )


def _update_code(site: Site, function: Function, planned: str | None) -> None:
    _swap(
        site,
        function,
        lambda live: live.get("CodeSha256", planned) == planned,
        lambda live: "CodeSha256" in live and not list(code_changes(site, live)),
        lambda live: site.aws.call(
            "lambda",
            "update_function_code",
            FunctionName=function.name,
            ImageUri=site.image_uri,
            Architectures=[site.project.architecture],
            **revision(live),
        ),
    )


def _reserve(site: Site, function: Function) -> None:
    record.add(site, function, record.RESERVED)
    if function.reserved_concurrency is None:
        site.aws.remove("lambda", "delete_function_concurrency", FunctionName=function.name)
    else:
        site.aws.call(
            "lambda",
            "put_function_concurrency",
            FunctionName=function.name,
            ReservedConcurrentExecutions=function.reserved_concurrency,
        )
    record.settle(site, function, record.RESERVED)


def _short(digest: str | None) -> str:
    return (digest or "none").removeprefix("sha256:")[:12]


def foreign_concurrency(function: Function, found: Reply) -> Iterator[Step]:
    """Yield the reserved concurrency that was set by hand."""
    reserved = _reserved(found)
    if reserved is not None and not record.managed(function) & {*record.RESERVED}:
        what = f"reserved concurrency of function {function.name}"
        yield foreign("function", what, str(reserved))


def foreign_tags(function: Function, found: Reply) -> Iterator[Step]:
    """Yield the tags that are neither declared, nor ours, nor AWS's."""
    tags = found.get("Tags") or {}
    # Those that have left the table are the plan's.
    gone = labels.gone_of(tags, function.tags)
    for key, value in sorted(tags.items()):
        if key not in (*function.tags, *gone) and not key.startswith(("lambda-runtime:", "aws:")):
            yield foreign("function", f"tag {key} of function {function.name}", value)
