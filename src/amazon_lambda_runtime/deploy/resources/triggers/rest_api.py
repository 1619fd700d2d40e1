"""REST APIs: an empty one is made, then defined as a whole, and deployed to its stage.

The description of the deployment has a mark of the definition. So a plan sees what is live in the
stage, and a run that ends between two requests is made good by the next.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.policy.statement import Names, Statement
from amazon_lambda_runtime.deploy.resources import labels
from amazon_lambda_runtime.deploy.resources.store import Store, Tags
from amazon_lambda_runtime.deploy.site import LIVE, Site
from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.triggers import RestApiTrigger

from . import gateway, permission
from .kind import Kind

_SERVICE = "apigateway"
# How long the gateway waits for a response that streams: as long as a function may run.
_STREAM_MS = 900_000


def _sid(trigger: RestApiTrigger) -> str:
    return permission.sid("rest", trigger.api)


def _plan(site: Site, function: Function, trigger: RestApiTrigger) -> Iterator[Step]:
    """Yield what makes the API, defines it, and lets it invoke the alias."""
    live = _find(site, trigger.api)
    what = f"REST API {trigger.api}"
    tags = labels.shared(site, lambda other: trigger.api in _names(other))
    if live is None:
        yield Step(
            "create", "trigger", what, "it does not exist yet",
            lambda: site.aws.create(
                _SERVICE, "create_rest_api", look=lambda: _find(site, trigger.api),
                name=trigger.api, endpointConfiguration={"types": ["REGIONAL"]},
                tags=labels.of(site, tags),
            ),
        )  # fmt: skip
    else:
        site.check_ours(what, live.get("tags") or {})
    if live is None or _deployed(site, live["id"]) != _mark(_definition(site, function, trigger)):
        yield Step(
            "update", "trigger", f"definition of {what}", "it is not as declared",
            lambda: _define(site, function, trigger),
        )  # fmt: skip
    if live is None:
        yield gateway.allow_new(
            site, function, _sid(trigger), lambda: (_find(site, trigger.api) or {}).get("id")
        )
    else:
        yield from gateway.allow(site, function, _sid(trigger), live["id"])
        if labels.asked(function):
            yield from _labels(site, live, tags)


def _labels(site: Site, live: Reply, tags: dict[str, str]) -> Iterator[Step]:
    arn = gateway.arn(site, f"/restapis/{live['id']}")
    yield from labels.plan(
        "trigger", f"REST API {live['name']}", live.get("tags"), tags,
        lambda tags: site.aws.call(_SERVICE, "tag_resource", resourceArn=arn, tags=tags),
        lambda keys: site.aws.call(_SERVICE, "untag_resource", resourceArn=arn, tagKeys=keys),
    )  # fmt: skip


def _names(function: Function) -> list[str]:
    return [trigger.api for trigger in function.triggers_of(RestApiTrigger)]


def _define(site: Site, function: Function, trigger: RestApiTrigger) -> None:
    live = _find(site, trigger.api)
    if live is None:
        raise DeployError(f"the REST API {trigger.api} was deleted while it was made: deploy again")
    body = _definition(site, function, trigger)
    api = {"restApiId": live["id"]}
    site.aws.call(_SERVICE, "put_rest_api", **api, mode="overwrite", body=body)
    site.aws.call(_SERVICE, "create_deployment", **api, stageName=LIVE, description=_mark(body))


def _definition(site: Site, function: Function, trigger: RestApiTrigger) -> str:
    """Return the API as OpenAPI: every path and every method is one integration."""
    call = "2021-11-15/functions/{}/response-streaming-invocations"
    more: dict[str, Any] = {"responseTransferMode": "STREAM", "timeoutInMillis": _STREAM_MS}
    if not trigger.streams:
        call, more = "2015-03-31/functions/{}/invocations", {}
    aws = site.aws
    place = f"arn:{aws.partition}:apigateway:{aws.region}:lambda:path/"
    integration = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": place + call.format(site.live_arn(function)),
        **more,
    }
    method = {"x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": integration}}
    document: dict[str, Any] = {
        "openapi": "3.0.1",
        "info": {"title": trigger.api, "version": "1"},
        "paths": {"/": method, "/{proxy+}": method},
    }
    if function.web:
        # An application gets and gives bytes: without it the gateway would decode them as text.
        document["x-amazon-apigateway-binary-media-types"] = ["*/*"]
    return json.dumps(document)


def _mark(definition: str) -> str:
    return f"lambda-runtime {hashlib.sha256(definition.encode()).hexdigest()[:16]}"


def _deployed(site: Site, api: str) -> str | None:
    """Return the mark of what is live in the stage, None if nothing of ours is."""
    stage = site.aws.find(_SERVICE, "get_stage", restApiId=api, stageName=LIVE)
    if stage is None:
        return None
    found = site.aws.find(
        _SERVICE, "get_deployment", restApiId=api, deploymentId=stage["deploymentId"]
    )
    return None if found is None else found.get("description")


def _find(site: Site, name: str) -> Reply | None:
    """Return the REST API of that name, None if there is none."""
    apis = site.aws.pages(_SERVICE, "get_rest_apis", "items")
    return next((dict(api) for api in apis if api["name"] == name), None)


def _ours(site: Site, name: str) -> Reply | None:
    """Return the REST API of that name that is ours, None if there is none."""
    apis = site.aws.pages(_SERVICE, "get_rest_apis", "items")
    return next((dict(a) for a in apis if a["name"] == name and site.ours(a.get("tags"))), None)


def _tags(site: Site, name: str) -> Tags | None:
    live = _ours(site, name) or _find(site, name)
    return None if live is None else live.get("tags") or {}


def _found(site: Site) -> Iterator[tuple[str, Tags]]:
    for api in site.aws.pages(_SERVICE, "get_rest_apis", "items"):
        yield api["name"], api.get("tags") or {}


def _delete(site: Site, name: str) -> None:
    if (live := _ours(site, name)) is not None:
        site.aws.remove(_SERVICE, "delete_rest_api", restApiId=live["id"])


def _remove(site: Site, function: Function, source: str) -> Iterator[Step]:
    """Yield the removal of an API that is ours."""
    place = {"restApiId": gateway.api_of(source)}
    live = site.aws.find(_SERVICE, "get_rest_api", **place)
    if live is not None:
        yield from gateway.removal(
            site, f"REST API {live['name']}", live.get("tags"),
            lambda: site.aws.remove(_SERVICE, "delete_rest_api", **place),
        )  # fmt: skip


def _deployer(project: Project, names: Names) -> Iterator[Statement]:
    if project.triggers_of(RestApiTrigger):
        yield gateway.statement(names, "RestApis", "/restapis", "GET", "POST", "PUT", "DELETE")


def _sids(site: Site, trigger: Any) -> list[str]:
    return [_sid(trigger)]


KIND = Kind(
    word="rest",
    plan=_plan,
    remove=_remove,
    deployer=_deployer,
    sids=_sids,
    # One that a killed run has made has no statement yet.
    store=Store("REST API", lambda site, function: _names(function), _tags, _delete, found=_found),
)
