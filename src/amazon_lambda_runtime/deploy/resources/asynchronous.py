"""Asynchronous invocations of the alias: how often they are retried, and where results go."""

from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.site import LIVE, Site
from amazon_lambda_runtime.project.aws_limits import ASYNC_EVENT_AGE, ASYNC_RETRIES
from amazon_lambda_runtime.project.declaration import Function


def plan(site: Site, function: Function) -> Iterator[Step]:
    """Yield what makes them as declared; where nothing is, what was set is taken back."""
    live = find(site, function) or {}
    ends = live.get("DestinationConfig") or {}
    pairs = [
        ("retries", _or(live.get("MaximumRetryAttempts"), ASYNC_RETRIES),
         function.maximum_retry_attempts),
        ("event age", _or(live.get("MaximumEventAgeInSeconds"), ASYNC_EVENT_AGE),
         function.maximum_event_age),
        ("on failure", (ends.get("OnFailure") or {}).get("Destination"), function.on_failure),
        ("on success", (ends.get("OnSuccess") or {}).get("Destination"), function.on_success),
    ]  # fmt: skip
    changes = tuple(differences(pairs))
    if not changes:
        return
    where: dict[str, Any] = {"FunctionName": function.name, "Qualifier": LIVE}
    wanted = _settings(function)

    def change() -> None:
        if wanted:
            site.aws.call("lambda", "put_function_event_invoke_config", **where, **wanted)
        else:
            site.aws.remove("lambda", "delete_function_event_invoke_config", **where)

    yield Step(
        "update", "release", f"asynchronous invocations of function {function.name}",
        "; ".join(changes), change, changes=changes,
    )  # fmt: skip


def find(site: Site, function: Function) -> Reply | None:
    """Return what is set for the alias, None if nothing is."""
    return site.aws.find(
        "lambda", "get_function_event_invoke_config", FunctionName=function.name, Qualifier=LIVE
    )


def _settings(function: Function) -> dict[str, Any]:
    """Return what is sent, nothing if all is as AWS has it. A setting that is left out is reset."""
    found: dict[str, Any] = {}
    if function.maximum_retry_attempts != ASYNC_RETRIES:
        found["MaximumRetryAttempts"] = function.maximum_retry_attempts
    if function.maximum_event_age != ASYNC_EVENT_AGE:
        found["MaximumEventAgeInSeconds"] = function.maximum_event_age
    ends = {"OnFailure": function.on_failure, "OnSuccess": function.on_success}
    named = {key: {"Destination": arn} for key, arn in ends.items() if arn is not None}
    return {**found, "DestinationConfig": named} if named else found


def _or(value: int | None, usual: int) -> int:
    return usual if value is None else value
