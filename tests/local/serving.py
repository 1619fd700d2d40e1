"""A local Lambda in a thread of its own, for clients that block: boto3, curl, a browser."""

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from amazon_lambda_runtime.local.api.cors import Cors
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.journal import Entry, Journal
from amazon_lambda_runtime.local.server import LocalLambda

from .support import PATIENCE, RUNTIMES, source_path

T = TypeVar("T")


def python_function(folder: Path, source: str, **settings: Any) -> LocalFunction:
    """Return a function whose module is this, served by our own runtime."""
    (folder / "mod.py").write_text(source)
    given: dict[str, Any] = {
        "timeout": PATIENCE,
        "memory": 512,
        "environment": {"PYTHONPATH": source_path()},
        **settings,
    }
    command = [sys.executable, "-m", "amazon_lambda_runtime", "mod.handler"]
    return LocalFunction("hello", "mod.handler", command, str(folder), **given)


def orders(**settings: Any) -> LocalFunction:
    """Return the function of runtimes/orders.py, served by our own runtime."""
    command = [sys.executable, "-m", "amazon_lambda_runtime", "orders.handler"]
    given: dict[str, Any] = {"timeout": PATIENCE, "concurrency": 2, **settings}
    return LocalFunction("orders", "orders.handler", command, str(RUNTIMES), **given)


class Served:
    """A server, seen from another thread: where it is, what it has logged, what it was asked."""

    service: LocalLambda
    port: int
    url_port: int = 0

    def __init__(
        self,
        *functions: LocalFunction,
        url: bool = False,
        streams: bool = False,
        cors: Cors | None = None,
        durable: Any = None,
    ) -> None:
        self._functions = functions
        self._durable = durable
        self._cors = cors
        self._url = url
        #: Whether the function's URL streams.
        self.streams = streams
        self.log: list[str] = []
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the server does not start"
        if self._error is not None:
            raise self._error

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def function_url(self) -> str:
        return f"http://127.0.0.1:{self.url_port}/"

    @property
    def journal(self) -> Journal:
        return self.service.journal

    @property
    def entries(self) -> list[Entry]:
        """What the journal has of invocations, the oldest first."""
        return list(self.journal._entries.values())

    @property
    def invoked(self) -> list[tuple[str, Any]]:
        """What has been invoked: its kind and its event."""
        return [(entry.kind, json.loads(entry.event)) for entry in self.entries]

    def environments(self) -> list[Any]:
        return list(self.service.pool.environments.values())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function in the server's thread."""
        self._loop.call_soon_threadsafe(function, *args)

    def reset(self) -> None:
        """End all environments and forget everything, as if it had just been started."""
        self.run(self._reset())

    def close(self) -> None:
        """Stop the server; kill it if it does not stop."""
        if self._thread.is_alive():
            self.call(self._stopped.set)
            self._thread.join(PATIENCE)
            if self._thread.is_alive():
                self.call(self._main.cancel)
                self._thread.join(PATIENCE)
                raise AssertionError("the server did not stop")
        if self._error is not None:
            raise self._error

    async def _reset(self) -> None:
        numbers = count(1)
        for pool in self.service.pools.values():
            await asyncio.gather(*(each.stop() for each in list(pool.environments.values())))
            pool._numbers = numbers
        self.journal._entries.clear()
        self.journal._environments.clear()
        self.journal._tail.clear()
        self.journal._held = 0
        self.log.clear()

    def _work(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        main = asyncio.current_task()
        assert main is not None
        self._main = main

        def log(line: str, request_id: str = "") -> None:
            self.log.append(line)

        async with LocalLambda(*self._functions, log=log, durable=self._durable) as self.service:
            self.port = await self.service.listen()
            if self._url:
                name = self._functions[0].name
                self.url_port = await self.service.listen_url(
                    name, streams=self.streams, cors=self._cors
                )
            self._ready.set()
            await self._stopped.wait()


@contextmanager
def served(
    *functions: LocalFunction,
    url: bool = False,
    streams: bool = False,
    cors: Cors | None = None,
    durable: Any = None,
) -> Iterator[Served]:
    """Serve the functions, and the first one's URL, on free ports until the end of the block."""
    here = Served(*functions, url=url, streams=streams, cors=cors, durable=durable)
    try:
        yield here
    finally:
        here.close()
