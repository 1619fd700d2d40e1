"""The signals that ask this process to end."""

import asyncio
import os
import signal

# In seconds.
_AGAIN = 0.5


def stop_signal() -> "asyncio.Future[int]":
    """Return a future that becomes the number of the signal that asks this process to end.

    The children are in sessions of their own, so that a terminal's Ctrl-C does not reach them: this
    process has to end them. Who asks again, and does not just press twice, does not want to wait
    for that: the process is gone at once, and the reaper ends what is left.
    """
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()
    asked = 0.0

    def stop(number: int) -> None:
        nonlocal asked
        if not stopped.done():
            asked = loop.time()
            stopped.set_result(number)
        elif loop.time() - asked > _AGAIN:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            continue  # it has been started with nohup
        loop.add_signal_handler(number, stop, number)
    return stopped
