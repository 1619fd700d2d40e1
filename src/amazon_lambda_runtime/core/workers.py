"""Several invocations at a time in one environment: Lambda Managed Instances.

The loop of `serving.py` is run N times: in processes, in threads, or in threads that share one
event loop. Each worker has a connection of its own. What an invocation needs is in locals and
context variables, so nothing else has to change.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

import os
import signal
import sys
import threading
from os import environ
from select import select
from time import monotonic, sleep

from . import report, serving
from .afresh import Start, end_children, unshareable
from .client import RuntimeClient
from .errors import RuntimeApiError, Shutdown
from .logs import sink
from .shutdown import Ending, watch
from .stdlib import load_part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, NoReturn

    from .event_loop import EventLoop, Pump
    from .serving import Serving
    from .typing import Handler, Served

# A worker that dies sooner than this (seconds) after its start is replaced after a pause, so that
# a function that fails at once does not keep the machine busy.
_TOO_SOON = 1.0
# How long (seconds) to wait at the end for invocations to be answered: Lambda leaves 600 ms.
_LAST_ANSWERS = 0.5

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

MODES = ("processes", "threads", "tasks")


def wanted() -> int:
    """Return how many invocations Lambda will send at a time, from AWS_LAMBDA_MAX_CONCURRENCY.

    A value that is not a number above 0 counts as 1, with a line in the log.
    """
    text = environ.get("AWS_LAMBDA_MAX_CONCURRENCY", "")
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        sink.log_error(
            f"[WARNING] AWS_LAMBDA_MAX_CONCURRENCY is {text!r}, not a whole number above 0:"
            " one invocation at a time\n"
        )
        return 1
    return number


def mode_of(runtime: "Served", is_async: bool) -> str:
    """Return how to serve them: one of MODES.

    AWS_LAMBDA_CONCURRENCY_MODE decides, then the attribute `concurrency` of the class, then what
    the handler is: tasks if it is async, else processes. Raises ValueError for an unknown mode.
    """
    chosen = environ.get("AWS_LAMBDA_CONCURRENCY_MODE") or runtime.concurrency
    if not chosen:
        return "tasks" if is_async else "processes"
    for mode in MODES:
        # AWS's own runtime says "process" and "thread".
        if chosen.lower() in (mode, mode.removesuffix("s"), mode.removesuffix("es")):
            return mode
    raise ValueError(f"concurrency is {chosen!r}: expected processes, threads or tasks")


def run_workers(served: "Serving", handler: "Handler", is_async: bool) -> None:
    """Serve as many invocations at a time as Lambda will send; return if that is one.

    Otherwise it ends in a SystemExit.
    """
    count = wanted()
    try:
        mode = mode_of(served.runtime, is_async)
    except ValueError as exc:
        served.send_init_error(str(exc), "ValueError")
    _take_log_socket()
    if count == 1:
        return
    start = Start.current
    if start is not None and start.may_report is not None:
        _be_worker(served, handler, is_async, start.may_report)
    if mode == "processes":
        _run_processes(served, handler, is_async, count)
    if mode == "tasks" and is_async:
        event_loop = served.load_loop()
        served.start()
        load_part("tasks").Tasks(served, handler, event_loop, count).run()
    # Threads need it, too: a handler that is not async may still return something to await.
    served.loop = loop = SharedLoop()
    if mode == "tasks":
        loop.start()  # asyncio is slow to load: during init, not in an invocation
    served.start()
    _run_threads(served, handler, count)


class SharedLoop:
    """One event loop in a thread of its own, for the coroutines of all threads."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: EventLoop | None = None
        # The module may have set a loop. It has set it for this thread, the main one.
        if "asyncio" in sys.modules:
            self.start()

    def start(self) -> "EventLoop":
        """Return the loop; it is started on the first call, which loads asyncio."""
        with self._starting:
            if self._loop is None:
                loop: EventLoop = load_part("event_loop").EventLoop()
                loop.run_in_thread()
                self._loop = loop
        return self._loop

    def wait(self, awaitable: "Awaitable[Any]") -> "Any":
        """Return the result of `awaitable`, or raise what it raises."""
        return self.start().wait(awaitable)

    def pump(self, pump: "Pump", source: "Any", stream: "Any") -> None:
        """Have `pump` write what an async iterator yields to a stream."""
        self.start().pump(pump, source, stream)

    def close(self) -> None:
        """Stop the loop."""
        if self._loop is not None:
            self._loop.close()


def _run_threads(served: "Serving", handler: "Handler", count: int) -> "NoReturn":
    """Serve in `count` threads, until one of them has to end the process or a signal comes."""
    ended, ending_now = os.pipe()
    statuses: list[int] = []
    idle = threading.Semaphore(count)
    process = os.getpid()

    def work(client: RuntimeClient) -> None:
        try:
            while True:
                delivery = client.next()
                with idle:
                    opened = served.open(delivery, alone=False)
                    if opened is not None:
                        served.answer(delivery, handler, *opened)
        except BaseException as exc:
            if os.getpid() != process:
                _end_child(exc)  # pragma: no cover  in the child
            statuses.append(_end_status(exc))
        finally:
            os.write(ending_now, b"1")

    ending = served.ending
    if ending is None:
        ending = Ending()
        ending.listen(served.client)
    for number in range(count):
        client = RuntimeClient(served.client.address)
        threading.Thread(
            target=work, args=[client], name=f"invocations-{number}", daemon=True
        ).start()
    try:
        ending.wait(ended)
        raise SystemExit(statuses[0])
    finally:
        # Invocations that are being handled may still be answered.
        deadline = monotonic() + _LAST_ANSWERS
        for _ in range(count):
            idle.acquire(timeout=max(0.0, deadline - monotonic()))


def begin() -> "Callable[[], bool] | None":
    """Take note of how this process was started, before the function is loaded.

    In a process that has replaced another, fork the workers. It returns in each of them, with what
    says whether a failure of init may be reported.
    """
    start = Start.current = Start()
    if start.again is None:
        return None
    client = RuntimeClient.current
    assert client is not None
    ending = watch(client) if start.again else None
    unreported = _fork_workers(wanted())
    return _prepare_worker(start, client, ending, unreported)  # pragma: no cover  in the child


def _prepare_worker(
    start: Start, client: RuntimeClient, ending: Ending | None, unreported: int
) -> "Callable[[], bool]":
    """Make a process that has just been forked ready to load the function."""
    if ending is not None:
        ending.close()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    client.close()
    start.may_report = lambda: _may_report(unreported)
    return start.may_report


def is_worker() -> bool:
    """Say whether this process was forked before the function was loaded."""
    return Start.current is not None and Start.current.may_report is not None


def settle(runtime: "Served", handler: "Handler", heeds_shutdown: bool) -> None:
    """Replace this process if its workers have to load the function each for itself."""
    start = Start.current
    reason = unshareable() if start is not None and start.may_report is None else ""
    if start is None or not reason:
        return
    try:
        mode = mode_of(runtime, serving.is_async(handler))
    except ValueError:  # `run_workers` reports it
        return
    if mode == "processes" and wanted() > 1:
        _take_log_socket()
        start.repeat(reason, heeds_shutdown)


def _run_processes(served: "Serving", handler: "Handler", is_async: bool, count: int) -> "NoReturn":
    """Fork the workers, replace those that die, and end them when a signal comes."""
    served.client.close()  # a connection can't be shared
    unreported = _fork_workers(count)
    _be_worker(served, handler, is_async, lambda: _may_report(unreported))  # pragma: no cover


def _fork_workers(count: int) -> int:
    """Fork the workers, replace those that die, and end them when a signal comes.

    It returns in each worker, with its signals blocked, and never in the parent. The result is the
    descriptor of a pipe with one byte. Whoever takes it reports that init has failed, and the
    parent sees that it is gone: all workers fail alike, and one report is enough.
    """
    sink.Stdout.is_shared = True
    workers: dict[int, float] = {}
    unreported, writing = os.pipe()
    os.set_blocking(unreported, False)
    os.write(writing, b"1")
    for number in _SIGNALS:
        signal.signal(number, _exit)
    try:
        while True:
            while len(workers) < count:
                # A signal in between would reach a child that does not listen yet, or a parent
                # that does not know its child.
                signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
                pid = os.fork()
                if pid == 0:
                    workers.clear()  # pragma: no cover  in the child; they are its parent's
                    return unreported  # pragma: no cover
                workers[pid] = monotonic()
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            pid, status = os.wait()
            started = workers.pop(pid, None)
            if started is None:
                continue  # a child of the user's
            if not select([unreported], [], [], 0)[0]:
                raise SystemExit(1)
            code = os.waitstatus_to_exitcode(status)
            sink.log_error(
                f"[WARNING] LAMBDA_RUNTIME Worker process {pid} ended with {code},"
                " and is replaced\n"
            )
            if monotonic() - started < _TOO_SOON:
                sleep(_TOO_SOON)
    finally:
        _end_workers(list(workers))


def _end_workers(pids: list[int]) -> None:
    """Send SIGTERM, and SIGKILL to those that are still there when their time is over."""
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    deadline = monotonic() + 2 * _LAST_ANSWERS
    while pids := [pid for pid in pids if os.waitpid(pid, os.WNOHANG) == (0, 0)]:
        if monotonic() > deadline:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        sleep(0.005)


def _be_worker(
    served: "Serving",
    handler: "Handler",
    is_async: bool,
    may_report: "Callable[[], bool]",
) -> "NoReturn":
    """Serve one invocation at a time, in a process that has just been forked."""
    status = 1
    process = os.getpid()
    try:
        served.client.adopt()
        if served.ending is not None:
            served.ending.close()
        ending = Ending(patience=_LAST_ANSWERS)
        ending.listen(served.client)
        # Ctrl-C reaches the whole group: the parent gets it too, and sends SIGTERM.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _take_log_socket()
        if is_async:
            served.load_loop()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        served.start(may_report)
        while True:
            event, context = served.runtime.next_event()
            with ending:
                served.answer(served.delivery(), handler, event, context)
    except BaseException as exc:
        if os.getpid() != process:
            _end_child(exc)  # pragma: no cover  in the child
        if isinstance(exc, Shutdown):
            served.shut_down()
        status = _end_status(exc)
    finally:
        try:
            end_children()
            sink.flush()
        finally:
            os._exit(status)


def _end_status(exc: BaseException) -> int:
    """Return the exit status of a worker that ends by `exc`; log why, unless it is a SystemExit."""
    if isinstance(exc, SystemExit):
        return report.status_of(exc)
    if isinstance(exc, RuntimeApiError):
        sink.log_error(f"[ERROR] LAMBDA_RUNTIME {exc}\n")
    else:
        report.of_exception(exc).log()
    return 1


def _end_child(exc: BaseException) -> "NoReturn":
    """End a child that a handler forked and that came back from it, as the interpreter would."""
    status = 1
    try:
        if isinstance(exc, SystemExit):
            status = report.status_of(exc)
        else:
            sys.excepthook(type(exc), exc, exc.__traceback__)
        sink.flush()
    finally:
        os._exit(status)


def _may_report(unreported: int) -> bool:
    """Take the byte that is in the pipe. If another worker has it, wait to be ended, and say False.

    The one that reports is the first to exit, so that it is not interrupted.
    """
    try:
        return bool(os.read(unreported, 1))
    except BlockingIOError:
        try:
            signal.pause()
        except Shutdown:
            pass
        return False


def _exit(number: int, frame: object) -> "NoReturn":
    raise SystemExit(130 if number == signal.SIGINT else 0)


def _take_log_socket() -> None:
    """Send stdout and stderr to Lambda's log socket, each on a connection of its own."""
    path = environ.get("_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET")
    if not path:
        return
    import _socket

    for number in (1, 2):
        try:
            connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            connection.connect(path)
            os.dup2(connection.fileno(), number)
            connection.close()
        except OSError as exc:
            sys.stderr.write(
                f"[WARNING] LAMBDA_RUNTIME Cannot connect to the log socket {path}: {exc}\n"
            )
            return
