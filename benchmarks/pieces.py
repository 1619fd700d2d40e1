"""The handler that streams. The piece exists already: whatever takes time is the runtime."""

from collections.abc import Iterator

PIECE = bytes(64 * 1024)


def handler(event: dict[str, int], context: object) -> Iterator[bytes]:
    for _ in range(event["pieces"]):
        yield PIECE
