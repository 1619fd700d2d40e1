"""`lambda-runtime local`: one invocation, or a Lambda until Ctrl-C."""

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .event_input import read_event
from .handler_argument import NAME, TargetError, find
from .queue_options import queue_options

if TYPE_CHECKING:
    from amazon_lambda_runtime.local.engine.function import LocalFunction

EXAMPLES = """
\b
Examples:
  lambda-runtime local hello.py -e '{"name": "Ada"}'
  lambda-runtime local hello.handler --event payload.json
  lambda-runtime events show s3-put --bucket b | lambda-runtime local hello.py --event -
  lambda-runtime local hello.py --url-port 9001 --stream
  lambda-runtime local hello.py --sqs orders,batch_size=10,partial=true
  lambda-runtime local hello.py --debug
  lambda-runtime local -- ./my-runtime --in any language
"""
DEBUG_PORT = 5678


@click.command("local", epilog=EXAMPLES)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[FILE_OR_HANDLER] [-- CMD...]")
@click.option("--event", "event_file", metavar="FILE", help="Invoke once with this; - is stdin.")
@click.option("-e", "event_json", metavar="JSON", help="Invoke once with this.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=9000, help="0: any.", show_default=True
)
@click.option("--host", default="127.0.0.1", help="Where to listen.", show_default=True)
@click.option("--url-port", type=click.IntRange(0, 65535), help="Serve a function URL there.")
@click.option("--stream", is_flag=True, help="The function URL sends each piece as it comes.")
@click.option(
    "--timeout", type=click.IntRange(1, 900), default=3, help="Seconds.", show_default=True
)
@click.option(
    "--memory", type=click.IntRange(128, 10240), default=128, help="MB.", show_default=True
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=10,
    help="Environments at a time; then 429.",
    show_default=True,
)
@click.option(
    "--max-concurrency",
    type=click.IntRange(1, 1600),
    help="Invocations at a time in one environment, as on Lambda Managed Instances.",
)
@click.option("--no-freeze", is_flag=True, help="Let processes run on between invocations.")
@click.option("--no-reload", is_flag=True, help="Go on with the old code when a file is saved.")
@click.option(
    "--debug",
    is_flag=True,
    help=f"Wait for a debugger on port {DEBUG_PORT}, and have no time limits.",
)
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False),
    multiple=True,
    help="Environment variables of the function, NAME=value on each line.",
)
@click.option(
    "--extensions",
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    default="",
    help="A folder of external extensions.",
)
@queue_options
@click.option("--name", help="The function's name.  [default: its module's]")
def command(
    words: tuple[str, ...], event_file: str | None, event_json: str | None, **options: Any
) -> int:
    """Run a function on this machine.

    FILE_OR_HANDLER is a file with a function or class `handler` in it (hello.py), or the handler
    (hello.handler, folder/hello.handler, module.Class.method). Behind -- there may be a command
    instead, which is any runtime.

    With an event the function is invoked once: its response goes to stdout, its log to stderr, and
    the exit status is 1 if it failed. Without one, a Lambda is served until Ctrl-C: the Invoke API
    for SDKs and the AWS CLI, and a console for the browser. It listens on loopback.
    """
    if options["debug"] and _is_command(words):
        raise click.UsageError("--debug is for Python handlers; start the debugger in CMD.")
    event = read_event(event_file, event_json)
    function = _function(words, options)
    if options["debug"]:
        function = _debugged(function)
    if event is not None:
        from .invoke_once import invoke_once

        return asyncio.run(invoke_once(function, event))
    from .serve import serve

    return asyncio.run(serve(function, options))


def _function(words: Sequence[str], options: dict[str, Any]) -> "LocalFunction":
    from amazon_lambda_runtime.local.engine.function import LocalFunction

    settings: dict[str, Any] = {
        "timeout": options["timeout"],
        "memory": options["memory"],
        "concurrency": options["concurrency"],
        "max_concurrency": options["max_concurrency"] or 0,
        "freeze": not options["no_freeze"],
        "extensions": options["extensions"],
        "environment": _variables(options["env_file"]),
    }
    name = options["name"]
    if _is_command(words):
        program = shutil.which(words[0])
        if program is None:
            raise click.ClickException(f"cannot run {words[0]}: there is no such program")
        name = name or "function"
        if not NAME.fullmatch(name):
            raise click.ClickException(f"{name!r} is no function name")
        runtime = [os.path.abspath(program), *words[1:]]
        return LocalFunction(
            name, os.environ.get("_HANDLER", "-"), runtime, os.getcwd(), **settings
        )
    if len(words) != 1:
        raise click.UsageError(
            "Missing argument 'FILE_OR_HANDLER'." if not words else "Give one FILE_OR_HANDLER."
        )
    try:
        found = find(words[0], name)
    except TargetError as error:
        raise click.ClickException(f"cannot run {words[0]}: {error}") from None
    command = [*_runtime(), found.handler]
    return LocalFunction(found.name, found.handler, command, str(found.task_root), **settings)


def _is_command(words: Sequence[str]) -> bool:
    """Say whether the words stood behind `--`, which click takes away."""
    return bool(words) and "--" in sys.argv and sys.argv[sys.argv.index("--") + 1 :] == [*words]


def _variables(files: Sequence[str]) -> dict[str, str]:
    from dotenv import dotenv_values

    variables: dict[str, str] = {}
    for file in files:
        for name, value in dotenv_values(file).items():
            if value is None:
                raise click.ClickException(f"{file}: {name} has no value; write {name}=")
            variables[name] = value
    return variables


def _runtime() -> list[str]:
    """Return the command that an image would run: the script installed beside this interpreter."""
    bootstrap = Path(sys.executable).with_name("bootstrap")
    if os.access(bootstrap, os.X_OK):
        return [str(bootstrap)]
    return [sys.executable, "-m", "amazon_lambda_runtime"]


def _debugged(function: "LocalFunction") -> "LocalFunction":
    """Return the function as one that waits for an editor to attach, without limits in time."""
    listen = ["-m", "debugpy", "--listen", f"127.0.0.1:{DEBUG_PORT}", "--wait-for-client"]
    runtime = [sys.executable, *listen, "-m", "amazon_lambda_runtime", function.handler]
    # The process starts when there is an event: before that nobody listens.
    print(
        f"the first event waits for a debugger to attach to 127.0.0.1:{DEBUG_PORT}", file=sys.stderr
    )
    return replace(function, command=runtime, timeout=0, memory=0, concurrency=1, freeze=False)
