"""How Lambda lets an environment with extensions end: SIGTERM, SHUTDOWN, and a time for both.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
"""

import asyncio
from contextlib import suppress

from .extensions import Extensions
from .process import Process

# The runtime's share of the time between SIGTERM and SIGKILL.
_RUNTIME_SHARE = 0.3


async def shut_down(
    process: Process,
    is_frozen: bool,
    ended: asyncio.Event,
    extensions: Extensions,
    reason: str,
) -> None:
    """Ask the runtime to end, then the external extensions, and give each its share of the time.

    `ended` is set when the runtime's process has ended.
    """
    window = extensions.shutdown_window
    if is_frozen:
        await process.wake()
    process.terminate()
    with suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), window * _RUNTIME_SHARE)
    await extensions.shut_down(reason, window * (1 - _RUNTIME_SHARE))
