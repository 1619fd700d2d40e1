"""A Runtime API on a real socket that plays a script, and real processes that talk to it.

What the API says is written out byte by byte here and in the tests, and never taken from the
package: a mistake that the runtime and the emulator share must not be shared by the tests.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

#: The variable that sets how long the long proofs are, and the one that repeats their choices.
EXAMPLES = "EXAMPLES"
SEED = "SEED"
TESTS = Path(__file__).parent
FUNCTIONS = TESTS / "functions"
SOURCE = TESTS.parent / "src"
#: In seconds: longer than anything takes, however busy the machine is.
PATIENCE = 60

ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'


class HangUp:
    """In a script: close the connection."""


class Reset:
    """In a script: close the connection so that the other end is told "connection reset"."""


Step = bytes | type[HangUp] | type[Reset] | Sequence["bytes | type[HangUp] | type[Reset]"]


def examples(sample: int) -> int:
    """Return how many examples a long proof tries: `sample`, unless the variable EXAMPLES is set.

    Messages of a drain, seconds of a soak, random programs, kills. The sample takes seconds.
    """
    return int(os.environ.get(EXAMPLES) or sample)


def chance(name: str) -> random.Random:
    """Return a generator of random numbers for the test of this name.

    What it gives follows from the variable SEED, which each run prints.
    """
    return random.Random(f"{os.environ[SEED]} {name}")


def free_port() -> int:
    """Return a port of loopback that is free now, for a program that cannot choose one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def reply(status: str, body: bytes = b"", headers: str = "") -> bytes:
    """Return a reply with a Content-Length."""
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def event(
    body: bytes = b"{}",
    request_id: str = "id-1",
    headers: str = "",
    content_type: str | None = "application/json",
    seconds: float = 3,
) -> bytes:
    """Return a reply to /next."""
    fields = f"Lambda-Runtime-Aws-Request-Id: {request_id}\r\n{headers}"
    if "Deadline" not in headers:
        fields += f"Lambda-Runtime-Deadline-Ms: {int((time.time() + seconds) * 1000)}\r\n"
    if content_type is not None:
        fields += f"Content-Type: {content_type}\r\n"
    return reply("200 OK", body, fields)


@dataclass
class Request:
    """One request, as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    head: bytes
    #: The number of the connection that it came on, from 1.
    connection: int
    #: How many reads it took; 1 if it came in one piece.
    reads: int
    #: What the process had written to its stdout by then.
    stdout: str = ""
    #: Of a chunked body: its chunks, and what came behind them.
    chunks: list[bytes] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The last part of the path: next, response, error."""
        return self.path.rpartition("/")[2]


@dataclass
class ScriptedApi:
    """Answers the n-th request with the n-th step of the script. At its end it is silent."""

    script: list[Step]
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._steps = iter(self.script)
        self.finished = threading.Event()
        self.stdout: Path | None = None
        #: What has come of the request that is being read, up to 64 KiB.
        self.incoming = b""
        #: Whether to read streams slowly and to keep nothing of their large chunks.
        self.forgetful = False
        #: Whether the script is of the replies to /next alone, and posts are accepted.
        self.accepting = False
        #: Called when the head of a request with a large body has come, and little of the body.
        self.midway: Callable[[], None] | None = None
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in (self._thread, *self._threads):
            thread.join(5)

    def __enter__(self) -> "ScriptedApi":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._talk, args=[connection, self.connections])
            thread.start()
            self._threads.append(thread)

    def _talk(self, connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError):
            self._converse(connection, number)

    def _converse(self, connection: socket.socket, number: int) -> None:
        while (request := self._read(connection)) is not None:
            request.connection = number
            self.requests.append(request)
            if request.path.endswith("/extension/event/next"):
                continue  # there never is one
            try:
                accept = self.accepting and request.method == "POST"
                step = ACCEPTED if accept else next(self._steps)
            except StopIteration:
                self.finished.set()
                continue
            pieces = [step] if isinstance(step, bytes | type) else step
            for piece in pieces:
                if piece is Reset:
                    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    return
                if isinstance(piece, type):
                    return
                connection.sendall(piece)
                if len(pieces) > 1:
                    time.sleep(0.001)  # so that the pieces are not one read at the other end

    def _read(self, connection: socket.socket) -> Request | None:
        data, reads = b"", 0
        while b"\r\n\r\n" not in data:
            piece = connection.recv(1 << 20)
            if not piece:
                return None
            data, reads = data + piece, reads + 1
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = _fields(lines)
        method, path, _ = first.split(" ")
        if headers.get("transfer-encoding") == "chunked":
            return self._read_chunks(connection, Request(method, path, headers, body, head, 0, 0))
        if self.midway is not None and int(headers.get("content-length", 0)) > 1_000_000:
            self.midway()
        while len(body) < int(headers.get("content-length", 0)):
            piece = connection.recv(1 << 20)
            if not piece:
                return None
            body, reads = body + piece, reads + 1
        printed = _text(self.stdout) if self.stdout else ""
        return Request(method, path, headers, body, head, self.connections, reads, printed)

    def _read_chunks(self, connection: socket.socket, request: Request) -> Request | None:
        """Read a chunked body strictly, as it comes."""
        self.incoming = request.body
        rest, request.body = request.body, b""
        while True:
            line, found, after = rest.partition(b"\r\n")
            size = int(line, 16) if found else -1
            if size == 0 and (after.startswith(b"\r\n") or b"\r\n\r\n" in after):
                request.trailers = _fields(after.decode().split("\r\n")[:-2])
                request.connection = self.connections
                request.stdout = _text(self.stdout) if self.stdout else ""
                return request
            if size > 0 and len(after) >= size + 2:
                assert after[size : size + 2] == b"\r\n"
                if self.forgetful and size > 65536:
                    request.chunks.append(b"")
                    time.sleep(0.0002)
                else:
                    request.chunks.append(after[:size])
                    request.body += after[:size]
                rest = after[size + 2 :]
                continue
            piece = connection.recv(1 << 18)
            if not piece:
                return None
            rest += piece
            self.incoming = (self.incoming + piece)[:65536]


def _fields(lines: list[str]) -> dict[str, str]:
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


@dataclass
class Run:
    """What came of one process: its requests, its output, its exit status (< 0: a signal)."""

    requests: list[Request]
    stdout: str
    stderr: str
    status: int
    connections: int

    @property
    def posts(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    @property
    def kinds(self) -> list[str]:
        return [request.kind for request in self.requests]


def _text(file: Path) -> str:
    return file.read_bytes().decode()  # read_text() would take \r for the end of a line


#: The exit status of a process that was still waiting for work when the script had ended.
SERVING = -signal.SIGTERM


def ours(handler: str, python: str = sys.executable) -> list[str]:
    return [python, "-m", "amazon_lambda_runtime", handler]


def awslambdaric(handler: str, python: str = sys.executable) -> list[str]:
    return [python, "-m", "awslambdaric", handler]


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of this process without what Lambda would set, and `variables`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "_X_", "LAMBDA_", "_HANDLER", "LOG_LEVEL", "PYTHONPATH"))
    }
    return {**kept, **variables}


#: For a process that is not measured: coverage takes descriptors, stack and modules of its own.
UNTRACED = {"COVERAGE_PROCESS_START": "", "COVERAGE_TRACED": ""}


def passed() -> list[str]:
    """Return options of `lambda-runtime local`: its functions are measured as this process is."""
    names = [name for name in os.environ if name.startswith("COVERAGE_")]
    return [word for name in names for word in ("--env", name)]


def run(
    command: list[str],
    script: list[Step],
    cwd: Path = FUNCTIONS,
    env: dict[str, str] | None = None,
    timeout: float = PATIENCE,
) -> Run:
    """Run a runtime against a script until the script or the process has ended."""
    with ScriptedApi(script) as api, started(command, api, cwd, env) as (process, out, err):
        deadline = time.monotonic() + timeout
        while process.poll() is None and not api.finished.wait(0.005):
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise TimeoutError(f"{command} hangs after {api.requests}: {_text(err)}")
        if process.poll() is None:
            process.terminate()
        status = process.wait(timeout)
        return Run(api.requests, _text(out), _text(err), status, api.connections)


def until(
    condition: Callable[[], object],
    process: "subprocess.Popen[bytes] | None" = None,
    seconds: float = PATIENCE,
) -> None:
    """Wait until `condition()` is true; fail if the process ends before it is, or time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if process is not None and process.poll() is not None and not condition():
            raise AssertionError(f"the process has ended with {process.returncode}")
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        time.sleep(0.005)


def heed_interrupts() -> Callable[[], object] | None:
    """Return what a child is to do before it starts, so that Ctrl-C ends it; None if nothing.

    A process that was started by nohup, or by some CI, ignores SIGINT, and so do its children.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        return None
    return lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def started(
    command: list[str], api: ScriptedApi, cwd: Path, env: dict[str, str] | None = None
) -> Iterator[tuple["subprocess.Popen[bytes]", Path, Path]]:
    """Start a runtime and give (process, file of its stdout, file of its stderr)."""
    variables = environment(AWS_LAMBDA_RUNTIME_API=api.address, **(env or {}))
    if "awslambdaric" in command:
        # It waits outside of Python, where the signal handler that saves coverage never runs.
        variables = {k: v for k, v in variables.items() if not k.startswith("COVERAGE")}
    with tempfile.TemporaryDirectory() as directory:
        out, err = Path(directory, "out"), Path(directory, "err")
        api.stdout = out
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=variables,
                stdout=out_file,
                stderr=err_file,
                preexec_fn=heed_interrupts(),
            )
        try:
            yield process, out, err
        finally:
            process.terminate()  # it may have something to save
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def served(
    source: str,
    events: list[bytes],
    directory: Path,
    handler: str = "h.handler",
    python: str = sys.executable,
    **env: str,
) -> Run:
    """Write `source` to h.py and have it serve these events, each answered with a 202."""
    directory.joinpath("h.py").write_text(source)
    script: list[Step] = []
    for each in events:
        script += [each, ACCEPTED]
    return run(ours(handler, python), script, directory, {"PYTHONPATH": str(SOURCE), **env})
