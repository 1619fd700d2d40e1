"""Asynchronous invocations of the alias: how often they are retried, and where results go."""

from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.site import LIVE, Site
from amazon_lambda_runtime.project.aws_limits import ASYNC_EVENT_AGE, ASYNC_RETRIES
from amazon_lambda_runtime.project.declaration import Function

from . import record
from .foreign import foreign as undeclared

# What a setting is called, by its key.
_NAMES = {
    "maximum_retry_attempts": "retries",
    "maximum_event_age": "event age",
    "on_failure": "on failure",
    "on_success": "on success",
}
_USUAL = {
    "maximum_retry_attempts": ASYNC_RETRIES,
    "maximum_event_age": ASYNC_EVENT_AGE,
    "on_failure": None,
    "on_success": None,
}


def plan(site: Site, function: Function) -> Iterator[Step]:
    """Yield what makes them as declared; what was declared before is taken back."""
    if not _managed(function):
        return
    live = _live(find(site, function))
    wanted = {**live, **{key: getattr(function, key) for key in _managed(function)}}
    changes = tuple(differences((name, live[key], wanted[key]) for key, name in _NAMES.items()))
    if not changes:
        yield from record.plan(site, function, record.ASYNCHRONOUS)
        return

    def change() -> None:
        record.add(site, function, record.ASYNCHRONOUS)
        _put(site, function, _settings(wanted))
        record.settle(site, function, record.ASYNCHRONOUS)

    yield Step(
        "update", "release", f"asynchronous invocations of function {function.name}",
        "; ".join(changes), change, changes=changes,
    )  # fmt: skip


def find(site: Site, function: Function) -> Reply | None:
    """Return what is set for the alias, None if nothing is."""
    return site.aws.find(
        "lambda", "get_function_event_invoke_config", FunctionName=function.name, Qualifier=LIVE
    )


def foreign(site: Site, function: Function) -> Iterator[Step]:
    """Yield what was set by hand."""
    for key, value in _live(find(site, function)).items():
        if key not in _managed(function) and value != _USUAL[key]:
            what = f"{_NAMES[key]} of asynchronous invocations of function {function.name}"
            yield undeclared("release", what, str(value))


def _managed(function: Function) -> list[str]:
    return [key for key in _NAMES if key in record.managed(function)]


def _live(live: Reply | None) -> dict[str, Any]:
    """Return what is live by our keys."""
    there = live or {}
    ends = there.get("DestinationConfig") or {}
    found = {
        "maximum_retry_attempts": there.get("MaximumRetryAttempts"),
        "maximum_event_age": there.get("MaximumEventAgeInSeconds"),
        "on_failure": (ends.get("OnFailure") or {}).get("Destination"),
        "on_success": (ends.get("OnSuccess") or {}).get("Destination"),
    }
    return {key: _USUAL[key] if value is None else value for key, value in found.items()}


def _put(site: Site, function: Function, settings: dict[str, Any]) -> None:
    where: dict[str, Any] = {"FunctionName": function.name, "Qualifier": LIVE}
    if settings:
        site.aws.call("lambda", "put_function_event_invoke_config", **where, **settings)
    else:
        site.aws.remove("lambda", "delete_function_event_invoke_config", **where)


def _settings(wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what is sent, nothing if all is as AWS has it. A setting that is left out is reset."""
    found: dict[str, Any] = {}
    if wanted["maximum_retry_attempts"] != ASYNC_RETRIES:
        found["MaximumRetryAttempts"] = wanted["maximum_retry_attempts"]
    if wanted["maximum_event_age"] != ASYNC_EVENT_AGE:
        found["MaximumEventAgeInSeconds"] = wanted["maximum_event_age"]
    ends = {"OnFailure": wanted["on_failure"], "OnSuccess": wanted["on_success"]}
    named = {key: {"Destination": arn} for key, arn in ends.items() if arn is not None}
    return {**found, "DestinationConfig": named} if named else found
