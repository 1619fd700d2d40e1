"""The event of one invocation: from a file, from standard input, or from the command line."""

import json
import os
import sys
from pathlib import Path

import click


def read_event(file: str | None, text: str | None) -> bytes | None:
    """Return the event, which is valid JSON; None if neither option was given.

    Raises click.ClickException if it cannot be read or is not JSON.
    """
    if file is not None and text is not None:
        raise click.UsageError("--event and -e both give an event: use one of them.")
    if text is not None:
        source, event = "-e", os.fsencode(text)
    elif file is None:
        return None
    elif file == "-":
        source, event = "standard input", sys.stdin.buffer.read()
    else:
        source = file
        try:
            event = Path(file).read_bytes()
        except OSError as error:
            message = f"cannot read the event from {file}: {error.strerror}"
            raise click.ClickException(message) from None
    try:
        json.loads(event.decode())
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"the event from {source} is not JSON: {error}") from None
    return event
