"""The end of an environment: SIGTERM, and the call of `on_shutdown`.

Theory: Python runs the handler of a signal in the main thread, and the kernel gives the signal to
any thread. A thread that the function has started may get it, especially when a frozen process
continues; then the main thread would wait in /next until another event comes. So it also waits for
a pipe, into which the interpreter writes each signal. No thread watches that pipe: such a thread
would take the GIL, and slow the start of every environment.

Loaded only for a function that overrides `on_shutdown`, has a handler of SIGTERM or serves several
invocations at a time.
"""

import os
import select
import signal

from amazon_lambda_runtime.protocol import EVENT_NEXT, EXTENSION_ID, REGISTER

from .client import RuntimeClient
from .errors import RuntimeApiError, Shutdown
from .http import Connection, Disconnected, ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

EXTENSION = "amazon-lambda-runtime"


class WakeUp:
    """Ends a wait of the main thread when a signal comes, whichever thread the kernel gives it to.

    Where the function has set a wake-up of its own, as asyncio's add_signal_handler() does, that
    one stays, and this one is silent. Where it has closed our pipe, by closing all descriptors,
    a new one is made: their numbers may be those of its files now, which are never read.
    """

    def __init__(self) -> None:
        self._open(-1)

    def _open(self, ours: int) -> None:
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._inode = os.fstat(self._reading).st_ino  # both ends have the same
        previous = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        if previous not in (-1, ours):
            signal.set_wakeup_fd(previous)
        self._fd = -1  # what self._poll waits for besides

    def _is_open(self) -> bool:
        try:
            return os.fstat(self._reading).st_ino == self._inode == os.fstat(self._writing).st_ino
        except OSError:
            return False

    def wait(self, fd: int) -> None:
        """Return when `fd` can be read. Handlers of signals run meanwhile, and may raise."""
        if not self._is_open():
            self._open(self._writing)
        if fd != self._fd:
            self._poll = select.poll()
            self._poll.register(fd, select.POLLIN)
            self._poll.register(self._reading, select.POLLIN)
            self._fd = fd
        while not any(ready == fd for ready, _ in self._poll.poll()):
            os.read(self._reading, 4096)

    def close(self) -> None:
        """Close the pipe: in a process that was forked, which needs one of its own."""
        current = signal.set_wakeup_fd(-1)
        if current not in (-1, self._writing):
            signal.set_wakeup_fd(current)
        os.close(self._reading)
        os.close(self._writing)


class Ending:
    """Turns SIGTERM and Ctrl-C into a Shutdown, which is raised in the main thread.

    Inside `with ending` it is delayed, so that an answer is sent whole: it is raised at the end of
    the block, or after `patience` seconds, unless that is 0.
    """

    def __init__(self, patience: float = 0) -> None:
        self._patience = patience
        self._process = os.getpid()
        self._wake_up: WakeUp | None = None
        self._sending = 0
        self._asked = False
        self._status = 0
        #: The connection of the extension that Lambda sees. It stays open until the end.
        self.extension: Connection | None = None

    def listen(self, client: RuntimeClient) -> None:
        """Listen for the signals in the main thread, also while `client` waits for an event."""
        self._wake_up = WakeUp()
        client.wait = self._wake_up.wait
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._receive)

    def guard(self, client: RuntimeClient) -> None:
        """Delay the Shutdown while this client sends an answer."""
        ending = self

        class Guarded(RuntimeClient):
            __slots__ = ()

            def post(self, path: str, headers: str, body: bytes) -> None:
                with ending:
                    super().post(path, headers, body)

            def write(self, data: bytes) -> None:
                with ending:
                    super().write(data)

            def finish(self, data: bytes) -> None:
                with ending:
                    super().finish(data)

        client.__class__ = Guarded

    def wait(self, fd: int) -> None:
        """Return when `fd` can be read. Raises a Shutdown as soon as a signal comes."""
        assert self._wake_up is not None
        self._wake_up.wait(fd)

    def close(self) -> None:
        """Listen no more, in a process that was forked from the one that listens."""
        assert self._wake_up is not None
        self._wake_up.close()

    def _receive(self, number: int, frame: "FrameType | None") -> None:
        if os.getpid() != self._process:  # pragma: no cover  a child ends by the signal
            # A child that the handler forked. It ends as if there were no handler of the signal.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        if self._asked:
            return
        self._asked = True
        self._status = 130 if number == signal.SIGINT else 0
        if not self._sending:
            raise Shutdown(self._status)
        if self._patience:
            signal.signal(signal.SIGALRM, self._lose_patience)
            signal.setitimer(signal.ITIMER_REAL, self._patience)

    def _lose_patience(self, number: int, frame: "FrameType | None") -> None:
        raise Shutdown(self._status)

    def __enter__(self) -> None:
        self._sending += 1

    def __exit__(self, *_: object) -> None:
        self._sending -= 1
        if self._asked and not self._sending:
            raise Shutdown(self._status)


def watch(client: RuntimeClient) -> Ending:
    """Have Lambda send SIGTERM, and turn it into a Shutdown.

    Lambda ends an environment by SIGKILL unless it has an extension. An internal one without events
    is enough. It has to be registered before the first event is asked for.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
    """
    ending = Ending()
    ending.listen(client)
    ending.guard(client)
    connection = Connection(client.address)
    head = (
        f"POST {REGISTER} HTTP/1.1\r\nHost: {client.address}\r\n"
        f"Lambda-Extension-Name: {EXTENSION}\r\n"
        "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n"
    )
    try:
        status, headers, _ = connection.request(head.encode(), b'{"events":[]}')
        identifier = headers.get(EXTENSION_ID)
        if status == 200 and identifier:
            head = (
                f"GET {EVENT_NEXT} HTTP/1.1\r\nHost: {client.address}\r\n"
                f"{EXTENSION_ID}: {identifier}\r\n\r\n"
            )
            # No thread waits for the reply. There is none, for an extension without events; and
            # while another thread takes the GIL, a signal may go unnoticed until the next event.
            connection.send(head.encode())
            ending.extension = connection
        else:
            # An emulator without extensions. It may still send SIGTERM.
            connection.close()
    except (OSError, Disconnected, ProtocolError) as exc:
        raise RuntimeApiError(f"POST {REGISTER}: {exc}") from exc
    return ending
