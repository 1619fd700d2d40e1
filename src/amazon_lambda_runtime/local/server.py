"""A Lambda with some functions: what listens where, and how the parts are wired.

The engine knows nothing of HTTP, and the APIs know only the engine's values. Here they meet:
`open_pool` gives a pool its Runtime API, and LocalLambda gives the APIs their pools.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from amazon_lambda_runtime.project.aws_limits import TIMEOUT

from . import host_check
from .api import functions_api
from .api.api_errors import too_many_requests
from .api.console import Console, Source
from .api.cors import Cors
from .api.front_doors import front_door
from .api.function_url import FunctionUrl
from .api.functions_api import Url
from .api.invoke_api import InvokeApi
from .api.runtime_api import HOST as RUNTIME_HOST
from .api.runtime_api import RuntimeApi
from .closing import Closing
from .engine import orphans
from .engine.environment import Environment
from .engine.function import LocalFunction
from .engine.invocation import Invocation, TooManyRequests
from .engine.journal import Journal
from .engine.output import Log, to_stderr, unfailing
from .engine.pool import Pool
from .engine.reaper import Reaper
from .http import Request, Response
from .http_server import Server, base_url, start_server
from .invoker import AsyncSettings, Invoker

if TYPE_CHECKING:
    from .durable.service import DurableExecutions
    from .queues import QueueSettings
    from .queues.embedded import EmbeddedQueues


def open_pool(
    function: LocalFunction,
    log: Log = to_stderr,
    journal: Journal | None = None,
    numbers: Iterator[int] | None = None,
    retries_init: bool = True,
    reaper: Reaper | None = None,
) -> Pool:
    """Return a pool whose environments have the Runtime API and the Extensions API."""
    return Pool(function, _listen_for_runtime, log, journal, numbers, retries_init, reaper)


async def _listen_for_runtime(environment: Environment) -> Server:
    return await start_server(RUNTIME_HOST, 0, RuntimeApi(environment))


class LocalLambda(Closing):
    """A Lambda on this machine. An async context manager: when it ends, its functions end.

    `log` takes the lines; those of a function, what `log_of` returns for its name, if it is given.
    Without `console` it serves only the Invoke API, and accepts every Host header: in a container
    it is reached by names that it does not know. If a function is durable, `durable` has its
    executions.
    """

    def __init__(
        self,
        *functions: LocalFunction,
        log: Log = to_stderr,
        log_of: Callable[[str], Log] | None = None,
        console: bool = True,
        durable: "DurableExecutions | None" = None,
    ) -> None:
        self.journal = Journal()
        self._reaper = Reaper(is_shared=len(functions) > 1)
        numbers = count(1)
        self.pools = {
            function.name: open_pool(
                function,
                log if log_of is None else log_of(function.name),
                self.journal,
                numbers,
                reaper=self._reaper,
            )
            for function in functions
        }
        self.log = unfailing(log)
        self.invoker = Invoker(self.pools, self.log, durable)
        self._api = InvokeApi(self)
        self.shown = {function.name: Shown(function) for function in functions}
        self._sources: list[Source] = []
        self._console = Console(self.journal, self) if console else None
        self._urls: dict[str, Url] = {}
        self._mappings: list[functions_api.Mapping] = []
        self._host = ""
        self._servers: list[Server] = []
        self._embedded: EmbeddedQueues | None = None
        self._triggers = AsyncExitStack()
        self._durable = durable

    @property
    def pool(self) -> Pool:
        """The pool of the first function."""
        return next(iter(self.pools.values()))

    def embedded(self, port: int = 0) -> "EmbeddedQueues":
        """Return what makes queues on this machine; `port` counts for the first call."""
        if self._embedded is None:
            # Most servers have no queue, and start without all that.
            from .queues.embedded import EmbeddedQueues

            self._embedded = EmbeddedQueues(port, self._reaper.watch)
        return self._embedded

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve the Invoke API and the console at this address; return the port (0: any free one).

        Raises OSError if it cannot listen there.
        """
        self._host = host if self._console is not None else host_check.ANY
        server = await start_server(host, port, self)
        self._servers.append(server)
        if self._durable is not None:
            self._durable.open(self.pools, server.port, self.log)
        return server.port

    async def listen_url(
        self,
        function: str,
        host: str = "127.0.0.1",
        port: int = 0,
        streams: bool = False,
        cors: Cors | None = None,
        door: str = "url",
        stage: str = "",
    ) -> int:
        """Serve the function's URL at this address; return the port.

        With `streams` its invoke mode is RESPONSE_STREAM; without `cors` only pages of this machine
        may call it. `door`, one of front_doors.DOORS, may be another front door, and `stage` its
        stage. Raises OSError if it cannot listen there.
        """
        pool = self.pools[function]

        def submit(invocation: Invocation) -> None:
            self.submit(pool.function, invocation, "url")

        url = FunctionUrl(
            pool.function, submit, pool.wrote, host, streams, cors, front_door(door, stage)
        )
        server = await start_server(host, port, url)
        self._servers.append(server)
        address = f"{base_url(host, server.port)}/"
        self._urls[function] = Url(address, streams, cors)
        self.shown[function].url = address
        return server.port

    async def attach(
        self,
        function: str,
        settings: "Sequence[QueueSettings]",
        port: int = 0,
        partial_failures: bool | None = None,
        here: bool = False,
    ) -> list[str]:
        """Poll these queues for the function; return a command for each that sends it a message.

        `port` is where queues that are made here are served (0: any free one); `partial_failures`
        is what the function's class declares; with `here` they are made here whatever
        AWS_ENDPOINT_URL says. Raises QueueError if a queue cannot be opened.
        """
        from .queues import AttachedQueues

        pool = self.pools[function]
        timeout = pool.function.timeout or TIMEOUT[1]
        queues = AttachedQueues(self.embedded(port), timeout=timeout, here=here)
        await self._triggers.enter_async_context(queues)
        opened = await queues.poll(
            settings,
            lambda event: self.invoker.run(function, event, "sqs"),
            concurrency=pool.function.concurrency,
            log=self.log,
            partial_failures=partial_failures,
        )
        self._mappings += [
            functions_api.Mapping(
                pool.function,
                queue.arn,
                each.batch_size,
                each.window,
                each.partial,
            )
            for queue, each in zip(opened, settings, strict=True)
        ]
        self.shown[function].queues += [queue.name for queue in opened]
        return [queues.send_line(queue) for queue in opened]

    async def settle(
        self,
        function: str,
        settings: AsyncSettings,
        queues: "Mapping[str, QueueSettings]",
        port: int = 0,
    ) -> list[str]:
        """Set what becomes of the function's asynchronous invocations.

        `queues` are where what has become of them is sent: on_failure, on_success, dead_letter.
        Returns a line for each, with the command that receives from it. Raises QueueError.
        """
        from .queues import AttachedQueues
        from .queues.outcomes import dead_letter, destination

        timeout = self.pools[function].function.timeout or TIMEOUT[1]
        attached = AttachedQueues(self.embedded(port), timeout=timeout)
        await self._triggers.enter_async_context(attached)
        opened = {name: await attached.open(each) for name, each in queues.items()}
        made: dict[str, Any] = {name: destination(queue) for name, queue in opened.items()}
        if "dead_letter" in opened:
            made["dead_letter"] = dead_letter(opened["dead_letter"])
        self.invoker.configure(function, replace(settings, **made))
        return [
            f"{_OUTCOMES[name]}, {queue.name}: {attached.receive_line(queue)}"
            for name, queue in opened.items()
        ]

    def add_source(self, source: Source) -> None:
        """Show the console what invokes a function besides; it learns of it at once."""
        self._sources.append(source)
        self.journal.sources()

    async def close(self) -> None:
        """Stop serving and end the functions' processes; batches in flight are finished first."""
        await self._triggers.aclose()
        if self._durable is not None:
            await self._durable.close()
        await self.invoker.close()
        if self._embedded is not None:
            await self._embedded.close()
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))
        if self._reaper.is_shared and orphans.are_adopted():
            orphans.kill(self._reaper.children)
        self._reaper.dismiss()
        for server in self._servers:
            await server.close()

    # What the server asks: this is its Handler.

    def head(self, request: Request) -> None:
        """Take the body whole."""

    def handle(self, request: Request) -> None:
        if self._console is None or not self._console.has(request.path):
            self._api.handle(request, self._host)
        elif reason := host_check.refusal(request.headers, self._host):
            request.answer(Response(403, {"Content-Type": "text/plain"}, f"{reason}\n".encode()))
        else:
            self._console.handle(request)

    # What the console asks: this is its Served.

    def shown_functions(self) -> "Sequence[Shown]":
        return list(self.shown.values())

    @property
    def sources(self) -> Sequence[Source]:
        return self._sources

    @property
    def is_idle(self) -> bool:
        return (
            not self.invoker.waiting
            and not any(pool.in_flight for pool in self.pools.values())
            and all(source.is_idle() for source in self.sources)
        )

    @property
    def services_endpoint(self) -> str | None:
        services = self._embedded.services if self._embedded is not None else None
        return services.endpoint if services is not None else None

    # What the Invoke API asks: this is its Service.

    def functions(self) -> Iterable[LocalFunction]:
        return [pool.function for pool in self.pools.values()]

    def url(self, function: LocalFunction) -> Url | None:
        return self._urls.get(function.name)

    def mappings(self) -> Sequence[functions_api.Mapping]:
        return self._mappings

    def submit(self, function: LocalFunction, invocation: Invocation, kind: str) -> None:
        # What Invoke submits of a durable function is a single run of its handler.
        starts = function.durable is not None and kind != "RequestResponse"
        if starts and self._durable is not None:
            self._durable.submit(function, invocation)
            return
        self.pools[function.name].submit(invocation, kind)

    @property
    def durable(self) -> "DurableExecutions | None":
        return self._durable

    def accept(self, function: LocalFunction, invocation: Invocation) -> None:
        try:
            self.invoker.accept(function.name, invocation)
        except TooManyRequests:
            raise too_many_requests() from None


_OUTCOMES = {
    "on_failure": "failed invocations",
    "on_success": "successful invocations",
    "dead_letter": "events that failed",
}


class Shown:
    """A function, as the console shows it."""

    def __init__(self, function: LocalFunction) -> None:
        self.name = function.name
        self.handler = function.handler
        self.memory = function.memory
        self.timeout = function.timeout
        self.concurrency = function.concurrency
        self.url: str | None = None
        self.queues: list[str] = []
        self.durable = function.durable is not None
