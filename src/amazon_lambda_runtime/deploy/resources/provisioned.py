"""Provisioned concurrency: environments that wait for the events of the alias."""

from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.site import LIVE, Site
from amazon_lambda_runtime.project.declaration import Function

from . import record
from .foreign import foreign as undeclared

#: Seconds for the environments to be there: hundreds of them are started in minutes.
READY = 900.0


def plan(site: Site, function: Function) -> Iterator[Step]:
    """Yield what makes as many as declared; none if they were declared before."""
    if not record.managed(function) & {*record.PROVISIONED}:
        return
    live = find(site, function)
    # What has failed is asked for again.
    failed = live is not None and live.get("Status") == "FAILED"
    now = _count(live)
    changes = tuple(differences([("", now, function.provisioned_concurrency)]))
    if changes or failed:
        yield Step(
            "update", "release", f"provisioned concurrency of function {function.name}",
            change := (changes[0].strip() if changes else _reason(live)),
            lambda: _provision(site, function), changes=(change,),
        )  # fmt: skip
    else:
        yield from record.plan(site, function, record.PROVISIONED)


def foreign(site: Site, function: Function) -> Iterator[Step]:
    """Yield how many were asked for by hand."""
    if not record.managed(function) & {*record.PROVISIONED}:
        count = _count(find(site, function))
        if count is not None:
            what = f"provisioned concurrency of function {function.name}"
            yield undeclared("release", what, str(count))


def _count(live: Reply | None) -> int | None:
    return None if live is None else live.get("RequestedProvisionedConcurrentExecutions")


def find(site: Site, function: Function) -> Reply | None:
    """Return what is provisioned for the alias, None if nothing is."""
    return site.aws.find(
        "lambda", "get_provisioned_concurrency_config", FunctionName=function.name, Qualifier=LIVE
    )


def _provision(site: Site, function: Function) -> None:
    where: dict[str, Any] = {"FunctionName": function.name, "Qualifier": LIVE}
    count = function.provisioned_concurrency
    if count is None:
        site.aws.remove("lambda", "delete_provisioned_concurrency_config", **where)
        record.settle(site, function, record.PROVISIONED)
        return
    record.add(site, function, record.PROVISIONED)
    site.aws.call(
        "lambda", "put_provisioned_concurrency_config",
        **where, ProvisionedConcurrentExecutions=count,
    )  # fmt: skip
    what = f"provisioned concurrency of function {function.name}"

    def ready() -> str | None:
        live = find(site, function) or {}
        if live.get("Status") == "FAILED":
            raise DeployError(f"the {what} failed: {_reason(live)}")
        return None if live.get("Status") == "READY" else f"{live.get('Status')}"

    site.aws.retry.wait(ready, what, READY)


def _reason(live: Reply | None) -> str:
    return str((live or {}).get("StatusReason") or "AWS gives no reason")
