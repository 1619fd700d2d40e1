"""HTTP APIs: made whole by one request, with the alias behind every route."""

from collections.abc import Iterator, Sequence
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.policy.statement import Names, Statement
from amazon_lambda_runtime.deploy.resources import account, labels
from amazon_lambda_runtime.deploy.resources.store import Store, Tags
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.triggers import HttpApiTrigger

from . import gateway, permission
from .kind import Kind

_SERVICE = "apigatewayv2"


def _sid(trigger: HttpApiTrigger) -> str:
    return permission.sid("http", trigger.api)


def _plan(site: Site, function: Function, trigger: HttpApiTrigger) -> Iterator[Step]:
    """Yield what makes the API, points it at the alias, and lets it invoke that."""
    live = _find(site, trigger.api)
    what = f"HTTP API {trigger.api}"
    tags = labels.shared(site, lambda other: trigger.api in _names(other))
    if live is None:
        yield Step(
            "create", "trigger", what, "it does not exist yet",
            lambda: site.aws.create(
                _SERVICE, "create_api", look=lambda: _find(site, trigger.api),
                Name=trigger.api, ProtocolType="HTTP", Target=site.live_arn(function),
                Tags=labels.of(site, tags),
            ),
        )  # fmt: skip
        yield gateway.allow_new(
            site, function, _sid(trigger), lambda: (_find(site, trigger.api) or {}).get("ApiId")
        )
        return
    site.check_ours(what, live.get("Tags") or {})
    # The ARN may be a part of an URI: ".../functions/ARN/invocations".
    if not any(site.live_arn(function) in target for target in _targets(site, live)):
        yield Step(
            "update", "trigger", what, f"its target → {function.name}",
            lambda: site.aws.call(
                _SERVICE, "update_api", ApiId=live["ApiId"], Target=site.live_arn(function)
            ),
        )  # fmt: skip
    yield from gateway.allow(site, function, _sid(trigger), live["ApiId"])
    if labels.asked(function):
        arn = gateway.arn(site, f"/apis/{live['ApiId']}")
        yield from labels.plan(
            "trigger", what, live.get("Tags"), tags,
            lambda tags: site.aws.call(_SERVICE, "tag_resource", ResourceArn=arn, Tags=tags),
            lambda keys: site.aws.call(_SERVICE, "untag_resource", ResourceArn=arn, TagKeys=keys),
        )  # fmt: skip


def _names(function: Function) -> list[str]:
    return [trigger.api for trigger in function.triggers_of(HttpApiTrigger)]


def _find(site: Site, name: str) -> Reply | None:
    """Return the HTTP API of that name, None if there is none."""
    for api in site.aws.pages(_SERVICE, "get_apis", "Items"):
        if api["Name"] == name and api["ProtocolType"] == "HTTP":
            return dict(api)
    return None


def _ours(site: Site, name: str) -> Reply | None:
    """Return the HTTP API of that name that is ours, None if there is none."""
    apis = site.aws.pages(_SERVICE, "get_apis", "Items")
    named = (dict(api) for api in apis if api["Name"] == name and api["ProtocolType"] == "HTTP")
    return next((api for api in named if site.ours(api.get("Tags"))), None)


def _tags(site: Site, name: str) -> Tags | None:
    live = _ours(site, name) or _find(site, name)
    return None if live is None else live.get("Tags") or {}


def _found(site: Site) -> Iterator[tuple[str, Tags]]:
    for api in site.aws.pages(_SERVICE, "get_apis", "Items"):
        if api["ProtocolType"] == "HTTP":
            yield api["Name"], api.get("Tags") or {}


def _users(site: Site, name: str, but: Sequence[Function]) -> list[str]:
    """Return the functions that the API leads to, but for these, and for those that are gone."""
    live = _ours(site, name)
    arns = [uri for uri in _targets(site, live) if ":function:" in uri] if live else []
    return [
        f"target {arn}"
        for arn in arns
        if not account.is_of(arn, site, but) and not account.is_gone(site, arn)
    ]


def _delete(site: Site, name: str) -> None:
    if (live := _ours(site, name)) is not None:
        site.aws.remove(_SERVICE, "delete_api", ApiId=live["ApiId"])


def _targets(site: Site, live: Reply) -> list[str]:
    found = site.aws.pages(_SERVICE, "get_integrations", "Items", ApiId=live["ApiId"])
    return [str(each.get("IntegrationUri")) for each in found]


def _remove(site: Site, function: Function, source: str) -> Iterator[Step]:
    """Yield the removal of an API that is ours."""
    place = {"ApiId": gateway.api_of(source)}
    live = site.aws.find(_SERVICE, "get_api", **place)
    if live is not None:
        yield from gateway.removal(
            site, f"HTTP API {live['Name']}", live.get("Tags"),
            lambda: site.aws.remove(_SERVICE, "delete_api", **place),
        )  # fmt: skip


def _deployer(project: Project, names: Names) -> Iterator[Statement]:
    if project.triggers_of(HttpApiTrigger):
        yield gateway.statement(names, "Apis", "/apis", "GET", "POST", "PUT", "PATCH", "DELETE")


def _sids(site: Site, trigger: Any) -> list[str]:
    return [_sid(trigger)]


KIND = Kind(
    word="http",
    plan=_plan,
    remove=_remove,
    deployer=_deployer,
    sids=_sids,
    # One that a killed run has made has no statement yet.
    store=Store(
        "HTTP API",
        lambda site, function: _names(function),
        _tags,
        _delete,
        users=_users,
        found=_found,
    ),
)
