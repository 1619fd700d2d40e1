"""`lambda-runtime local`: one invocation, or a server until Ctrl-C."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .target import TargetError, find

if TYPE_CHECKING:
    from amazon_lambda_runtime.local import Function

EXAMPLES = """
\b
Examples:
  lambda-runtime local hello.py -e '{"name": "Ada"}'
  lambda-runtime local hello.handler --event payload.json
  echo '{}' | lambda-runtime local examples/hello/hello.py --event -
  lambda-runtime local hello.py --port 9000 --timeout 30
"""


@click.command("local", epilog=EXAMPLES)
@click.argument("target", metavar="FILE_OR_HANDLER")
@click.option("--event", "event_file", metavar="FILE", help="Invoke once with this; - is stdin.")
@click.option("-e", "event_json", metavar="JSON", help="Invoke once with this.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=9000, help="0: any.", show_default=True
)
@click.option("--host", default="127.0.0.1", help="Where to listen.", show_default=True)
@click.option(
    "--timeout", type=click.IntRange(1, 900), default=3, help="Seconds.", show_default=True
)
@click.option(
    "--memory", type=click.IntRange(128, 10240), default=128, help="MB.", show_default=True
)
@click.option("--name", help="The function's name.  [default: its module's]")
def command(
    target: str,
    event_file: str | None,
    event_json: str | None,
    port: int,
    host: str,
    timeout: int,
    memory: int,
    name: str | None,
) -> int:
    """Run a function on this machine.

    FILE_OR_HANDLER is a file with a function or class `handler` in it (hello.py), or the handler
    (hello.handler, folder/hello.handler, module.Class.method).

    With an event the function is invoked once: its response goes to stdout, its log to stderr, and
    the exit status is 1 if it failed. Without one, the Invoke API is served until Ctrl-C.
    """
    from amazon_lambda_runtime.local import Function

    try:
        found = find(target, name)
    except TargetError as error:
        raise click.ClickException(f"cannot run {target}: {error}") from None
    event = _event(event_file, event_json)
    function = Function(
        name=found.name,
        handler=found.handler,
        command=[*_runtime(), found.handler],
        task_root=str(found.task_root),
        timeout=timeout,
        memory=memory,
    )
    if event is None:
        return asyncio.run(_serve(function, host, port))
    return asyncio.run(_invoke_once(function, event))


def _event(file: str | None, text: str | None) -> bytes | None:
    """Return the event that was asked for, None if none was."""
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


def _runtime() -> list[str]:
    """Return the command that an image would run: the script installed beside this interpreter."""
    bootstrap = Path(sys.executable).with_name("bootstrap")
    if os.access(bootstrap, os.X_OK):
        return [str(bootstrap)]
    return [sys.executable, "-m", "amazon_lambda_runtime"]


async def _invoke_once(function: "Function", event: bytes) -> int:
    from amazon_lambda_runtime.local import Pool

    stopped = _stop_signal()
    async with Pool(function) as pool:
        invocation = pool.invoke(event)
        # Closing the pool ends the wait for the report too.
        reported = asyncio.ensure_future(invocation.wait_until_reported())
        waiting: list[asyncio.Future[Any]] = [reported, stopped]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            return 128 + stopped.result()
        answer = await invocation.wait()
    sys.stdout.buffer.write(answer.payload + b"\n")
    sys.stdout.buffer.flush()
    return 1 if answer.failed else 0


async def _serve(function: "Function", host: str, port: int) -> int:
    from amazon_lambda_runtime.local import LocalLambda

    stopped = _stop_signal()
    async with LocalLambda(function) as service:
        try:
            port = await service.listen(host, port)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise click.ClickException(
                f"cannot listen on {host}:{port}: {reason}. Choose another --port or --host."
            ) from None
        base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        path = f"2015-03-31/functions/{function.name}/invocations"
        print(f"{function.name} ({function.handler}) listens on {base}", file=sys.stderr)
        print(f"  curl {base}/{path} -d '{{}}'", file=sys.stderr, flush=True)
        await stopped
    # A server that is told to end, ends as it should.
    return 0


def _stop_signal() -> "asyncio.Future[int]":
    """Return a future that becomes the number of the signal that asks this process to end.

    The children are in process groups of their own: nobody but us can end them.
    """
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()

    def stop(number: int) -> None:
        if not stopped.done():
            stopped.set_result(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    return stopped
