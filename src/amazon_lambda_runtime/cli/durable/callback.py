"""`lambda-runtime callback`: answer what a durable execution waits for."""

import json
from typing import Any

import click

from .finding import callback_id
from .places import Place, place_options

_EXAMPLES = """
\b
Examples:
  lambda-runtime callback approval succeed -d '"approved"' --local
  lambda-runtime callback approval fail -d '{"ErrorType": "Rejected", "ErrorMessage": "sold out"}'
  lambda-runtime callback approval heartbeat
"""


@click.command("callback", epilog=_EXAMPLES)
@place_options
@click.argument("callback", metavar="ID_OR_NAME")
@click.argument("outcome", type=click.Choice(["succeed", "fail", "heartbeat"]))
@click.option(
    "-d",
    "data",
    metavar="JSON",
    help="The result; for fail, an object with ErrorType, ErrorMessage and ErrorData.",
)
def command(place: Place, callback: str, outcome: str, data: str | None) -> None:
    """Answer the callback of an execution.

    ID_OR_NAME is the id of the callback, or its name if only one of that name is open.
    """
    if outcome == "heartbeat" and data is not None:
        raise click.UsageError("-d: a heartbeat takes no data. Leave it out.")
    parsed = _parsed(data)
    identifier = callback_id(place, callback)
    name = f"send_durable_execution_callback_{_WORDS[outcome]}"
    parameters: dict[str, Any] = {"CallbackId": identifier}
    if outcome == "succeed" and data is not None:
        parameters["Result"] = data.encode()
    elif outcome == "fail" and data is not None:
        if not isinstance(parsed, dict):
            parsed = {"ErrorMessage": parsed if isinstance(parsed, str) else data}
        parameters["Error"] = parsed
    place.call(name, **parameters)


_WORDS = {"succeed": "success", "fail": "failure", "heartbeat": "heartbeat"}


def _parsed(data: str | None) -> Any:
    try:
        return None if data is None else json.loads(data)
    except ValueError as error:
        raise click.UsageError(f"-d is not JSON: {error}.") from None
