"""The event source mapping: what Lambda polls, and how much of it at a time.

Of what AWS sets where nothing is asked for, the table's settings are named in a tag of the mapping,
as `record` names those of the function.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.resources import account, labels, record
from amazon_lambda_runtime.deploy.resources.foreign import settings
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

_STEADY = ("Enabled", "Disabled")
_POLLS = ("Creating", "Enabling", "Enabled", "Updating")
_READY = 300.0
# What a source is called, by the service in its ARN.
_NOUNS = {"sqs": "queue", "kinesis": "stream", "dynamodb": "table"}
# How a setting is called in a plan, where AWS has it, and what it is where nothing was asked for.
_NAMES: Mapping[str, tuple[str, Any]] = {
    "BatchSize": ("batch size", None),
    "MaximumBatchingWindowInSeconds": ("window", 0),
    "ScalingConfig": ("maximum concurrency", {}),
    "FunctionResponseTypes": ("report batch item failures", []),
    "FilterCriteria": ("filters", {}),
    "ParallelizationFactor": ("parallelization factor", 1),
    "BisectBatchOnFunctionError": ("bisect on error", False),
    "MaximumRetryAttempts": ("retries", -1),
    "MaximumRecordAgeInSeconds": ("record age", -1),
    "TumblingWindowInSeconds": ("tumbling window", 0),
    "DestinationConfig": ("on failure", {}),
    "Enabled": ("enabled", True),
}


@dataclass(frozen=True, slots=True)
class Polled:
    """What Lambda polls for a function: its ARN, and its settings by AWS's names."""

    arn: str
    settings: Mapping[str, Any]
    #: Settings that are sent only if they are not usual, or to take them back. What of them is
    #: live, and was never declared, was set by hand.
    extra: Mapping[str, Any] = field(default_factory=dict)
    #: What is sent when it is made, and can't be changed.
    fixed: Mapping[str, Any] = field(default_factory=dict)


def reports(wanted: bool) -> list[str]:
    """Return the setting by which a handler tells which records have failed."""
    return ["ReportBatchItemFailures"] if wanted else []


def filters(patterns: tuple[str, ...]) -> dict[str, Any]:
    """Return the setting for filters; an empty one takes them back."""
    return {"Filters": [{"Pattern": pattern} for pattern in patterns]} if patterns else {}


def plan(site: Site, function: Function, polled: Polled) -> Iterator[Step]:
    """Yield what makes the mapping what is declared."""
    live = find(site, function, polled.arn)
    what = f"mapping of {_what(polled.arn)} to {function.name}"
    if live is None:
        yield Step(
            "create", "trigger", what, "it does not exist yet",
            lambda: _create(site, function, polled),
        )  # fmt: skip
        return
    for key, value in polled.fixed.items():
        if live.get(key) not in (None, value):
            raise DeployError(
                f"the {what} has the starting position {live[key]}, and {value} is declared: AWS "
                "cannot change it. Set it back; or remove the trigger, deploy, and add it again"
            )
    pairs = [("function", live["FunctionArn"], site.live_arn(function))]
    managed = _managed(site, polled, live)
    pairs += [
        (_NAMES[key][0], _plain(key, _of(live, key)), _plain(key, value))
        for key, value in {**polled.settings, **polled.extra}.items()
        if key in polled.settings or key in managed
    ]
    if changes := tuple(differences(pairs)):
        yield Step(
            "update", "trigger", what, "; ".join(changes),
            lambda: _update(site, function, polled), changes=changes,
        )  # fmt: skip
    elif managed and _recorded(site, live) != (now := _declared(polled)):
        yield Step(
            "update", "trigger", f"record of settings of {what}", record.text(now),
            lambda: _write(site, live["UUID"], now),
        )  # fmt: skip
    if labels.asked(function) and is_ours(site, live):
        arn = _arn(site, live["UUID"])
        tags = site.aws.call("lambda", "list_tags", Resource=arn).get("Tags")
        yield from labels.plan(
            "trigger", what, tags, function.tags,
            lambda tags: site.aws.call("lambda", "tag_resource", Resource=arn, Tags=tags),
            lambda keys: site.aws.call("lambda", "untag_resource", Resource=arn, TagKeys=keys),
        )  # fmt: skip


def _declared(polled: Polled) -> frozenset[str]:
    """Return the names of the settings that the table has, and that are not usual."""
    return frozenset(_word(key) for key, value in polled.extra.items() if value != _NAMES[key][1])


def _word(key: str) -> str:
    return _NAMES[key][0].replace(" ", "_")


def _managed(site: Site, polled: Polled, live: Reply) -> set[str]:
    """Return which of the settings are compared: those of the table, and those it has had."""
    mine = _declared(polled)
    if mine or any(_of(live, key) != _NAMES[key][1] for key in polled.extra):
        mine |= _recorded(site, live)
    return {key for key in polled.extra if _word(key) in mine}


def _recorded(site: Site, live: Reply) -> frozenset[str]:
    found = site.aws.find("lambda", "list_tags", Resource=_arn(site, live["UUID"]))
    return frozenset(((found or {}).get("Tags") or {}).get(record.TAG, "").split())


def _write(site: Site, uuid: str, names: frozenset[str]) -> None:
    tag = {record.TAG: record.text(names)}
    site.aws.call("lambda", "tag_resource", Resource=_arn(site, uuid), Tags=tag)


def _arn(site: Site, uuid: str) -> str:
    return site.aws.arn("lambda", f"event-source-mapping:{uuid}")


def _of(live: Reply, key: str) -> Any:
    """Return a setting that is live. AWS leaves out, or gives as null, what is usual."""
    if key == "Enabled":
        return live.get("State") not in ("Disabled", "Disabling")
    value = live.get(key)
    return _NAMES[key][1] if value is None else value


def _plain(key: str, value: Any) -> Any:
    """Return a setting as a plan tells it, and as two of them are compared."""
    match key:
        case "ScalingConfig":
            return value.get("MaximumConcurrency")
        case "FunctionResponseTypes":
            return "ReportBatchItemFailures" in value
        case "FilterCriteria":
            return [each["Pattern"] for each in value.get("Filters") or ()]
        case "DestinationConfig":
            return (value.get("OnFailure") or {}).get("Destination") or None
    return value


def prune(site: Site, function: Function, service: str, declared: set[str]) -> Iterator[Step]:
    """Yield the removal of mappings to sources of a service that are ours and not declared."""
    for live in of_function(site, function, service):
        source = live.get("EventSourceArn", "")
        if source in declared or live.get("State") == "Deleting" or not is_ours(site, live):
            continue
        yield Step(
            "delete", "trigger", f"mapping of {_what(source)} to {function.name}",
            "it is not declared", partial(_delete, site, live["UUID"]), live["UUID"],
        )  # fmt: skip


def stop(site: Site, function: Function, service: str) -> Iterator[Step]:
    """Yield the end of polling for a function that has left the table; the mappings stay."""
    for live in of_function(site, function, service):
        if live.get("State") in _POLLS and is_ours(site, live):
            source = _what(live["EventSourceArn"])
            yield Step(
                "update", "trigger", f"mapping of {source} to {function.name}",
                "the function is not in pyproject.toml any more: enabled True → False",
                partial(_disable, site, live["UUID"]), live["UUID"],
            )  # fmt: skip


def _disable(site: Site, uuid: str) -> None:
    _wait(site, uuid)
    if site.aws.find("lambda", "get_event_source_mapping", UUID=uuid) is not None:
        site.aws.call("lambda", "update_event_source_mapping", UUID=uuid, Enabled=False)
        _wait(site, uuid)


def find(site: Site, function: Function, source: str) -> Reply | None:
    """Return the mapping of a source to this function, whichever of its versions it names."""
    return next(
        (
            mapping
            for mapping in _live(site, "EventSourceArn", source)
            if account.is_of(mapping["FunctionArn"], site, [function])
        ),
        None,
    )


def of_queue(site: Site, queue: str) -> Iterator[Reply]:
    """Yield the mappings of a queue to any function."""
    yield from _live(site, "EventSourceArn", site.aws.arn("sqs", queue))


def of_function(site: Site, function: Function, service: str = "") -> Iterator[Reply]:
    """Yield the mappings of the function's alias, and of the function itself; of one service."""
    for arn in (site.live_arn(function), site.function_arn(function)):
        for live in _live(site, "FunctionName", arn):
            if not service or f":{service}:" in live.get("EventSourceArn", ""):
                yield live


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


def _what(source: str) -> str:
    """Return what a source is called: "queue jobs", "table orders"."""
    service = source.split(":")[2]
    name = source.rpartition(":")[2]
    if service != "sqs":
        name = source.split("/")[1]
    return f"{_NOUNS[service]} {name}"


def _delete(site: Site, uuid: str) -> None:
    # AWS refuses to delete a mapping that is changing.
    _wait(site, uuid)
    site.aws.remove("lambda", "delete_event_source_mapping", UUID=uuid)


def is_ours(site: Site, live: Reply) -> bool:
    """Say whether the mapping carries the project's tag."""
    found = site.aws.find("lambda", "list_tags", Resource=_arn(site, live["UUID"]))
    return found is not None and site.ours(found.get("Tags"))


def _settings(
    site: Site, function: Function, polled: Polled, live: Reply | None = None
) -> dict[str, Any]:
    managed = set(polled.extra) if live is None else _managed(site, polled, live)
    extra = {
        key: value
        for key, value in polled.extra.items()
        if key in managed
        if value != (usual := _NAMES[key][1]) or (live and _of(live, key) != usual)
    }
    if extra.get("DestinationConfig") == {}:
        extra["DestinationConfig"] = {"OnFailure": {"Destination": ""}}
    return {"FunctionName": site.live_arn(function), **polled.settings, **extra}


def _create(site: Site, function: Function, polled: Polled) -> None:
    made = site.aws.create(
        "lambda",
        "create_event_source_mapping",
        look=lambda: find(site, function, polled.arn),
        EventSourceArn=polled.arn,
        Tags={**labels.of(site, function.tags), record.TAG: record.text(_declared(polled))},
        **_settings(site, function, polled),
        **polled.fixed,
    )
    _wait(site, made["UUID"])


def _update(site: Site, function: Function, polled: Polled) -> None:
    live = find(site, function, polled.arn)
    if live is None:
        return _create(site, function, polled)
    recorded, mine = _recorded(site, live), _declared(polled)
    settings = _settings(site, function, polled, live)
    if mine - recorded:
        _write(site, live["UUID"], recorded | mine)
    _wait(site, live["UUID"])
    site.aws.call("lambda", "update_event_source_mapping", UUID=live["UUID"], **settings)
    _wait(site, live["UUID"])
    if recorded - mine:
        _write(site, live["UUID"], mine)
    return None


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


def foreign(site: Site, function: Function, polled: Polled) -> Iterator[Step]:
    """Yield what is set in a mapping of ours, and not declared."""
    live = find(site, function, polled.arn)
    if live is None or not is_ours(site, live):
        return
    usual: dict[str, Any] = {
        **{key: usual for key, (_, usual) in _NAMES.items() if key != "Enabled"},
        "KMSKeyArn": "",
        "MetricsConfig": {},
        "LoggingConfig": {},
        "ProvisionedPollerConfig": {},
    }
    what = f"mapping of {_what(polled.arn)} to {function.name}"
    managed = _managed(site, polled, live)
    declared = {**polled.settings, **{key: polled.extra[key] for key in managed}}
    yield from settings("trigger", what, live, declared, usual)
