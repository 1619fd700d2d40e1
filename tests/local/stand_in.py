"""A service port for the tests of the console: the real console and journal, a make-believe pool.

What an event says is done, in this order, and all of it is optional:

    {"log": [line, ...], "sleep": seconds, "error": document, "answer": value}
    {"log": [...], "stream": [piece, ...], "pause": seconds, "error": document}

With "hold" in place of a pause, the stream waits after its first piece until `release` is called.
"""

import asyncio
import json
import re
import struct
import threading
import time
import uuid
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import h11

from amazon_lambda_runtime.local.console import Console
from amazon_lambda_runtime.local.http import Request, Response, json_response
from amazon_lambda_runtime.local.journal import Journal

INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
STREAM = re.compile(r"/2021-11-15/functions/([^/]+)/response-streaming-invocations")
FUNCTION = SimpleNamespace(
    name="orders",
    handler="orders.handler",
    memory=128,
    timeout=3,
    concurrency=4,
    url="http://127.0.0.1:9001/",
    queues=["incoming"],
)


def frame(kind: str, payload: bytes) -> bytes:
    """Return one message of application/vnd.amazon.eventstream."""
    headers = b"".join(
        struct.pack("!B", len(name)) + name + struct.pack("!BH", 7, len(value)) + value
        for name, value in (
            (b":event-type", kind.encode()),
            (b":content-type", b"application/octet-stream"),
            (b":message-type", b"event"),
        )
    )
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack("!I", zlib.crc32(message))


@dataclass
class Invocation:
    event: bytes
    trace_id: str
    function: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class StandIn:
    """The server. It lives in a thread of its own, since a browser's driver blocks this one."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.console = Console(self.journal, [FUNCTION])
        self.invoked: list[tuple[str, dict[str, Any]]] = []
        self.refuse: tuple[int, str, str] | None = None
        self._idle: list[int] = []
        self._environments = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, function: Any, *args: Any) -> None:
        """Call a function in the server's thread."""
        self._loop.call_soon_threadsafe(function, *args)

    def release(self) -> None:
        self.call(self._released.set)

    async def serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._released = asyncio.Event()
        self._closed = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._closed.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def close(self) -> None:
        with suppress(RuntimeError):  # there is no loop any more: it has been closed before
            self.call(self._closed.set)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER)
        try:
            while request := await _read(http, reader):
                await _write(http, writer, await self._handle(request))
                if http.our_state is h11.MUST_CLOSE:
                    break
                http.start_next_cycle()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    async def _handle(self, request: Request) -> Response:
        if response := await self.console(request):
            return response
        streamed = STREAM.fullmatch(request.path)
        route = streamed or INVOKE.fullmatch(request.path)
        if route is None:
            return json_response(404, {"Message": request.path})
        if self.refuse:
            status, name, message = self.refuse
            return json_response(status, {"Message": message}, {"x-amzn-errortype": name})
        kind = "stream" if streamed else request.headers["x-amz-invocation-type"]
        self.invoked.append((kind, json.loads(request.body)))
        trace = f"{request.headers.get('x-amzn-trace-id', '')};Parent=0;Sampled=1"
        invocation = Invocation(request.body, trace, route[1])
        headers = {"x-amzn-RequestId": invocation.id}
        steps = json.loads(request.body)
        steps = steps if isinstance(steps, dict) else {}
        self.journal.accepted(invocation, kind)
        if kind == "stream":
            headers["Content-Type"] = "application/vnd.amazon.eventstream"
            body: Any = self._stream(invocation, steps)
            return Response(200, headers, body)
        payload, failed = await self._run(invocation, steps)
        if kind == "Event":
            return Response(202, headers)
        if failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return Response(200, {"Content-Type": "application/json", **headers}, payload)

    async def _run(self, invocation: Invocation, steps: dict[str, Any]) -> tuple[bytes, bool]:
        with self._environment(invocation, steps):
            await asyncio.sleep(steps.get("sleep", 0))
            failed = "error" in steps
            payload = json.dumps(steps["error"] if failed else steps.get("answer")).encode()
            self.journal.answered(invocation, payload, failed)
        return payload, failed

    async def _stream(self, invocation: Invocation, steps: dict[str, Any]) -> AsyncIterator[bytes]:
        complete: dict[str, Any] = {}
        with self._environment(invocation, steps):
            for index, piece in enumerate(steps.get("stream", [])):
                if index and steps.get("hold"):
                    await self._released.wait()
                elif index:
                    await asyncio.sleep(steps.get("pause", 0))
                self.journal.piece(invocation, piece.encode())
                message = frame("PayloadChunk", piece.encode())
                # Where a message is cut is nobody's business.
                yield message[:7]
                await asyncio.sleep(0)
                yield message[7:]
            error = steps.get("error")
            if error:
                complete = {"ErrorCode": "Unhandled", "ErrorDetails": json.dumps(error)}
            payload = json.dumps(error).encode() if error else b""
            self.journal.answered(invocation, payload, error is not None)
        yield frame("InvokeComplete", json.dumps(complete).encode())

    @contextmanager
    def _environment(self, invocation: Invocation, steps: dict[str, Any]) -> Iterator[None]:
        init_ms = None
        if self._idle:
            number = self._idle.pop()
        else:
            self._environments += 1
            number = self._environments
            self.journal.environment(number, "starting")
            time.sleep(0.03)
            init_ms = 30.0
            self.journal.environment(number, "idle")
        self.journal.environment(number, "busy")
        self.journal.started(invocation, number, init_ms is not None)
        begun = time.perf_counter()
        self.journal.line(invocation, f"START RequestId: {invocation.id} Version: $LATEST")
        for line in steps.get("log", []):
            self.journal.line(invocation, line)
        try:
            yield
        finally:
            duration = (time.perf_counter() - begun) * 1000
            self.journal.line(invocation, f"END RequestId: {invocation.id}")
            self.journal.line(
                invocation,
                f"REPORT RequestId: {invocation.id}\tDuration: {duration:.2f} ms\t"
                "Memory Size: 128 MB\tMax Memory Used: 43 MB",
            )
            self.journal.reported(invocation, duration, init_ms, 43)
            self.journal.environment(number, "idle")
            self.journal.environment(number, "frozen")
            self._idle.append(number)


async def _read(http: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    body = b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
            return Request(head.method.decode(), head.target.decode(), headers, body, len(body))
        else:
            return None


async def _write(http: h11.Connection, writer: asyncio.StreamWriter, response: Response) -> None:
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    body: Any = response.body
    if isinstance(body, bytes):
        headers.append((b"Content-Length", b"%d" % len(body)))
    head = h11.Response(status_code=response.status, headers=headers)
    writer.write(http.send(head) or b"")
    if isinstance(body, bytes):
        writer.write(http.send(h11.Data(data=body)) or b"")
    else:
        try:
            async for piece in body:
                writer.write(http.send(h11.Data(data=piece)) or b"")
                await writer.drain()
        finally:
            await body.aclose()
    writer.write(http.send(h11.EndOfMessage()) or b"")
    await writer.drain()


@contextmanager
def running() -> Iterator[StandIn]:
    """Serve on a free port of loopback until the end of the block."""
    server = StandIn()
    ready = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(ready)))
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        server.close()
        thread.join(10)
