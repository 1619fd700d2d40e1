"""A real LocalLambda for the tests of the console page.

It lives in a thread of its own, since a browser's driver blocks this one.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.journal import Entry, Journal
from amazon_lambda_runtime.local.server import LocalLambda

from .support import PATIENCE, RUNTIMES, Recorder


def orders(**settings: Any) -> LocalFunction:
    """Return the function of runtimes/orders.py, in our own runtime."""
    command = [sys.executable, "-m", "amazon_lambda_runtime", "orders.handler"]
    given: dict[str, Any] = {"timeout": 30, "concurrency": 2, **settings}
    return LocalFunction("orders", "orders.handler", command, str(RUNTIMES), **given)


class Serving:
    """The server, seen from another thread."""

    def __init__(self, *functions: LocalFunction) -> None:
        self._functions = functions
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        self.url = f"http://127.0.0.1:{self.port}"

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function in the server's thread."""
        self._loop.call_soon_threadsafe(function, *args)

    @property
    def journal(self) -> Journal:
        return self.service.journal

    @property
    def invoked(self) -> list[tuple[str, Any]]:
        """What has been invoked: its kind and its event."""
        return [(entry.kind, json.loads(entry.event)) for entry in self.entries]

    @property
    def entries(self) -> list[Entry]:
        """What the journal has of it, the oldest first."""
        return list(self.journal._entries.values())

    def close(self) -> None:
        if self._thread.is_alive():
            self.call(self._closed.set)
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        async with LocalLambda(*self._functions, log=Recorder()) as self.service:
            self.port = await self.service.listen()
            self.function_url = f"http://127.0.0.1:{await self.service.listen_url('orders')}/"
            self._ready.set()
            await self._closed.wait()


@contextmanager
def serving(*functions: LocalFunction) -> Iterator[Serving]:
    """Serve on a free port of loopback until the end of the block."""
    server = Serving(*functions)
    try:
        yield server
    finally:
        server.close()
