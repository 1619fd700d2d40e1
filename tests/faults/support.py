"""Clients that talk to servers which misbehave, and requests read from the raw socket."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from amazon_lambda_runtime.core.client import RuntimeClient
from tests.harness import ScriptedApi, Step


@contextmanager
def talking(script: list[Step]) -> Iterator[tuple[RuntimeClient, ScriptedApi]]:
    with ScriptedApi(script) as api:
        spoken = RuntimeClient(api.address)
        try:
            yield spoken, api
        finally:
            spoken.close()


@contextmanager
def served_by(serve: Callable[[socket.socket], None]) -> Iterator[RuntimeClient]:
    """Give a client of what `serve` does, in a thread, with a listening socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        spoken = RuntimeClient(f"127.0.0.1:{listener.getsockname()[1]}")
        try:
            yield spoken
        finally:
            spoken.close()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def one_line(error: BaseException) -> bool:
    text = str(error)
    return text.isprintable() and 0 < len(text) < 500


def read_request(connection: socket.socket) -> bytes:
    """Return the next request, head and body, or what came of it before the other end closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(1 << 20)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length: ")
    missing = int(length.partition(b"\r\n")[0] or 0) - len(body)
    while missing > 0:
        piece = connection.recv(1 << 20)
        if not piece:
            break
        data += piece
        missing -= len(piece)
    return data
