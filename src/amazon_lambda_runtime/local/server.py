"""A Lambda with some functions: who listens where, and who belongs to whom."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from .console import Console
from .function import Function
from .function_url import FunctionUrl
from .http import Request, Response, Server, serve
from .invocation import Answer, Invocation
from .invoke_api import InvokeApi
from .journal import Journal
from .output import Log, to_stderr
from .pool import Pool


class LocalLambda:
    """A Lambda on this machine. An async context manager: its end is its functions' end."""

    def __init__(self, *functions: Function, log: Log = to_stderr) -> None:
        self.journal = Journal()
        self.pools = {
            function.name: Pool(function, log, self.journal) for function in functions
        }
        self._log = log
        self._api = InvokeApi(self)
        self._shown = [_Shown(function) for function in functions]
        self._console = Console(self.journal, self._shown)
        self._host = ""
        self._servers: list[Server] = []
        self._background: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def pool(self) -> Pool:
        """That of the first function."""
        return next(iter(self.pools.values()))

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve the Invoke API and the console at this address; return the port (0: any free one).

        Raises OSError if the address cannot be had.
        """
        self._host = host
        server = await serve(host, port, self)
        self._servers.append(server)
        return server.port

    async def listen_url(
        self, function: str, host: str = "127.0.0.1", port: int = 0, streams: bool = False
    ) -> int:
        """Serve the function's URL at this address; return the port. Raises OSError.

        With `streams` its invoke mode is RESPONSE_STREAM.
        """
        pool = self.pools[function]

        def submit(invocation: Invocation) -> None:
            pool.submit(invocation, "url")

        url = FunctionUrl(pool.function, submit, host, streams)
        server = await serve(host, port, url)
        self._servers.append(server)
        for shown in self._shown:
            if shown.name == function:
                shown.url = f"http://{f'[{host}]' if ':' in host else host}:{server.port}/"
        return server.port

    async def close(self) -> None:
        """Stop serving and end the functions' processes."""
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))
        for server in self._servers:
            await server.close()
        # What they wait for has ended with the pools.
        await asyncio.gather(*self._background, return_exceptions=True)

    # What the server asks: this is its Handler.

    def head(self, request: Request) -> None:
        """Take bodies whole."""

    def handle(self, request: Request) -> None:
        if request.path == "/" or request.path.startswith("/console/"):
            self._in_background(self._show(request))
        else:
            self._api.handle(request, self._host)

    # What the Invoke API asks: this is its Service.

    def functions(self) -> Iterable[Function]:
        return [pool.function for pool in self.pools.values()]

    def submit(self, function: Function, invocation: Invocation, kind: str) -> None:
        self.pools[function.name].submit(invocation, kind)

    def accept(self, function: Function, invocation: Invocation) -> None:
        self.submit(function, invocation, "Event")
        self._in_background(self._log_failure(invocation))

    async def _show(self, request: Request) -> None:
        from . import guard

        if reason := guard.refusal(request.headers, self._host):
            request.answer(Response(403, {"Content-Type": "text/plain"}, f"{reason}\n".encode()))
            return
        response = await self._console(request)
        request.answer(response or Response(404))

    async def _log_failure(self, invocation: Invocation) -> None:
        answer: Answer = await invocation.wait()
        if answer.failed:
            # Nobody waits for this answer: the log is where it can be seen.
            await invocation.wait_until_reported()
            payload = answer.payload.decode("utf-8", "replace")
            self._log(f"Event RequestId: {invocation.id} failed: {payload}")

    def _in_background(self, work: "object") -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._background.add(task)
        task.add_done_callback(self._background.discard)


class _Shown:
    """A function, as the console shows it."""

    def __init__(self, function: Function) -> None:
        self.name = function.name
        self.handler = function.handler
        self.memory = function.memory
        self.timeout = function.timeout
        self.concurrency = function.concurrency
        self.url: str | None = None
        self.queues: list[str] = []
