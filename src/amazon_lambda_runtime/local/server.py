"""A Lambda with some functions: what listens where, and how the parts are wired.

The engine knows nothing of HTTP, and the APIs know only the engine's values. Here they meet:
`open_pool` gives a pool its Runtime API, and LocalLambda gives the APIs their pools.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import count
from typing import TYPE_CHECKING, Self

from amazon_lambda_runtime.project.aws_limits import TIMEOUT

from . import host_check
from .api.api_errors import too_many_requests
from .api.console import Console
from .api.cors import Cors
from .api.front_doors import DOORS
from .api.function_url import FunctionUrl
from .api.functions_api import Mapping, Url
from .api.invoke_api import InvokeApi
from .api.runtime_api import HOST as RUNTIME_HOST
from .api.runtime_api import RuntimeApi
from .closing import Closing
from .engine.async_invocations import AsyncInvocations, Destination, DestinationError
from .engine.environment import Environment
from .engine.function import LocalFunction
from .engine.invocation import Answer, Invocation, TooManyRequests
from .engine.journal import Journal
from .engine.output import Log, to_stderr, unfailing
from .engine.pool import Pool
from .http import Request, Response
from .http_server import Server, base_url, start_server

if TYPE_CHECKING:
    from .durable.service import DurableExecutions
    from .queues import Queue, QueueSettings


def open_pool(
    function: LocalFunction,
    log: Log = to_stderr,
    journal: Journal | None = None,
    numbers: Iterator[int] | None = None,
    retries_init: bool = True,
) -> Pool:
    """Return a pool whose environments have the Runtime API and the Extensions API."""
    return Pool(function, _listen_for_runtime, log, journal, numbers, retries_init)


async def _listen_for_runtime(environment: Environment) -> Server:
    return await start_server(RUNTIME_HOST, 0, RuntimeApi(environment))


class LocalLambda(Closing):
    """A Lambda on this machine. An async context manager: when it ends, its functions end.

    Without `console` it serves only the Invoke API, and accepts every Host header: in a container
    it is reached by names that it does not know. If a function is durable, `durable` has its
    executions.
    """

    def __init__(
        self,
        *functions: LocalFunction,
        log: Log = to_stderr,
        console: bool = True,
        durable: "DurableExecutions | None" = None,
    ) -> None:
        self.journal = Journal()
        numbers = count(1)
        self.pools = {
            function.name: open_pool(function, log, self.journal, numbers) for function in functions
        }
        self._log = unfailing(log)
        self._api = InvokeApi(self)
        self._shown = {function.name: _Shown(function) for function in functions}
        self._console = Console(self.journal, list(self._shown.values())) if console else None
        self._urls: dict[str, Url] = {}
        self._mappings: list[Mapping] = []
        self._host = ""
        self._servers: list[Server] = []
        self._events: dict[str, AsyncInvocations] = {}
        self._queues = AsyncExitStack()
        self._durable = durable

    @property
    def pool(self) -> Pool:
        """The pool of the first function."""
        return next(iter(self.pools.values()))

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve the Invoke API and the console at this address; return the port (0: any free one).

        Raises OSError if it cannot listen there.
        """
        self._host = host if self._console is not None else host_check.ANY
        server = await start_server(host, port, self)
        self._servers.append(server)
        if self._durable is not None:
            self._durable.open(self.pools, server.port, self._log)
        return server.port

    async def listen_url(
        self,
        function: str,
        host: str = "127.0.0.1",
        port: int = 0,
        streams: bool = False,
        cors: Cors | None = None,
        door: str = "url",
    ) -> int:
        """Serve the function's URL at this address; return the port.

        With `streams` its invoke mode is RESPONSE_STREAM; without `cors` only pages of this machine
        may call it. `door`, one of DOORS, may be another front door. Raises OSError if it cannot
        listen there.
        """
        pool = self.pools[function]

        def submit(invocation: Invocation) -> None:
            self.submit(pool.function, invocation, "url")

        url = FunctionUrl(pool.function, submit, pool.wrote, host, streams, cors, DOORS[door])
        server = await start_server(host, port, url)
        self._servers.append(server)
        address = f"{base_url(host, server.port)}/"
        self._urls[function] = Url(address, streams, cors)
        self._shown[function].url = address
        return server.port

    async def attach(
        self,
        function: str,
        settings: "Sequence[QueueSettings]" = (),
        on_failure: "QueueSettings | None" = None,
        port: int = 0,
        partial_failures: bool | None = None,
    ) -> list[str]:
        """Poll these queues for the function; return a command for each that sends it a message.

        Another one, for `on_failure`, receives what has failed.

        `on_failure` is the destination of asynchronous invocations that have failed. `port` is
        where queues that are made here are served (0: any free one); `partial_failures` is what the
        function's class declares. Raises QueueError if a queue cannot be opened.
        """
        # Most servers have no queue, and start without all that.
        from .queues import AttachedQueues

        pool = self.pools[function]
        timeout = pool.function.timeout or TIMEOUT[1]
        queues = AttachedQueues(timeout=timeout, port=port)
        await self._queues.enter_async_context(queues)
        failures = None
        if on_failure is not None:
            failures = await queues.open(on_failure)
            self._events_of(pool, _destination(failures))
        opened = await queues.poll(
            settings,
            lambda event: self._run(pool, Invocation(event), "sqs"),
            concurrency=pool.function.concurrency,
            log=self._log,
            partial_failures=partial_failures,
        )
        self._mappings += [
            Mapping(
                pool.function,
                queue.arn,
                each.batch_size,
                each.window,
                each.partial,
            )
            for queue, each in zip(opened, settings, strict=True)
        ]
        self._shown[function].queues += [queue.name for queue in opened]
        lines = [queues.send_line(queue) for queue in opened]
        if failures is not None:
            lines.append(f"failed invocations, {failures.name}: {queues.receive_line(failures)}")
        return lines

    async def close(self) -> None:
        """Stop serving and end the functions' processes; batches in flight are finished first."""
        await self._queues.aclose()
        if self._durable is not None:
            await self._durable.close()
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))
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
            request.answer(self._console.respond(request))

    # What the Invoke API asks: this is its Service.

    def functions(self) -> Iterable[LocalFunction]:
        return [pool.function for pool in self.pools.values()]

    def url(self, function: LocalFunction) -> Url | None:
        return self._urls.get(function.name)

    def mappings(self) -> Sequence[Mapping]:
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
        pool = self.pools[function.name]
        try:
            self._events_of(pool).accept(_Event(invocation), invocation.id)
        except TooManyRequests:
            raise too_many_requests() from None

    async def _run(self, pool: Pool, invocation: Invocation, kind: str) -> Answer:
        """Run the invocation to its end. Raises TooManyRequests."""
        if self._durable is not None and pool.function.durable is not None:
            return await self._durable.run(pool.function, invocation)
        pool.submit(invocation, kind)
        answer = await invocation.wait()
        # The environment is free for the next one only then.
        await invocation.wait_until_reported()
        return answer

    def _events_of(self, pool: Pool, on_failure: Destination | None = None) -> AsyncInvocations:
        name = pool.function.name
        if name not in self._events:

            async def invoke(event: bytes, *, request_id: str) -> Answer:
                assert isinstance(event, _Event)
                return await self._run(pool, event.invocation.again(), "Event")

            events = AsyncInvocations(
                invoke,
                function_arn=pool.function.arn,
                log=self._log,
                on_failure=on_failure,
            )
            self._queues.push_async_callback(events.close)
            self._events[name] = events
        return self._events[name]


class _Event(bytes):
    """The payload of an asynchronous invocation, which carries the invocation along."""

    invocation: Invocation

    def __new__(cls, invocation: Invocation) -> Self:
        event = super().__new__(cls, invocation.event)
        event.invocation = invocation
        return event


def _destination(queue: "Queue") -> Destination:
    from .queues import QueueError

    async def send(record: str) -> None:
        try:
            await queue.send(record)
        except QueueError as error:
            raise DestinationError(str(error)) from error

    return send


class _Shown:
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
