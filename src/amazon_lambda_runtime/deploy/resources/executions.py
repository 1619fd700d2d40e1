"""Durable functions: what makes a function one, and the executions that run of its versions.

Theory: AWS makes a function durable when it is created, and never later or back. So a table that
wants the other is refused before anything changes: to delete a function and its executions is for
the user to decide. An execution ends with the version that it began with: a version that has
executions is in use.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import AwsError, DeployError
from amazon_lambda_runtime.deploy.invoke import start
from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function

_CONFIG = "DurableConfig"
_UNFINISHED = ["RUNNING", "PAUSING", "PAUSED"]
# Executions that are counted at most: a page of AWS's.
_PAGE = 1000
# In seconds: how long a smoke test is watched, and how long AWS may take to delete a function
# whose executions have been stopped.
_SMOKE, _DELETED = 60.0, 900.0


def parameters(function: Function, live: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sent of a durable function: both values, whose defaults AWS tells in two ways.

    AWS takes them as a whole: a key that a hand has set goes back with them.
    https://docs.aws.amazon.com/lambda/latest/api/API_DurableConfig.html
    """
    if function.durable is None:
        return {}
    seconds, days = function.durable.execution_timeout, function.durable.retention_days
    now = live.get(_CONFIG) or {}
    return {_CONFIG: {**now, "ExecutionTimeout": seconds, "RetentionPeriodInDays": days}}


def changes(function: Function, live: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs of a function that the table declares durable."""
    if function.durable is not None:
        now, wanted = live.get(_CONFIG) or {}, parameters(function, live)[_CONFIG]
        yield from differences(
            (name, now.get(key), wanted[key])
            for name, key in (
                ("execution timeout", "ExecutionTimeout"),
                ("retention of executions", "RetentionPeriodInDays"),
            )
        )


def is_durable(live: Mapping[str, Any]) -> bool:
    """Return whether a configuration is a durable function's."""
    return bool(live.get(_CONFIG))


def check(function: Function, live: Mapping[str, Any], was_declared: bool) -> None:
    """Raise DeployError if the function would have to be created again.

    A function that is durable, and was never declared so by the table, is the matter of others.
    """
    if function.durable is not None and not is_durable(live):
        is_now, wanted = "not durable", "declares it durable"
    elif function.durable is None and is_durable(live) and was_declared:
        is_now, wanted = "durable", "does not declare it durable any more"
    else:
        return
    raise DeployError(
        f"function {function.name} is {is_now}, and the table {wanted}: AWS decides that when a "
        "function is created. Undo the change, give the function another name, or make it anew: "
        f"lambda-runtime destroy --function {function.name}, then deploy. Its versions, executions "
        "and log are deleted; its URL and the ids of its mappings change"
    )


def unfinished(site: Site, name: str, version: str | None = None, most: int = _PAGE) -> list[str]:
    """Return the ARNs of executions that have not ended, `most` at most: of a version, or of all.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListDurableExecutionsByFunction.html
    """
    more = {} if version is None else {"Qualifier": version}
    reply = site.aws.find(
        "lambda",
        "list_durable_executions_by_function",
        FunctionName=name,
        Statuses=_UNFINISHED,
        MaxItems=most,
        **more,
    )
    return [each["DurableExecutionArn"] for each in (reply or {}).get("DurableExecutions", ())]


def keeps(site: Site, function: Function, live: Mapping[str, Any], version: str = "") -> str:
    """Return why a function, or one version of it, has to stay; "" if it may go.

    Where AWS does not tell, it stays.
    """
    if not is_durable(live):
        return ""
    try:
        running = unfinished(site, function.name, version or None, 1)
    except AwsError as error:
        return f"it may have executions that have not ended ({error})"
    return "it has executions that have not ended" if running else ""


def stop(site: Site, function: Function, stops: bool) -> Iterator[Step]:
    """Yield what stops the executions of a function that is to be deleted.

    Raises DeployError if there are some, and they are not to be stopped.
    """
    running = unfinished(site, function.name)
    if not running:
        return
    if not stops:
        raise _would_be_lost(function, running)
    told = _told(running)
    what = f"executions of function {function.name}"
    yield Step("delete", "destroy", what, told, lambda: _stop_all(site, function))


def _told(running: Sequence[str]) -> str:
    return f"{len(running)}{' or more' if len(running) == _PAGE else ''} that have not ended"


def _would_be_lost(function: Function, running: Sequence[str]) -> DeployError:
    return DeployError(
        f"function {function.name} has executions, {_told(running)}: they would never end. Wait "
        "for them, or stop them: --stop-executions"
    )


def delete(site: Site, function: Function, stops: bool) -> None:
    """Delete a function. A durable one is waited for: AWS ends its executions first.

    Raises DeployError if there are executions, and they are not to be stopped.
    """
    live = site.aws.find("lambda", "get_function_configuration", FunctionName=function.name)
    # Time has passed since the plan.
    if is_durable(live or {}) and (running := unfinished(site, function.name)):
        if not stops:
            raise _would_be_lost(function, running)
        _stop_all(site, function)
    site.aws.remove("lambda", "delete_function", FunctionName=function.name)

    def is_there() -> str | None:
        found = site.aws.find("lambda", "get_function_configuration", FunctionName=function.name)
        return None if found is None else f"AWS is deleting it, {found.get('State')}"

    if is_durable(live or {}):
        site.aws.retry.wait(is_there, f"the end of function {function.name}", _DELETED)


def smoke_test(site: Site, function: Function, version: str, payload: bytes) -> str | None:
    """Run an execution of a version; return what failed, None if it went well or still runs."""
    arn = start(site.aws, function.name, payload, version)
    retry, pause = site.aws.retry, 0.25
    began = retry.clock()
    while (found := _get(site, arn))["Status"] in _UNFINISHED:
        if retry.clock() - began > _SMOKE:
            retry.note(
                f"the execution still runs after {_SMOKE:.0f} seconds, which passes for a smoke "
                f"test: {arn}"
            )
            return None
        retry.sleep(pause)
        pause = min(2.0, pause * 1.5)
    if found["Status"] == "SUCCEEDED":
        return None
    error = found.get("Error") or {}
    told = ": ".join(filter(None, (error.get("ErrorType"), error.get("ErrorMessage"))))
    return f"the execution has {found['Status']}: {told}" if told else f"it is {found['Status']}"


def _get(site: Site, arn: str) -> Reply:
    return site.aws.call("lambda", "get_durable_execution", DurableExecutionArn=arn)


def _stop_all(site: Site, function: Function) -> None:
    stopped: set[str] = set()

    def have_ended() -> str | None:
        # A page at a time: what has ended is not on the next one.
        running = unfinished(site, function.name)
        for arn in running:
            if arn not in stopped:
                _stop(site, arn)
                stopped.add(arn)
        return f"{len(stopped)} have been stopped" if running else None

    site.aws.retry.wait(have_ended, f"executions of function {function.name}", _DELETED)


def _stop(site: Site, arn: str) -> None:
    try:
        site.aws.remove("lambda", "stop_durable_execution", DurableExecutionArn=arn)
    except AwsError:
        # It may have ended by itself.
        if _get(site, arn)["Status"] in _UNFINISHED:
            raise
