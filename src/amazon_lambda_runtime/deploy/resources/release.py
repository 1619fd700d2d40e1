"""Versions and the alias `live`: publish, smoke test, move; and back.

The alias's description records what was live before, the newest first. So a rollback returns to a
version that was live, and not to one that failed its smoke test.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import AwsError, DeployError, SmokeTestFailed
from amazon_lambda_runtime.deploy.invoke import invoke
from amazon_lambda_runtime.deploy.plan import Action, Note, Step
from amazon_lambda_runtime.deploy.site import LIVE, Site
from amazon_lambda_runtime.project.declaration import Function

from . import asynchronous, configuration, executions, provisioned, record
from . import function as functions
from .foreign import foreign

_HISTORY = re.compile(r"before: ([\d ]*)")
_REMEMBERED = 20


@dataclass(frozen=True, slots=True)
class Live:
    """Where the alias points, and where it pointed before, the newest first."""

    version: str
    before: tuple[str, ...]
    #: What AWS changes with every change of the alias.
    revision: str = ""


def plan(site: Site, function: Function) -> Iterator[Step | Note]:
    """Yield the release, if what is live is not what is wanted."""
    live = find(site, function)
    what = f"alias {function.name}:{LIVE}"
    if live is None:
        yield _step(site, function, "create", what, "no version is live", None)
        return
    # A clean-up reads this list, too.
    there = versions(site, function)
    version = next((each for each in there if each["Version"] == live.version), None)
    changes = (
        [f"version {live.version} is gone"]
        if version is None
        else functions.changes(site, function, version)
    )
    if changes:
        why = f"version {live.version} is not what is wanted: {'; '.join(changes)}"
        yield _step(site, function, "update", what, why, live.version, changes)
    elif site.goes_live:
        yield from record.plan(site, function, record.CONFIGURATION)


def _step(
    site: Site,
    function: Function,
    action: Action,
    what: str,
    why: str,
    planned: str | None,
    changes: Sequence[str] = (),
) -> Step:
    def publish() -> None:
        _publish(site, function)

    if not site.goes_live:
        return Step(
            "create", "release", f"version of {function.name}", why, publish,
            changes=tuple(changes),
        )  # fmt: skip
    return Step(
        action, "release", what, why, lambda: _release(site, function, planned),
        changes=tuple(changes),
    )  # fmt: skip


def find(site: Site, function: Function) -> Live | None:
    """Return what is live, None if nothing is."""
    alias = _alias(site, function)
    if alias is None:
        return None
    history = _HISTORY.match(alias.get("Description") or "")
    before = tuple(history[1].split()) if history else ()
    return Live(alias["FunctionVersion"], before, alias.get("RevisionId") or "")


def rollback(site: Site, function: Function, to: str | None = None) -> tuple[str, str]:
    """Move the alias to the version that was live before, or to `to`; return both, old and new."""
    live = find(site, function)
    if live is None:
        raise DeployError(f"{function.name} has no alias {LIVE}: there is nothing to roll back")
    found = functions.find(site, function)
    if found is not None:
        functions.check_ours(site, function, found)
    there = {version["Version"] for version in versions(site, function)}
    if to is None:
        to = next((version for version in live.before if version in there), None)
        if to is None:
            raise DeployError(
                f"version {live.version} of {function.name} is the first: no other can be live"
            )
    elif to not in there:
        raise DeployError(
            f"{function.name} has no version {to}: choose one of {', '.join(sorted(there))}"
        )
    before = live.before[live.before.index(to) + 1 :] if to in live.before else live.before
    _move(site, function, to, before, live)
    return live.version, to


def versions(site: Site, function: Function) -> list[Reply]:
    """Return the configurations of the published versions, the newest first."""
    found = [
        dict(version)
        for version in site.aws.pages(
            "lambda", "list_versions_by_function", "Versions", FunctionName=function.name
        )
        if version["Version"].isdigit()
    ]
    return sorted(found, key=lambda version: -int(version["Version"]))


def _publish(site: Site, function: Function) -> str:
    """Publish a version, unless there is one as wanted, test it, and return its number."""
    live = functions.wait(site, function)
    # An earlier run may have published it already.
    published = _newest_as_wanted(site, function) or _new_version(site, function, live)
    version = str(published["Version"])
    functions.wait(site, function, version)
    if function.payload is not None:
        site.aws.retry.note(f"smoke test of version {version} with {function.payload.name}")
        payload = function.payload.read_bytes()
        if function.durable is not None:
            error = executions.smoke_test(site, function, version, payload)
        else:
            result = invoke(site.aws, function.name, payload, version)
            error = result.error if result.failed else None
        if error is not None:
            raise SmokeTestFailed(
                f"version {version} of {function.name} failed its smoke test, and {LIVE} has not "
                f"moved: {error}"
            )
    return version


def _release(site: Site, function: Function, planned: str | None) -> None:
    """Publish, test, and move the alias, if it still points at the version of the plan."""
    version = _publish(site, function)
    live = find(site, function)
    found = None if live is None else live.version
    if found not in (planned, version):
        raise _moved(function, planned, found)
    if live is None:
        made = site.aws.create(
            "lambda",
            "create_alias",
            look=lambda: _alias(site, function),
            FunctionName=function.name,
            Name=LIVE,
            FunctionVersion=version,
            Description=_described(()),
        )
        if made.get("FunctionVersion", version) != version:
            raise _moved(function, None, made.get("FunctionVersion"))
    elif live.version != version:
        _move(site, function, version, (live.version, *live.before), live)
    # Only now no version that is live has what was taken back.
    record.settle(site, function, record.CONFIGURATION)


def _new_version(site: Site, function: Function, live: Reply) -> Reply:
    """Publish the function as it is wanted; what somebody else has made of it is not published."""
    for _ in range(functions.ATTEMPTS):
        if changes := functions.meanwhile(site, function, live):
            raise functions.changed_meanwhile(function, changes)
        try:
            return site.aws.create(
                "lambda",
                "publish_version",
                look=lambda: _newest_as_wanted(site, function),
                FunctionName=function.name,
                CodeSha256=(site.digest or "").removeprefix("sha256:"),
                **functions.revision(live),
            )
        except AwsError as error:
            if error.code != "PreconditionFailedException":
                raise
        # So says AWS also when the reply to our own request was lost.
        if (made := _newest_as_wanted(site, function)) is not None:
            return made
        live = functions.wait(site, function)
    raise functions.changed_meanwhile(function)


def _moved(function: Function, planned: str | None, found: str | None) -> DeployError:
    return DeployError(
        f"the alias {function.name}:{LIVE} was at {f'version {planned}' if planned else 'none'} "
        f"and is at {f'version {found}' if found else 'none'} now: it was moved meanwhile, and "
        "is left there. See what is live (lambda-runtime plan), then deploy again"
    )


def _newest_as_wanted(site: Site, function: Function) -> Reply | None:
    newest = next(iter(versions(site, function)), None)
    if newest is None or functions.changes(site, function, newest):
        return None
    return newest


def _alias(site: Site, function: Function) -> Reply | None:
    return site.aws.find("lambda", "get_alias", FunctionName=function.name, Name=LIVE)


def _move(
    site: Site, function: Function, version: str, before: tuple[str, ...], live: Live
) -> None:
    """Move the alias, if it has not changed since `live` was read."""
    guard: dict[str, Any] = {"RevisionId": live.revision} if live.revision else {}
    try:
        site.aws.call(
            "lambda",
            "update_alias",
            FunctionName=function.name,
            Name=LIVE,
            FunctionVersion=version,
            Description=_described(before),
            # All traffic, if a share went to another version.
            RoutingConfig={"AdditionalVersionWeights": {}},
            **guard,
        )
    except AwsError as error:
        if error.code != "PreconditionFailedException":
            raise
        # So says AWS also when the reply to our own change was lost.
        now = find(site, function)
        if now is None or (now.version, now.before) != (version, before[:_REMEMBERED]):
            raise _moved(function, live.version, None if now is None else now.version) from None


def _described(before: tuple[str, ...]) -> str:
    return f"before: {' '.join(before[:_REMEMBERED])}"


def foreign_traffic(site: Site, function: Function) -> Iterator[Step]:
    """Yield what is live beside the version of the alias, and what its version has of others."""
    alias = _alias(site, function)
    if alias is None:
        return
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    for version, weight in sorted(weights.items()):
        yield foreign(
            "release", f"traffic of alias {function.name}:{LIVE}",
            f"{weight:.0%} to version {version}",
        )  # fmt: skip
    for version in versions(site, function):
        if version["Version"] == alias["FunctionVersion"]:
            yield from configuration.foreign(site, function, version)
    yield from asynchronous.foreign(site, function)
    yield from provisioned.foreign(site, function)
