"""Sends an answer from a coroutine, and never keeps its event loop waiting for a slow reader.

Theory: there are three places in which a coroutine may run. On the loop of `core/tasks.py` a write
returns at once, and `drained` waits. On the loop of the main thread a write may wait, and nothing
else is served; but tasks of the application go on, so what the network does not take is written in
a thread. On the loop that threads share, whatever waits for the API is done in a thread.
"""

import asyncio
import threading

from amazon_lambda_runtime.core.logs.sink import flush
from amazon_lambda_runtime.core.streaming import ResponseStream
from amazon_lambda_runtime.protocol import HTTP_INTEGRATION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from amazon_lambda_runtime.core.client import Delivery


class Sender:
    """Sends the answer of one delivery. Raises StreamClosed if the Runtime API has hung up."""

    def __init__(self, delivery: "Delivery") -> None:
        self.delivery = delivery
        self._client = delivery.client
        self._drained: Callable[[], Awaitable[None]] | None
        self._drained = getattr(delivery.client, "drained", None)

    async def respond(self, body: bytes) -> None:
        """Send an answer whole."""
        flush()
        await self._wait_for(self.delivery.respond, body)

    async def begin(self, prelude: bytes, piece: bytes) -> None:
        """Begin a stream; the first piece may be empty."""
        flush()
        stream = ResponseStream(self.delivery, HTTP_INTEGRATION, prelude)
        await self._write(stream.begin, piece)

    async def write(self, piece: bytes) -> None:
        """Send another piece; return when it is handed to the network."""
        await self._write(self.delivery.stream.write, piece)

    async def finish(self) -> None:
        """End the stream; return when it has arrived."""
        await self._wait_for(self.delivery.stream.close)
        if self._drained is not None:
            await self._client.settled()  # type: ignore[attr-defined]

    async def _write(self, write: "Callable[[bytes], None]", piece: bytes) -> None:
        if self._client.takes(len(piece)):
            write(piece)
        else:
            await _in_thread(write, piece)
        if self._drained is not None:
            await self._drained()

    async def _wait_for(self, work: "Callable[..., None]", *arguments: "Any") -> None:
        if self._drained is not None or threading.current_thread() is threading.main_thread():
            work(*arguments)
        else:
            await _in_thread(work, *arguments)


async def _in_thread(work: "Callable[..., None]", *arguments: "Any") -> None:
    await asyncio.get_running_loop().run_in_executor(None, work, *arguments)
