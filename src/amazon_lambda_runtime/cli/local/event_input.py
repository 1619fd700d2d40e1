"""The event of one invocation: from a file, from standard input, or from the command line."""

import codecs
import json
import os
import sys
from pathlib import Path

import click

from amazon_lambda_runtime.project.aws_limits import PAYLOAD_BYTES


def read_event(file: str | None, text: str | None) -> bytes | None:
    """Return the event, which is valid JSON; None if neither option was given.

    Raises click.ClickException if it cannot be read, is larger than Lambda takes or is not JSON.
    """
    if file is not None and text is not None:
        raise click.UsageError("--event and -e both give an event: use one of them.")
    if text is not None:
        source, event = "-e", os.fsencode(text)
    elif file is None:
        return None
    elif file == "-":
        if sys.stdin is None:
            raise click.ClickException("cannot read the event from standard input: it is closed")
        source, event = "standard input", sys.stdin.buffer.read(PAYLOAD_BYTES + 1)
    else:
        source = file
        try:
            with Path(file).open("rb") as opened:
                event = opened.read(PAYLOAD_BYTES + 1)
        except OSError as error:
            hint = ": to give the event itself, write -e" if _is_json(file) else ""
            message = f"cannot read the event from {file}: {error.strerror}{hint}"
            raise click.ClickException(message) from None
    if len(event) > PAYLOAD_BYTES:
        raise click.ClickException(
            f"the event from {source} is larger than Lambda takes: {PAYLOAD_BYTES:,} bytes"
        )
    # What some editors put before UTF-8.
    event = event.removeprefix(codecs.BOM_UTF8)
    try:
        json.loads(event.decode())
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"the event from {source} is not JSON: {error}") from None
    return event


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text.startswith(("{", "["))
    return True
