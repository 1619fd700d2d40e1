"""What these tests have in common: functions to run, and a client that shows the raw answer."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Invocation
from amazon_lambda_runtime.local.engine.pool import Pool
from amazon_lambda_runtime.local.server import open_pool

RUNTIMES = Path(__file__).with_name("runtimes")
# In seconds. A test that needs so long has failed, on a machine however slow.
PATIENCE = 30

T = TypeVar("T")
Steps = list[list[Any]]


def run(test: Coroutine[Any, Any, T], patience: float = PATIENCE) -> T:
    """Run an async test, and fail it rather than let it hang for so many seconds."""

    async def bounded() -> T:
        # A little more than `until` waits, which says what it has waited for.
        async with asyncio.timeout(patience + 5):
            return await test

    return asyncio.run(bounded(), debug=True)


def obedient(*init: list[Any], **settings: Any) -> LocalFunction:
    """Return a function whose events are the steps that it takes; `init` is done at its start."""
    command = [sys.executable, str(RUNTIMES / "obedient.py"), json.dumps(init)]
    given: dict[str, Any] = {"timeout": PATIENCE, "command": command, **settings}
    return LocalFunction(name="hello", handler="hello.handler", task_root=str(RUNTIMES), **given)


def respond(body: str = "1") -> list[Any]:
    """Return the step that answers the invocation."""
    return ["POST", "/invocation/{id}/response", body]


class Recorder(list[str]):
    """A log that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._grown = asyncio.Event()

    def __call__(self, line: str, request_id: str = "") -> None:
        self.append(line)
        self._grown.set()

    async def wait_for(self, start: str) -> str:
        """Return the first line that starts so, when it is there."""
        while True:
            for line in self:
                if line.startswith(start):
                    return line
            self._grown.clear()
            await self._grown.wait()

    @property
    def own(self) -> list[str]:
        """The lines that the function itself wrote."""
        return [line for line in self if not line.startswith(("START ", "END ", "REPORT "))]


def invoke(pool: Pool, *steps: list[Any]) -> Invocation:
    return pool.invoke(json.dumps(steps).encode())


async def outcome(function: LocalFunction, *steps: list[Any]) -> tuple[Any, Recorder]:
    """Invoke a new function once; return its answer, parsed, and its whole log."""
    log = Recorder()
    async with open_pool(function, log) as pool:
        invocation = invoke(pool, *steps)
        await invocation.wait_until_reported()
        answer = await invocation.wait()
    return json.loads(answer.payload), log


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


def parse(raw: bytes) -> Reply:
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Reply(int(status.split()[1]), headers, body)


async def exchange(port: int, raw: bytes) -> bytes:
    """Send these bytes and return all that comes back before the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def request(
    port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> Reply:
    fields = {"Host": "localhost", "Connection": "close", **(headers or {})}
    if body:
        fields["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    raw = f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body
    return parse(await exchange(port, raw))


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(happened: Callable[[], object], what: str = "it") -> None:
    """Wait until this is true, and fail if that takes too long: for what only polling can tell."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"{what} did not happen"
        await asyncio.sleep(0.01)


async def has_ended(pid: int) -> bool:
    """Wait until a process has ended that is not our child."""
    await until(lambda: not is_alive(pid), f"the end of process {pid}")
    return True


def source_path() -> str:
    """Return a PYTHONPATH with which a child process imports what this one has imported."""
    import amazon_lambda_runtime

    return os.path.dirname(os.path.dirname(str(amazon_lambda_runtime.__file__)))
