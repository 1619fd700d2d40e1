"""A local Lambda until Ctrl-C: the Invoke API, the console, URLs, triggers, hot reload."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amazon_lambda_runtime.cli.extras import has
from amazon_lambda_runtime.cli.signals import stop_signal
from amazon_lambda_runtime.local.engine.function import VERSION
from amazon_lambda_runtime.local.engine.output import Log
from amazon_lambda_runtime.local.host_check import is_loopback
from amazon_lambda_runtime.local.http_server import base_url
from amazon_lambda_runtime.local.invoker import AsyncSettings
from amazon_lambda_runtime.local.server import LocalLambda
from amazon_lambda_runtime.project.handler_source import partial_failures

from .functions import Served
from .queue_options import OUTCOMES
from .urls import Urls, cannot_listen

if TYPE_CHECKING:
    from amazon_lambda_runtime.local.durable.service import DurableExecutions

Say = Callable[[str], None]


async def serve_until_stopped(
    served: Sequence[Served],
    options: dict[str, Any],
    log: Log,
    log_of: Callable[[str], Log] | None,
    say: Say,
    notes: Sequence[str],
    durable: "DurableExecutions | None" = None,
) -> int:
    """Serve the functions until SIGINT or SIGTERM; return the exit status.

    `log` takes the lines of the log, `log_of` returns what takes those of a function by its name,
    None for the same. `say` takes a line for the user, and is given these notes first. Raises
    click.ClickException if it cannot listen or a queue cannot be used.
    """
    stopped = stop_signal()
    host = options["host"]
    async with AsyncExitStack() as stack:
        service = LocalLambda(
            *[each.function for each in served], log=log, log_of=log_of, durable=durable
        )
        await stack.enter_async_context(service)
        base = base_url(host, await _listen(service, host, options["port"]))
        for note in notes:
            say(note)
        _say_where(served, base, say)
        if not is_loopback(host):
            say(f"warning: anyone who can reach {host} can run the function and see its events")
        starting = asyncio.create_task(_start(service, served, options, log, say, stack))
        # Triggers may take seconds to start, and services that hang for ever.
        either: set[asyncio.Future[Any]] = {starting, stopped}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            await _cancel(starting)
        else:
            await starting
        await stopped
    # For a server a signal is the normal end.
    return 0


async def _start(
    service: LocalLambda,
    served: Sequence[Served],
    options: dict[str, Any],
    log: Log,
    say: Say,
    stack: AsyncExitStack,
) -> None:
    """Start what invokes the functions, until the stack ends. Raises click.ClickException."""
    urls = Urls(service, options)
    if served[0].declared is not None:
        from .project_triggers import start_triggers
        from .table_watch import watch_table

        watching = asyncio.create_task(watch_table(Path.cwd(), say))
        stack.push_async_callback(_cancel, watching)
        await start_triggers(service, urls, served, options, say, stack)
    else:
        for each in served:
            if not options["no_url"]:
                prefix = f"{each.function.name}: " if len(served) > 1 else ""
                say(f"  {prefix}{await urls.listen(each.function)}")
            for line in await _attach(service, each, options):
                say(f"  {line}")
    await _reload_on_save(service, served, options, log, say, stack)


def _say_where(served: Sequence[Served], base: str, say: Say) -> None:
    first = served[0].function
    if len(served) == 1:
        say(f"{first.name} ({first.handler}) listens on {base}")
    else:
        say(f"{len(served)} functions listen on {base}")
        for each in served:
            say(f"  {each.function.name} ({each.function.handler})")
    url = f"{base}/2015-03-31/functions/{first.name}/invocations"
    if first.durable is not None:
        # It can't be invoked without a qualifier, which the shell would take for a variable.
        url = f"'{url.replace('/invocations', f':{VERSION}/invocations')}'"
    say(f"  curl {url} -d '{{}}'")
    say(f"  the console: {base}/")


async def _reload_on_save(
    service: LocalLambda,
    served: Sequence[Served],
    options: dict[str, Any],
    log: Log,
    say: Say,
    stack: AsyncExitStack,
) -> None:
    """Watch the code of the functions until the stack ends."""
    if options["no_reload"] or options["debug"]:
        return
    if not has("watchfiles", default="hot reload", say=say):
        return
    from amazon_lambda_runtime.local.engine.reload import reload_on_save

    for root in dict.fromkeys(each.function.task_root for each in served):
        here = [each for each in served if each.function.task_root == root]
        pools = [service.pools[each.function.name] for each in here]

        def read(here: Sequence[Served] = here) -> None:
            for each in here:
                each.variables.read()

        task = asyncio.create_task(
            reload_on_save(pools, log, here[0].variables.files, read, options["watch"])
        )
        stack.push_async_callback(_cancel, task)


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _listen(service: LocalLambda, host: str, port: int) -> int:
    try:
        return await service.listen(host, port)
    except OSError as error:
        raise cannot_listen(host, port, "--port", error) from None


async def _attach(service: LocalLambda, each: Served, options: dict[str, Any]) -> list[str]:
    """Poll the queues of the options, and set what becomes of asynchronous invocations."""
    outcomes = {name: options[name] for name in OUTCOMES if options[name] is not None}
    lines = await _settle(service, each, options, outcomes)
    if not options["queues"]:
        return lines
    from amazon_lambda_runtime.local.queues import QueueError

    function, after = each.function, options["redeliver_after"]
    try:
        polled = await service.attach(
            function.name,
            [replace(queue, redeliver_after=after) for queue in options["queues"]],
            options["sqs_port"],
            partial_failures(function.handler, Path(function.task_root)),
        )
    except QueueError as error:
        raise click.ClickException(str(error)) from None
    return [*polled, *lines]


async def _settle(
    service: LocalLambda, each: Served, options: dict[str, Any], outcomes: dict[str, Any]
) -> list[str]:
    given = {"retries": options["retries"], "maximum_age": options["event_age"]}
    settings = AsyncSettings(**{name: value for name, value in given.items() if value is not None})
    name = each.function.name
    if not outcomes:
        service.invoker.configure(name, settings)
        return []
    from amazon_lambda_runtime.local.queues import QueueError

    try:
        return await service.settle(name, settings, outcomes, options["sqs_port"])
    except QueueError as error:
        raise click.ClickException(str(error)) from None
