"""Options of `lambda-runtime local` that make no sense together are refused, not ignored."""

import click
from click.core import ParameterSource

from .queue_options import OUTCOMES

_SERVER = (
    "port",
    "host",
    "url_port",
    "no_url",
    "front_door",
    "stage",
    "stream",
    "cors",
    "cors_credentials",
    "concurrency",
    "no_freeze",
    "no_reload",
    "queues",
    *OUTCOMES,
    "retries",
    "event_age",
    "sqs_port",
    "no_schedules",
    "redeliver_after",
    "aliases",
    "durable_store",
)
# Options that a project's table has keys for, or that mean one function.
_FOR_ONE = (
    "front_door",
    "stage",
    "stream",
    "cors",
    "cors_credentials",
    "queues",
    *OUTCOMES,
    "retries",
    "event_age",
    "name",
    "aliases",
    "max_concurrency",
)


def check_options(is_one_shot: bool) -> None:
    """Raise click.UsageError if options have been given that exclude each other.

    `is_one_shot` says whether the function is invoked once, with an event.
    """
    context = click.get_current_context()
    given = {
        name: _option(context, name)
        for name in context.params
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    if is_one_shot:
        event = given.get("event_file") or given["event_json"]
        for name in _SERVER:
            if name in given:
                raise click.UsageError(
                    f"{given[name]} is for a server, but {event} invokes the function once."
                )
    for name in ("url_port", "front_door", "stage", "stream", "cors"):
        if name in given and "no_url" in given:
            raise click.UsageError(f"{given[name]} is for the function URL, but --no-url is given.")
    door = context.params["front_door"] or "url"
    if "stream" in given and door not in ("url", "rest"):
        raise click.UsageError("--stream: only a function URL and a REST API stream.")
    if "stage" in given and door not in ("http", "http-1.0", "rest"):
        raise click.UsageError(
            "--stage: only an HTTP or a REST API has one (--front-door rest). In a project each "
            "API has its own."
        )
    for name in ("concurrency", "max_concurrency"):
        if name in given and "debug" in given:
            raise click.UsageError(
                f"{given[name]}: with --debug there is one invocation at a time."
            )
    if "cors_credentials" in given and "cors" not in given:
        raise click.UsageError("--cors-credentials needs --cors ORIGIN.")
    if "debug_port" in given and "debug" not in given:
        raise click.UsageError("--debug-port needs --debug.")
    if not context.params["words"]:
        for name in _FOR_ONE:
            if name in given:
                raise click.UsageError(
                    f"{given[name]} is for one FILE_OR_HANDLER: pyproject.toml says what is served."
                )
        return
    if "no_schedules" in given:
        raise click.UsageError("--no-schedules is for the schedules of pyproject.toml.")
    for name in ("sqs_port", "redeliver_after"):
        if name in given and not {"queues", *OUTCOMES} & set(given):
            raise click.UsageError(f"{given[name]} needs --sqs or --on-failure.")


def _option(context: click.Context, name: str) -> str:
    """Return a parameter as it is written on the command line."""
    for parameter in context.command.params:
        if parameter.name == name:
            return parameter.opts[0]
    return name
