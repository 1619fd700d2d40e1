"""The client of the Runtime API on an event loop: no thread waits for a connection.

Theory: a client has one connection and at most one request under way. A request is sent at once,
as far as the network takes it; its reply, or the loss of the connection, comes as a call from the
loop. Replies are read by `http.py`, and `client.py` decides what is sent again, given up or logged,
as for the client that waits.

What a Delivery calls (`post`, `start`, `write`, `finish`) may be called in the loop's thread, where
it returns at once and the loop sends the rest; or in another, where it returns when that is done.
"""

import asyncio

from amazon_lambda_runtime.protocol import NEXT

from .client import (
    RuntimeClient,
    check_resend,
    pause_before_connect,
    pause_before_next,
    settle,
)
from .errors import RuntimeApiError, StreamClosed
from .http import Connection, Disconnected, ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable
    from typing import Any

    from .client import Delivery
    from .http import Pieces, Read, Reply

_READ_SIZE = 65536
# A single read never asks for more memory than this, in bytes.
_PIECE_LIMIT = 1024 * 1024
# A stream that the network takes as fast as it comes lets the other tasks run after so many bytes,
# a piece counting for at least so many.
_TURN = 65536
_LEAST = 2048


class LoopConnection(Connection):
    """A connection whose replies are passed on when they come.

    `replied` is called with each reply; `lost` with a Disconnected or a ProtocolError, the
    connection being closed by then; `drained` when all that was sent is handed to the network.
    """

    def __init__(
        self,
        address: str,
        loop: "AbstractEventLoop",
        replied: "Callable[[Reply], None]",
        lost: "Callable[[Exception], None]",
        drained: "Callable[[], None]",
    ) -> None:
        super().__init__(address)
        self._loop = loop
        self._replied = replied
        self._lost = lost
        self._drained = drained
        self._reading: Pieces[Read] | None = None
        self._missing = 0
        #: What the network has not taken yet.
        self.unsent = bytearray()

    def open(self) -> None:
        """Connect. The API is on this host, where that takes no time. Raises OSError."""
        super().open()
        assert self._socket is not None
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket.fileno(), self._read)

    def close(self) -> None:
        """Close the connection; what was not sent yet is dropped."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
        self._reading = None
        self._missing = 0
        self.unsent.clear()
        super().close()

    def send(self, head: bytes, body: bytes = b"") -> None:
        """Send a part of a request, now or as soon as the network takes it.

        That the other end has hung up is told to `lost`, or to `replied` if it has said why.
        """
        assert self._socket is not None
        data = head + body
        if self.unsent:
            self.unsent += data
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._read()
            return
        if sent < len(data):
            self.unsent += memoryview(data)[sent:]
            self._loop.add_writer(self._socket.fileno(), self._send_more)

    def _send_more(self) -> None:
        assert self._socket is not None
        try:
            sent = self._socket.send(self.unsent)
        except BlockingIOError:
            return
        except OSError:
            sent = len(self.unsent)  # the loop calls `_read`, which learns why
        del self.unsent[:sent]
        if not self.unsent:
            self._loop.remove_writer(self._socket.fileno())
            self._drained()

    def _read(self) -> None:
        """Read what has come, and pass it on if it is a reply."""
        if self._socket is None:
            return  # closed by what the loop called before
        try:
            try:
                data = self._socket.recv(min(self._missing, _PIECE_LIMIT) or _READ_SIZE)
            except BlockingIOError:
                return
            except OSError as exc:
                if self._reading is None:
                    raise Disconnected(str(exc)) from exc
                self._reading.throw(exc)
            read = self._take(data)
        except (Disconnected, ProtocolError) as exc:
            self.close()
            self._lost(exc)
            return
        if read is None:
            return
        reply, is_reusable = read
        self._reading, self._missing = None, 0
        # A reply that comes before the request is through, a 413, is all that there will be.
        if self.unsent or not is_reusable:
            self.close()
        self._replied(reply)

    def _take(self, data: bytes) -> "Read | None":
        """Return the reply that `data` completes, None if there is more to come."""
        try:
            if self._reading is not None:
                self._missing = self._reading.send(data)
                return None
            read = self.whole(data)
            if read is None:
                self._reading = self.reading(data)
                self._missing = next(self._reading)
        except StopIteration as done:
            read = done.value
        return read


class AsyncClient(RuntimeClient):
    """A client for the Runtime API at `address`, "host:port", on an event loop.

    It calls `deliver` with the delivery that was asked for; `settled` when an answer has been
    accepted, refused or lost; `give_up` with the RuntimeApiError after which the environment has to
    end. It is asked for the next event with `ask`.
    """

    def __init__(
        self,
        address: str,
        loop: "AbstractEventLoop",
        deliver: "Callable[[Delivery], None]",
        settled: "Callable[[], None]",
        give_up: "Callable[[RuntimeApiError], None]",
    ) -> None:
        super().__init__(address)
        self._loop = loop
        self._deliver = deliver
        self._on_settled = settled
        self._on_failure = give_up
        self._link = self._connection = LoopConnection(
            address, loop, self._replied, self._lost, self._wake
        )
        # The path of the request whose reply is awaited, "" if none is.
        self._path = ""
        # The request, to be sent again; of a stream, what waits for a connection.
        self._data = b""
        self._reused = self._resent = False
        self._attempts = self._connects = 0
        self._is_connecting = False
        # Whether a stream has begun and not ended, and whether the reply to one is awaited.
        self._is_streaming = self._is_ending = False
        # A reply that came before its time, in the middle of a stream.
        self._early: Reply | None = None
        self._failure: Exception | None = None
        self._waiters: list[Future[None]] = []
        self._taken = 0

    @property
    def is_answering(self) -> bool:
        """Whether an answer is on its way."""
        return self._path not in ("", NEXT)

    def ask(self) -> None:
        """Ask for the next event. It is passed to `deliver`."""
        self._attempts = 0
        self._begin(NEXT, self._next)

    def abandon(self) -> None:  # pragma: no cover  in a child
        """Close the connection in a process that was forked: it is the parent's, as is the loop."""
        Connection.close(self._link)

    # What a Delivery calls

    def post(self, path: str, headers: str, body: bytes) -> None:
        """Send an answer. In another thread it returns when the answer has been accepted."""
        self._check_process()
        if asyncio._get_running_loop() is self._loop:
            self._begin(path, self.head(path, headers, len(body)) + body)
        else:
            self._from_thread(self.post, path, headers, body)

    def start(self, path: str, headers: str, first: bytes) -> None:
        """Begin a streamed answer."""
        self._check_process()
        if asyncio._get_running_loop() is self._loop:
            self._streamed = path
            self._is_streaming, self._early = True, None
            self._begin("", self.chunked_head(path, headers) + first)
        else:
            self._from_thread(self.start, path, headers, first)

    def write(self, data: bytes) -> None:
        """Send more of a streamed answer. Raises StreamClosed."""
        self._check_process()
        if asyncio._get_running_loop() is not self._loop:
            self._from_thread(self.write, data)
        elif self._is_connecting:
            self._data += data
        else:
            if self._link.is_open:
                self._link.send(data)
            if not self._link.is_open:
                self._cut()
            self._taken += max(len(data), _LEAST)

    def takes(self, size: int) -> bool:
        """Say yes: `write` keeps what the network does not take, and `drained` waits for it."""
        return True

    def finish(self, data: bytes) -> None:
        """End a streamed answer. Raises StreamClosed."""
        if asyncio._get_running_loop() is not self._loop:
            self._from_thread(self.finish, data)
            return
        self.write(data)
        self._path, self._is_ending = self._streamed, True
        early, self._early = self._early, None
        if early is not None:
            self._replied(early)

    async def drained(self) -> None:
        """Wait until what was written is handed to the network; let the other tasks run."""
        if self._link.unsent or self._is_connecting:
            await self._woken()
        elif self._taken >= _TURN:
            self._taken = 0
            await asyncio.sleep(0)

    async def settled(self) -> None:
        """Wait until what was written is sent, and an answer that is complete accepted.

        Raises StreamClosed, RuntimeApiError.
        """
        while self._link.unsent or self._is_connecting or self.is_answering:
            await self._woken()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _from_thread(self, work: "Callable[..., None]", *arguments: "Any") -> None:
        async def done() -> None:
            work(*arguments)
            await self.settled()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result()

    # Requests

    def _begin(self, path: str, data: bytes) -> None:
        self._path, self._data, self._resent = path, data, False
        self._send()

    def _send(self) -> None:
        """Send the request. If there is no connection it is opened; that is tried a few times."""
        self._reused = self._link.is_open
        if not self._reused:
            try:
                self._link.open()
            except OSError as exc:
                self._is_connecting = True
                self._connects += 1
                try:
                    pause = pause_before_connect(self._connects, self.address, exc)
                except RuntimeApiError as problem:
                    self._give_up(problem)
                else:
                    self._loop.call_later(pause, self._send)
                return
            self._connects = 0
            self._is_connecting = False
        data = self._data
        if not self._path or self._is_ending:
            self._data = b""  # a stream, which is not sent again
        self._link.send(data)
        if self._waiters:
            self._wake()

    def _replied(self, reply: "Reply") -> None:
        path, self._path = self._path, ""
        if not path:
            if self._is_streaming:
                self._early = reply
            else:
                self._link.close()  # it was not asked for
            return
        status, headers, body = reply
        try:
            if path == NEXT:
                delivery = self.delivered(status, headers, body)
            else:
                settle(path, status, body, self._resent)
        except RuntimeApiError as problem:
            self._give_up(problem)
        else:
            if path == NEXT:
                self._deliver(delivery)
            else:
                self._settle()

    def _lost(self, failure: Exception) -> None:
        path = self._path
        try:
            if path == NEXT:
                self._attempts += 1
                self._loop.call_later(pause_before_next(self._attempts, failure), self._send)
            elif self._is_ending:
                self._path = ""
                self._settle(StreamClosed(f"POST {path}: {failure}"))
            elif path:
                check_resend(path, failure, self._reused and not self._resent)
                self._resent = True
                self._send()
            else:
                self._wake()  # a stream hears of it when it is written to
        except RuntimeApiError as problem:
            self._give_up(problem)

    def _cut(self) -> None:
        """Raise StreamClosed: the connection is gone in the middle of a stream."""
        early, self._early = self._early, None
        self._is_streaming = False
        if early is not None:
            settle(self._streamed, early[0], early[2])
            raise StreamClosed(f"POST {self._streamed}: HTTP {early[0]}")
        raise StreamClosed(f"POST {self._streamed}: the connection is lost")

    def _settle(self, failure: "StreamClosed | None" = None) -> None:
        """End the answer. A failure is passed to who waits for it, else it is logged."""
        self._is_streaming = self._is_ending = False
        if failure is not None:
            if self._waiters:
                self._failure = failure
            else:
                from .logs import sink

                cut = f"A response stream was cut off. {failure}"
                sink.log_error(f"[ERROR] LAMBDA_RUNTIME {cut}\n")
        self._wake()
        self._on_settled()

    def _give_up(self, problem: RuntimeApiError) -> None:
        self._path = ""
        self._is_connecting = self._is_streaming = self._is_ending = False
        self._failure = problem
        self._link.close()
        self._wake()
        self._on_failure(problem)

    # Waiting

    async def _woken(self) -> None:
        future = self._loop.create_future()
        self._waiters.append(future)
        await future

    def _wake(self) -> None:
        for future in self._waiters:
            if not future.done():
                future.set_result(None)
        self._waiters.clear()
