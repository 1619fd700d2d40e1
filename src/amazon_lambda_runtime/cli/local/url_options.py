"""The options of `lambda-runtime local` about the function URL, or another front door."""

import re
from collections.abc import Callable
from typing import Any

import click


def parse_origin(text: str) -> str:
    """Parse an origin, or `*`. Raises click.BadParameter."""
    from amazon_lambda_runtime.local.api import cors

    try:
        return cors.parse_origin(text)
    except cors.OriginError as error:
        raise click.BadParameter(str(error)) from None


def parse_stage(text: str) -> str:
    """Parse the name of a stage. Raises click.BadParameter."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", text):
        raise click.BadParameter(f"{text!r} is not a stage name: use letters, digits, - and _")
    return text


def url_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command: `url_port`, `no_url`, `front_door`, `stage`, `stream`,
    `cors` and `cors_credentials`."""
    for option in (
        click.option(
            "--cors-credentials",
            is_flag=True,
            help="Let the pages of --cors send cookies and other credentials.",
        ),
        click.option(
            "--cors",
            type=parse_origin,
            metavar="ORIGIN",
            multiple=True,
            help="Let pages of this origin call the function URL; * is any origin.",
        ),
        click.option("--stream", is_flag=True, help="Stream the responses of the function URL."),
        click.option(
            "--front-door",
            type=click.Choice(["url", "http", "http-1.0", "rest", "alb", "alb-multi", "lattice"]),
            help="What the requests come through: a function URL, an HTTP or REST API of API "
            "Gateway (1.0 is a payload format), a load balancer (multi: with multi-value "
            "headers), VPC Lattice.  [default: url]",
        ),
        click.option(
            "--stage",
            type=parse_stage,
            metavar="NAME",
            help="The stage of --front-door http or rest; clients' paths begin with it.",
        ),
        click.option("--no-url", is_flag=True, help="Serve no function URL."),
        click.option(
            "--url-port",
            type=click.IntRange(0, 65535),
            help="The port of the function URL; 0 is any free one.  "
            "[default: 9001, or the next free one]",
        ),
    ):
        command = option(command)
    return command
