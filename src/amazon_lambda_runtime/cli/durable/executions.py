"""`lambda-runtime executions`: list, show, stop, pause and resume durable executions."""

import json
from datetime import datetime
from typing import Any

import click

from .finding import execution_arn, executions
from .places import Document, Place, pages, place_options, time_of

_EXAMPLES = {
    "list": ("list --local", "list --local 9100 --status RUNNING"),
    "show": ("show order-7 --local", "show order-7 --json"),
    "stop": ('stop order-7 --reason "sold out"',),
    "pause": ("pause order-7",),
    "resume": ("resume order-7",),
}
_STATUSES = ("RUNNING", "PAUSING", "PAUSED", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED")
# How many characters of a payload are shown in a line.
_WIDTH = 100


def _examples(*names: str) -> str:
    """Return the epilog with the examples of these subcommands."""
    lines = [f"\n  lambda-runtime executions {line}" for name in names for line in _EXAMPLES[name]]
    return f"\b\nExamples:{''.join(lines)}"


@click.group("executions", epilog=_examples(*_EXAMPLES), no_args_is_help=False)
def command() -> None:
    """List, show, stop, pause and resume durable executions."""


@command.command("list", epilog=_examples("list"))
@place_options
@click.option(
    "--status",
    "statuses",
    type=click.Choice(_STATUSES),
    multiple=True,
    help="List only executions with this status.",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    default=20,
    help="List at most this many executions of each function.",
    show_default=True,
)
@click.option("--json", "as_json", is_flag=True, help="Print the API's answer as JSON.")
def list_command(place: Place, statuses: tuple[str, ...], count: int, as_json: bool) -> None:
    """List executions, the newest first.

    Each line has the status, the start, the duration, the function and the name.
    """
    found = list(executions(place, [*statuses], count))
    if as_json:
        click.echo(json.dumps(found, default=str, indent=2))
        return
    if not found:
        click.echo("no executions", err=True)
    for execution in found:
        function = execution["DurableExecutionArn"].partition("function:")[2].partition(":")[0]
        begun = time_of(execution["StartTimestamp"])
        click.echo(
            f"{execution['Status']:<9}  {begun.astimezone():%Y-%m-%d %H:%M:%S}  "
            f"{_duration(execution):>10}  {function}  {execution['DurableExecutionName']}"
        )


@command.command("show", epilog=_examples("show"))
@place_options
@click.argument("execution", metavar="NAME_OR_ARN")
@click.option("--json", "as_json", is_flag=True, help="Print the API's answer, with the history.")
def show(place: Place, execution: str, as_json: bool) -> None:
    """Show an execution and its history.

    Its input and its result come first, then each event with its time.
    """
    arn = execution_arn(place, execution)
    found = place.call("get_durable_execution", DurableExecutionArn=arn)
    found.pop("ResponseMetadata", None)
    operation = "get_durable_execution_history"
    options = {"DurableExecutionArn": arn, "IncludeExecutionData": True}
    events = list(pages(place, operation, "Events", **options))
    if as_json:
        click.echo(json.dumps({**found, "Events": events}, default=str, indent=2))
        return
    click.echo(arn)
    replays = max(sum(e["EventType"] == "InvocationCompleted" for e in events) - 1, 0)
    click.echo(f"{found['Status']}  {_duration(found)}  {replays} replays")
    for name in ("InputPayload", "Result", "Error"):
        if name in found:
            click.echo(f"{name.removesuffix('Payload').lower():<7} {_short(found[name])}")
    begun = time_of(found["StartTimestamp"])
    for event in events:
        click.echo(_line(event, begun))


@command.command("stop", epilog=_examples("stop"))
@place_options
@click.argument("execution", metavar="NAME_OR_ARN")
@click.option("--reason", metavar="TEXT", help="The error message for the caller.")
def stop(place: Place, execution: str, reason: str | None) -> None:
    """Stop an execution for good."""
    error = {"Error": {"ErrorType": "Stopped", "ErrorMessage": reason}} if reason else {}
    _ask(place, "stop", execution, **error)


@command.command("pause", epilog=_examples("pause"))
@place_options
@click.argument("execution", metavar="NAME_OR_ARN")
def pause(place: Place, execution: str) -> None:
    """Pause an execution.

    Its function is not invoked until the execution is resumed.
    """
    _ask(place, "pause", execution)


@command.command("resume", epilog=_examples("resume"))
@place_options
@click.argument("execution", metavar="NAME_OR_ARN")
def resume(place: Place, execution: str) -> None:
    """Resume a paused execution."""
    _ask(place, "resume", execution)


def _duration(execution: Document) -> str:
    begun = time_of(execution["StartTimestamp"])
    if "EndTimestamp" not in execution:
        return "…"
    seconds = (time_of(execution["EndTimestamp"]) - begun).total_seconds()
    return f"{seconds:.1f} s"


def _line(event: Document, begun: datetime) -> str:
    kind = event["EventType"]
    after = (time_of(event["EventTimestamp"]) - begun).total_seconds()
    details: Document = event.get(f"{kind}Details", {})
    told = [event.get("Name", "")]
    payloads = [details.get(name, {}) for name in ("Input", "Result", "Error", "Reason")]
    told += [_short(payload["Payload"]) for payload in payloads if "Payload" in payload]
    told += [
        details[name] for name in ("FunctionName", "CallbackId", "RequestId") if name in details
    ]
    if kind == "WaitStarted":
        told.append(f"{details.get('Duration')} s")
    if "RetryDetails" in details and details["RetryDetails"].get("CurrentAttempt", 1) > 1:
        told.append(f"attempt {details['RetryDetails']['CurrentAttempt']}")
    return f"{after:>+11.3f} s  {kind:<22} {'  '.join(filter(None, told))}".rstrip()


def _short(value: Any) -> str:
    if isinstance(value, dict):
        value = f"{value.get('ErrorType', 'error')}: {value.get('ErrorMessage', '')}"
    text = " ".join(str(value).split())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _ask(place: Place, verb: str, execution: str, **more: Any) -> None:
    """Do it, and tell which status the execution has now: it may have ended before."""
    arn = execution_arn(place, execution)
    place.call(f"{verb}_durable_execution", DurableExecutionArn=arn, **more)
    found = place.call("get_durable_execution", DurableExecutionArn=arn)
    click.echo(f"{found['DurableExecutionName']}: {found['Status']}")
