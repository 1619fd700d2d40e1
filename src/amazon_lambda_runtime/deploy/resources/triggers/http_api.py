"""HTTP APIs: made whole by one request, with the alias behind every route."""

from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.policy.statement import Names, Statement
from amazon_lambda_runtime.deploy.resources import labels
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


KIND = Kind(word="http", plan=_plan, remove=_remove, deployer=_deployer, sids=_sids)
