"""The options of `lambda-runtime local` about queues and what is asynchronous."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from amazon_lambda_runtime.cli.extras import require
from amazon_lambda_runtime.project.aws_limits import ASYNC_RETRIES, MAX_ASYNC_EVENT_AGE

if TYPE_CHECKING:
    from amazon_lambda_runtime.local.queues import QueueSettings

#: The options that name a queue for what has become of asynchronous invocations.
OUTCOMES = {
    "on_failure": "--on-failure",
    "on_success": "--on-success",
    "dead_letter": "--dead-letter",
}
_OPTIONS: dict[str, Callable[[str], Any]] = {
    "batch_size": int,
    "window": int,
    "partial": {"true": True, "false": False}.__getitem__,
    "dlq": str,
    "max_receive_count": int,
    "visibility": int,
}


def parse_queue(text: str) -> "QueueSettings":
    """Parse `QUEUE[,name=value…]`. Raises click.BadParameter."""
    from amazon_lambda_runtime.local.queues import QueueSettings, SettingsError

    queue, *options = text.split(",")
    settings: dict[str, Any] = {}
    for option in options:
        name, given, value = option.partition("=")
        if not given:
            raise click.BadParameter(f"{option!r} is not an option: write name=value")
        if name not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            raise click.BadParameter(f"unknown option {name!r}: the options are {known}")
        if name in settings:
            raise click.BadParameter(f"{name} is given twice")
        try:
            settings[name] = _OPTIONS[name](value)
        except (KeyError, ValueError):
            kind = "true or false" if name == "partial" else "a whole number"
            raise click.BadParameter(f"{name}={value}: the value has to be {kind}") from None
    try:
        return QueueSettings(queue, **settings)
    except SettingsError as error:
        raise click.BadParameter(str(error)) from None


def require_queues(option: str, queues: "Sequence[QueueSettings]") -> None:
    """Raise click.ClickException if what these queues need is not installed."""
    if not queues:
        return
    require(option, "boto3")
    from amazon_lambda_runtime.local.queues.sqs import endpoint_of_environment

    if not endpoint_of_environment() and not all(queue.is_url for queue in queues):
        require(f"{option} with a name", "moto", "flask", "flask_cors")


def queue_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command: `queues`, `sqs_port`, and of asynchronous invocations
    `on_failure`, `on_success`, `dead_letter`, `retries` and `event_age`."""
    for option in (
        click.option(
            "--sqs-port",
            type=click.IntRange(0, 65535),
            default=0,
            help="The port of the local SQS, for queues given by name.  [default: any free one]",
        ),
        click.option(
            "--event-age",
            type=click.IntRange(*MAX_ASYNC_EVENT_AGE),
            metavar="SECONDS",
            help="Discard asynchronous events that are older.  [default: 21600]",
        ),
        click.option(
            "--retries",
            type=click.IntRange(0, ASYNC_RETRIES),
            help="How often to retry a failed asynchronous invocation.  [default: 2]",
        ),
        click.option(
            "--dead-letter",
            type=parse_queue,
            metavar="QUEUE",
            help="Send each asynchronous event that failed to this queue, with the reason.",
        ),
        click.option(
            "--on-success",
            type=parse_queue,
            metavar="QUEUE",
            help="Send a record of each successful asynchronous invocation to this queue.",
        ),
        click.option(
            "--on-failure",
            type=parse_queue,
            metavar="QUEUE",
            help="Send a record of each failed asynchronous invocation to this queue.",
        ),
        click.option(
            "--sqs",
            "queues",
            type=parse_queue,
            metavar="QUEUE[,OPTION=VALUE…]",
            multiple=True,
            help="Poll this queue: a URL, or a name, which makes a queue in a local SQS. Options: "
            "batch_size, window, partial; with a name also dlq, max_receive_count, visibility.",
        ),
    ):
        command = option(command)
    return command
