"""`lambda-runtime local`: one invocation, or a Lambda until Ctrl-C."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amazon_lambda_runtime.cli.extras import require

from .durable_options import durable_executions, durable_options
from .event_input import read_event
from .functions import functions, is_command
from .handler_argument import parse_alias
from .log_lines import printer
from .option_conflicts import check_options
from .queue_options import OUTCOMES, queue_options, require_queues
from .scratch_folder import scratch_folder
from .url_options import url_options

if TYPE_CHECKING:
    from amazon_lambda_runtime.local.engine.log_writer import LogWriter

EXAMPLES = """
\b
Examples:
  lambda-runtime local                           # all functions of pyproject.toml, triggers too
  lambda-runtime local hello.py -e '{"name": "Ada"}'
  lambda-runtime local hello.handler --event payload.json
  lambda-runtime events show s3-put --bucket b | lambda-runtime local hello.py --event -
  lambda-runtime local orders.py invoices.py     # two functions
  lambda-runtime local hello.py --stream
  lambda-runtime local main.app                  # FastAPI, Flask, any ASGI or WSGI application
  lambda-runtime local main.app --front-door rest
  lambda-runtime local hello.py --sqs orders,batch_size=10,partial=true
  lambda-runtime local order.py --durable-store .lambda-runtime    # a durable function
  lambda-runtime local hello.py --debug
  lambda-runtime local -- ./my-runtime --in any language
"""


@click.command("local", epilog=EXAMPLES)
@click.argument(
    "words", nargs=-1, type=click.UNPROCESSED, metavar="[FILE_OR_HANDLER...] [-- CMD...]"
)
@click.option(
    "--event",
    "event_file",
    metavar="FILE",
    help="Invoke once with the event in this file; - is stdin.",
)
@click.option("-e", "event_json", metavar="JSON", help="Invoke once with this event.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9000,
    help="The port of the Invoke API and the console; 0 is any free one.",
    show_default=True,
)
@click.option("--host", default="127.0.0.1", help="The address to listen on.", show_default=True)
@url_options
@click.option(
    "--timeout",
    type=click.IntRange(1, 900),
    default=3,
    help="The function's timeout in seconds.",
    show_default=True,
)
@click.option(
    "--memory",
    type=click.IntRange(128, 10240),
    default=128,
    help="The function's memory in MB.",
    show_default=True,
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=10,
    help="Execution environments, at most; a further invocation is throttled (429).",
    show_default=True,
)
@click.option(
    "--max-concurrency",
    type=click.IntRange(1, 1600),
    help="Concurrent invocations in each environment, as on Lambda Managed Instances.",
)
@click.option("--no-freeze", is_flag=True, help="Do not freeze processes between invocations.")
@click.option("--no-reload", is_flag=True, help="Do not reload the code when a file is saved.")
@click.option(
    "--watch",
    metavar="GLOB",
    multiple=True,
    help="Reload also when a file that matches is saved.  [default: Python files only]",
)
@click.option("--debug", is_flag=True, help="Wait for a debugger to attach. Nothing times out.")
@click.option(
    "--debug-port",
    type=click.IntRange(1, 65535),
    default=5678,
    help="The port for the debugger.",
    show_default=True,
)
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A file of the function's environment variables, one NAME=value a line.",
)
@click.option(
    "--env",
    metavar="NAME[=VALUE]",
    multiple=True,
    help="An environment variable of the function; without a value, the shell's.",
)
@click.option(
    "--python",
    metavar="PATH",
    help="The Python that runs the function.  [default: the .venv beside pyproject.toml, else the "
    "one that runs this command]",
)
@click.option(
    "--extensions",
    # Not resolve_path: it makes the current directory of "", the value of no folder at all.
    type=click.Path(exists=True, file_okay=False),
    help="A folder of external extensions to start.",
)
@queue_options
@durable_options
@click.option(
    "--no-schedules", is_flag=True, help="Fire schedules of pyproject.toml only when asked to."
)
@click.option(
    "--redeliver-after",
    type=click.IntRange(0, 43200),
    metavar="SECONDS",
    help="Redeliver failed messages after this time.  [default: when their visibility timeout "
    "expires, as on AWS]",
)
@click.option("--name", metavar="NAME", help="The function's name.  [default: its module's]")
@click.option(
    "--alias",
    "aliases",
    type=parse_alias,
    metavar="NAME",
    multiple=True,
    help="An alias of the function, which clients may use as a qualifier.",
)
def command(
    words: tuple[str, ...], event_file: str | None, event_json: str | None, **options: Any
) -> int:
    """Run functions on this machine.

    Without FILE_OR_HANDLER, it runs the functions of [tool.lambda-runtime] in this folder's
    pyproject.toml, each with its settings and triggers: URLs, queues, schedules, topics, buckets,
    event buses, streams.

    FILE_OR_HANDLER is a file (hello.py) that has a web application, or a handler with the name
    `handler` or `lambda_handler`. Or it is a handler (hello.handler, folder/hello.handler,
    module.Class.method), a web application (main.app), or a function that makes one
    ('main.create_app()'). A command after -- is run instead: any runtime, in any language.

    With an event, the function is invoked once: the response goes to stdout, the log to stderr, and
    the exit status is 1 if the function failed. Without an event, a local Lambda runs until Ctrl-C:
    the Invoke API for SDKs and the AWS CLI, the function's URL, and a console for the browser. It
    listens on loopback.
    """
    try:
        os.getcwd()
    except FileNotFoundError:
        raise click.ClickException("the current folder was deleted: change to another") from None
    check_options(event_file is not None or event_json is not None)
    if options["debug"] and is_command(words):
        raise click.UsageError("--debug is for Python handlers; start the debugger in CMD.")
    _require_extras(options)
    event = read_event(event_file, event_json)
    from amazon_lambda_runtime.local.engine import orphans
    from amazon_lambda_runtime.local.engine.log_writer import LogWriter

    with orphans.adopted(), LogWriter(sys.stderr) as terminal:
        return _run(words, event, options, terminal)


def _run(
    words: Sequence[str], event: bytes | None, options: dict[str, Any], terminal: "LogWriter"
) -> int:
    """Run the function, with what there is to read on this terminal; return the exit status."""

    def say(line: str) -> None:
        # Whether the user reads it makes no difference to the function.
        with suppress(OSError, ValueError):
            terminal.write(f"{line}\n")

    log = printer(terminal)
    with scratch_folder() as folder:
        served, notes = functions(words, options, folder)
        is_durable = any(each.function.durable is not None for each in served)
        durable = durable_executions(is_durable, options)
        if event is None:
            from .serve_until_stopped import serve_until_stopped

            log_of = partial(printer, terminal) if len(served) > 1 else None
            return asyncio.run(
                serve_until_stopped(served, options, log, log_of, say, notes, durable)
            )
        if len(served) > 1:
            names = ", ".join(each.function.name for each in served)
            raise click.UsageError(
                f"An event is for one function: give the file of one of {names}."
            )
        from .invoke_once import invoke_once

        for note in notes:
            say(note)
        return asyncio.run(invoke_once(served[0].function, event, log, say, durable))


def _require_extras(options: dict[str, Any]) -> None:
    """Raise click.ClickException if an option was given that needs what is not installed."""
    if options["env_file"]:
        require("--env-file", "dotenv")
    require_queues("--sqs", options["queues"])
    for name, option in OUTCOMES.items():
        require_queues(option, [options[name]] if options[name] else [])
