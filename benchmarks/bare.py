"""What bare.c does, for a machine without a compiler: the least that Python can do."""

import mmap
import os
import sys

# `socket` would load enum and selectors, which bare.c has no counterpart for.
from _socket import AF_INET, IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, socket

ID = b"Lambda-Runtime-Aws-Request-Id: "
LENGTH = b"Content-Length: "
CHUNK = b"10000\r\n%b\r\n" % bytes(65536)


def field(head: bytes, name: bytes) -> bytes:
    return head.partition(name)[2].partition(b"\r")[0]


def receive(connection: socket, buffer: mmap.mmap) -> tuple[bytes, memoryview]:
    """Read one HTTP response; return its head and its body."""
    view = memoryview(buffer)
    have, need, start = 0, len(buffer), 0
    while have < need:
        size = connection.recv_into(view[have:])
        if not size:
            raise SystemExit
        have += size
        if not start and (end := buffer.find(b"\r\n\r\n", 0, have)) >= 0:
            start = end + 4
            need = start + int(field(buffer[:start], LENGTH))
    return bytes(view[:start]), view[start:need]


def stream(connection: socket, head: bytes, event: bytes) -> None:
    """Post what pieces.py yields, framed as the runtime frames it."""
    post = (
        b"%bContent-Type: application/octet-stream\r\n"
        b"Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
    ) % head
    for _ in range(int(event.partition(b":")[2].strip(b" }"))):
        connection.sendall(post + CHUNK)
        post = b""
    connection.sendall(post + b"0\r\n\r\n")


def main() -> None:
    api = os.environ["AWS_LAMBDA_RUNTIME_API"]
    host, _, port = api.partition(":")
    connection = socket(AF_INET, SOCK_STREAM)
    connection.connect((host, int(port)))
    connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    # Anonymous memory costs nothing until it is written to; a bytearray is cleared at once.
    buffer = mmap.mmap(-1, 8 << 20)
    poll = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %b\r\n\r\n" % api.encode()
    while True:
        connection.sendall(poll)
        head, body = receive(connection, buffer)
        post = b"POST /2018-06-01/runtime/invocation/%b/response HTTP/1.1\r\nHost: %b\r\n" % (
            field(head, ID),
            api.encode(),
        )
        if len(sys.argv) > 1:
            stream(connection, post, bytes(body))
        else:
            post += b"Content-Type: application/json\r\n%b%d\r\n\r\n" % (LENGTH, len(body))
            connection.sendall(post + body)
        receive(connection, buffer)


main()
