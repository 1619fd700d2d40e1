"""A local Lambda in a thread of its own, for clients that block."""

import asyncio
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.server import LocalLambda

from .support import PATIENCE, source_path

T = TypeVar("T")


@dataclass
class Served:
    """Where it is, and what it has logged."""

    service: LocalLambda
    loop: asyncio.AbstractEventLoop
    port: int = 0
    url_port: int = 0
    log: list[str] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the event loop that it lives in."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def environments(self) -> list[Any]:
        return list(self.service.pool.environments.values())


def python_function(folder: Path, source: str, **settings: Any) -> LocalFunction:
    """Return a function whose module is this, served by our own runtime."""
    (folder / "mod.py").write_text(source)
    given: dict[str, Any] = {
        "timeout": PATIENCE,
        "memory": 512,
        "environment": {"PYTHONPATH": source_path()},
        **settings,
    }
    command = [sys.executable, "-m", "amazon_lambda_runtime", "mod.handler"]
    return LocalFunction("hello", "mod.handler", command, str(folder), **given)


@contextmanager
def served(
    function: LocalFunction, *, url: bool = False, streams: bool = False
) -> Iterator[Served]:
    """Serve the function, and its URL if that is wanted."""
    ready = threading.Event()
    found: list[Served] = []
    failed: list[BaseException] = []

    async def main() -> None:
        log: list[str] = []
        async with LocalLambda(function, log=lambda line, request_id="": log.append(line)) as it:
            here = Served(it, asyncio.get_running_loop(), log=log)
            stop = asyncio.Event()
            here.stop = lambda: here.loop.call_soon_threadsafe(stop.set)  # type: ignore[attr-defined]
            here.port = await it.listen()
            if url:
                here.url_port = await it.listen_url(function.name, streams=streams)
            found.append(here)
            ready.set()
            await stop.wait()

    def work() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait(PATIENCE)
    assert found, failed
    try:
        yield found[0]
    finally:
        found[0].stop()  # type: ignore[attr-defined]
        thread.join(PATIENCE)
    assert not failed, failed
