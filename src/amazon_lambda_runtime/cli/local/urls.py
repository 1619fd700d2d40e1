"""Where the functions' URLs are served: the front doors, and their ports."""

import errno
import os
from typing import Any

import click

from amazon_lambda_runtime.local.api.cors import Cors
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.http_server import base_url
from amazon_lambda_runtime.local.server import LocalLambda

#: What the front doors are called, besides the function URL.
FRONT_DOORS = {
    "http": "through an HTTP API",
    "http-1.0": "through an HTTP API, payload format 1.0",
    "rest": "through a REST API",
    "alb": "through a load balancer",
    "alb-multi": "through a load balancer with multi-value headers",
    "lattice": "through VPC Lattice",
}
#: The port of the first URL, unless another is chosen; the next that is free if it is taken.
URL_PORT = 9001
# How many ports are tried before any free one.
_URL_PORTS = 50


class Urls:
    """Serves URLs as the options say: from --url-port on, or from the first that is free."""

    def __init__(self, service: LocalLambda, options: dict[str, Any]) -> None:
        self._service = service
        self._host: str = options["host"]
        self._chosen: int | None = options["url_port"]
        self._options = options

    async def listen(self, function: LocalFunction) -> str:
        """Serve the URL that the options describe; return a line that says where."""
        options = self._options
        door = options["front_door"] or "url"
        origins = options["cors"]
        cors = Cors(origins, options["cors_credentials"]) if origins else None
        stage = options["stage"] or ""
        address = await self.serve(function.name, door, options["stream"], cors, stage)
        through = "" if door == "url" else f", {FRONT_DOORS[door]}"
        return f"the function's URL{through}: {address}"

    async def serve(
        self, function: str, door: str, streams: bool, cors: Cors | None = None, stage: str = ""
    ) -> str:
        """Serve a front door; return its address. Raises click.ClickException if that fails."""
        chosen, host = self._chosen, self._host
        ports = [*range(URL_PORT, URL_PORT + _URL_PORTS), 0] if chosen is None else [chosen]
        for port in ports:
            try:
                port = await self._service.listen_url(
                    function, host, port, streams, cors, door, stage
                )
            except OSError as error:
                if error.errno != errno.EADDRINUSE or port == ports[-1]:
                    raise cannot_listen(host, port, "--url-port", error) from None
            else:
                if chosen:
                    self._chosen = chosen + 1
                return f"{base_url(host, port)}/{stage}{'/' if stage else ''}"
        raise AssertionError("the last port is tried or told")


def cannot_listen(host: str, port: int, option: str, error: OSError) -> click.ClickException:
    """Return what to raise where a port can't be had."""
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return click.ClickException(
        f"cannot listen on {host}:{port}: {reason}. Choose another {option} or --host."
    )
