"""The options of `lambda-runtime local` that are about queues, and how their values are written."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from amazon_lambda_runtime.local.queues import QueueSettings

_OPTIONS: dict[str, Callable[[str], Any]] = {
    "batch_size": int,
    "window": int,
    "partial": {"true": True, "false": False}.__getitem__,
    "dlq": str,
    "max_receive_count": int,
    "visibility": int,
}


def parse_queue(text: str) -> "QueueSettings":
    """Return what `QUEUE[,name=value…]` stands for. Raises click.BadParameter."""
    # Only who asks for a queue waits for what queues need.
    from amazon_lambda_runtime.local.queues import QueueSettings, SettingsError

    queue, *options = text.split(",")
    settings: dict[str, Any] = {}
    for option in options:
        name, given, value = option.partition("=")
        if not given:
            raise click.BadParameter(f"{option!r} is no option: write name=value")
        if name not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            raise click.BadParameter(f"unknown option {name!r}: there are {known}")
        if name in settings:
            raise click.BadParameter(f"{name} is given twice")
        try:
            settings[name] = _OPTIONS[name](value)
        except (KeyError, ValueError):
            kind = "true or false" if name == "partial" else "a whole number"
            raise click.BadParameter(f"{name}={value}: it is {kind}") from None
    try:
        return QueueSettings(queue, **settings)
    except SettingsError as error:
        raise click.BadParameter(str(error)) from None


def queue_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command: `queues`, `on_failure` and `sqs_port` are its parameters."""
    for option in (
        click.option(
            "--sqs-port",
            type=click.IntRange(0, 65535),
            default=0,
            help="Where queues given by name are served.  [default: any that is free]",
        ),
        click.option(
            "--on-failure",
            type=parse_queue,
            metavar="QUEUE",
            help="Send there what came of asynchronous invocations that failed.",
        ),
        click.option(
            "--sqs",
            "queues",
            type=parse_queue,
            metavar="QUEUE[,OPTION=VALUE…]",
            multiple=True,
            help="Poll this queue: a URL, or a name to have one made. Options: batch_size, window, "
            "partial, and for one that is made dlq, max_receive_count, visibility.",
        ),
    ):
        command = option(command)
    return command
