"""A local Lambda until Ctrl-C: the Invoke API, the console, a function URL, queues, hot reload."""

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amazon_lambda_runtime.cli.extras import has
from amazon_lambda_runtime.cli.signals import stop_signal
from amazon_lambda_runtime.local.api.cors import Cors
from amazon_lambda_runtime.local.engine.function import VERSION, LocalFunction
from amazon_lambda_runtime.local.engine.output import Log
from amazon_lambda_runtime.local.host_check import is_loopback
from amazon_lambda_runtime.local.http_server import base_url
from amazon_lambda_runtime.local.server import LocalLambda
from amazon_lambda_runtime.project.handler_source import partial_failures

from .variables import Variables

if TYPE_CHECKING:
    from amazon_lambda_runtime.local.durable.service import DurableExecutions

#: What the front doors are called, besides the function URL.
FRONT_DOORS = {
    "http": "through an HTTP API",
    "rest": "through a REST API",
    "alb": "through a load balancer",
}
#: The port of the function URL, unless another is chosen; the next that is free if it is taken.
URL_PORT = 9001
# How many ports are tried before any free one.
_URL_PORTS = 50


async def serve_until_stopped(
    function: LocalFunction,
    options: dict[str, Any],
    variables: Variables,
    log: Log,
    say: Callable[[str], None],
    notes: Sequence[str],
    durable: "DurableExecutions | None" = None,
) -> int:
    """Serve the function until SIGINT or SIGTERM; return the exit status.

    `say` takes a line for the user, and is given these notes first. Raises click.ClickException if
    it cannot listen or a queue cannot be used.
    """
    stopped = stop_signal()
    host = options["host"]
    async with LocalLambda(function, log=log, durable=durable) as service:
        base = base_url(host, await _listen(service, host, options["port"]))
        for note in notes:
            say(note)
        say(f"{function.name} ({function.handler}) listens on {base}")
        if not is_loopback(host):
            say(f"warning: anyone who can reach {host} can run the function and see its events")
        url = f"{base}/2015-03-31/functions/{function.name}/invocations"
        if function.durable is not None:
            # It can't be invoked without a qualifier, which the shell would take for a variable.
            url = f"'{url.replace('/invocations', f':{VERSION}/invocations')}'"
        say(f"  curl {url} -d '{{}}'")
        say(f"  the console: {base}/")
        if not options["no_url"]:
            door = options["front_door"] or "url"
            through = "" if door == "url" else f", {FRONT_DOORS[door]}"
            say(f"  the function's URL{through}: {await _listen_url(service, function, options)}/")
        for line in await _attach(service, function, options):
            say(f"  {line}")
        reloading = None
        wanted = not (options["no_reload"] or options["debug"])
        if wanted and has("watchfiles", default="hot reload", say=say):
            from amazon_lambda_runtime.local.engine.reload import reload_on_save

            reloading = asyncio.create_task(
                reload_on_save(service.pool, log, variables.files, variables.read, options["watch"])
            )
        await stopped
        if reloading is not None:
            reloading.cancel()
            await asyncio.gather(reloading, return_exceptions=True)
    # For a server a signal is the normal end.
    return 0


async def _listen(service: LocalLambda, host: str, port: int) -> int:
    try:
        return await service.listen(host, port)
    except OSError as error:
        raise _cannot_listen(host, port, "--port", error) from None


async def _listen_url(
    service: LocalLambda, function: LocalFunction, options: dict[str, Any]
) -> str:
    host, chosen = options["host"], options["url_port"]
    origins = options["cors"]
    cors = Cors(origins, options["cors_credentials"]) if origins else None
    ports = [*range(URL_PORT, URL_PORT + _URL_PORTS), 0] if chosen is None else [chosen]
    door = options["front_door"] or "url"
    for port in ports:
        try:
            port = await service.listen_url(
                function.name, host, port, options["stream"], cors, door
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port == ports[-1]:
                raise _cannot_listen(host, port, "--url-port", error) from None
        else:
            return base_url(host, port)
    raise AssertionError("the last port is tried or told")


async def _attach(
    service: LocalLambda, function: LocalFunction, options: dict[str, Any]
) -> list[str]:
    if not (options["queues"] or options["on_failure"]):
        return []
    from amazon_lambda_runtime.local.queues import QueueError

    try:
        return await service.attach(
            function.name,
            options["queues"],
            options["on_failure"],
            options["sqs_port"],
            partial_failures(function.handler, Path(function.task_root)),
        )
    except QueueError as error:
        raise click.ClickException(str(error)) from None


def _cannot_listen(host: str, port: int, option: str, error: OSError) -> click.ClickException:
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return click.ClickException(
        f"cannot listen on {host}:{port}: {reason}. Choose another {option} or --host."
    )
