"""The triggers of a project's functions, started as pyproject.toml declares them."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click

from amazon_lambda_runtime.cli.extras import require
from amazon_lambda_runtime.local.api.cors import Cors
from amazon_lambda_runtime.local.server import LocalLambda
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.handler_source import partial_failures
from amazon_lambda_runtime.project.triggers import (
    AlbTrigger,
    HttpApiTrigger,
    RestApiTrigger,
    Trigger,
    UrlTrigger,
)

from .functions import Served
from .loops import loops
from .urls import Urls

# Keys of a function that change nothing here, and what they are without them.
_NOT_HERE = {
    "subnets": (),
    "snapstart": False,
    "provisioned_concurrency": None,
    "tracing": "PassThrough",
    "kms_key": None,
}


async def start_triggers(
    service: LocalLambda,
    urls: Urls,
    served: Sequence[Served],
    options: dict[str, Any],
    say: Callable[[str], None],
    stack: AsyncExitStack,
) -> None:
    """Start them all, until the stack ends, and say of each what it is and what is not emulated.

    Raises click.ClickException for one that cannot be started.
    """
    from amazon_lambda_runtime.local.services.client import ServiceError
    from amazon_lambda_runtime.local.services.process import VARIABLES
    from amazon_lambda_runtime.local.triggers.wiring import Wiring, services_of

    declared = [each.declared for each in served if each.declared is not None]
    for way in loops(declared):
        say(f"  warning: results come back, and events go round for ever: {way}")
    port = options["sqs_port"]
    needed = services_of(declared)
    if needed:
        require("a trigger", "boto3", "moto", "flask", "flask_cors")
    wiring = Wiring(
        service,
        port=port,
        fires=not options["no_schedules"],
        redeliver_after=options["redeliver_after"],
        partial_failures={
            each.function.name: partial_failures(
                each.function.handler, Path(each.function.task_root)
            )
            for each in served
        },
    )
    await stack.enter_async_context(wiring)
    try:
        if needed:
            # At once, though they take a second to come up: the functions have to know the port.
            endpoint = service.embedded(port).start().endpoint
            names = [f"AWS_ENDPOINT_URL_{VARIABLES[name]}" for name in needed]
            _tell_functions(served, dict.fromkeys(names, endpoint))
            say(f"  AWS services on this machine, {', '.join(needed)}: {endpoint}")
            say(f"  set for the functions: {', '.join(names)}")
        for each in declared:
            await _start(wiring, urls, each, options, say)
    except ServiceError as error:
        raise click.ClickException(str(error)) from None
    say("  ready")


def _tell_functions(served: Sequence[Served], variables: dict[str, str]) -> None:
    """Set variables that a function's own are stronger than; and credentials, which have to be."""
    for each in served:
        more = dict(variables)
        if not {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"} & each.variables.values.keys():
            more |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        each.variables.defaults = {**more, **each.variables.defaults}
        each.variables.read()


async def _start(
    wiring: Any,
    urls: Urls,
    function: Function,
    options: dict[str, Any],
    say: Callable[[str], None],
) -> None:
    name = function.name
    if function.reserved_concurrency == 0:
        say(f"  {name}: switched off (reserved_concurrency = 0): each invocation is throttled")
    await wiring.settle(function)
    lost = [key for key, without in _NOT_HERE.items() if getattr(function, key) != without]
    lost += wiring.not_here(function)
    for trigger in function.triggers:
        if url := _front_door(trigger):
            if not options["no_url"]:
                say(f"  {name}: {trigger.what}: {await urls.serve(name, *url)}")
        else:
            say(f"  {name}: {await wiring.connect(function, trigger)}")
    if lost:
        say(f"  {name}: not emulated here: {', '.join(lost)}")


def _front_door(trigger: Trigger) -> tuple[str, bool, Cors | None, str] | None:
    """Return the door of a trigger, whether it streams, its CORS and its stage; None if it has
    none."""
    match trigger:
        case UrlTrigger():
            cors = Cors(trigger.allow_origins, trigger.allow_credentials)
            return "url", trigger.streams, cors if trigger.allow_origins else None, ""
        case HttpApiTrigger():
            return "http", False, None, ""
        case RestApiTrigger():
            return "rest", trigger.streams, None, "live"
        case AlbTrigger():
            return ("alb-multi" if trigger.multi_value_headers else "alb"), False, None, ""
    return None
