"""An execution, or a callback, by the name that a user gives it. One name may mean several."""

import base64
import binascii
from collections.abc import Iterator

import click

from .places import Document, Place, pages

_OPEN = ["RUNNING", "PAUSING", "PAUSED"]


def executions(place: Place, statuses: list[str], count: int | None = None) -> Iterator[Document]:
    """Yield the executions of all functions, the newest of each function first."""
    wanted = {"Statuses": statuses} if statuses else {}
    operation = "list_durable_executions_by_function"
    for name in place.functions():
        found = pages(place, operation, "DurableExecutions", FunctionName=name, **wanted)
        for number, execution in enumerate(found):
            if count is not None and number == count:
                break
            yield execution


def execution_arn(place: Place, text: str) -> str:
    """Return the ARN of an execution that is given by its name or ARN.

    Raises click.ClickException if there is none of this name, or several.
    """
    if "/durable-execution/" in text:
        return text
    operation = "list_durable_executions_by_function"
    found = [
        execution
        for name in place.functions()
        for execution in pages(
            place,
            operation,
            "DurableExecutions",
            FunctionName=name,
            DurableExecutionName=text,
        )
    ]
    if not found:
        raise click.ClickException(f"there is no execution {text!r}")
    if len(found) > 1:
        lines = [f"  {each['Status']}  {each['DurableExecutionArn']}" for each in found]
        raise click.ClickException(_several(f"{len(found)} executions are named {text!r}", lines))
    arn: str = found[0]["DurableExecutionArn"]
    return arn


def callback_id(place: Place, text: str) -> str:
    """Return the id of a callback that is given by its id, or by its name if it is open.

    Raises click.ClickException if there is none of this name, or several.
    """
    if _is_id(text):
        return text
    found: list[tuple[str, str]] = []
    for execution in executions(place, _OPEN):
        arn = execution["DurableExecutionArn"]
        history = pages(place, "get_durable_execution_history", "Events", DurableExecutionArn=arn)
        begun: dict[str, Document] = {}
        for event in history:
            kind = event["EventType"]
            if kind == "CallbackStarted":
                begun[event["Id"]] = event
            elif kind.startswith("Callback"):
                begun.pop(event.get("Id", ""), None)
        found += [
            (execution["DurableExecutionName"], event["CallbackStartedDetails"]["CallbackId"])
            for event in begun.values()
            if event.get("Name") == text
        ]
    if not found:
        raise click.ClickException(f"no execution waits for a callback {text!r}")
    if len(found) > 1:
        lines = [f"  {name}  {identifier}" for name, identifier in found]
        raise click.ClickException(_several(f"{len(found)} callbacks are named {text!r}", lines))
    return found[0][1]


def _several(what: str, lines: list[str]) -> str:
    return "\n".join([f"{what}: say which", *lines])


def _is_id(text: str) -> bool:
    """Say whether this is an id: of ours it is the ARN and the operation, of AWS's it is long."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(text) > 64
