"""How long to wait between attempts. AWS is asked by `retry`, registries by `images`; both by this.

The wait is drawn evenly from nothing to a limit ("full jitter"), and the limit doubles, so that
many who were refused together do not return together.
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from collections.abc import Callable, Iterator


def waits(first: float, longest: float, draw: Callable[[], float]) -> Iterator[float]:
    """Yield seconds to wait, without end. `draw` returns a number from 0 to 1."""
    limit = first
    while True:
        yield draw() * limit
        limit = min(limit * 2, longest)
