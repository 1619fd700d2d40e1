"""The signals that ask this process to end."""

import asyncio
import signal


def stop_signal() -> "asyncio.Future[int]":
    """Return a future that becomes the number of the signal that asks this process to end.

    The children are in sessions of their own, so that a terminal's Ctrl-C does not reach them: this
    process has to end them.
    """
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()

    def stop(number: int) -> None:
        if not stopped.done():
            stopped.set_result(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            continue  # it has been started with nohup
        loop.add_signal_handler(number, stop, number)
    return stopped
