"""The event source mapping: what Lambda polls, and how much of it at a time."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.resources import account
from amazon_lambda_runtime.deploy.resources.foreign import settings
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import SqsTrigger

_STEADY = ("Enabled", "Disabled")
_POLLS = ("Creating", "Enabling", "Enabled", "Updating")
_READY = 300.0


def plan(site: Site, function: Function, trigger: SqsTrigger) -> Iterator[Step]:
    """Yield what makes the mapping what is declared."""
    live = find(site, function, trigger.queue)
    what = f"mapping of queue {trigger.queue} to {function.name}"
    if live is None:
        yield Step(
            "create",
            "trigger",
            what,
            "it does not exist yet",
            lambda: _create(site, function, trigger),
        )
        return
    scaling = (live.get("ScalingConfig") or {}).get("MaximumConcurrency")
    reports = "ReportBatchItemFailures" in (live.get("FunctionResponseTypes") or [])
    enabled = live.get("State") not in ("Disabled", "Disabling")
    pairs = [
        ("function", live["FunctionArn"], site.live_arn(function)),
        ("batch size", live.get("BatchSize"), trigger.batch_size),
        ("window", live.get("MaximumBatchingWindowInSeconds") or 0, trigger.window),
        ("maximum concurrency", scaling, trigger.max_concurrency),
        ("report batch item failures", reports, trigger.report_batch_item_failures),
        ("enabled", enabled, trigger.enabled),
    ]
    if changes := list(differences(pairs)):
        yield Step(
            "update", "trigger", what, "; ".join(changes),
            lambda: _update(site, function, trigger), changes=tuple(changes),
        )  # fmt: skip


def prune(site: Site, function: Function) -> Iterator[Step]:
    """Yield the removal of mappings that are ours and not declared."""
    declared = {site.aws.arn("sqs", trigger.queue) for trigger in function.triggers_of(SqsTrigger)}
    for live in of_function(site, function):
        source = live.get("EventSourceArn", "")
        if source in declared or live.get("State") == "Deleting" or not is_ours(site, live):
            continue
        yield Step(
            "delete", "trigger",
            f"mapping of queue {queue_of(live)} to {function.name}",
            "it is not declared",
            partial(_delete, site, live["UUID"]),
            live["UUID"],
        )  # fmt: skip


def stop(site: Site, function: Function) -> Iterator[Step]:
    """Yield the end of polling for a function that has left the table; the mappings stay."""
    for live in of_function(site, function):
        if live.get("State") in _POLLS and is_ours(site, live):
            yield Step(
                "update", "trigger", f"mapping of queue {queue_of(live)} to {function.name}",
                "the function is not in pyproject.toml any more: enabled True → False",
                partial(_disable, site, live["UUID"]), live["UUID"],
            )  # fmt: skip


def _disable(site: Site, uuid: str) -> None:
    _wait(site, uuid)
    if site.aws.find("lambda", "get_event_source_mapping", UUID=uuid) is not None:
        site.aws.call("lambda", "update_event_source_mapping", UUID=uuid, Enabled=False)
        _wait(site, uuid)


def find(site: Site, function: Function, queue: str) -> Reply | None:
    """Return the mapping of a queue to this function, whichever of its versions it names."""
    return next(
        (
            mapping
            for mapping in of_queue(site, queue)
            if account.is_of(mapping["FunctionArn"], site, [function])
        ),
        None,
    )


def of_queue(site: Site, queue: str) -> Iterator[Reply]:
    """Yield the mappings of a queue to any function."""
    yield from _live(site, "EventSourceArn", site.aws.arn("sqs", queue))


def of_function(site: Site, function: Function) -> Iterator[Reply]:
    """Yield the mappings of the function's alias, and of the function itself."""
    for arn in (site.live_arn(function), site.function_arn(function)):
        yield from _live(site, "FunctionName", arn)


def _live(site: Site, by: str, arn: str) -> Iterator[Reply]:
    """Yield the mappings whose source, or function, is this. A plan lists all of them, once."""
    narrow = {} if site.aws.shares else {by: arn}
    key = {"FunctionName": "FunctionArn"}.get(by, by)
    for live in site.aws.pages(
        "lambda", "list_event_source_mappings", "EventSourceMappings", **narrow
    ):
        if narrow or live.get(key) == arn:
            yield live


def queue_of(live: Reply) -> str:
    """Return the name of the queue that a mapping polls."""
    return str(live.get("EventSourceArn", "")).rpartition(":")[2]


def _delete(site: Site, uuid: str) -> None:
    # AWS refuses to delete a mapping that is changing.
    _wait(site, uuid)
    site.aws.remove("lambda", "delete_event_source_mapping", UUID=uuid)


def is_ours(site: Site, live: Reply) -> bool:
    """Say whether the mapping carries the project's tag."""
    arn = site.aws.arn("lambda", f"event-source-mapping:{live['UUID']}")
    found = site.aws.find("lambda", "list_tags", Resource=arn)
    return found is not None and site.ours(found.get("Tags"))


def _settings(site: Site, function: Function, trigger: SqsTrigger) -> dict[str, Any]:
    types = ["ReportBatchItemFailures"] if trigger.report_batch_item_failures else []
    scaling = (
        {} if trigger.max_concurrency is None else {"MaximumConcurrency": trigger.max_concurrency}
    )
    return {
        "FunctionName": site.live_arn(function),
        "BatchSize": trigger.batch_size,
        "FunctionResponseTypes": types,
        "ScalingConfig": scaling,
        "Enabled": trigger.enabled,
        # AWS refuses a window for a FIFO queue, even 0.
        **({} if trigger.fifo else {"MaximumBatchingWindowInSeconds": trigger.window}),
    }


def _create(site: Site, function: Function, trigger: SqsTrigger) -> None:
    made = site.aws.create(
        "lambda",
        "create_event_source_mapping",
        look=lambda: find(site, function, trigger.queue),
        EventSourceArn=site.aws.arn("sqs", trigger.queue),
        Tags=site.tags,
        **_settings(site, function, trigger),
    )
    _wait(site, made["UUID"])


def _update(site: Site, function: Function, trigger: SqsTrigger) -> None:
    live = find(site, function, trigger.queue)
    if live is None:
        return _create(site, function, trigger)
    _wait(site, live["UUID"])
    site.aws.call(
        "lambda",
        "update_event_source_mapping",
        UUID=live["UUID"],
        **_settings(site, function, trigger),
    )
    return _wait(site, live["UUID"])


def _wait(site: Site, uuid: str) -> None:
    """Wait until the mapping is enabled or disabled, and not on its way there."""

    def ready() -> str | None:
        live = site.aws.find("lambda", "get_event_source_mapping", UUID=uuid)
        if live is None or live.get("State") in _STEADY:
            return None
        reason = live.get("StateTransitionReason") or live.get("LastProcessingResult") or ""
        if "fail" in str(live.get("State")).lower():
            raise DeployError(f"the event source mapping {uuid} failed: {reason}")
        return f"{live.get('State')}{f', {reason}' if reason else ''}"

    site.aws.retry.wait(ready, f"event source mapping {uuid}", _READY)


def foreign(site: Site, function: Function, trigger: SqsTrigger) -> Iterator[Step]:
    """Yield what is set in a mapping of ours, and not declared."""
    live = find(site, function, trigger.queue)
    if live is None or not is_ours(site, live):
        return
    usual: dict[str, Any] = {
        "FilterCriteria": {},
        "KMSKeyArn": "",
        "MetricsConfig": {},
        "LoggingConfig": {},
        "DestinationConfig": {},
        "ProvisionedPollerConfig": {},
        "TumblingWindowInSeconds": 0,
    }
    what = f"mapping of queue {trigger.queue} to {function.name}"
    yield from settings("trigger", what, live, _settings(site, function, trigger), usual)
